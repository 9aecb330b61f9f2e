//! The registering of the callees: before the run, and again when their connection was lost, since their
//! bindings went with it; and the removal of their bindings after it. Its units are not units of the run.

use crate::tally::Outcome;

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Preparation {
    /// The next user to be registered.
    next: u32,
    in_flight: u32,
    good: u64,
    failure: Option<Outcome>,
}

impl Preparation {
    /// The user to register next, of so many, so many at a time.
    pub(crate) fn take(&mut self, users: u32, most: u32) -> Option<u32> {
        let user = self.next;
        if user >= users || self.in_flight >= most {
            return None;
        }
        self.next += 1;
        self.in_flight += 1;
        Some(user)
    }

    /// One came to its end.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Good => self.good += 1,
            _ => drop(self.failure.get_or_insert(outcome)),
        }
    }

    /// Begins once more.
    pub(crate) fn again(&mut self) {
        self.next = 0;
    }

    /// All of so many users are registered.
    pub(crate) fn is_done(&self, users: u32) -> bool {
        self.next >= users && self.in_flight == 0
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(crate) fn good(&self) -> u64 {
        self.good
    }

    /// The first that was not.
    pub(crate) fn failure(&self) -> Option<Outcome> {
        self.failure
    }
}
