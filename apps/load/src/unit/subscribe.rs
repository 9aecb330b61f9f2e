//! One subscription: its first NOTIFY, and its end (RFC 6665 §4.1.2).
//!
//! ```text
//!   SUBSCRIBE ──▶ Subscribing ── 2xx ──▶ Waiting ── NOTIFY ──▶ Holding ── SUBSCRIBE, Expires: 0 ──▶ Ending ── 2xx ──▶ the end
//!                     └── 3xx to 6xx, silence ──▶ the end
//! ```
//!
//! The first NOTIFY may come before the 2xx (RFC 6665 §4.1.2.4). All NOTIFYs are answered 200 by `load`.

use bytes::Bytes;
use ruf_auth::Keyring;
use ruf_message::{Method, Tick};

use crate::client::{Client, PATIENCE};
use crate::glance::Reply;
use crate::render::{self, Errand, Inside};
use crate::tally::{Outcome, Span};
use crate::turn::{Mark, Turn};

/// A subscription.
pub(crate) struct Subscribe {
    errand: Errand,
    began: Mark,
    state: State,
    keyring: Option<Box<Keyring>>,
    dialog: Option<Inside>,
    is_notified: bool,
    /// The number of the last request.
    cseq: u32,
}

enum State {
    Subscribing(Client),
    Waiting { until: Tick },
    Holding { until: Tick },
    Ending(Client),
}

impl Subscribe {
    pub(crate) fn start(errand: Errand, intended: Tick, turn: &mut Turn<'_>) -> Subscribe {
        let way = &turn.ways.caller;
        let bytes = render::request(turn, way, errand, Method::Subscribe, 1);
        let client = Client::send(turn, way.flow, Method::Subscribe, 1, bytes);
        let state = State::Subscribing(client);
        let began = turn.mark(intended);
        Subscribe { errand, began, state, keyring: None, dialog: None, is_notified: false, cseq: 1 }
    }

    pub(crate) fn due(&self) -> Tick {
        match &self.state {
            State::Subscribing(client) | State::Ending(client) => client.due(),
            State::Waiting { until } | State::Holding { until } => *until,
        }
    }

    pub(crate) fn reply(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        let (State::Subscribing(client) | State::Ending(client)) = &mut self.state else {
            turn.tally.strays += 1;
            return None;
        };
        if !client.is_answered_by(reply) {
            turn.tally.strays += 1;
            return None;
        }
        match reply.code {
            ..200 => client.hold_on(turn.now, PATIENCE),
            200..300 if self.dialog.is_some() => return Some(Outcome::Good),
            200..300 => return self.accepted(reply, turn),
            401 | 407 => {
                let way = &turn.ways.caller;
                let Some(proved) = client.prove(turn, way, self.errand, &mut self.keyring, wire) else {
                    return Some(Outcome::Refused(Method::Subscribe, reply.code));
                };
                self.cseq = proved.cseq;
                *client = proved;
            }
            code => return Some(Outcome::Refused(Method::Subscribe, code)),
        }
        None
    }

    fn accepted(&mut self, reply: &Reply<'_>, turn: &mut Turn<'_>) -> Option<Outcome> {
        turn.measure(Span::Subscribe, self.began);
        let Some(dialog) = Inside::open(reply) else {
            return Some(Outcome::Wrong(Method::Subscribe, "2xx without a Contact to send to"));
        };
        self.dialog = Some(dialog);
        self.state = if self.is_notified {
            State::Holding { until: turn.now + turn.plan.hold }
        } else {
            State::Waiting { until: turn.now + turn.limits.notify }
        };
        None
    }

    pub(crate) fn request(&mut self, method: Method, turn: &mut Turn<'_>) -> Option<Outcome> {
        if method == Method::Notify && !self.is_notified {
            self.is_notified = true;
            turn.measure(Span::Notify, self.began);
            if let State::Waiting { .. } = self.state {
                self.state = State::Holding { until: turn.now + turn.plan.hold };
            }
        }
        None
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match &mut self.state {
            State::Subscribing(client) | State::Ending(client) => {
                client.tick(turn).then_some(Outcome::Silence(Method::Subscribe))
            }
            State::Waiting { until } => (*until <= turn.now).then_some(Outcome::Silence(Method::Notify)),
            State::Holding { until } => {
                if *until <= turn.now {
                    self.end(turn);
                }
                None
            }
        }
    }

    pub(crate) fn wind_down(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        if let State::Waiting { .. } | State::Holding { .. } = self.state {
            self.end(turn);
        }
        None
    }

    fn end(&mut self, turn: &mut Turn<'_>) {
        // Only a subscription that was accepted waits or holds.
        let Some(dialog) = &self.dialog else { return };
        self.cseq += 1;
        let way = &turn.ways.caller;
        let bytes = dialog.request(turn, way, self.errand, Method::Subscribe, self.cseq);
        self.state = State::Ending(Client::send(turn, way.flow, Method::Subscribe, self.cseq, bytes));
    }
}
