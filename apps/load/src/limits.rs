//! The bounds of a run, by name.

use std::time::Duration;

/// How much is held at once, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Units under way; one that is to start when there are so many counts as not sent.
    pub in_flight_max: u32,
    /// Calls that the answering side is in; one more is answered 503.
    pub answered_max: usize,
    /// Requests that the answering side remembers, to know their repetitions.
    pub remembered_max: usize,
    /// Callees that are registered at once before the run.
    pub registering_max: u32,
    /// How long a call may ring beyond what our own answering side was told to ring.
    pub answer: Duration,
    /// How long the first NOTIFY of a subscription may take.
    pub notify: Duration,
    /// How long the callees' bindings are removed after the run.
    pub leave: Duration,
    /// How long to wait before a lost connection is opened again.
    pub reopen: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            in_flight_max: 1_000_000,
            answered_max: 1_000_000,
            remembered_max: 65_536,
            registering_max: 50,
            answer: Duration::from_secs(60),
            notify: Duration::from_secs(32),
            leave: Duration::from_secs(2),
            reopen: Duration::from_secs(1),
        }
    }
}
