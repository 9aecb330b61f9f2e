//! Calls through the NAT: each is rung, answered and ended, and every message is seen where it arrives.

use super::town::{Party, Town};
use crate::failure::{Outcome, ensure};
use crate::server::DOMAIN;
use crate::sip::Sip;
use crate::transport::Transport;
use crate::wire::Mark;

/// Who hangs up.
#[derive(Clone, Copy)]
enum By {
    Caller,
    Callee,
}

/// The phones at home are listed, and came through the NAT.
pub(super) fn registered(town: &mut Town) -> Outcome<String> {
    for party in [&town.anna, &town.bert, &town.fred, &town.carl] {
        party.gets(Mark::START, "the 200 to a REGISTER", |sip| sip.is_response(200, "REGISTER"))?;
        let aor = format!("{}@{DOMAIN}", party.phone.settings.user);
        let bindings = town.server.bindings()?;
        ensure!(bindings.iter().any(|bound| bound.aor == aor), "`ruf bindings` does not list {aor}");
    }
    if town.transport == Transport::Tls {
        let connected = town.connected()?;
        ensure!(connected.len() >= 3, "only {connected:?} connected");
        return Ok(connected.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    let mut seen = Vec::new();
    for user in ["anna", "bert", "fred"] {
        seen.push(town.mapped(user, "REGISTER")?.to_string());
    }
    Ok(seen.join(", "))
}

pub(super) fn baresip(town: &mut Town) -> Outcome<String> {
    each_way(&mut town.anna, &mut town.carl)
}

pub(super) fn linphone(town: &mut Town) -> Outcome<String> {
    each_way(&mut town.bert, &mut town.carl)
}

pub(super) fn pjsip(town: &mut Town) -> Outcome<String> {
    each_way(&mut town.fred, &mut town.carl)
}

pub(super) fn neighbours(town: &mut Town) -> Outcome<String> {
    each_way(&mut town.anna, &mut town.bert)
}

/// Each of two phones calls the other twice; either end hangs up once.
fn each_way(one: &mut Party, two: &mut Party) -> Outcome<String> {
    for by in [By::Caller, By::Callee] {
        call(one, two, by)?;
        call(two, one, by)?;
    }
    Ok("4 calls, a BYE from each end of each".to_owned())
}

/// ```text
/// caller          server          callee
///   |---- INVITE --->|---- INVITE -->|
///   |<---- 180 ------|<---- 180 -----|
///   |<---- 200 ------|<---- 200 -----|
///   |----- ACK ----->|----- ACK ---->|
///   |----- BYE ----->|----- BYE ---->|      or from the callee
///   |<---- 200 ------|<---- 200 -----|
/// ```
fn call(caller: &mut Party, callee: &mut Party, by: By) -> Outcome<()> {
    let (at_caller, at_callee) = (caller.inbox.mark(), callee.inbox.mark());
    caller.phone.keys().dial(&callee.phone.settings.uri())?;
    let invite = callee.gets(at_callee, "the INVITE", |sip| sip.is_request("INVITE"))?;
    let call_id = invite.call_id().to_owned();
    let of_call = |sip: &Sip| sip.call_id() == call_id;
    caller.gets(at_caller, "180", |sip| of_call(sip) && sip.is_response(180, "INVITE"))?;
    callee.phone.keys().answer()?;
    caller.gets(at_caller, "200", |sip| of_call(sip) && sip.is_response(200, "INVITE"))?;
    callee.gets(at_callee, "the ACK", |sip| of_call(sip) && sip.is_request("ACK"))?;
    let (ends, other, at_end, at_other) = match by {
        By::Caller => (caller, callee, at_caller, at_callee),
        By::Callee => (callee, caller, at_callee, at_caller),
    };
    ends.phone.keys().hang_up()?;
    let what = format!("the BYE of {}", ends.phone.settings.user);
    other.gets(at_other, &what, |sip| of_call(sip) && sip.is_request("BYE"))?;
    ends.gets(at_end, &format!("the 200 to {what}"), |sip| of_call(sip) && sip.is_response(200, "BYE"))?;
    Ok(())
}
