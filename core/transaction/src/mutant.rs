//! Faults that can be planted, so that the simulation proves it would notice them. Only with the
//! feature `mutants`, and only in a table where one was planted.

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Every ACK from the network is dropped.
    AckDropped,
    /// Every CANCEL from the network is ignored.
    CancelIgnored,
    /// No CANCEL of ours leaves: the other phones of a fork ring on.
    CancelUnsent,
    /// Timer L never fires.
    TimerLOff,
}
