//! The clock of the workers: [`Tick`]s since its start, and back.

use std::time::{Duration, Instant};

use ruf_message::Tick;

/// Counts from its own start; never runs backwards.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts one.
    #[must_use]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time since its start.
    #[must_use]
    pub fn now(self) -> Tick {
        Tick::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment of a tick, or the first whole number of `grain`s after the start that is not before it.
    pub(crate) fn instant(self, tick: Tick, grain: Duration) -> Instant {
        let grain = u64::try_from(grain.as_micros()).unwrap_or(u64::MAX).max(1);
        self.start
            + Duration::from_micros(tick.as_micros().checked_next_multiple_of(grain).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_kept_late_by_less_than_a_grain_and_never_early() {
        let clock = Clock::start();
        let after =
            |micros, grain| clock.instant(Tick::from_micros(micros), grain).duration_since(clock.start);
        let grain = Duration::from_millis(10);
        assert_eq!(after(0, grain), Duration::ZERO);
        assert_eq!(after(1, grain), grain);
        assert_eq!(after(10_000, grain), grain);
        assert_eq!(after(10_001, grain), 2 * grain);
        assert_eq!(after(10_001, Duration::ZERO), Duration::from_micros(10_001));
        assert!(after(u64::MAX, grain) >= after(u64::MAX - 10_000, grain), "no overflow");
    }
}
