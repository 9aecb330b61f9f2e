//! A call between two phones written by hand, one arrow at a time, so that something can happen to the
//! server between any two of them.

use super::Line;
use crate::failure::{Outcome, ensure};
use crate::raw;
use crate::sip::{Sip, tag};

/// ```text
/// caller          server          callee
///   |---- INVITE --->|---- INVITE -->|      [`ring`], after a challenge
///   |<---- 180 ------|<---- 180 -----|
///   |<---- 200 ------|<---- 200 -----|      [`Ringing::answer`]
///   |----- ACK ----->|----- ACK ---->|
///   |<---- BYE ------|<---- BYE -----|      [`Talking::hang_up`], by the callee
///   |----- 200 ----->|----- 200 ---->|
/// ```
pub(crate) struct Ringing {
    sent: raw::Request,
    came: super::Came,
}

/// Answered and acknowledged.
pub(crate) struct Talking {
    /// The INVITE as it came to the callee.
    invite: Sip,
    to: String,
}

/// `caller` calls, and `callee` rings.
pub(crate) fn ring(caller: &Line, callee: &Line) -> Outcome<Ringing> {
    let (sent, _) = caller.ask_by_right(&caller.request("INVITE", &callee.uri()))?;
    let came = callee.wait("the INVITE", |sip| sip.is_request("INVITE") && sip.call_id() == sent.call_id)?;
    callee.send(&raw::reply(&came.octets, "180 Ringing"))?;
    caller.wait("180", |sip| sip.call_id() == sent.call_id && sip.is_response(180, "INVITE"))?;
    Ok(Ringing { sent, came })
}

impl Ringing {
    /// The callee answers, the caller acknowledges.
    pub(crate) fn answer(self, caller: &Line, callee: &Line) -> Outcome<Talking> {
        let Ringing { sent, came } = self;
        let of_call = |sip: &Sip| sip.call_id() == sent.call_id;
        let routes: String = came
            .sip
            .headers("Record-Route")
            .iter()
            .map(|route| format!("Record-Route: {route}\r\n"))
            .collect();
        let more = format!("{routes}Contact: <{}>\r\nContent-Length: 0\r\n\r\n", callee.contact());
        let ok = String::from_utf8_lossy(&raw::reply(&came.octets, "200 OK"))
            .replace("Content-Length: 0\r\n\r\n", &more);
        callee.send(ok.as_bytes())?;
        let ok = caller.wait("200", |sip| of_call(sip) && sip.is_response(200, "INVITE"))?.sip;

        let to = ok.header("To").unwrap_or_default().to_owned();
        let mut ack = caller.request("ACK", uri_of(ok.header("Contact").unwrap_or_default()));
        ack.to = callee.uri();
        ack.to_tag = tag(&to).to_owned();
        (ack.call_id, ack.from_tag, ack.cseq) = (sent.call_id.clone(), sent.from_tag.clone(), sent.cseq);
        // The caller goes back through what the request came through (RFC 3261 section 12.1.2).
        for route in routes_of(&ok).iter().rev() {
            ack = ack.line("Route", route);
        }
        caller.send(ack.text().as_bytes())?;
        callee.wait("the ACK", |sip| of_call(sip) && sip.is_request("ACK"))?;
        Ok(Talking { invite: came.sip, to })
    }
}

impl Talking {
    /// The callee hangs up.
    pub(crate) fn hang_up(self, caller: &Line, callee: &Line) -> Outcome<()> {
        let Talking { invite, to } = self;
        let from = invite.header("From").unwrap_or_default();
        let mut bye = callee.request("BYE", uri_of(invite.header("Contact").unwrap_or_default()));
        bye.to = caller.uri();
        bye.to_tag = tag(from).to_owned();
        bye.from_tag = tag(&to).to_owned();
        bye.call_id = invite.call_id().to_owned();
        for route in routes_of(&invite) {
            bye = bye.line("Route", &route);
        }
        callee.send(bye.text().as_bytes())?;
        let of_call = |sip: &Sip| sip.call_id() == bye.call_id;
        let came = caller.wait("the BYE", |sip| of_call(sip) && sip.is_request("BYE"))?;
        caller.send(&raw::reply(&came.octets, "200 OK"))?;
        let ok = callee.wait("an answer to the BYE", |sip| {
            of_call(sip) && sip.cseq_method() == "BYE" && sip.status() >= Some(200)
        })?;
        ensure!(ok.sip.status() == Some(200), "the BYE is answered {}", ok.sip.start);
        Ok(())
    }
}

/// The routes that a message recorded, from the top.
fn routes_of(sip: &Sip) -> Vec<String> {
    sip.headers("Record-Route")
        .iter()
        .flat_map(|line| line.split(','))
        .map(|route| route.trim().to_owned())
        .collect()
}

/// The URI between the brackets of a Contact value.
fn uri_of(value: &str) -> &str {
    value.split(['<', '>']).nth(1).unwrap_or(value)
}
