//! The callee's side: a provisional response that is sent again until its PRACK comes (RFC 3262 §3).

use super::OPTION_TAG;
use crate::effect::Turn;
use crate::event::SessionEvent;
use crate::exchange::Meaning;
use crate::invite::{ServerInvite, answer_to};
use crate::session::Session;
use crate::terms::{Terms, Times};
use ruf_message::body::Body;
use ruf_message::header::reliable::RAck;
use ruf_message::{Entropy, HeaderName, Request, Response, StatusCode, Tick};
use std::collections::VecDeque;
use std::time::Duration;

/// Most that wait for their turn; further ones are not sent.
const WAITING_MAX: usize = 8;

/// What one INVITE's provisional responses need.
#[derive(Debug)]
pub(crate) struct Reliable {
    wish: Wish,
    /// The number of the next, if one went before.
    next: Option<u32>,
    state: State,
    /// What is to be sent after that: one is out at a time.
    waiting: VecDeque<(StatusCode, Option<Body>)>,
}

/// What the caller knows, and wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// It does not know them.
    Never,
    /// It does.
    Possible,
    /// It wants no others.
    Required,
}

/// ```text
///           180              T1, 2*T1, 4*T1 ..: 180 again
///   Idle ---------> Sent <---+
///    ^               | |     |
///    |  PRACK        | +-----+
///    +---------------+
///                    | 64*T1
///                    v
///              the call is refused
/// ```
#[derive(Debug)]
enum State {
    Idle,
    Sent { unconfirmed: Unconfirmed, response: Box<Response>, next: Tick, interval: Duration, until: Tick },
}

/// A response that waits for its PRACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    number: u32,
    invite_cseq: u32,
    /// It bears a description.
    describes: bool,
}

impl Unconfirmed {
    /// This PRACK is about it.
    // rfc3262 §3: method, CSeq and RSeq
    pub(crate) fn is_confirmed_by(&self, rack: &RAck<'_>) -> bool {
        rack.response == self.number && rack.cseq.number == self.invite_cseq && rack.cseq.method == b"INVITE"
    }
}

impl Reliable {
    pub(crate) fn new(invite: &Request) -> Self {
        let has = |mut tags: Box<dyn Iterator<Item = &str> + '_>| {
            tags.any(|tag| tag.eq_ignore_ascii_case(OPTION_TAG))
        };
        let wish = if has(Box::new(invite.require())) {
            Wish::Required
        } else if has(Box::new(invite.supported())) {
            Wish::Possible
        } else {
            Wish::Never
        };
        Reliable { wish, next: None, state: State::Idle, waiting: VecDeque::new() }
    }

    /// A provisional response is to be reliable: always if the caller wants it, otherwise if it can be and
    /// there is a description to deliver.
    // rfc3262 §3
    pub(crate) fn is_for(&self, describes: bool) -> bool {
        match self.wish {
            Wish::Never => false,
            Wish::Possible => describes,
            Wish::Required => true,
        }
    }

    /// One waits for its PRACK.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state, State::Sent { .. })
    }

    /// To be sent when the one before it is confirmed.
    // rfc3262 §3: not before
    pub(crate) fn postpone(&mut self, status: StatusCode, body: Option<Body>) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((status, body));
        }
    }

    /// What is next, if nothing is in its way.
    pub(crate) fn take_next(&mut self) -> Option<(StatusCode, Option<Body>)> {
        if self.is_busy() { None } else { self.waiting.pop_front() }
    }

    /// Sends it for the first time.
    // rfc3262 §3
    pub(crate) fn send(&mut self, turn: &mut Turn<'_>, times: &Times, server: u64, mut response: Response) {
        response.add(HeaderName::Require, OPTION_TAG);
        let number = self.next.unwrap_or_else(|| first(turn.entropy));
        response.set(HeaderName::RSeq, number.to_string());
        let describes = !response.body().is_empty();
        let unconfirmed = Unconfirmed { number, invite_cseq: response.cseq().number, describes };
        turn.respond(server, response.clone());
        // rfc3262 §3: greater by one, and it cannot wrap
        self.next = Some(number + 1);
        self.state = State::Sent {
            unconfirmed,
            response: Box::new(response),
            next: turn.now + times.t1,
            interval: times.t1,
            until: turn.now + times.t1_64(),
        };
    }

    /// A PRACK came. False: it is about nothing that is out.
    pub(crate) fn confirm(&mut self, rack: &RAck<'_>) -> bool {
        match &self.state {
            State::Sent { unconfirmed, .. } if unconfirmed.is_confirmed_by(rack) => {
                self.state = State::Idle;
                true
            }
            State::Sent { .. } | State::Idle => false,
        }
    }

    /// A 2xx must wait: a description is not known to have arrived.
    // rfc3262 §3
    pub(crate) fn holds_answer(&self) -> bool {
        match &self.state {
            State::Sent { unconfirmed, .. } => unconfirmed.describes,
            State::Idle => false,
        }
    }

    /// What a PRACK may still confirm after the final response.
    // rfc3262 §3
    pub(crate) fn unconfirmed(&self) -> Option<Unconfirmed> {
        match &self.state {
            State::Sent { unconfirmed, .. } => Some(*unconfirmed),
            State::Idle => None,
        }
    }

    /// Time passed. False: it waited in vain.
    // rfc3262 §3: from T1 on, doubled each time, for 64*T1
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>, server: u64) -> bool {
        match &mut self.state {
            State::Sent { until, .. } if *until <= turn.now => return false,
            State::Sent { response, next, interval, .. } if *next <= turn.now => {
                turn.respond(server, (**response).clone());
                *interval = interval.saturating_mul(2);
                *next = turn.now + *interval;
            }
            State::Sent { .. } | State::Idle => {}
        }
        true
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match &self.state {
            State::Sent { next, until, .. } => Some(*next.min(until)),
            State::Idle => None,
        }
    }
}

/// The number of the first: from 1 to 2**31 - 1.
// rfc3262 §3
fn first(entropy: &mut Entropy) -> u32 {
    entropy.u32() % i32::MAX.unsigned_abs() + 1
}

impl ServerInvite {
    /// A provisional response that is to arrive.
    // rfc3262 §3
    pub(crate) fn progress_reliably(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        status: StatusCode,
        body: Option<Body>,
    ) {
        if self.reliable.is_busy() {
            return self.reliable.postpone(status, body);
        }
        // rfc3262 §5: an answer, or an offer; what comes after that has no place here
        let body = body.filter(|_| self.exchange.send());
        let mut response = answer_to(&self.request, status, &self.tag(), &terms.party, body.as_ref());
        // rfc3311 §4: whether we take UPDATE before we have answered
        for (name, value) in &terms.party.fields {
            response.add(*name, value);
        }
        self.peer.given = body.or(self.peer.given.take());
        self.reliable.send(turn, &terms.times, self.server, response);
    }

    /// The user answers an offer that came in the early dialog. False: none waits.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<&Body>) -> bool {
        let is_answer = self.peer.answer(turn, terms, body);
        if is_answer {
            self.exchange.send();
        }
        is_answer
    }

    /// A PRACK came.
    // rfc3262 §3
    pub(crate) fn pracked(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        let Ok(Some(rack)) = request.header::<RAck<'_>>() else {
            return turn.refuse(server, request, StatusCode::BAD_REQUEST);
        };
        if !self.reliable.confirm(&rack) {
            return turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        let body = Body::of(request);
        match self.exchange.receive(body.is_some()) {
            // rfc3262 §5: an offer in it is answered in its 2xx
            Meaning::Offer => {
                turn.event(SessionEvent::ProgressConfirmed { body: None });
                if self.peer.offered(turn, terms, server, request) {
                    self.exchange.send();
                }
            }
            Meaning::Answer | Meaning::Nothing => {
                turn.respond(server, request.reply(StatusCode::OK));
                turn.event(SessionEvent::ProgressConfirmed { body });
            }
        }
        if let Some((status, body)) = self.reliable.take_next() {
            self.progress_reliably(turn, terms, status, body);
        }
    }
}

impl Session {
    /// A PRACK came after the 2xx.
    // rfc3262 §3: what was out is still confirmed
    pub(crate) fn pracked(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) {
        let Ok(Some(rack)) = request.header::<RAck<'_>>() else {
            return turn.refuse(server, request, StatusCode::BAD_REQUEST);
        };
        match self.unconfirmed.take_if(|unconfirmed| unconfirmed.is_confirmed_by(&rack)) {
            Some(_) => turn.respond(server, request.reply(StatusCode::OK)),
            None => turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Method;

    fn wish(name: HeaderName, value: &str) -> Wish {
        let uri = "sip:a@h".parse().unwrap();
        let builder = Request::build(Method::Invite, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>");
        let invite = builder.call_id("1").cseq(1).header(name, value).finish().unwrap();
        Reliable::new(&invite).wish
    }

    #[test]
    fn the_caller_says_what_it_wants() {
        // tests rfc3262 §3
        assert_eq!(wish(HeaderName::Supported, "timer, 100REL"), Wish::Possible);
        assert_eq!(wish(HeaderName::Require, "100rel"), Wish::Required);
        assert_eq!(wish(HeaderName::Supported, "timer"), Wish::Never);
        let of = |wish| Reliable { wish, next: None, state: State::Idle, waiting: VecDeque::new() };
        let both = |wish| [false, true].map(|describes| of(wish).is_for(describes));
        assert_eq!(both(Wish::Never), [false, false]);
        assert_eq!(both(Wish::Possible), [false, true]);
        assert_eq!(both(Wish::Required), [true, true]);
    }

    #[test]
    fn numbers_begin_below_2_to_the_31() {
        // tests rfc3262 §3, §7.1
        let mut entropy = Entropy::from_seed([7; 32]);
        for _ in 0..1_000 {
            let first = first(&mut entropy);
            assert!((1..1 << 31).contains(&first), "{first}");
        }
    }

    #[test]
    fn a_prack_names_response_and_invite() {
        // tests rfc3262 §3, §7.2
        let out = Unconfirmed { number: 5, invite_cseq: 2, describes: true };
        let rack = |value: &'static str| {
            use ruf_message::Header;
            RAck::decode(value.as_bytes()).unwrap()
        };
        assert!(out.is_confirmed_by(&rack("5 2 INVITE")));
        for other in ["6 2 INVITE", "5 3 INVITE", "5 2 invite", "5 2 UPDATE"] {
            assert!(!out.is_confirmed_by(&rack(other)), "{other}");
        }
    }
}
