//! The four calls of a row, as ladders that are waited for on the wire.
//!
//! 1. A calls B, both are heard, A holds, takes back, and hangs up as the caller.
//! 2. B calls A, both are heard, and A hangs up as the callee.
//! 3. A calls B and hands it to C; B and C are heard, and A is out of it.
//! 4. A calls B, and gives up while it rings.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Cell;
use super::row::{PATIENCE, Row, Trio, note};
use crate::failure::{Outcome, ensure, fail};
use crate::phone::Phone;
use crate::rtp::Rtp;
use crate::sip::Sip;
use crate::tone;
use crate::transport::Transport;
use crate::wire::{Mark, Packet};

/// Packets listened to at once: half a second of 20 ms each.
const LISTEN_PACKETS: usize = 25;
/// How long nothing must be heard for silence.
const SILENCE: Duration = Duration::from_secs(1);

type Cells = Vec<(Cell, Outcome<()>)>;

/// A call on the wire.
struct Call {
    call_id: String,
    /// Behind its ACK.
    established: Mark,
}

/// Call 1.
pub(super) fn first(row: &Row, Trio { a, b, .. }: &mut Trio, cells: &mut Cells) -> Outcome<()> {
    let call = note(cells, Cell::AToB, establish(row, a, b))?;
    note(cells, Cell::Tone, both_heard(row, a, b, call.established))?;
    note(cells, Cell::HeldSilent, hold(row, a, b, &call))?;
    note(cells, Cell::Resumed, resume(row, a, b, &call))?;
    note(cells, Cell::CallerHangsUp, hang_up(row, a, b, &call.call_id))
}

/// Call 2.
pub(super) fn second(row: &Row, Trio { a, b, .. }: &mut Trio, cells: &mut Cells) -> Outcome<()> {
    let established = establish(row, b, a).and_then(|call| {
        both_heard(row, a, b, call.established)?;
        Ok(call)
    });
    let call = note(cells, Cell::BToA, established)?;
    note(cells, Cell::CalleeHangsUp, hang_up(row, a, b, &call.call_id))
}

/// Call 3.
pub(super) fn third(row: &Row, Trio { a, b, c }: &mut Trio, cells: &mut Cells) -> Outcome<()> {
    let transferred = establish(row, a, b).and_then(|call| {
        both_heard(row, a, b, call.established)?;
        let handed = transfer(row, a, b, c, &call)?;
        hang_up(row, c, b, &handed)
    });
    note(cells, Cell::Transferred, transferred)
}

/// Call 4.
pub(super) fn fourth(row: &Row, Trio { a, b, .. }: &mut Trio, cells: &mut Cells) -> Outcome<()> {
    note(cells, Cell::GivenUp, give_up(row, a, b))
}

/// The ways from a phone to the server and back; a stream is the one that the phone registered on.
pub(super) fn ways(phone: &Phone) -> ((SocketAddr, SocketAddr), (SocketAddr, SocketAddr)) {
    let (phone, server) = (phone.address, phone.settings.server);
    ((phone, server), (server, phone))
}

/// ```text
/// caller          server          callee
///   |---- INVITE --->|               |      challenged, and sent again with credentials
///   |                |---- INVITE -->|
///   |<---- 180 ------|<---- 180 -----|
///   |<---- 200 ------|<---- 200 -----|
///   |----- ACK ----->|----- ACK ---->|
/// ```
fn establish(row: &Row, caller: &mut Phone, callee: &mut Phone) -> Outcome<Call> {
    let from = row.tap.mark();
    let call_id = ring(row, caller, callee, from)?;
    let ((_, caller_in), (_, callee_in)) = (ways(caller), ways(callee));
    let of_call = |sip: &Sip| sip.call_id() == call_id;
    callee.keys().answer()?;
    row.tap.wait_sip(from, PATIENCE, caller_in, "200 at the caller", |sip| {
        of_call(sip) && sip.is_response(200, "INVITE")
    })?;
    let (_, established) = row.tap.wait_sip(from, PATIENCE, callee_in, "ACK at the callee", |sip| {
        of_call(sip) && sip.is_request("ACK")
    })?;
    Ok(Call { call_id, established })
}

/// The first three arrows of [`establish`]; gives the Call-ID.
fn ring(row: &Row, caller: &mut Phone, callee: &Phone, from: Mark) -> Outcome<String> {
    let ((caller_out, caller_in), (_, callee_in)) = (ways(caller), ways(callee));
    caller.keys().dial(&callee.settings.uri())?;
    let (invite, _) = row
        .tap
        .wait_sip(from, PATIENCE, callee_in, "the INVITE at the callee", |sip| sip.is_request("INVITE"))?;
    let call_id = invite.call_id().to_owned();
    check_forwarded(caller, callee, &invite)?;
    let of_call = |sip: &Sip| sip.call_id() == call_id;
    row.tap.wait_sip(from, PATIENCE, caller_out, "the caller's credentials", |sip| {
        of_call(sip) && sip.is_request("INVITE") && sip.header("Proxy-Authorization").is_some()
    })?;
    let (ringing, _) = row.tap.wait_sip(from, PATIENCE, caller_in, "180 at the caller", |sip| {
        of_call(sip) && sip.is_response(180, "INVITE")
    })?;
    ensure!(ringing.headers("Via").len() == 1, "the 180 came with {} Via", ringing.headers("Via").len());
    Ok(call_id)
}

/// ```text
/// caller          server          callee
///   |<---- 180 ------|<---- 180 -----|
///   |---- CANCEL --->|---- CANCEL -->|
///   |<---- 487 ------|<---- 487 -----|
/// ```
fn give_up(row: &Row, caller: &mut Phone, callee: &mut Phone) -> Outcome<()> {
    let from = row.tap.mark();
    let call_id = ring(row, caller, callee, from)?;
    let ((_, caller_in), (callee_out, callee_in)) = (ways(caller), ways(callee));
    caller.keys().hang_up()?;
    let of_call = |sip: &Sip| sip.call_id() == call_id;
    row.tap.wait_sip(from, PATIENCE, callee_in, "the CANCEL at the callee", |sip| {
        of_call(sip) && sip.is_request("CANCEL")
    })?;
    row.tap.wait_sip(from, PATIENCE, callee_out, "the callee's 487", |sip| {
        of_call(sip) && sip.is_response(487, "INVITE")
    })?;
    row.tap.wait_sip(from, PATIENCE, caller_in, "487 at the caller", |sip| {
        of_call(sip) && sip.is_response(487, "INVITE")
    })?;
    Ok(())
}

/// What a proxy owes to a request that it forwards (RFC 3261 section 16.6), and what it must not pass on.
fn check_forwarded(caller: &Phone, callee: &Phone, invite: &Sip) -> Outcome<()> {
    ensure!(invite.headers("Via").len() >= 2, "the INVITE at the callee names no way back to the caller");
    let recorded = invite.headers("Record-Route").join(", ");
    for side in [caller, callee] {
        let server = side.settings.server.to_string();
        ensure!(recorded.contains(&server), "the INVITE at the callee has no Record-Route with {server}");
    }
    ensure!(
        invite.header("Proxy-Authorization").is_none(),
        "the INVITE at the callee carries the caller's credentials"
    );
    Ok(())
}

/// Either end hangs up: its BYE reaches the other, and the 200 comes back.
fn hang_up(row: &Row, by: &mut Phone, other: &Phone, call_id: &str) -> Outcome<()> {
    let from = row.tap.mark();
    let (by_name, other_name) = (by.settings.user.clone(), &other.settings.user);
    let (_, other_in) = ways(other);
    let (_, by_in) = ways(by);
    by.keys().hang_up()?;
    row.tap.wait_sip(from, PATIENCE, other_in, &format!("the BYE of {by_name} at {other_name}"), |sip| {
        sip.call_id() == call_id && sip.is_request("BYE")
    })?;
    row.tap.wait_sip(from, PATIENCE, by_in, &format!("the 200 to the BYE of {by_name}"), |sip| {
        sip.call_id() == call_id && sip.is_response(200, "BYE")
    })?;
    Ok(())
}

/// A re-INVITE through the server, its 200 and its ACK; gives the offered direction, and the place
/// behind the ACK.
fn reinvite(row: &Row, by: &Phone, other: &Phone, call: &Call, from: Mark) -> Outcome<(&'static str, Mark)> {
    let (_, other_in) = ways(other);
    let (_, by_in) = ways(by);
    let of_call = |sip: &Sip| sip.call_id() == call.call_id;
    let what = format!("the re-INVITE of {} at {}", by.settings.user, other.settings.user);
    let (offer, _) =
        row.tap.wait_sip(from, PATIENCE, other_in, &what, |sip| of_call(sip) && sip.is_request("INVITE"))?;
    let Some(direction) = offer.audio_direction() else { fail!("{what} offers no audio") };
    let number = offer.cseq_number();
    row.tap.wait_sip(from, PATIENCE, by_in, &format!("the 200 to {what}"), |sip| {
        of_call(sip) && sip.is_response(200, "INVITE") && sip.cseq_number() == number
    })?;
    let (_, at) = row.tap.wait_sip(from, PATIENCE, other_in, &format!("the ACK to {what}"), |sip| {
        of_call(sip) && sip.is_request("ACK") && sip.cseq_number() == number
    })?;
    Ok((direction, at))
}

fn hold(row: &Row, a: &mut Phone, b: &Phone, call: &Call) -> Outcome<()> {
    let from = row.tap.mark();
    a.keys().hold()?;
    let (direction, held) = reinvite(row, a, b, call, from)?;
    ensure!(matches!(direction, "sendonly" | "inactive"), "the hold offers {direction}");
    silent(row, a, b, held)
}

fn resume(row: &Row, a: &mut Phone, b: &Phone, call: &Call) -> Outcome<()> {
    let from = row.tap.mark();
    a.keys().resume()?;
    let (direction, resumed) = reinvite(row, a, b, call, from)?;
    ensure!(direction == "sendrecv", "taking back offers {direction}");
    both_heard(row, a, b, resumed)
}

/// ```text
/// A               server               B               server               C
/// |---- REFER ------>|---- REFER ------>|                 |                 |
/// |<---- 202 --------|<---- 202 --------|---- INVITE ---->|---- INVITE ---->|
/// |<--- NOTIFY ------|<--- NOTIFY ------|<----- 200 ------|<----- 200 ------|
/// |------ BYE, either way ------------->|------ ACK ----->|------ ACK ----->|
/// ```
/// Gives the Call-ID of the call between B and C.
fn transfer(row: &Row, a: &mut Phone, b: &Phone, c: &mut Phone, call: &Call) -> Outcome<String> {
    let from = row.tap.mark();
    let ((_, a_in), (b_out, b_in), (_, c_in)) = (ways(a), ways(b), ways(c));
    let of_call = |sip: &Sip| sip.call_id() == call.call_id;
    if row.cast.holds_and_refers_at_once() {
        a.keys().hold()?;
    }
    a.keys().transfer(&c.settings.uri())?;
    row.tap
        .wait_sip(from, PATIENCE, b_in, "the REFER at B", |sip| of_call(sip) && sip.is_request("REFER"))?;
    row.tap.wait_sip(from, PATIENCE, a_in, "the 202 at A", |sip| {
        of_call(sip) && sip.cseq_method() == "REFER" && matches!(sip.status(), Some(200 | 202))
    })?;
    let (invite, _) =
        row.tap.wait_sip(from, PATIENCE, c_in, "the INVITE of B at C", |sip| sip.is_request("INVITE"))?;
    let handed = invite.call_id().to_owned();
    ensure!(handed != call.call_id, "C got the INVITE of the old call");
    row.tap.wait_sip(from, PATIENCE, (b_in.0, b_in.1), "180 at B", |sip| {
        sip.call_id() == handed && sip.is_response(180, "INVITE")
    })?;
    c.keys().answer()?;
    let (_, talking) = row.tap.wait_sip(from, PATIENCE, c_in, "the ACK of B at C", |sip| {
        sip.call_id() == handed && sip.is_request("ACK")
    })?;
    // What PJSIP drops is not in its trace, which is all there is over TLS.
    let unseen = row.cast.hangs_up_by_hand() && a.settings.transport == Transport::Tls;
    let notified = if unseen { b_out } else { a_in };
    row.tap.wait_sip(from, PATIENCE, notified, "a NOTIFY of success at A", |sip| {
        of_call(sip) && sip.is_request("NOTIFY") && String::from_utf8_lossy(&sip.body).contains(" 200")
    })?;
    if row.cast.hangs_up_by_hand() {
        a.keys().hang_up()?;
    }
    row.tap.wait(from, PATIENCE, "a BYE between A and B", |packet: &Packet| {
        let sip = packet.sip.as_ref()?;
        let between = [b_in.1, b_out.0, a_in.1].contains(&packet.destination);
        (between && of_call(sip) && sip.is_request("BYE")).then_some(())
    })?;
    both_heard(row, b, c, talking)?;
    Ok(handed)
}

/// Each of two phones gets the tone of the other.
fn both_heard(row: &Row, one: &Phone, two: &Phone, from: Mark) -> Outcome<()> {
    heard(row, one, two, from)?;
    heard(row, two, one, from)
}

/// The tone of `speaker` arrives at `listener`.
fn heard(row: &Row, speaker: &Phone, listener: &Phone, from: Mark) -> Outcome<()> {
    let wanted = speaker.settings.hertz;
    let mut listened = 0;
    let mut last = None;
    let found = row.tap.wait_until(from, PATIENCE, PATIENCE, |packets| {
        let audio = audio(packets.iter().map(AsRef::as_ref), speaker, listener);
        if audio.len() < listened + LISTEN_PACKETS {
            return None;
        }
        listened = audio.len();
        let latest = audio.get(listened - LISTEN_PACKETS..).unwrap_or_default();
        let samples: Vec<i16> = latest.iter().flat_map(|(_, rtp)| rtp.samples.iter().copied()).collect();
        last = tone::heard(&samples);
        last.filter(|hertz| tone::is(*hertz, wanted))
    });
    if found.is_some() {
        return Ok(());
    }
    let (speaker, listener) = (&speaker.settings.user, &listener.settings.user);
    match last {
        Some(hertz) => fail!("{listener} hears {hertz} Hz of {speaker}, not {wanted}"),
        None if listened > 0 => fail!("{listener} hears {speaker}, but no tone"),
        None => fail!("{listener} hears nothing of {speaker}: under {LISTEN_PACKETS} packets of G.711 came"),
    }
}

/// Nothing is heard between two phones, in either direction.
fn silent(row: &Row, one: &Phone, two: &Phone, from: Mark) -> Outcome<()> {
    let began = Instant::now();
    let mut loud = 0;
    let quiet = row.tap.wait_until(from, PATIENCE, Duration::from_millis(50), |packets| {
        let both = |packet: &&Packet| {
            [(one, two), (two, one)].iter().any(|(speaker, listener)| spoken(packet, speaker, listener))
        };
        let audible = |packet: &&Packet| packet.rtp().is_some_and(|rtp| !tone::is_silent(&rtp.samples));
        let packets: Vec<&Packet> = packets.iter().map(AsRef::as_ref).filter(both).filter(audible).collect();
        loud = packets.len();
        let since = packets.last().map_or(began, |packet| packet.at);
        (since.elapsed() >= SILENCE).then_some(())
    });
    ensure!(quiet.is_some(), "held, yet {loud} packets with sound passed between the two");
    Ok(())
}

fn audio<'a>(
    packets: impl Iterator<Item = &'a Packet>,
    speaker: &Phone,
    listener: &Phone,
) -> Vec<(&'a Packet, Rtp)> {
    packets
        .filter(|packet| spoken(packet, speaker, listener))
        .filter_map(|packet| Some((packet, packet.rtp()?)))
        .collect()
}

/// Does this packet carry what `speaker` says to `listener`? Both are known by their ports: a phone that
/// binds no address sends from whichever the kernel picks, and another answers there.
fn spoken(packet: &Packet, speaker: &Phone, listener: &Phone) -> bool {
    speaker.settings.rtp_ports.contains(&packet.source.port())
        && listener.settings.rtp_ports.contains(&packet.destination.port())
}
