//! Faults that can be planted, so that the simulation proves it would notice them. Only with the feature
//! `mutants`, and only in an agent where one was planted.

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// One in its transactions.
    Transactions(ruf_transaction::Mutant),
    /// A call that is over is kept.
    CallKept,
    /// A call does not hear that a request of its was not answered.
    SilenceUntold,
    /// What was served is remembered for ever: a copy that comes later is a merged request.
    WitnessKept,
    /// Calls have no deadlines: nothing is sent again, and nothing waited for ends.
    DeadlineMissed,
}
