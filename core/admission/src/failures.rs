//! Wrong passwords, counted by source and account (RFC 7616 §5.4, §5.9 ask for a guard against
//! guessing). A source that gave too many for one account is slowed: one try per half a minute, or per
//! two seconds if phones that registered live there. It is never shut out, since the guesser and the
//! honest phone may share one address.

use crate::bounded::Bounded;
use crate::limits::Limits;
use ruf_message::Tick;
use std::net::IpAddr;
use std::time::Duration;

/// Who failed where.
#[derive(Debug)]
pub(crate) struct Failures {
    table: Bounded<Pair, Failure>,
    allowed: u32,
    slowed: Duration,
    slowed_bound: Duration,
}

/// A source (of IPv6, its /64) and the number of an account that was named, real or not.
pub(crate) type Pair = (IpAddr, u64);

#[derive(Clone, Copy, Debug)]
struct Failure {
    count: u32,
    /// The number of the last attempt: a retransmission is no second failure.
    attempt: u64,
    /// No try before this, once slowed.
    next: Tick,
}

impl Failures {
    pub(crate) fn new(limits: &Limits) -> Self {
        Failures {
            table: Bounded::new(limits.failures_max, limits.failures_lifetime),
            allowed: limits.failures_per_account,
            slowed: Duration::from_secs(limits.slowed_secs.into()),
            slowed_bound: Duration::from_secs(limits.slowed_bound_secs.into()),
        }
    }

    /// Whether a password may be tried now.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(crate) fn may_try(&mut self, now: Tick, pair: Pair, bound: bool) -> Result<(), u32> {
        let pause = if bound { self.slowed_bound } else { self.slowed };
        let allowed = self.allowed;
        let Some(failure) = self.table.get_mut(now, &pair).filter(|failure| failure.count >= allowed) else {
            return Ok(());
        };
        // Phones that register may have come since the last try.
        let next = failure.next.min(now + pause);
        if now < next {
            let wait = next.saturating_sub(now).as_millis().div_ceil(1_000);
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        failure.next = now + pause;
        Ok(())
    }

    /// A wrong password; says which in a row it was.
    pub(crate) fn failed(&mut self, now: Tick, pair: Pair, attempt: u64, bound: bool) -> u32 {
        let before = self.table.get(now, &pair).copied();
        if let Some(failure) = before.filter(|failure| failure.attempt == attempt) {
            return failure.count;
        }
        let count = before.map_or(1, |failure| failure.count.saturating_add(1));
        let next = now + if bound { self.slowed_bound } else { self.slowed };
        self.table.put(now, pair, Failure { count, attempt, next });
        count
    }

    /// The right password.
    pub(crate) fn forgive(&mut self, pair: &Pair) {
        self.table.remove(pair);
    }

    pub(crate) fn expire(&mut self, now: Tick) {
        self.table.expire(now);
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.table.deadline()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Pair = (IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const OTHER: Pair = (IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn failed(times: u64) -> Failures {
        let mut failures = Failures::new(&Limits::default());
        for attempt in 0..times {
            failures.failed(at(0), PAIR, attempt, false);
        }
        failures
    }

    #[test]
    fn after_too_many_wrong_passwords_a_pair_is_slowed_and_no_other() {
        let mut failures = failed(9);
        assert_eq!(failures.may_try(at(0), PAIR, false), Ok(()));
        failures.failed(at(0), PAIR, 9, false);
        assert_eq!(failures.may_try(at(0), PAIR, false), Err(30));
        assert_eq!(failures.may_try(at(29), PAIR, false), Err(1));
        assert_eq!(failures.may_try(at(0), OTHER, false), Ok(()));
        assert_eq!(failures.may_try(at(30), PAIR, false), Ok(()));
        assert_eq!(failures.may_try(at(31), PAIR, false), Err(29));
    }

    #[test]
    fn a_source_with_live_bindings_may_try_every_two_seconds() {
        let mut failures = failed(10);
        assert_eq!(failures.may_try(at(0), PAIR, true), Err(2));
        failures.failed(at(0), PAIR, 99, true);
        assert_eq!(failures.may_try(at(1), PAIR, true), Err(1));
        assert_eq!(failures.may_try(at(2), PAIR, true), Ok(()));
    }

    #[test]
    fn a_retransmission_is_no_second_failure_and_the_right_password_ends_it() {
        let mut failures = Failures::new(&Limits::default());
        for _ in 0..100 {
            assert_eq!(failures.failed(at(0), PAIR, 7, false), 1);
        }
        assert_eq!(failures.failed(at(0), PAIR, 8, false), 2);
        assert_eq!(failures.may_try(at(0), PAIR, false), Ok(()));
        let mut failures = failed(10);
        failures.forgive(&PAIR);
        assert_eq!((failures.may_try(at(0), PAIR, false), failures.len()), (Ok(()), 0));
    }

    #[test]
    fn a_pair_is_forgiven_after_a_while() {
        let mut failures = failed(10);
        assert_eq!(failures.deadline(), Some(at(600)));
        assert_eq!(failures.may_try(at(600), PAIR, false), Ok(()));
        failures.expire(at(600));
        assert_eq!(failures.len(), 0);
    }
}
