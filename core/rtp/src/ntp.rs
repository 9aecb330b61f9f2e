//! Times as RTCP tells them (RFC 3550 §4): 64 bits of seconds and their fraction, the 32 in their middle, and what a
//! round trip is of them (§6.4.1).
//!
//! No clock is read here: the shell says what time it was at the start.

use std::time::Duration;

/// A small clock error must not hide a short round trip.
const NEGATIVE_MAX: Duration = Duration::from_millis(50);
/// A longer one is none.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(60);

/// NTP's 64 bits, `since_start` after the moment of which `at_start` are those.
pub(crate) fn ntp(at_start: u64, since_start: Duration) -> u64 {
    let fraction = (u64::from(since_start.subsec_nanos()) << 32) / 1_000_000_000;
    at_start.wrapping_add(since_start.as_secs() << 32 | fraction)
}

/// The 32 bits in the middle: 1/65536 s.
pub(crate) fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A short time in 1/65536 s.
pub(crate) fn short(time: Duration) -> u32 {
    middle(ntp(0, time))
}

/// The round trip, of the time now and of what comes back: the time that we sent and how long it stayed there.
/// `None` if nothing was sent yet, or for what cannot be.
// rfc3550 §6.4.1
pub(crate) fn round_trip(now: u64, sent: u32, stayed: u32) -> Option<Duration> {
    if sent == 0 {
        return None;
    }
    let trip = middle(now).wrapping_sub(sent).wrapping_sub(stayed) as i32;
    if trip < 0 && trip > -(short(NEGATIVE_MAX) as i32) {
        return Some(Duration::ZERO);
    }
    let trip = u64::try_from(trip).ok().map(|trip| Duration::from_nanos(trip * 1_000_000_000 / 65_536));
    trip.filter(|trip| *trip < ROUND_TRIP_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // tests rfc3550 §6.4.1: A 0xb710:8000, LSR 0xb705:2000, DLSR 0x0005:4000, round trip 6.125 s
        let trip = round_trip(0xB710_8000 << 16, 0xB705_2000, 0x0005_4000);
        assert_eq!(trip, Some(Duration::from_millis(6_125)));
    }

    #[test]
    fn what_cannot_be_is_no_round_trip() {
        let now = 0xB710_8000u64 << 16;
        assert_eq!(round_trip(now, 0, 0), None);
        assert_eq!(round_trip(now, 0xB710_8000, 100), Some(Duration::ZERO));
        assert_eq!(round_trip(now, 0xB710_8000, 65_536), None);
        assert_eq!(round_trip(now, 0xB610_8000, 0), None, "minutes");
        let wrapped = round_trip(0x0000_8000 << 16, 0xFFFF_8000, 0);
        assert_eq!(wrapped, Some(Duration::from_secs(1)), "over the end of 32 bits");
    }

    #[test]
    fn times_in_65536ths() {
        assert_eq!(short(Duration::from_millis(1_500)), 0x1_8000);
        let time = ntp(0xE000_0000_8000_0000, Duration::from_millis(750));
        assert_eq!(time, 0xE000_0001_4000_0000);
        assert_eq!(middle(time), 0x0001_4000);
    }
}
