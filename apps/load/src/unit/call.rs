//! One call as its caller sees it (RFC 3261 §13.2, §15.1.1, §9.1).
//!
//! ```text
//!   INVITE ──▶ Inviting ── 2xx: ACK ──▶ Holding ── its time is over: BYE ──▶ HangingUp ── final ──▶ the end
//!                 │                                                            ▲
//!                 ├── 401, 407: ACK, INVITE with proof ──▶ Inviting            │
//!                 ├── 3xx to 6xx: ACK ──▶ the end                              │
//!                 ├── no answer at all ──▶ the end                             │
//!                 └── it rings too long, or the run ends: CANCEL ──▶ Withdrawing ── 2xx all the same: ACK, BYE
//!                                                                      └── 3xx to 6xx: ACK ──▶ the end
//! ```

use bytes::Bytes;
use ruf_auth::Keyring;
use ruf_message::{Method, Tick};

use crate::client::{Client, PATIENCE};
use crate::glance::Reply;
use crate::render::{self, Errand, Inside};
use crate::tally::{Outcome, Span};
use crate::turn::{Mark, Turn};

/// A call.
pub(crate) struct Call {
    errand: Errand,
    began: Mark,
    state: State,
    keyring: Option<Box<Keyring>>,
    has_rung: bool,
    /// The number of the INVITE that was, or may yet be, answered.
    invite: u32,
    answered: Option<Answered>,
    /// What is wrong with the call already; its end only clears it away.
    outcome: Option<Outcome>,
}

enum State {
    Inviting(Client),
    Holding { until: Tick },
    HangingUp { bye: Client, began: Mark },
    Withdrawing { invite: Client, cancel: Option<Client> },
}

/// What the 2xx said, and the ACK that was sent for it.
struct Answered {
    dialog: Inside,
    ack: Bytes,
}

impl Call {
    pub(crate) fn start(errand: Errand, intended: Tick, turn: &mut Turn<'_>) -> Call {
        let way = &turn.ways.caller;
        let bytes = render::request(turn, way, errand, Method::Invite, 1);
        let client = Client::send(turn, way.flow, Method::Invite, 1, bytes);
        Call {
            errand,
            began: turn.mark(intended),
            state: State::Inviting(client),
            keyring: None,
            has_rung: false,
            invite: 1,
            answered: None,
            outcome: None,
        }
    }

    pub(crate) fn waits_for(&self) -> Method {
        match &self.state {
            State::Inviting(_) | State::Withdrawing { .. } => Method::Invite,
            State::Holding { .. } | State::HangingUp { .. } => Method::Bye,
        }
    }

    pub(crate) fn due(&self) -> Tick {
        match &self.state {
            State::Inviting(invite) => invite.due(),
            State::Holding { until } => *until,
            State::HangingUp { bye, .. } => bye.due(),
            State::Withdrawing { invite, cancel } => {
                cancel.as_ref().map_or(invite.due(), |cancel| cancel.due().min(invite.due()))
            }
        }
    }

    pub(crate) fn reply(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        match reply.method {
            Method::Invite if reply.cseq == self.invite => self.invite_answered(reply, wire, turn),
            // A repeated refusal of the INVITE before the proof.
            Method::Invite => {
                acknowledge_refusal(reply, turn);
                turn.tally.strays += 1;
                None
            }
            Method::Cancel => {
                if let State::Withdrawing { cancel, .. } = &mut self.state
                    && reply.code >= 200
                {
                    *cancel = None;
                }
                None
            }
            _ => self.bye_answered(reply, wire, turn),
        }
    }

    fn invite_answered(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        match (&mut self.state, reply.code) {
            (State::Inviting(client), code @ ..200) => {
                client.hold_on(turn.now, turn.plan.ring + turn.limits.answer);
                if code > 100 && !self.has_rung {
                    self.has_rung = true;
                    turn.measure(Span::InviteToRinging, self.began);
                }
                None
            }
            (State::Withdrawing { .. }, ..200) => None,
            (State::Inviting(_), 200..300) => {
                turn.measure(Span::InviteToAnswer, self.began);
                if let Err(wrong) = self.acknowledge(reply, turn) {
                    return Some(wrong);
                }
                if turn.plan.hold.is_zero() {
                    return self.hang_up(turn.now, turn);
                }
                self.state = State::Holding { until: turn.now + turn.plan.hold };
                None
            }
            // rfc3261 §9.1: a CANCEL that came too late changes nothing
            (State::Withdrawing { .. }, 200..300) => {
                if let Err(wrong) = self.acknowledge(reply, turn) {
                    return Some(wrong);
                }
                self.hang_up(turn.now, turn)
            }
            (State::Inviting(client), 401 | 407) => {
                acknowledge_refusal(reply, turn);
                let way = &turn.ways.caller;
                match client.prove(turn, way, self.errand, &mut self.keyring, wire) {
                    Some(client) => {
                        self.invite = client.cseq;
                        self.state = State::Inviting(client);
                        None
                    }
                    None => Some(Outcome::Refused(Method::Invite, reply.code)),
                }
            }
            (State::Inviting(_), code) => {
                acknowledge_refusal(reply, turn);
                Some(Outcome::Refused(Method::Invite, code))
            }
            (State::Withdrawing { .. }, code) => {
                acknowledge_refusal(reply, turn);
                Some(self.outcome.unwrap_or(Outcome::Refused(Method::Invite, code)))
            }
            // rfc3261 §13.2.2.4: each repetition of the 2xx is acknowledged again
            (State::Holding { .. } | State::HangingUp { .. }, 200..300) => {
                turn.tally.strays += 1;
                if let Some(answered) =
                    self.answered.as_ref().filter(|answered| *answered.dialog.to == *reply.to)
                {
                    turn.tally.resent += 1;
                    turn.send(turn.ways.caller.flow, answered.ack.clone());
                }
                None
            }
            (State::Holding { .. } | State::HangingUp { .. }, ..200) => {
                turn.tally.strays += 1;
                None
            }
            (State::Holding { .. } | State::HangingUp { .. }, _) => {
                acknowledge_refusal(reply, turn);
                self.outcome.get_or_insert(Outcome::Wrong(Method::Invite, "a second final answer"));
                None
            }
        }
    }

    /// Acknowledges the 2xx and remembers its dialog.
    // rfc3261 §13.2.2.4
    fn acknowledge(&mut self, reply: &Reply<'_>, turn: &mut Turn<'_>) -> Result<(), Outcome> {
        let wrong = Outcome::Wrong(Method::Invite, "200 without a Contact to send to");
        let dialog = Inside::open(reply).ok_or(wrong)?;
        let way = &turn.ways.caller;
        let ack = dialog.request(turn, way, self.errand, Method::Ack, self.invite);
        turn.send(way.flow, ack.clone());
        self.answered = Some(Answered { dialog, ack });
        Ok(())
    }

    /// Says BYE, which was to happen then.
    // rfc3261 §15.1.1
    fn hang_up(&mut self, intended: Tick, turn: &mut Turn<'_>) -> Option<Outcome> {
        let Some(answered) = &self.answered else { return Some(Outcome::Cut) };
        let way = &turn.ways.caller;
        let cseq = self.invite + 1;
        let bytes = answered.dialog.request(turn, way, self.errand, Method::Bye, cseq);
        let bye = Client::send(turn, way.flow, Method::Bye, cseq, bytes);
        self.state = State::HangingUp { bye, began: turn.mark(intended) };
        None
    }

    /// Says CANCEL, and gives the INVITE its last time.
    // rfc3261 §9.1
    fn withdraw(&mut self, mut invite: Client, outcome: Outcome, turn: &mut Turn<'_>) {
        self.outcome = Some(outcome);
        let way = &turn.ways.caller;
        let bytes = render::cancel(turn, way, self.errand, self.invite);
        let cancel = Some(Client::send(turn, way.flow, Method::Cancel, self.invite, bytes));
        invite.wait_until(turn.now + PATIENCE);
        self.state = State::Withdrawing { invite, cancel };
    }

    pub(crate) fn request(&mut self, method: Method) -> Option<Outcome> {
        match (&self.state, method) {
            (State::Holding { .. }, Method::Bye) => Some(Outcome::Wrong(Method::Bye, "the far end hung up")),
            // Both hung up at once; ours will have its answer.
            (
                State::Inviting(_)
                | State::Holding { .. }
                | State::HangingUp { .. }
                | State::Withdrawing { .. },
                _,
            ) => None,
        }
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match &mut self.state {
            State::Inviting(invite) => {
                let is_over = invite.tick(turn);
                if is_over && invite.is_provisional {
                    let invite = invite.clone();
                    self.withdraw(invite, Outcome::Silence(Method::Invite), turn);
                    return None;
                }
                is_over.then_some(Outcome::Silence(Method::Invite))
            }
            State::Holding { until } => {
                let until = *until;
                if until <= turn.now { self.hang_up(until, turn) } else { None }
            }
            State::HangingUp { bye, .. } => {
                let outcome = self.outcome.unwrap_or(Outcome::Silence(Method::Bye));
                bye.tick(turn).then_some(outcome)
            }
            State::Withdrawing { invite, cancel } => {
                if cancel.as_mut().is_some_and(|cancel| cancel.tick(turn)) {
                    *cancel = None;
                }
                let outcome = self.outcome.unwrap_or(Outcome::Silence(Method::Invite));
                invite.tick(turn).then_some(outcome)
            }
        }
    }

    pub(crate) fn wind_down(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match &self.state {
            // rfc3261 §9.1: not before a provisional response; the INVITE may just be on its way
            State::Inviting(invite) if invite.is_provisional => {
                let invite = invite.clone();
                self.withdraw(invite, Outcome::Cut, turn);
                None
            }
            State::Inviting(_) => None,
            State::Holding { .. } => self.hang_up(turn.now, turn),
            State::HangingUp { .. } | State::Withdrawing { .. } => None,
        }
    }

    fn bye_answered(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        let State::HangingUp { bye, began } = &mut self.state else {
            turn.tally.strays += 1;
            return None;
        };
        if !bye.is_answered_by(reply) {
            turn.tally.strays += 1;
            return None;
        }
        match reply.code {
            ..200 => {
                bye.hold_on(turn.now, PATIENCE);
                None
            }
            200..300 => {
                turn.measure(Span::Bye, *began);
                Some(self.outcome.unwrap_or(Outcome::Good))
            }
            code @ (401 | 407) => {
                let way = &turn.ways.caller;
                match bye.prove(turn, way, self.errand, &mut self.keyring, wire) {
                    Some(proved) => {
                        *bye = proved;
                        None
                    }
                    None => Some(self.outcome.unwrap_or(Outcome::Refused(Method::Bye, code))),
                }
            }
            code => Some(self.outcome.unwrap_or(Outcome::Refused(Method::Bye, code))),
        }
    }
}

fn acknowledge_refusal(reply: &Reply<'_>, turn: &mut Turn<'_>) {
    if reply.code >= 300 {
        let way = &turn.ways.caller;
        turn.send(way.flow, render::ack_refusal(way, reply));
    }
}
