//! A unit of load: one call, registration, message, subscription or question, from its intended start
//! to its one outcome.
//!
//! | module | what |
//! | --- | --- |
//! | `ask` | one request and its answer: REGISTER, MESSAGE, OPTIONS |
//! | `call` | INVITE, the call, BYE |
//! | `subscribe` | SUBSCRIBE, its first NOTIFY, its end |
//!
//! Each has the same verbs; what they return is the outcome, once. Not here: when units start
//! (`schedule`), and the other side of them (`answering`).

mod ask;
mod call;
mod subscribe;

use bytes::Bytes;
use ruf_message::{Method, Tick};

use crate::glance::Reply;
use crate::load::Preparation;
use crate::mix::Kind;
use crate::render::Errand;
use crate::tally::{Outcome, Tally};
use crate::turn::Turn;

pub(crate) use ask::Ask;
pub(crate) use call::Call;
pub(crate) use subscribe::Subscribe;

/// One unit.
pub(crate) enum Unit {
    Ask(Ask),
    Call(Box<Call>),
    Subscribe(Box<Subscribe>),
}

impl Unit {
    /// Sends its first request.
    pub(crate) fn start(kind: Kind, errand: Errand, intended: Tick, turn: &mut Turn<'_>) -> Unit {
        match kind {
            Kind::Call => Unit::Call(Box::new(Call::start(errand, intended, turn))),
            Kind::Subscribe => Unit::Subscribe(Box::new(Subscribe::start(errand, intended, turn))),
            Kind::Register | Kind::Message | Kind::Options => {
                Unit::Ask(Ask::start(kind, errand, intended, turn))
            }
        }
    }

    /// Registers a callee before the run, or when its connection was lost.
    pub(crate) fn prepare(errand: Errand, turn: &mut Turn<'_>) -> Unit {
        Unit::Ask(Ask::prepare(errand, turn))
    }

    /// Removes the binding of a callee after the run.
    pub(crate) fn leave(errand: Errand, turn: &mut Turn<'_>) -> Unit {
        Unit::Ask(Ask::leave(errand, turn))
    }

    /// It came to its end: counts how.
    pub(crate) fn count(&self, outcome: Outcome, tally: &mut Tally, preparation: &mut Preparation) {
        match self {
            Unit::Ask(ask) if ask.is_preparation() => preparation.end(outcome),
            Unit::Ask(_) | Unit::Call(_) | Unit::Subscribe(_) => tally.end(self.kind(), outcome),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Unit::Ask(ask) => ask.kind(),
            Unit::Call(_) => Kind::Call,
            Unit::Subscribe(_) => Kind::Subscribe,
        }
    }

    /// A response came; `wire` is all of it.
    pub(crate) fn reply(&mut self, reply: &Reply<'_>, wire: &Bytes, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self {
            Unit::Ask(ask) => ask.reply(reply, wire, turn),
            Unit::Call(call) => call.reply(reply, wire, turn),
            Unit::Subscribe(subscribe) => subscribe.reply(reply, wire, turn),
        }
    }

    /// A request of its dialog came, and was answered 200.
    pub(crate) fn request(&mut self, method: Method, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self {
            Unit::Ask(_) => None,
            Unit::Call(call) => call.request(method),
            Unit::Subscribe(subscribe) => subscribe.request(method, turn),
        }
    }

    /// When it wants to be ticked.
    pub(crate) fn due(&self) -> Tick {
        match self {
            Unit::Ask(ask) => ask.due(),
            Unit::Call(call) => call.due(),
            Unit::Subscribe(subscribe) => subscribe.due(),
        }
    }

    /// Time has passed; early or extra calls do nothing.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self {
            Unit::Ask(ask) => ask.tick(turn),
            Unit::Call(call) => call.tick(turn),
            Unit::Subscribe(subscribe) => subscribe.tick(turn),
        }
    }

    /// The run is to end: hangs up, withdraws, or waits for the answer that is still out.
    pub(crate) fn wind_down(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self {
            Unit::Ask(_) => None,
            Unit::Call(call) => call.wind_down(turn),
            Unit::Subscribe(subscribe) => subscribe.wind_down(turn),
        }
    }

    /// The request whose answer it waits for.
    pub(crate) fn waits_for(&self) -> Method {
        match self {
            Unit::Ask(ask) => ask.waits_for(),
            Unit::Call(call) => call.waits_for(),
            Unit::Subscribe(_) => Method::Subscribe,
        }
    }
}
