//! Which new requests are taken however much there is to do (RFC 7339 §5.10.1, RFC 5031, RFC 7135), and who
//! may be told to come back later. Nobody is asked for a password here, and no account is looked at: this
//! must cost less than what it spares. How many of the others are taken is [`crate::Overload`]'s to say.

use super::Gate;
use crate::answers::answers;
use crate::authenticator::Arrival;
use crate::overload::Precedence;
use ruf_message::{Flow, Glance, HeaderName, Method, Request, Tick};
use std::net::IpAddr;

impl Gate {
    /// Whether a new request may be refused when there is too much to do. Looks at no account.
    // rfc7339 §5.10.1: existing sessions, the SOS URN of RFC 5031, Resource-Priority
    pub fn precedence(&mut self, now: Tick, flow: &Flow, request: &Request) -> Precedence {
        let source = flow.remote.ip();
        let arrival = Arrival { now, source, bound: false, request, answers: &[] };
        let is_asked_for = |gate: &Gate| {
            let answers = &answers(request, &gate.ourselves);
            gate.authenticator.is_asked_for(Arrival { answers, ..arrival }, &gate.ourselves)
        };
        let goes_first = is_for_help(request.uri().as_bytes())
            || request.method() == Method::Options && self.is_for_us(request)
            || request.contains(HeaderName::ResourcePriority)
                && self.peer(source).is_some()
                && has_emergency_priority(request)
            || self.dialog(arrival).is_some()
            || is_asked_for(self);
        if goes_first { Precedence::First } else { Precedence::New }
    }

    /// Whether a glance is enough to see that a request begins something and nothing gives it precedence.
    pub fn is_plainly_new(glance: &Glance<'_>) -> bool {
        let begins = !matches!(glance.method(), Method::Ack | Method::Cancel | Method::Options);
        begins && glance.to_tag().is_none() && !glance.has_claims() && !is_for_help(glance.uri())
    }

    /// Whether our own phones, and no proxy or trunk, live at this address.
    pub fn has_phones_at(&self, now: Tick, source: IpAddr) -> bool {
        self.replies.is_bound(now, source) && self.peer(source).is_none()
    }
}

/// A call for help.
// rfc5031 §4.2: sos and what is below it
fn is_for_help(uri: &[u8]) -> bool {
    const SOS: &[u8] = b"urn:service:sos";
    let (start, rest) = uri.split_at_checked(SOS.len()).unwrap_or_default();
    start.eq_ignore_ascii_case(SOS) && matches!(rest.first(), None | Some(b'.'))
}

/// A value of the namespace that emergency services use among themselves (RFC 7135).
// rfc4412 §3.1
fn has_emergency_priority(request: &Request) -> bool {
    const ESNET: &[u8] = b"esnet.";
    let is_esnet =
        |value: &[u8]| value.get(..ESNET.len()).is_some_and(|start| start.eq_ignore_ascii_case(ESNET));
    request.values(HeaderName::ResourcePriority).any(|value| is_esnet(value.trim_ascii()))
}
