//! An INVITE that no datagram of the street holds in one piece: it stays on the flow of the binding
//! (its size is no reason to leave it), and comes to the phone whole.

use super::town::Town;
use crate::failure::{Outcome, ensure};
use crate::line::Line;
use crate::raw;

/// The least length of the INVITE, in octets.
const LARGE_BYTES: usize = 4_096;

/// To a phone written by hand, which compares what came; and to baresip, which rings.
pub(super) fn reaches(town: &mut Town) -> Outcome<String> {
    let to = town.doro.uri();
    let (invite, _) = town.emil.ask_by_right(&large(&town.emil, &to))?;
    let came = town
        .doro
        .wait("the INVITE of 4 kB", |sip| sip.is_request("INVITE") && sip.call_id() == invite.call_id)?;
    ensure!(came.octets.len() >= LARGE_BYTES, "the INVITE came with {} octets", came.octets.len());
    ensure!(came.sip.body == invite.body.as_bytes(), "the body of the INVITE is not what was sent");
    town.doro.send(&raw::reply(&came.octets, "486 Busy Here"))?;
    town.emil
        .wait("the 486 to it", |sip| sip.call_id() == invite.call_id && sip.is_response(486, "INVITE"))?;

    let to = town.anna.phone.settings.uri();
    let (invite, _) = town.emil.ask_by_right(&large(&town.emil, &to))?;
    town.emil
        .wait("180 of baresip", |sip| sip.call_id() == invite.call_id && sip.is_response(180, "INVITE"))?;
    let mut cancel = invite.clone();
    cancel.method = "CANCEL".to_owned();
    cancel.body.clear();
    town.emil.send(cancel.text().as_bytes())?;
    let ended = town.emil.wait("the 487 of baresip", |sip| {
        sip.call_id() == invite.call_id && sip.is_response(487, "INVITE")
    })?;
    if let Some(ack) = raw::ack(invite.text().as_bytes(), &ended.sip) {
        town.emil.send(&ack)?;
    }
    Ok(format!("{} octets", came.octets.len()))
}

/// A call with many lines in its session description.
fn large(from: &Line, to: &str) -> raw::Request {
    let ip = from.address.ip();
    let mut request = from.request("INVITE", to).line("Content-Type", "application/sdp");
    request.body =
        format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n");
    let mut number = 0;
    while request.body.len() < LARGE_BYTES {
        number += 1;
        request.body.push_str(&format!("a=x-line:{number} of a description that does not end soon\r\n"));
    }
    request
}
