//! What a unit works with while it takes one step.

use std::collections::VecDeque;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Tick, Transmit};

use crate::limits::Limits;
use crate::load::Preparation;
use crate::plan::Plan;
use crate::tally::Tally;
use crate::way::Ways;

/// One step: the time, what is planned, and where what comes of it goes.
pub(crate) struct Turn<'a> {
    pub(crate) now: Tick,
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

impl Turn<'_> {
    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.out.push_back(Transmit { flow, bytes });
    }
}
