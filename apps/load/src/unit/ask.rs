//! One request and its answer: REGISTER, MESSAGE, OPTIONS (RFC 3261 §17.1.2, §10.2, §11; RFC 3428).

use bytes::Bytes;
use ruf_auth::Keyring;
use ruf_message::{Method, Tick};

use crate::client::{Client, PATIENCE};
use crate::glance::Reply;
use crate::mix::Kind;
use crate::render::{self, Errand};
use crate::tally::{Outcome, Span};
use crate::turn::{Mark, Turn};
use crate::way::{Way, Ways};

/// A request that waits for its answer.
pub(crate) struct Ask {
    kind: Kind,
    errand: Errand,
    began: Mark,
    client: Client,
    keyring: Option<Box<Keyring>>,
    is_preparation: bool,
}

impl Ask {
    pub(crate) fn start(kind: Kind, errand: Errand, intended: Tick, turn: &mut Turn<'_>) -> Ask {
        let method = match kind {
            Kind::Register => Method::Register,
            Kind::Message => Method::Message,
            _ => Method::Options,
        };
        let bytes = render::request(turn, way(kind, turn.ways), errand, method, 1);
        Ask::send(kind, errand, intended, method, bytes, turn)
    }

    fn send(
        kind: Kind,
        errand: Errand,
        intended: Tick,
        method: Method,
        bytes: Bytes,
        turn: &mut Turn<'_>,
    ) -> Ask {
        let client = Client::send(turn, way(kind, turn.ways).flow, method, 1, bytes);
        let began = turn.mark(intended);
        Ask { kind, errand, began, client, keyring: None, is_preparation: false }
    }

    /// The removal of a callee's binding, which is no unit of the run.
    pub(crate) fn leave(errand: Errand, turn: &mut Turn<'_>) -> Ask {
        let bytes = render::register(turn, &turn.ways.answering, errand, 0);
        let ask = Ask::send(Kind::Register, errand, turn.now, Method::Register, bytes, turn);
        Ask { is_preparation: true, ..ask }
    }

    /// A registration that is no unit of the run.
    pub(crate) fn prepare(errand: Errand, turn: &mut Turn<'_>) -> Ask {
        let now = turn.now;
        Ask { is_preparation: true, ..Ask::start(Kind::Register, errand, now, turn) }
    }

    pub(crate) fn is_preparation(&self) -> bool {
        self.is_preparation
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn waits_for(&self) -> Method {
        self.client.method
    }

    pub(crate) fn due(&self) -> Tick {
        self.client.due()
    }

    pub(crate) fn reply(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        if !self.client.is_answered_by(reply) {
            turn.tally.strays += 1;
            return None;
        }
        let method = self.client.method;
        match reply.code {
            ..200 => {
                self.client.hold_on(turn.now, PATIENCE);
                None
            }
            200..300 => {
                // rfc3261 §10.3 (8): it lists the binding that was asked for
                if method == Method::Register && reply.contact.is_none() && !self.is_preparation {
                    return Some(Outcome::Wrong(method, "200 that lists no contact"));
                }
                let span = match self.kind {
                    Kind::Register => Span::Register,
                    Kind::Message => Span::Message,
                    _ => Span::Options,
                };
                if !self.is_preparation {
                    turn.measure(span, self.began);
                }
                Some(Outcome::Good)
            }
            401 | 407 => {
                let way = way(self.kind, turn.ways);
                match self.client.prove(turn, way, self.errand, &mut self.keyring, wire) {
                    Some(client) => {
                        self.client = client;
                        None
                    }
                    None => Some(Outcome::Refused(method, reply.code)),
                }
            }
            code => Some(Outcome::Refused(method, code)),
        }
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        self.client.tick(turn).then_some(Outcome::Silence(self.client.method))
    }
}

/// A registration goes the way by which calls are to come back: a binding is reached by the flow of its
/// REGISTER.
fn way(kind: Kind, ways: &Ways) -> &Way {
    if kind == Kind::Register { &ways.answering } else { &ways.caller }
}
