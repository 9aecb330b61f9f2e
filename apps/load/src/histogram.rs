//! A histogram of durations (HdrHistogram): what is read from it is at most 0.1 percent above what was put
//! in, from 1 microsecond to 19 hours.

use std::time::Duration;

/// Longer durations count as this one.
const MICROS_MAX: u64 = (1 << 36) - 1;
const DIGITS: u8 = 3;

/// How often which duration was seen.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: hdrhistogram::Histogram<u64>,
    /// To the microsecond, which the counts are not.
    max_micros: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        // It refuses other bounds than these: at least 1 and 2, at most 5 digits.
        #[allow(clippy::expect_used)]
        let counts = hdrhistogram::Histogram::new_with_bounds(1, MICROS_MAX, DIGITS).expect("good bounds");
        Histogram { counts, max_micros: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(MICROS_MAX);
        self.counts.saturating_record(micros);
        self.max_micros = self.max_micros.max(micros);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }

    /// The duration that so large a share (0 to 1) was not longer than; zero if nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.counts.value_at_quantile(share)).min(self.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_counted() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max()), (Duration::ZERO, Duration::ZERO));
        for micros in 1..=1_000 {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.quantile(0.0), Duration::from_micros(1));
        assert_eq!(histogram.quantile(0.1), Duration::from_micros(100));
        assert!(histogram.quantile(0.5).abs_diff(Duration::from_micros(500)) <= Duration::from_micros(5));
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(1_000));
    }

    #[test]
    fn no_duration_is_too_long() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert_eq!((histogram.count(), histogram.max()), (1, Duration::from_micros(MICROS_MAX)));
        assert_eq!(histogram.quantile(0.5), histogram.max());
    }
}
