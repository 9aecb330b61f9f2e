//! What a unit works with while it takes one step.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Tick, Transmit};

use crate::limits::Limits;
use crate::load::Preparation;
use crate::plan::Plan;
use crate::tally::{Span, Tally};
use crate::way::Ways;

/// One step: the time, what is planned, and where what comes of it goes.
pub(crate) struct Turn<'a> {
    pub(crate) now: Tick,
    /// How long what is handled has waited for us in this machine.
    pub(crate) waited: Duration,
    /// How long this unit was kept waiting so, all in all, before something of ours followed.
    pub(crate) kept: Duration,
    pub(crate) plan: &'a Plan,
    pub(crate) limits: &'a Limits,
    /// What all Call-IDs and branches of this run begin with.
    pub(crate) run: &'a str,
    pub(crate) ways: &'a Ways,
    pub(crate) tally: &'a mut Tally,
    pub(crate) preparation: &'a mut Preparation,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) out: &'a mut VecDeque<Transmit>,
}

/// What a span is measured from: earlier than that by what the unit was kept waiting before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(Tick);

impl Turn<'_> {
    /// Something begins that was to begin then. Up to a grain it is late because we rest; more is charged.
    pub(crate) fn mark(&self, intended: Tick) -> Mark {
        let from = self.now.min(intended + self.plan.grain);
        // A unit is kept waiting while it lasts.
        let kept = u64::try_from(self.kept.as_micros()).unwrap_or(u64::MAX);
        Mark(Tick::from_micros(from.as_micros().saturating_sub(kept)))
    }

    /// What began at this mark is over with what is handled: counts how long it took, without what we took ourselves.
    pub(crate) fn measure(&mut self, span: Span, mark: Mark) {
        let Mark(from) = mark;
        self.tally.span(span, self.now.saturating_sub(from).saturating_sub(self.waited + self.kept));
    }

    /// Something of ours follows what is handled: it is late by what that has waited.
    pub(crate) fn keep_waiting(&mut self) {
        self.kept += self.waited;
    }

    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.out.push_back(Transmit { flow, bytes });
    }
}
