//! A text each way (MESSAGE, RFC 3428): `ruf message` to the peer, and from the peer to `ruf answer`.

use std::process::Command;

use super::Cast;
use super::ours::Ours;
use super::row::{Row, Who};
use crate::failure::{Outcome, ensure};
use crate::phone::Make;
use crate::server;

const TO_PEER: &str = "are you there";
const TO_US: &str = "yes, I am";

/// linphone's prompt writes to the standard port, baresip to the right one, both of them over UDP, whatever they are
/// told.
fn is_written_back(cast: Cast) -> bool {
    cast.peer == Make::Pjsip || cast.is_found_by_address()
}

pub(super) fn play(row: &mut Row) -> Outcome<()> {
    let mut line = vec!["message".to_owned(), row.peer_uri(), TO_PEER.to_owned()];
    line.extend(row.account(Who::Ours));
    let written = Command::new(server::binary()?).args(&line).output()?;
    let said = String::from_utf8_lossy(&written.stderr);
    ensure!(written.status.success(), "ruf message ended with {}: {said}", written.status);
    row.peer.keys().reads(TO_PEER)?;
    if !is_written_back(row.cast) {
        return Ok(());
    }
    let mut line = vec!["answer".to_owned()];
    line.extend(row.identity(Who::Ours));
    let ours = Ours::start(&line, row.recording(Who::Ours, 0))?;
    ours.tells("listening")?;
    let uri = row.our_uri();
    row.peer.keys().write(&uri, TO_US)?;
    let told = ours.tells("message")?;
    let text = told.get("text").and_then(|text| text.as_str()).unwrap_or_default();
    // linphone's prompt leaves the quotes of its order around a text.
    ensure!(text.trim_matches('"') == TO_US, "the peer wrote {TO_US:?}, and ruf read {text:?}");
    Ok(())
}
