//! A log-linear histogram of durations, after HdrHistogram: 128 steps in each power of two, so that
//! what is read from it is at most 0.8 percent above what was put in, from 1 microsecond to 19 hours.

use std::time::Duration;

/// Steps of each power of two, as a power of two.
const STEP_BITS: u32 = 7;
/// Longer durations count as this one.
const MICROS_MAX: u64 = (1 << 36) - 1;
const SLOTS: usize = slot(MICROS_MAX) + 1;

/// How often which duration was seen.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_micros: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; SLOTS], total: 0, max_micros: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(MICROS_MAX);
        if let Some(count) = self.counts.get_mut(slot(micros)) {
            *count += 1;
        }
        self.total += 1;
        self.max_micros = self.max_micros.max(micros);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }

    /// The duration that so large a share (0 to 1) was not longer than; zero if nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        // At most the total, which is far below what a float holds exactly.
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut passed = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            passed += count;
            if passed >= rank {
                return Duration::from_micros(top(slot).min(self.max_micros));
            }
        }
        Duration::ZERO
    }
}

/// Where a duration is counted.
const fn slot(micros: u64) -> usize {
    let shift = (u64::BITS - (micros | 1).leading_zeros()).saturating_sub(STEP_BITS + 1);
    ((shift as usize) << STEP_BITS) + (micros >> shift) as usize
}

/// The longest duration that is counted there.
const fn top(slot: usize) -> u64 {
    let shift = (slot >> STEP_BITS).saturating_sub(1);
    (((slot - (shift << STEP_BITS)) as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_back_within_a_hundredth() {
        let mut before = None;
        for micros in (0..10_000).chain((10_000..MICROS_MAX).step_by(987_654_321)).chain([MICROS_MAX]) {
            let (slot, top) = (slot(micros), top(slot(micros)));
            assert!(
                slot < SLOTS && top >= micros && (top - micros) * 100 <= micros,
                "{micros}: {slot} {top}"
            );
            assert!(before <= Some(slot), "slots are in order");
            before = Some(slot);
        }
    }

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
        histogram.record(Duration::MAX);
        assert_eq!((histogram.count(), histogram.max()), (1_001, Duration::from_micros(MICROS_MAX)));
    }
}
