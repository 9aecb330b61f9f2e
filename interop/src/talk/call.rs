//! One call, from the first ring to the end of the process.
//!
//! ```text
//! caller            callee
//!   |---- INVITE ---->|      ruf answers at once, a peer when told
//!   |<===== tone ====>|      heard by both, on the wire (G.711) and in what each recorded
//!   |<===== keys ====>|      of the peer by an event of ruf; of ruf as the peer tells it
//!   |-- hold, back ---|      by the peer: silence of ruf, and the tones again
//!   |------ BYE ------|      by either side; no packet of sound follows it
//! ```

use serde_json::Value;

use super::hearing::{both_heard, stops};
use super::ours::Ours;
use super::row::{OUR_HERTZ, PEER_HERTZ, Row, Who};
use super::{Call, Cast, Media, PATIENCE, Side, Way};
use crate::failure::{Outcome, ensure};
use crate::phone::Make;
use crate::recording;
use crate::rtp;
use crate::wire::Mark;

/// What ruf presses when it calls, and what the peer presses.
const OUR_KEYS: &str = "159#";
const PEER_KEYS: &str = "8*";

/// Plays a call of a row.
pub(super) fn play(row: &mut Row, call: Call, number: usize) -> Outcome<()> {
    let mut ours = establish(row, call, number)?;
    ours.tells("answered")?;
    if call.caller == Side::Ruf {
        row.peer.keys().hears_keys(OUR_KEYS)?;
    }
    // What is said begins behind the keys.
    both_heard(row, call.codec, row.ip, (OUR_HERTZ, PEER_HERTZ), row.tap.mark())?;
    for pressed in 1..=PEER_KEYS.len() {
        let (told, _) = PEER_KEYS.split_at(pressed);
        row.peer.keys().press(told.chars().last().unwrap_or_default())?;
        ours.hears_keys(told)?;
    }
    if call.held {
        hold(row, call, &ours)?;
    }
    match call.hangs_up {
        Side::Ruf => ours.interrupt()?,
        Side::Peer => row.peer.keys().hang_up()?,
    }
    let (events, ended) = ours.end()?;
    check_events(row.cast, call, &events, &ended)?;
    recording::ends_with(&ours.recording, 0, PEER_HERTZ, PATIENCE)?;
    recording::ends_with(&row.peer.keys().recording()?, 0, OUR_HERTZ, PATIENCE)
}

/// One calls, the other answers.
fn establish(row: &mut Row, call: Call, number: usize) -> Outcome<Ours> {
    let (uri, mut arguments) = (row.peer_uri(), row.identity(Who::Ours));
    arguments.extend(["--codecs", call.codec.name()].map(str::to_owned));
    match call.caller {
        Side::Ruf => {
            let mut line = vec!["call".to_owned(), uri, "--dtmf".to_owned(), OUR_KEYS.to_owned()];
            line.extend(arguments);
            let ours = Ours::start(&line, row.recording(Who::Ours, number))?;
            ours.tells("ringing")?;
            row.peer.keys().answer()?;
            Ok(ours)
        }
        Side::Peer => {
            let mut line = vec!["answer".to_owned(), "--once".to_owned()];
            line.extend(arguments);
            let ours = Ours::start(&line, row.recording(Who::Ours, number))?;
            ours.tells("listening")?;
            let uri = row.our_uri();
            row.peer.keys().dial(&uri)?;
            ours.tells("called by")?;
            Ok(ours)
        }
    }
}

/// The peer holds, and takes back.
fn hold(row: &mut Row, call: Call, ours: &Ours) -> Outcome<()> {
    row.peer.keys().hold()?;
    ours.tells("held")?;
    stops(row, row.ip, row.tap.mark())?;
    row.peer.keys().resume()?;
    ours.tells("resumed")?;
    both_heard(row, call.codec, row.ip, (OUR_HERTZ, PEER_HERTZ), row.tap.mark())
}

/// Each thing was told once, in its order, and the end as what it was.
fn check_events(cast: Cast, call: Call, events: &[String], ended: &Value) -> Outcome<()> {
    let mut wanted = match call.caller {
        Side::Ruf => vec!["calling", "ringing", "answered"],
        Side::Peer => vec!["listening", "called by", "answered"],
    };
    wanted.extend(PEER_KEYS.chars().map(|_| "key"));
    if call.held {
        wanted.extend(["held", "resumed"]);
    }
    wanted.push("ended");
    // Directly, linphone names itself without its port in its own requests.
    let renames = cast.peer == Make::Linphone && cast.way == Way::Direct;
    let events: Vec<&String> = events.iter().filter(|event| *event != "identity" || !renames).collect();
    // When the way is found depends on the peer; once it is.
    let (ways, events): (Vec<&String>, Vec<&String>) = events.into_iter().partition(|event| *event == "way");
    let wanted_ways = usize::from(cast.media == Media::Ice);
    ensure!(ways.len() == wanted_ways, "a way was found {} times, not {wanted_ways}", ways.len());
    ensure!(events == wanted, "ruf told {events:?}, not {wanted:?}");
    let why = match call.hangs_up {
        Side::Ruf => "hung up",
        Side::Peer => "the far side hung up",
    };
    let says = |name: &str, value: &str| ended.get(name).and_then(Value::as_str) == Some(value);
    ensure!(says("why", why), "ended, but not because {why}: {ended}");
    ensure!(says("codec", call.codec.name()), "ended, but not with {}: {ended}", call.codec.name());
    let is_encrypted = ended.get("srtp").is_some_and(Value::is_string);
    ensure!(is_encrypted == (cast.media == Media::Srtp), "ended, but encrypted: {is_encrypted}: {ended}");
    Ok(())
}

/// In each of the calls of a row sound stops with the BYE that ruf sent, or with its answer to the one that came
/// (RFC 3261 section 15.1). TLS does not show where that is.
pub(super) fn check_silence_behind_byes(row: &Row, calls: usize) -> Outcome<()> {
    let (mut ended, mut is_over) = (0, false);
    let (mut behind, over) = (0, row.cast.transport.via());
    let all = row.tap.wait_until(Mark::START, PATIENCE, PATIENCE, |packets| {
        (ended, is_over, behind) = (0, false, 0);
        for packet in packets {
            match &packet.sip {
                Some(sip) if sip.is_request("INVITE") => is_over = false,
                Some(sip) if packet.source.ip() == row.ip && sip.cseq_method() == "BYE" && !is_over => {
                    (ended, is_over) = (ended + 1, true);
                }
                _ if is_over && packet.source.ip() == row.ip && rtp::is_rtp(&packet.payload) => behind += 1,
                _ => {}
            }
        }
        (ended == calls).then_some(())
    });
    ensure!(all.is_some(), "ruf sent or answered {ended} BYE over {over} in {calls} calls");
    ensure!(behind == 0, "ruf sent {behind} packets of sound behind its BYE");
    Ok(())
}

/// Each call was carried by the transport of the row.
pub(super) fn check_transport(row: &Row) -> Outcome<()> {
    let over = format!("/{} ", row.cast.transport.via());
    let stray = row.tap.since(Mark::START).into_iter().find_map(|packet| {
        let sip = packet.sip.clone()?;
        let via = sip.header("Via").unwrap_or_default();
        (!via.contains(&over)).then_some(sip)
    });
    ensure!(stray.is_none(), "not over {over}: {stray:?}");
    Ok(())
}
