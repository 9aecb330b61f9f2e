//! What the node counts: shown by `ruf status`. Requests of the built-in self-test do not count.

/// Counts since the start. All are of messages unless the name says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received, whatever was in them.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that were no SIP message.
    pub malformed: u64,
    /// Requests that the gate admitted.
    pub admitted: u64,
    /// Requests that the gate answered itself (challenges and refusals).
    pub refused: u64,
    /// Requests and ACKs that were dropped without an answer.
    pub dropped: u64,
    /// Requests refused because a table was full.
    pub overloaded: u64,
    /// Calls attempted, answered, and ended.
    pub calls_attempted: u64,
    /// Calls answered.
    pub calls_answered: u64,
    /// Calls ended, answered or not.
    pub calls_ended: u64,
}
