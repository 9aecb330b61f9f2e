//! When units start. In an open loop the clock alone says so, whatever the answers do: a unit that
//! starts late keeps its intended start, and its times count from there, so that a server which stalls
//! is charged for every unit that its stalling kept waiting (coordinated omission).

use std::time::Duration;

use ruf_message::{Entropy, Tick};

/// What starts the next unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The clock.
    Open {
        /// Units a second.
        rate: f64,
        /// How they are spread.
        spacing: Spacing,
    },
    /// The end of another one: so many are under way at any time.
    Closed {
        /// How many.
        in_flight: u32,
    },
}

/// How the starts of an open loop are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// One every so often.
    #[default]
    Even,
    /// As independent callers would: a Poisson process.
    Poisson,
}

/// The starts of one run.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    start: Tick,
    end: Option<Tick>,
    units_max: u64,
    started: u64,
    /// Of an open loop: the next intended start.
    next: Tick,
    /// Of a Poisson process: how far behind the start `next` is, in microseconds, unrounded.
    passed_micros: f64,
    stopped: bool,
}

impl Schedule {
    /// Starts at `start`, and goes on for so long and for so many units, whatever ends first.
    pub(crate) fn new(
        pace: Pace,
        start: Tick,
        duration: Option<Duration>,
        units_max: Option<u64>,
    ) -> Schedule {
        Schedule {
            pace,
            start,
            end: duration.map(|duration| start + duration),
            units_max: units_max.unwrap_or(u64::MAX),
            started: 0,
            next: start,
            passed_micros: 0.0,
            stopped: false,
        }
    }

    /// The intended start of a unit that is to start now, if one is.
    pub(crate) fn take(&mut self, now: Tick, in_flight: u32, entropy: &mut Entropy) -> Option<Tick> {
        if self.is_over(now) {
            return None;
        }
        let intended = match self.pace {
            Pace::Closed { in_flight: wanted } => (in_flight < wanted).then_some(now)?,
            Pace::Open { rate, spacing } => {
                let intended = self.next;
                if intended > now {
                    return None;
                }
                self.advance(rate, spacing, entropy);
                intended
            }
        };
        self.started += 1;
        Some(intended)
    }

    fn advance(&mut self, rate: f64, spacing: Spacing, entropy: &mut Entropy) {
        self.passed_micros = match spacing {
            // From the number, not from the last one: nothing drifts.
            Spacing::Even => (self.started + 1) as f64 * 1e6 / rate,
            Spacing::Poisson => {
                // 53 random bits, above zero and at most one.
                let uniform = ((entropy.u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
                self.passed_micros - uniform.ln() * 1e6 / rate
            }
        };
        self.next = self.start + Duration::from_micros(self.passed_micros as u64);
    }

    /// When there is something to start or to end; `None`: when another unit ends, or never.
    pub(crate) fn next_start(&self, now: Tick) -> Option<Tick> {
        match self.pace {
            _ if self.is_over(now) => None,
            Pace::Open { .. } => Some(self.next),
            Pace::Closed { .. } => self.end,
        }
    }

    /// Nothing starts any more.
    pub(crate) fn is_over(&self, now: Tick) -> bool {
        let reached = match self.pace {
            Pace::Open { .. } => self.next,
            Pace::Closed { .. } => now,
        };
        self.stopped || self.started >= self.units_max || self.end.is_some_and(|end| reached >= end)
    }

    /// Starts nothing from now on.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Pace = Pace::Open { rate: 300.0, spacing: Spacing::Even };

    fn entropy() -> Entropy {
        Entropy::from_seed([3; 32])
    }

    fn at(micros: u64) -> Tick {
        Tick::from_micros(micros)
    }

    #[test]
    fn even_starts_do_not_drift_and_end_with_the_duration() {
        let mut schedule = Schedule::new(EVEN, at(1_000), Some(Duration::from_secs(10)), None);
        let mut starts = Vec::new();
        while let Some(next) = schedule.next_start(Tick::ZERO) {
            starts.push(schedule.take(next, 0, &mut entropy()).expect("due"));
        }
        assert_eq!(starts.len(), 3_000);
        assert_eq!((starts[0], starts[300], starts[2_999]), (at(1_000), at(1_001_000), at(9_997_666)));
        assert!(schedule.is_over(at(0)));
    }

    #[test]
    fn units_that_start_late_keep_their_intended_starts() {
        let mut schedule = Schedule::new(EVEN, Tick::ZERO, None, Some(4));
        let late = at(5_000_000);
        let starts: Vec<_> = std::iter::from_fn(|| schedule.take(late, 9, &mut entropy())).collect();
        assert_eq!(starts, [at(0), at(3_333), at(6_666), at(10_000)]);
    }

    #[test]
    fn poisson_starts_come_at_the_rate_and_are_spread_as_they_should() {
        let pace = Pace::Open { rate: 1_000.0, spacing: Spacing::Poisson };
        let mut schedule = Schedule::new(pace, Tick::ZERO, None, Some(20_000));
        let mut entropy = entropy();
        let starts: Vec<_> = std::iter::from_fn(|| schedule.take(at(u64::MAX), 0, &mut entropy))
            .map(Tick::as_micros)
            .collect();
        let gaps: Vec<f64> = starts.windows(2).map(|two| (two[1] - two[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((970.0..1_030.0).contains(&mean) && (970.0..1_030.0).contains(&spread), "{mean} {spread}");
    }

    #[test]
    fn a_closed_loop_starts_when_one_has_ended() {
        let mut schedule =
            Schedule::new(Pace::Closed { in_flight: 2 }, Tick::ZERO, Some(Duration::from_secs(1)), Some(3));
        assert_eq!(schedule.take(at(5), 1, &mut entropy()), Some(at(5)));
        assert_eq!(schedule.take(at(5), 2, &mut entropy()), None);
        assert_eq!(schedule.next_start(at(5)), Some(at(1_000_000)));
        assert_eq!(schedule.take(at(1_000_000), 0, &mut entropy()), None, "the time is over");
        assert!(schedule.is_over(at(1_000_000)));
    }

    #[test]
    fn what_was_stopped_starts_nothing() {
        let mut schedule = Schedule::new(EVEN, Tick::ZERO, None, None);
        schedule.stop();
        assert_eq!((schedule.take(at(9), 0, &mut entropy()), schedule.next_start(at(9))), (None, None));
    }
}
