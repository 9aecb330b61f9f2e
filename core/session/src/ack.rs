//! ACK of a 2xx, both sides: the caller answers every 2xx with one (RFC 3261 §13.2.2.4), the callee
//! sends its 2xx until one comes (§13.3.1.4). ACK of a refusal belongs to the transaction.

use crate::bye::Ending;
use crate::effect::Turn;
use crate::event::SessionEvent;
use crate::peer::built;
use crate::session::Session;
use crate::terms::{Terms, Times};
use ruf_dialog::Dialog;
use ruf_message::body::Body;
use ruf_message::{HeaderName, Request, Response, Tick};
use std::time::Duration;

/// The caller's side: what was sent for each 2xx of a dialog, sent again for each retransmission,
/// until the client transaction ends and no more 2xx can come.
#[derive(Debug, Default)]
pub(crate) struct Acks(Vec<Acknowledgement>);

/// ```text
///        2xx without an offer                      2xx with an offer
///   ------------------------------> Sent <---+   ------------------> Due
///                                    ^ | 2xx |                        |
///                                    | +-----+                        | the user's answer: ACK
///                                    |  ACK again                     |
///                                    +--------------------------------+
/// ```
#[derive(Debug)]
enum Acknowledgement {
    /// The 2xx to this INVITE made an offer; the ACK must carry the answer, which is the user's.
    Due { invite: Box<Request> },
    /// This went out.
    Sent { ack: Box<Request> },
}

impl Acks {
    /// A first 2xx to this INVITE of ours.
    // rfc3261 §13.2.2.4: an ACK for each 2xx
    pub(crate) fn send(&mut self, turn: &mut Turn<'_>, invite: &Request, dialog: &Dialog) {
        let ack = ack_of(invite, dialog, None);
        turn.ack(&ack);
        self.0.push(Acknowledgement::Sent { ack: Box::new(ack) });
    }

    /// A first 2xx to this INVITE of ours; it made the offer.
    // rfc3261 §13.2.2.4: the ACK carries the answer
    pub(crate) fn postpone(&mut self, invite: &Request) {
        self.0.push(Acknowledgement::Due { invite: Box::new(invite.clone()) });
    }

    /// The answer is here, or there will be none: the ACK that waited goes out. False: none waited.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, dialog: &Dialog, body: Option<&Body>) -> bool {
        for known in &mut self.0 {
            if let Acknowledgement::Due { invite } = known {
                let ack = ack_of(invite, dialog, body);
                turn.ack(&ack);
                *known = Acknowledgement::Sent { ack: Box::new(ack) };
                return true;
            }
        }
        false
    }

    /// A 2xx to the INVITE with this number came again. False: it is the first.
    // rfc3261 §13.2.2.4: the ACK is sent every time
    pub(crate) fn again(&self, turn: &mut Turn<'_>, cseq: u32) -> bool {
        match self.0.iter().find(|known| known.cseq() == cseq) {
            Some(Acknowledgement::Sent { ack }) => {
                turn.ack(ack);
                true
            }
            Some(Acknowledgement::Due { .. }) => true,
            None => false,
        }
    }

    /// An ACK waits for an answer.
    pub(crate) fn is_due(&self) -> bool {
        self.0.iter().any(|known| matches!(known, Acknowledgement::Due { .. }))
    }

    /// No more 2xx to the INVITE with this number can come.
    pub(crate) fn conclude(&mut self, cseq: u32) {
        self.0.retain(|known| known.cseq() != cseq);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Acknowledgement {
    fn cseq(&self) -> u32 {
        match self {
            Acknowledgement::Due { invite } => invite.cseq().number,
            Acknowledgement::Sent { ack } => ack.cseq().number,
        }
    }
}

/// The ACK of the 2xx to this INVITE: made like a request in the dialog, with the INVITE's number
/// and credentials.
// rfc3261 §13.2.2.4 and rfc3261 §22.1
fn ack_of(invite: &Request, dialog: &Dialog, body: Option<&Body>) -> Request {
    let mut ack = dialog.ack(invite.cseq().number);
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        for value in invite.raw(name) {
            ack = ack.header(name, value);
        }
    }
    if let Some(body) = body {
        ack = ack.body(&body.content_type, body.content.clone());
    }
    built(ack)
}

/// The callee's side: a 2xx that is sent again until its ACK comes.
///
/// ```text
///     2xx                      T1, 2*T1, .. T2: 2xx again
///   ------> Unacknowledged <---+
///              |   |  |        |
///          ACK |   |  +--------+
///              v   | 64*T1
///           done   v
///                 BYE
/// ```
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    /// The server transaction that carries it.
    server: u64,
    /// The number of the INVITE, and so of the ACK.
    cseq: u32,
    /// The 2xx made the offer: the ACK brings the answer.
    offered: bool,
    response: Response,
    next: Tick,
    interval: Duration,
    until: Tick,
}

impl Unacknowledged {
    /// Sends the 2xx for the first time. `offered`: the offer is in it.
    pub(crate) fn send(
        turn: &mut Turn<'_>,
        times: &Times,
        server: u64,
        offered: bool,
        response: Response,
    ) -> Self {
        turn.respond(server, response.clone());
        Unacknowledged {
            server,
            cseq: response.cseq().number,
            offered,
            response,
            // rfc3261 §13.3.1.4: from T1 on, doubled up to T2, over reliable transports, too
            next: turn.now + times.t1,
            interval: times.t1,
            // rfc3261 §13.3.1.4: for 64*T1
            until: turn.now + times.t1_64(),
        }
    }

    /// An ACK with this number is its ACK.
    pub(crate) fn is_confirmed_by(&self, cseq: u32) -> bool {
        self.cseq == cseq
    }

    /// The offer was in it.
    pub(crate) fn offered(&self) -> bool {
        self.offered
    }

    /// Time passed. `None`: it waited in vain.
    pub(crate) fn tick(self, turn: &mut Turn<'_>, times: &Times) -> Option<Self> {
        if self.until <= turn.now {
            return None;
        }
        if self.next > turn.now {
            return Some(self);
        }
        turn.respond(self.server, self.response.clone());
        let interval = self.interval.saturating_mul(2).min(times.t2);
        Some(Unacknowledged { next: turn.now + interval, interval, ..self })
    }

    pub(crate) fn deadline(&self) -> Tick {
        self.next.min(self.until)
    }
}

impl Session {
    /// The ACK of a 2xx of ours.
    // rfc3261 §13.3.1.4
    pub(crate) fn ack(&mut self, turn: &mut Turn<'_>, terms: &Terms, ack: &Request) {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|waiting| !waiting.is_confirmed_by(ack.cseq().number));
        if self.unacknowledged.len() == before {
            return;
        }
        // rfc5407 §3.2.4: after the end its body means nothing
        if self.ending == Ending::Established {
            turn.event(SessionEvent::Acknowledged { body: Body::of(ack) });
        }
        if self.unacknowledged.is_empty() {
            let (ending, step) = self.ending.acknowledged();
            self.ending = ending;
            self.step(turn, step);
        }
        self.resume(turn, terms);
    }

    /// A 2xx of the INVITE that opened the session, again.
    pub(crate) fn answered_again(&self, turn: &mut Turn<'_>, cseq: u32) {
        // False only after the end of the transaction, when none can come.
        let _known = self.acks.again(turn, cseq);
    }
}
