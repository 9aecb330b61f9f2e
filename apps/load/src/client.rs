//! A request of ours until its final answer: when it is sent again, and when nobody waits for its
//! answer any more (RFC 3261 §17.1). Without a table: it lives in its unit.
//!
//! What is left out, since a load generator answers its own questions: the time after a final answer.
//! A repeated refusal of an INVITE is acknowledged from itself alone (`render::ack_refusal`).

use std::time::Duration;

use bytes::Bytes;
use ruf_auth::Keyring;
use ruf_message::{Flow, HeaderName, Message, Method, Tick};

use crate::glance::Reply;
use crate::ident::write_branch;
use crate::render::Errand;
use crate::turn::Turn;
use crate::way::Way;

/// The estimate of a round trip.
// rfc3261 §17.1.1.1
pub(crate) const T1: Duration = Duration::from_millis(500);
/// The longest pause between two repetitions of what is no INVITE.
// rfc3261 §17.1.2.2
pub(crate) const T2: Duration = Duration::from_secs(4);
/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(32);
const _: () = assert!(PATIENCE.as_millis() == 64 * T1.as_millis());

/// A request of ours under way.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) method: Method,
    pub(crate) cseq: u32,
    flow: Flow,
    bytes: Bytes,
    pause: Duration,
    /// Timer A or E; `None` over a connection, and for an INVITE that was answered provisionally.
    resend: Option<Tick>,
    /// Timer B or F, or the caller's own patience.
    end: Tick,
    pub(crate) is_provisional: bool,
}

impl Client {
    /// Sends a request and waits for its answer.
    pub(crate) fn send(turn: &mut Turn<'_>, flow: Flow, method: Method, cseq: u32, bytes: Bytes) -> Client {
        turn.send(flow, bytes.clone());
        Client {
            method,
            cseq,
            flow,
            bytes,
            pause: T1,
            resend: (!flow.transport.is_reliable()).then(|| turn.now + T1),
            end: turn.now + PATIENCE,
            is_provisional: false,
        }
    }

    /// Whether a response belongs to it.
    // rfc3261 §17.1.3: by branch, which has the number in it, and by the method of CSeq
    pub(crate) fn is_answered_by(&self, reply: &Reply<'_>) -> bool {
        self.cseq == reply.cseq && self.method == reply.method
    }

    /// A provisional answer came; `patience` is how long a final one may take from now on.
    // rfc3261 §17.1.1.2 and §17.1.2.2
    pub(crate) fn hold_on(&mut self, now: Tick, patience: Duration) {
        if self.method == Method::Invite {
            self.resend = None;
            self.end = if self.is_provisional { self.end } else { now + patience };
        } else {
            self.pause = T2;
        }
        self.is_provisional = true;
    }

    /// Gives it so much time from now on.
    pub(crate) fn wait_until(&mut self, end: Tick) {
        self.end = end;
    }

    /// When something is to be done.
    pub(crate) fn due(&self) -> Tick {
        self.resend.map_or(self.end, |resend| resend.min(self.end))
    }

    /// Time has passed: sends again what is to be sent again. `true`: nobody waits any longer.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> bool {
        if turn.now >= self.end {
            return true;
        }
        if self.resend.is_some_and(|due| due <= turn.now) {
            turn.send(self.flow, self.bytes.clone());
            turn.tally.resent += 1;
            self.pause = match self.method {
                Method::Invite => self.pause * 2,
                _ => (self.pause * 2).min(T2),
            };
            self.resend = Some(turn.now + self.pause);
        }
        false
    }

    /// Sends the request again with proof, if this 401 or 407 asks for one that we can give; `None` if not.
    // rfc3261 §22.2: the same Call-ID, the next number, a new branch
    pub(crate) fn prove(
        &self,
        turn: &mut Turn<'_>,
        way: &Way,
        errand: Errand,
        keyring: &mut Option<Box<Keyring>>,
        refusal: &Bytes,
    ) -> Option<Client> {
        let password = turn.plan.users.password.as_deref()?;
        let (Ok(Message::Request(mut request)), Ok(Message::Response(refusal))) =
            (Message::parse(self.bytes.clone()), Message::parse(refusal.clone()))
        else {
            return None;
        };
        let keyring = keyring
            .get_or_insert_with(|| Box::new(Keyring::new(&turn.plan.users.name(errand.from), password)));
        keyring.challenged(&request, &refusal, turn.entropy).ok()?;
        let cseq = self.cseq + 1;
        let mut via = way.via.clone().into_bytes();
        write_branch(turn.run, errand.ident, cseq, false, &mut via);
        request.set(HeaderName::Via, via);
        request.set(HeaderName::CSeq, format!("{cseq} {}", self.method));
        keyring.authorize(&mut request);
        turn.keep_waiting();
        Some(Client::send(turn, self.flow, self.method, cseq, request.to_bytes()))
    }
}
