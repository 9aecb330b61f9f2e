//! What the node counts: shown by `ruf status`. Requests of the built-in self-test do not count.

/// Counts since the start. All are of messages unless the name says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received, whatever was in them.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Messages that were read here and belong to another worker.
    pub crossed: u64,
    /// Datagrams that were no SIP message.
    pub malformed: u64,
    /// Requests that the gate admitted.
    pub admitted: u64,
    /// Requests that the gate answered itself (challenges and refusals).
    pub refused: u64,
    /// Requests and ACKs that were dropped without an answer.
    pub dropped: u64,
    /// Requests refused because a table was full or there was too much to do.
    pub overloaded: u64,
    /// Calls attempted, answered, and ended.
    pub calls_attempted: u64,
    /// Calls answered.
    pub calls_answered: u64,
    /// Calls ended, answered or not.
    pub calls_ended: u64,
}

impl Counters {
    /// Each with its name, in the order in which they are shown.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("datagrams received", self.received),
            ("datagrams sent", self.sent),
            ("crossed to another worker", self.crossed),
            ("malformed", self.malformed),
            ("requests admitted", self.admitted),
            ("requests refused", self.refused),
            ("dropped without an answer", self.dropped),
            ("refused for overload", self.overloaded),
            ("calls attempted", self.calls_attempted),
            ("calls answered", self.calls_answered),
            ("calls ended", self.calls_ended),
        ]
    }
}
