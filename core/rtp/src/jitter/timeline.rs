//! Timestamps without end, and as time.

/// Packets are so long at least and at most, whatever one of them says: else what is missing would be concealed a
/// sample at a time, or a second.
const SPACING_MICROS: std::ops::RangeInclusive<i64> = 2_500..=120_000;

/// One line of ticks, which goes on when the sender's clock is set.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    clock_rate: i64,
    /// The place of the newest packet, and the timestamp that it came with.
    newest: i64,
    newest_timestamp: u32,
    newest_sequence: Option<u64>,
    /// Where its audio ends.
    end: i64,
}

impl Timeline {
    pub(super) fn new(clock_rate: u32) -> Timeline {
        Timeline {
            clock_rate: i64::from(clock_rate.max(1)),
            newest: 0,
            newest_timestamp: 0,
            newest_sequence: None,
            end: 0,
        }
    }

    /// The place of a timestamp that is near the newest.
    pub(super) fn near(&self, timestamp: u32) -> i64 {
        self.newest + i64::from(timestamp.wrapping_sub(self.newest_timestamp) as i32)
    }

    pub(super) fn is_newest(&self, sequence: u64) -> bool {
        self.newest_sequence.is_none_or(|newest| sequence > newest)
    }

    /// The first number that no packet has had.
    pub(super) fn after_newest(&self) -> u64 {
        self.newest_sequence.map_or(0, |newest| newest + 1)
    }

    /// Whether a place lies before the newest packet.
    pub(super) fn is_behind(&self, place: i64) -> bool {
        self.newest_sequence.is_some() && place < self.newest
    }

    /// This timestamp has nothing to do with those before: it gets the place behind them.
    pub(super) fn restart(&mut self, timestamp: u32) -> i64 {
        self.newest = self.end;
        self.newest_timestamp = timestamp;
        self.newest
    }

    /// The newest packet is this one.
    pub(super) fn advance(&mut self, sequence: u64, place: i64, ticks: i64) {
        self.newest_sequence = Some(sequence);
        self.newest_timestamp = self.newest_timestamp.wrapping_add((place - self.newest) as u32);
        self.newest = place;
        self.end = place + ticks;
    }

    /// How far apart packets are that are so long.
    pub(super) fn spacing(&self, ticks: i64) -> i64 {
        ticks.clamp(self.ticks(*SPACING_MICROS.start()).max(1), self.ticks(*SPACING_MICROS.end()).max(1))
    }

    pub(super) fn micros(&self, ticks: i64) -> i64 {
        ticks.saturating_mul(1_000_000) / self.clock_rate
    }

    pub(super) fn ticks(&self, micros: i64) -> i64 {
        micros.saturating_mul(self.clock_rate) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_neither_samples_nor_seconds() {
        let spacing = |ticks| Timeline::new(8_000).spacing(ticks);
        assert_eq!([0, 1, 160, 480, 4_096].map(spacing), [20, 20, 160, 480, 960]);
        assert_eq!(Timeline::new(1).spacing(0), 1);
    }

    #[test]
    fn timestamps_go_on_over_their_end_and_over_a_set_clock() {
        let mut timeline = Timeline::new(8_000);
        let first = timeline.restart(u32::MAX - 9);
        timeline.advance(1, first, 160);
        let second = timeline.near(150);
        assert_eq!((second - first, timeline.micros(second - first)), (160, 20_000));
        timeline.advance(2, second, 160);
        assert_eq!(timeline.near(u32::MAX - 9), first);
        assert!(timeline.is_behind(first) && !timeline.is_behind(second));
        assert!(!timeline.is_newest(2) && timeline.is_newest(3));
        let third = timeline.restart(3_000_000_000);
        assert_eq!(third - second, 160);
        timeline.advance(3, third, 160);
        assert_eq!(timeline.near(3_000_000_160) - third, 160);
    }
}
