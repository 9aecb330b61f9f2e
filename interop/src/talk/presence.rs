//! Presence (RFC 3856), directly and through the server: `ruf watch` watches a peer that goes on- and offline, and
//! the peer watches `ruf answer --presence`.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::ours::Ours;
use super::row::{Row, Who};
use super::{Cast, Media, Way};
use crate::failure::{Failure, Outcome, ensure};
use crate::phone::Make;
use crate::program::LineMark;
use crate::transport::Transport;
use crate::verdict;
use crate::wire::Wire;

/// linphone 5.1 was not brought to tell anybody of itself.
const MAKES: [Make; 2] = [Make::Baresip, Make::Pjsip];

const WAYS: [(Transport, Way); 4] = [
    (Transport::Udp, Way::Direct),
    (Transport::Udp, Way::Served),
    (Transport::Tcp, Way::Served),
    (Transport::Tls, Way::Served),
];

const NOTE: &str = "in a meeting";

/// Plays all rows and says what became of each; true if all went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    for make in MAKES {
        make.present()?;
    }
    let wire = Wire::open()?;
    let of = |(transport, way)| MAKES.map(|peer| Cast { peer, transport, way, media: Media::Plain });
    let mut fine = true;
    for (number, cast) in WAYS.into_iter().flat_map(of).enumerate() {
        let folder = folder.join(format!("row-{}", number + 1));
        let row = Row::start(&wire, folder, number as u8 + 1, number as u16, cast);
        fine &= verdict::say(&cast.title(), row.and_then(|mut row| play(&mut row)));
    }
    Ok(fine)
}

fn play(row: &mut Row) -> Outcome<String> {
    let began = Instant::now();
    watch_peer(row).map_err(|failure| Failure::new(format!("ruf watches: {failure}")))?;
    be_watched(row).map_err(|failure| Failure::new(format!("the peer watches: {failure}")))?;
    Ok(format!("ruf watches; the peer watches; {} s", began.elapsed().as_secs()))
}

/// It is told that the peer is there, and that it goes.
fn watch_peer(row: &mut Row) -> Outcome<()> {
    row.peer.keys().shows(true)?;
    let mut line = vec!["watch".to_owned(), row.peer_uri()];
    line.extend(row.account(Who::Ours));
    let mut watching = Ours::watching(&line)?;
    watching.tells_that(LineMark::START, "is there", |told| of(told, "there") == Some(&Value::Bool(true)))?;
    let there = watching.mark();
    row.peer.keys().shows(false)?;
    watching.tells_that(there, "is not there", |told| of(told, "there") == Some(&Value::Bool(false)))?;
    watching.interrupt()?;
    let (events, _) = watching.end()?;
    let odd = events.iter().find(|event| !matches!(event.as_str(), "watching" | "presence"));
    ensure!(odd.is_none(), "beside presence it told {odd:?}: {events:?}");
    Ok(())
}

fn of<'a>(told: &'a Value, name: &str) -> Option<&'a Value> {
    (told.get("event")? == "presence").then(|| told.get(name)).flatten()
}

/// The peer shows that ruf is busy.
fn be_watched(row: &mut Row) -> Outcome<()> {
    let mut line = vec!["answer".to_owned()];
    line.extend(row.identity(Who::Ours));
    line.extend(["--presence".to_owned(), format!("busy:{NOTE}")]);
    let mut ours = Ours::start(&line, row.recording(Who::Ours, 0))?;
    ours.tells("listening")?;
    let uri = row.our_uri();
    row.peer.keys().sees_busy(&uri)?;
    ours.interrupt()?;
    ours.end()?;
    Ok(())
}
