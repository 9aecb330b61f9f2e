//! The index of a packet, and which indices of a stream were there before (RFC 3711 §3.3.1, §3.3.2).

use crate::error::Refused;

/// How far back a packet may lie and still be taken, in packets.
pub const WINDOW_PACKETS: u64 = u128::BITS as u64;
const _: () = assert!(WINDOW_PACKETS >= 64); // rfc3711 §3.3.2

/// The highest index of a packet of RTP: rollover counter and sequence number.
const RTP_INDEX_MAX: u64 = (1 << 48) - 1;
/// Half of the sequence numbers: what is further away lies on the other side of a rollover.
const HALF: u16 = 0x8000;

/// The indices of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Of RTP, the rollover counter and, in the lower 16 bits, the RFC's `s_l`.
    highest: u64,
    /// The index `highest - n` was there if bit `n` is set.
    seen: u128,
}

impl Window {
    /// Of a stream whose first index this is.
    pub(crate) fn starting_at(index: u64) -> Window {
        Window { highest: index, seen: 1 }
    }

    /// The index of RTP that a sequence number most likely means.
    // rfc3711 §3.3.1 and, for the arithmetic, rfc3711 §A
    pub(crate) fn index_of(&self, sequence_number: u16) -> Result<u64, Refused> {
        let rollovers = self.highest >> 16;
        let last = self.highest as u16; // the lower half
        let rollovers = if last < HALF && sequence_number.saturating_sub(last) > HALF {
            rollovers.checked_sub(1).ok_or(Refused::TooOld)? // before the stream began
        } else if last >= HALF && last - HALF > sequence_number {
            rollovers + 1
        } else {
            rollovers
        };
        let index = rollovers << 16 | u64::from(sequence_number);
        if index > RTP_INDEX_MAX { Err(Refused::KeyExhausted) } else { Ok(index) } // rfc3711 §9.2
    }

    /// Whether an index is new.
    // rfc3711 §3.3.2
    pub(crate) fn check(&self, index: u64) -> Result<(), Refused> {
        match self.highest.checked_sub(index) {
            None => Ok(()),
            Some(back) if back >= WINDOW_PACKETS => Err(Refused::TooOld),
            Some(back) if self.seen >> back & 1 == 1 => Err(Refused::Replayed),
            Some(_) => Ok(()),
        }
    }

    /// Notes an index that was found new, and whose packet was found authentic.
    pub(crate) fn enter(&mut self, index: u64) {
        let shifted = |bits: u128, by: u64| u32::try_from(by).ok().and_then(|by| bits.checked_shl(by));
        if let Some(ahead) = index.checked_sub(self.highest) {
            self.seen = shifted(self.seen, ahead).unwrap_or(0) | 1;
            self.highest = index;
        } else {
            self.seen |= shifted(1, self.highest - index).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rollovers: u64, sequence_number: u16) -> Window {
        Window::starting_at(rollovers << 16 | u64::from(sequence_number))
    }

    #[test]
    fn a_sequence_number_means_the_nearest_index() {
        // tests rfc3711 §3.3.1, §A
        let rollover = |window: Window, number| window.index_of(number).map(|index| index >> 16);
        assert_eq!(rollover(at(5, 10), 65_530), Ok(4));
        assert_eq!(rollover(at(5, 10), 11), Ok(5));
        assert_eq!(rollover(at(5, 65_530), 10), Ok(6));
        assert_eq!(rollover(at(5, 65_530), 65_000), Ok(5));
        assert_eq!(rollover(at(5, 0), HALF), Ok(5));
        assert_eq!(rollover(at(5, 0), HALF + 1), Ok(4));
        assert_eq!(rollover(at(5, HALF), 0), Ok(5));
        assert_eq!(rollover(at(5, HALF + 1), 0), Ok(6));
        assert_eq!(at(5, 10).index_of(11), Ok(5 << 16 | 11));
    }

    #[test]
    fn nothing_was_before_the_beginning_and_nothing_is_behind_the_end() {
        // tests rfc3711 §9.2
        assert_eq!(at(0, 10).index_of(65_530), Err(Refused::TooOld));
        let end = at(u64::from(u32::MAX), u16::MAX);
        assert_eq!(end.index_of(u16::MAX), Ok(RTP_INDEX_MAX));
        assert_eq!(end.index_of(0), Err(Refused::KeyExhausted));
    }

    #[test]
    fn an_index_is_new_once() {
        // tests rfc3711 §3.3.2
        let mut window = Window::starting_at(1_000);
        assert_eq!(window.check(1_000), Err(Refused::Replayed));
        assert_eq!(window.check(1_001 - WINDOW_PACKETS), Ok(()));
        assert_eq!(window.check(1_000 - WINDOW_PACKETS), Err(Refused::TooOld));
        window.enter(1_001 - WINDOW_PACKETS);
        assert_eq!(window.check(1_001 - WINDOW_PACKETS), Err(Refused::Replayed));
        window.enter(1_003);
        assert_eq!(window.check(1_000), Err(Refused::Replayed));
        assert_eq!([1_001, 1_002, 1_003].map(|index| window.check(index).is_ok()), [true, true, false]);
        for far in [1_003 + WINDOW_PACKETS, 1 << 40] {
            window.enter(far);
            assert_eq!(window.check(far), Err(Refused::Replayed));
            assert_eq!(window.check(far - 1), Ok(()));
            assert_eq!(window.check(1_003), Err(Refused::TooOld));
        }
    }
}
