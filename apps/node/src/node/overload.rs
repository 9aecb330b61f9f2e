//! More than can be done: new requests are refused before anything is done for them (RFC 6357, RFC 7339).
//!
//! What share of them, and which never, is core/admission's to say; here it is asked.

use std::time::Duration;

use ruf_message::{Flow, Request, Tick};

use super::Node;

impl Node {
    /// For so much of the time since the last such word the worker had something to do.
    pub fn busy(&mut self, worked: Duration, since: Duration) {
        self.overload.look(worked, since);
    }

    /// Whether a new request is refused at once.
    // rfc7339 §5.10.2
    pub(super) fn refuses_early(&mut self, now: Tick, flow: &Flow, request: &Request) -> bool {
        if !self.overload.is_on() {
            return false;
        }
        let precedence = self.gate.precedence(now, flow, request);
        !self.overload.takes(precedence)
    }
}
