//! Sequence numbers without end: what 16 bits leave out, restarts, and what came before (RFC 3550 §A.1).
//!
//! There is no probation here: the first packets of a call are heard. Whether a source is believed is for
//! [`Receiver`](crate::Receiver).

/// So far ahead is a gap, and no jump: a minute at 50 packets a second.
// rfc3550 §A.1
const DROPOUT_MAX: u16 = 3_000;
/// So far behind is out of order, and no jump: two seconds.
const MISORDER_MAX: u16 = 100;
/// The first number counts as one of the second cycle, so that earlier ones have a place.
const CYCLE: u64 = 1 << 16;

/// What a number is, after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Not heard yet; its extended number.
    New(u64),
    /// Heard before.
    Duplicate,
    /// Far from all others. If the next one follows it, the sender began anew.
    Jump,
    /// The sender began anew; the extended number is above all before.
    Restart(u64),
}

/// The numbers of one source.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// The extended number of the cycle in which it began.
    cycle: u64,
    first: u64,
    highest: u64,
    /// Which of the last 128 came: bit 0 is the highest.
    came: u128,
    expected_after_jump: Option<u16>,
}

impl Sequence {
    /// Begins with this number. Extended numbers are above `after`.
    pub(crate) fn begin(sequence: u16, after: u64) -> Sequence {
        let cycle = (after / CYCLE + 1) * CYCLE;
        let first = cycle + u64::from(sequence);
        Sequence { cycle, first, highest: first, came: 1, expected_after_jump: None }
    }

    // rfc3550 §A.1
    pub(crate) fn hear(&mut self, sequence: u16) -> Step {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            return Step::Duplicate;
        }
        if ahead < DROPOUT_MAX {
            self.expected_after_jump = None;
            self.highest += u64::from(ahead);
            self.came = self.came.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            return Step::New(self.highest);
        }
        let behind = self.highest as u16;
        let behind = behind.wrapping_sub(sequence);
        if behind <= MISORDER_MAX {
            let bit = 1u128 << behind;
            if self.came & bit != 0 {
                return Step::Duplicate;
            }
            self.came |= bit;
            let extended = self.highest - u64::from(behind);
            self.first = self.first.min(extended);
            return Step::New(extended);
        }
        if self.expected_after_jump == Some(sequence) {
            *self = Sequence::begin(sequence, self.highest);
            return Step::Restart(self.highest);
        }
        self.expected_after_jump = Some(sequence.wrapping_add(1));
        Step::Jump
    }

    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    /// The highest number as RTCP tells it: cycles since the source began, and 16 bits.
    // rfc3550 §6.4.1
    pub(crate) fn highest_reported(&self) -> u32 {
        (self.highest - self.cycle) as u32
    }

    /// Packets that a source without loss would have brought since it began (again).
    // rfc3550 §A.3
    pub(crate) fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_over_the_end_of_16_bits() {
        // tests rfc3550 §A.1, §6.4.1, §A.3
        let mut sequence = Sequence::begin(65_534, 0);
        let first = sequence.highest();
        assert_eq!(sequence.hear(65_535), Step::New(first + 1));
        assert_eq!(sequence.hear(1), Step::New(first + 3));
        assert_eq!(sequence.hear(0), Step::New(first + 2));
        assert_eq!(sequence.hear(65_533), Step::New(first - 1), "before the first");
        assert_eq!([0, 1, 65_535].map(|number| sequence.hear(number)), [Step::Duplicate; 3]);
        assert_eq!((sequence.highest_reported(), sequence.expected()), (0x1_0001, 5));
    }

    #[test]
    fn a_jump_is_believed_when_the_next_follows() {
        // tests rfc3550 §A.1
        let mut sequence = Sequence::begin(100, 0);
        let before = sequence.highest();
        assert_eq!(sequence.hear(40_000), Step::Jump);
        assert_eq!(sequence.hear(101), Step::New(before + 1), "one stray packet");
        assert_eq!(sequence.hear(40_001), Step::Jump, "it does not follow right behind");
        assert_eq!([sequence.hear(40_000), sequence.hear(50_000)], [Step::Jump; 2]);
        let Step::Restart(after) = sequence.hear(50_001) else { panic!("no restart") };
        assert!(after > before + 1 && after as u16 == 50_001);
        assert_eq!(sequence.expected(), 1);
    }

    #[test]
    fn a_sequence_begins_above_the_one_before() {
        for after in [0, 1, 65_535, 65_536, 5 << 16, (5 << 16) + 9] {
            let first = Sequence::begin(3, after).highest();
            assert!(first > after && first - after <= 1 << 17, "{after}: {first}");
            assert_eq!(first as u16, 3);
        }
    }

    #[test]
    fn the_bounds_of_gap_and_disorder() {
        let mut sequence = Sequence::begin(10_000, 0);
        assert_eq!(sequence.hear(10_000 - 101), Step::Jump);
        assert_eq!(sequence.hear(10_000 + 3_000), Step::Jump);
        assert!(matches!(sequence.hear(10_000 - 100), Step::New(_)));
        assert!(matches!(sequence.hear(10_000 + 2_999), Step::New(_)));
        assert!(matches!(sequence.hear(10_000 + 2_998), Step::New(_)), "none of the 128 before came");
    }
}
