//! Max-Breadth (RFC 5393 section 5): how many branches a request may have at a time, all that its next
//! hops make of it included. It is divided among the branches of a fork; what a branch had is free
//! again when its final response has come. Where it is short, the targets of an INVITE are tried one
//! after the other; any other request has no time for that and is answered with 440.
//!
//! Not here: Max-Forwards (`validate.rs`, `branch_request.rs`), loops (`ruf_transaction::Mark`).

use ruf_message::Request;
use ruf_message::header::hops::MaxBreadth;

use crate::context::{BranchState, Pending};

/// What a request without the header gets, and the most that one may bring.
// rfc5393 §5.3.3
pub(crate) const MAX_BREADTH: u32 = 60;

/// The Max-Breadth of a request as it counts here; one that cannot be read is replaced.
// rfc5393 §5.3.3
pub(crate) fn incoming(request: &Request) -> u32 {
    match request.header::<MaxBreadth>() {
        Ok(Some(MaxBreadth(breadth))) => breadth.min(MAX_BREADTH),
        Ok(None) | Err(_) => MAX_BREADTH,
    }
}

/// The part of a branch.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Share {
    /// What its request says.
    pub(crate) now: u32,
    /// Kept back for the place that is tried beside it when it is silent.
    pub(crate) later: u32,
}

impl Share {
    pub(crate) fn of(now: u32) -> Self {
        Share { now, later: 0 }
    }

    /// Keeps half of it back.
    pub(crate) fn halved(self) -> Self {
        let all = self.all();
        Share { now: all - all / 2, later: all / 2 }
    }

    pub(crate) fn all(self) -> u32 {
        self.now + self.later
    }
}

impl Pending {
    /// What is left to give to new branches.
    // rfc5393 §5.3.3: the outgoing breadth never exceeds the incoming one
    // rfc5393 §5.3.3.1: that of a branch with a final response is free again
    pub(crate) fn free_breadth(&self) -> u32 {
        let holds = |state: &BranchState| !matches!(state, BranchState::Completed);
        let held = self.branches.iter().filter(|branch| holds(&branch.state));
        self.breadth.saturating_sub(held.map(|branch| branch.share.all()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_request_has_a_breadth_of_at_most_60_and_of_60_if_it_says_nothing() {
        // tests rfc5393 §5.3.3
        let of = |header: &str| incoming(&sample::request("INVITE", "sip:bob@example.org", header));
        assert_eq!(of(""), 60);
        assert_eq!(of("Max-Breadth: 4\r\n"), 4);
        assert_eq!(of("Max-Breadth: 0\r\n"), 0);
        assert_eq!(of("Max-Breadth: 61\r\n"), 60);
        assert_eq!(of("Max-Breadth: many\r\n"), 60);
    }

    #[test]
    fn a_half_is_kept_back_and_nothing_gets_lost() {
        for (all, now) in [(60, 30), (5, 3), (1, 1)] {
            let share = Share::of(all).halved();
            assert_eq!((share.now, share.all()), (now, all));
        }
    }
}
