//! A phone that registered and says nothing: the server keeps its mapping alive (RFC 5626 section 4.4.1
//! from the server's side: a ping is CRLF), and it is rung after the NAT would have forgotten it.

use std::time::Duration;

use super::town::{MAPPING_SECS, SERVER_INSIDE, Town};
use crate::failure::{Outcome, ensure};
use crate::raw;
use crate::wire::Mark;

/// The ping.
const PING: &[u8] = b"\r\n\r\n";

pub(super) fn is_rung(town: &Town) -> Outcome<String> {
    let mapped = town.mapped("mute", "REGISTER")?;
    let forgotten = town.mute_registered + Duration::from_secs(MAPPING_SECS);
    let what = format!("a ping to {mapped} more than {MAPPING_SECS} s after it last sent something");
    let patience = Duration::from_secs(2 * MAPPING_SECS);
    town.sent_tap.wait(Mark::START, patience, &what, |packet| {
        let ping = packet.payload == PING && packet.source.ip() == SERVER_INSIDE;
        (ping && packet.destination == mapped && packet.at > forgotten).then_some(())
    })?;
    let (invite, _) = town.emil.ask_by_right(&town.emil.request("INVITE", &town.mute.uri()))?;
    let silent = town.mute_registered.elapsed();
    let came =
        town.mute.wait("the INVITE", |sip| sip.is_request("INVITE") && sip.call_id() == invite.call_id)?;
    ensure!(silent.as_secs() >= MAPPING_SECS, "it was silent for {} s only", silent.as_secs());
    town.mute.send(&raw::reply(&came.octets, "486 Busy Here"))?;
    town.emil.wait("the 486 of the silent phone", |sip| {
        sip.call_id() == invite.call_id && sip.is_response(486, "INVITE")
    })?;
    Ok(format!("rung after {} s of silence", silent.as_secs()))
}
