//! Three parties, and each of the two that talk at first sent on to the third, in every role that a make of phone can
//! play. The third is a `ruf answer`; what the two that are left say is heard by both.
//!
//! ```text
//! blind     one ===== two        attended  one ===== two, held
//!           REFER: call three              one ===== three
//!                 two ==== three           REFER: call three in my place (Replaces)
//!                                                two ==== three
//! ```

use super::hearing::{both_heard, silent};
use super::ours::Ours;
use super::row::{OUR_HERTZ, PEER_HERTZ, Row, THIRD_HERTZ, Who};
use super::{Cast, PATIENCE};
use crate::failure::{Failure, Outcome};
use crate::phone::{Codec, Make};
use crate::recording;
use crate::wire::Mark;

/// Who does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// Ruf sends the peer on to the third.
    Sends,
    /// The peer sends ruf on to the third.
    Sent,
    /// Ruf asks the third first, and sends the peer there in its place: the third's ruf is asked to replace.
    Puts,
    /// Ruf has the third call the peer in its place: the peer is asked to replace.
    PutsTo,
    /// The peer asks the third first, and sends ruf there in its place.
    Put,
}

impl Scene {
    /// In the order in which they are played.
    pub(super) const ALL: [Scene; 5] = [Scene::Sends, Scene::Sent, Scene::Puts, Scene::PutsTo, Scene::Put];

    /// Can this be played? baresip 1.0 knows no Replaces; and the others name whom they put ruf through to without a
    /// transport, as its address has none, so that without a server it is called over UDP.
    pub(super) fn is_for(self, cast: Cast) -> bool {
        match self {
            Scene::Sends | Scene::Sent => true,
            Scene::Puts | Scene::PutsTo => cast.peer != Make::Baresip,
            Scene::Put => cast.peer != Make::Baresip && cast.is_found_by_address(),
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Scene::Sends => "ruf holds it, takes it back, and transfers it",
            Scene::Sent => "it transfers ruf",
            Scene::Puts => "ruf transfers it, attended",
            Scene::PutsTo => "ruf transfers another to it, attended",
            Scene::Put => "it transfers ruf, attended",
        }
    }

    /// Plays it.
    pub(super) fn play(self, row: &mut Row, number: usize) -> Outcome<()> {
        match self {
            Scene::Sends => sends_peer(row, number),
            Scene::Sent => sent_by_peer(row, number),
            Scene::Puts => puts_peer(row, number),
            Scene::PutsTo => puts_to_peer(row, number),
            Scene::Put => put_by_peer(row, number),
        }
        .map_err(|failure| Failure::new(format!("{}: {failure}", self.title())))
    }
}

/// What all here speak: G.711, so that it is heard on the wire.
const CODEC: Codec = Codec::Pcmu;

fn sends_peer(row: &mut Row, number: usize) -> Outcome<()> {
    let mut third = answering(row, number)?;
    let mut ours = calling_peer(row, number)?;
    let held = row.tap.mark();
    ours.order("hold")?;
    ours.tells("holding")?;
    silent(row, row.ip, held)?;
    ours.order("resume")?;
    ours.tells("released")?;
    both_heard(row, CODEC, row.ip, (OUR_HERTZ, PEER_HERTZ), row.tap.mark())?;
    anew(row)?;
    let from = row.tap.mark();
    ours.order(&format!("transfer {}", row.third_uri()))?;
    third.tells("called by")?;
    third.tells("answered")?;
    ours.tells("transferred")?;
    ours.ends_because("hung up")?;
    peer_and_third(row, &mut third, from)
}

fn sent_by_peer(row: &mut Row, number: usize) -> Outcome<()> {
    let mut third = answering(row, number)?;
    let mut ours = calling_peer(row, number)?;
    let from = row.tap.mark();
    let third_uri = row.third_uri();
    row.peer.keys().transfer(&third_uri)?;
    ours.tells("referred")?;
    ours.order("follow")?;
    ours.tells_of("followed", "answered")?;
    ours_and_third(row, &mut ours, &mut third, from)
}

fn puts_peer(row: &mut Row, number: usize) -> Outcome<()> {
    let mut third = answering(row, number)?;
    let mut ours = calling_peer(row, number)?;
    ours.order(&format!("consult {}", row.third_uri()))?;
    ours.tells_of("consulted", "answered")?;
    ours.tells("holding")?;
    anew(row)?;
    let from = row.tap.mark();
    ours.order("connect")?;
    third.tells("replaced by")?;
    third.tells_of("replacing", "answered")?;
    ours.tells("transferred")?;
    ours.ends_because("hung up")?;
    peer_and_third(row, &mut third, from)
}

fn puts_to_peer(row: &mut Row, number: usize) -> Outcome<()> {
    let mut third = answering(row, number)?;
    let (begun, mut ours) = (row.tap.mark(), ours(row, number, &row.third_uri())?);
    ours.tells("answered")?;
    both_heard(row, CODEC, row.third_ip, (THIRD_HERTZ, OUR_HERTZ), begun)?;
    ours.order(&format!("consult {}", row.peer_uri()))?;
    ours.tells_of("consulted", "ringing")?;
    row.peer.keys().answer()?;
    ours.tells_of("consulted", "answered")?;
    ours.tells("holding")?;
    anew(row)?;
    let from = row.tap.mark();
    ours.order("connect")?;
    third.tells("referred")?;
    third.order("follow")?;
    third.tells_of("followed", "answered")?;
    ours.tells("transferred")?;
    ours.ends_because("hung up")?;
    peer_and_third(row, &mut third, from)
}

fn put_by_peer(row: &mut Row, number: usize) -> Outcome<()> {
    let mut third = answering(row, number)?;
    let mut ours = calling_peer(row, number)?;
    row.peer.keys().hold()?;
    ours.tells("held")?;
    let third_uri = row.third_uri();
    row.peer.keys().dial(&third_uri)?;
    third.tells("answered")?;
    let from = row.tap.mark();
    row.peer.keys().connect()?;
    ours.tells("referred")?;
    ours.order("follow")?;
    third.tells("replaced by")?;
    ours.tells_of("followed", "answered")?;
    ours_and_third(row, &mut ours, &mut third, from)
}

/// The third, who waits for calls.
fn answering(row: &Row, number: usize) -> Outcome<Ours> {
    let mut line = ["answer", "--once", "--control"].map(str::to_owned).to_vec();
    line.extend(row.identity(Who::Third));
    line.extend(["--codecs", CODEC.name()].map(str::to_owned));
    let third = Ours::start(&line, row.recording(Who::Third, number))?;
    third.tells("listening")?;
    Ok(third)
}

fn ours(row: &Row, number: usize, to: &str) -> Outcome<Ours> {
    let mut line = ["call", to, "--control", "--for", "60"].map(str::to_owned).to_vec();
    line.extend(row.identity(Who::Ours));
    line.extend(["--codecs", CODEC.name()].map(str::to_owned));
    Ours::start(&line, row.recording(Who::Ours, number))
}

/// Ruf talks to the peer.
fn calling_peer(row: &mut Row, number: usize) -> Outcome<Ours> {
    let (from, ours) = (row.tap.mark(), ours(row, number, &row.peer_uri())?);
    ours.tells("ringing")?;
    row.peer.keys().answer()?;
    ours.tells("answered")?;
    both_heard(row, CODEC, row.ip, (OUR_HERTZ, PEER_HERTZ), from)?;
    Ok(ours)
}

/// What the peer hears in its next call goes to another file: linphone would have both calls in one.
fn anew(row: &mut Row) -> Outcome<()> {
    row.peer.keys().recording().map(drop)
}

/// The peer and the third talk; the third ends it.
fn peer_and_third(row: &mut Row, third: &mut Ours, from: Mark) -> Outcome<()> {
    both_heard(row, CODEC, row.third_ip, (THIRD_HERTZ, PEER_HERTZ), from)?;
    // And go on: what was patched at the beginning is no tone.
    both_heard(row, CODEC, row.third_ip, (THIRD_HERTZ, PEER_HERTZ), row.tap.mark())?;
    third.order("hang up")?;
    third.ends_because("hung up")?;
    recording::ends_with(&third.recording, 0, PEER_HERTZ, PATIENCE)?;
    recording::ends_with(&row.peer.keys().recording()?, 0, THIRD_HERTZ, PATIENCE)
}

/// Ruf and the third talk, and the peer is out of it; ruf ends it.
fn ours_and_third(row: &mut Row, ours: &mut Ours, third: &mut Ours, from: Mark) -> Outcome<()> {
    ours.tells("left")?;
    both_heard(row, CODEC, row.third_ip, (THIRD_HERTZ, OUR_HERTZ), from)?;
    ours.order("hang up")?;
    ours.ends_because("hung up")?;
    third.ends_because("the far side hung up")?;
    recording::ends_with(&ours.recording, 0, THIRD_HERTZ, PATIENCE)?;
    recording::ends_with(&third.recording, 0, OUR_HERTZ, PATIENCE)
}
