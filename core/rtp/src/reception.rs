//! How a source is received: packets that came and did not, and interarrival jitter (RFC 3550 §A.3, §A.8), as RTCP
//! reports it. What of it was heard in time is for the [`JitterBuffer`](crate::JitterBuffer).

use crate::sequence::Sequence;
use std::time::Duration;

/// A packet whose transit differs by more from that of the one before says nothing of the network: the sender's clock
/// was set, or stood still.
const CLOCK_SET_SECS: f64 = 5.0;

/// The figures of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    sequence: Sequence,
    /// Of the sequences before the sender began anew.
    expected_before: u64,
    received: u64,
    duplicates: u64,
    /// Arrival and timestamp of the last packet.
    last: Option<(Duration, u32)>,
    jitter_ticks: f64,
}

impl Reception {
    pub(crate) fn begin(clock_rate: u32, sequence: Sequence) -> Reception {
        Reception {
            clock_rate: clock_rate.max(1),
            sequence,
            expected_before: 0,
            received: 0,
            duplicates: 0,
            last: None,
            jitter_ticks: 0.0,
        }
    }

    pub(crate) fn sequence(&mut self) -> &mut Sequence {
        &mut self.sequence
    }

    pub(crate) fn highest(&self) -> u64 {
        self.sequence.highest()
    }

    /// The sender began anew: `expected` packets belong to what was.
    pub(crate) fn restart(&mut self, expected: u64) {
        self.expected_before += expected;
        self.last = None;
    }

    pub(crate) fn duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// One more packet.
    // rfc3550 §A.8
    pub(crate) fn packet(&mut self, now: Duration, timestamp: u32) {
        self.received += 1;
        if let Some((arrival, last)) = self.last.replace((now, timestamp)) {
            let arrived = now.as_secs_f64() - arrival.as_secs_f64();
            let sent = f64::from(timestamp.wrapping_sub(last) as i32);
            let moved = (arrived * f64::from(self.clock_rate) - sent).abs();
            if moved <= CLOCK_SET_SECS * f64::from(self.clock_rate) {
                self.jitter_ticks += (moved - self.jitter_ticks) / 16.0;
            }
        }
    }

    /// Packets that came, each once.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets that came again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that should have come.
    // rfc3550 §A.3
    pub fn expected(&self) -> u64 {
        self.expected_before + self.sequence.expected()
    }

    /// Packets that did not come. Duplicates hide no loss, though §A.3 would let them.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// The highest sequence number with the cycles before it.
    pub fn highest_sequence(&self) -> u32 {
        self.sequence.highest_reported()
    }

    /// Interarrival jitter, in ticks.
    pub fn jitter_ticks(&self) -> u32 {
        self.jitter_ticks as u32
    }

    /// Interarrival jitter.
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter_ticks / f64::from(self.clock_rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_a_sixteenth_of_each_change_of_transit() {
        // tests rfc3550 §A.8
        let mut reception = Reception::begin(8_000, Sequence::begin(0, 0));
        reception.packet(Duration::ZERO, 0xFFFF_FFF0);
        reception.packet(Duration::from_millis(20), 0xFFFF_FFF0u32.wrapping_add(160));
        assert_eq!(reception.jitter(), Duration::ZERO);
        reception.packet(Duration::from_millis(56), 0xFFFF_FFF0u32.wrapping_add(320));
        assert_eq!(reception.jitter(), Duration::from_millis(1), "16 ms late");
        reception.packet(Duration::from_millis(60), 0xFFFF_FFF0u32.wrapping_add(480));
        assert_eq!(reception.jitter_ticks(), ((8.0 + (128.0 - 8.0) / 16.0) as u32));
    }

    #[test]
    fn a_clock_that_was_set_is_no_jitter() {
        let mut reception = Reception::begin(8_000, Sequence::begin(0, 0));
        reception.packet(Duration::ZERO, 0);
        reception.packet(Duration::from_millis(20), 1 << 31);
        reception.packet(Duration::from_millis(40), (1 << 31) + 160);
        assert_eq!(reception.jitter(), Duration::ZERO);
    }

    #[test]
    fn what_did_not_come_is_lost_and_what_came_twice_hides_nothing() {
        // tests rfc3550 §A.3
        let mut reception = Reception::begin(8_000, Sequence::begin(7, 0));
        reception.packet(Duration::ZERO, 0);
        reception.sequence().hear(10);
        reception.packet(Duration::ZERO, 0);
        reception.duplicate();
        assert_eq!((reception.expected(), reception.received(), reception.lost()), (4, 2, 2));
        let expected = reception.expected();
        reception.restart(expected);
        *reception.sequence() = Sequence::begin(50_000, reception.highest());
        reception.packet(Duration::ZERO, 0);
        assert_eq!((reception.expected(), reception.lost(), reception.duplicates()), (5, 2, 1));
    }
}
