//! Telephone events as they stand in a payload (RFC 4733 §2.3, §3.2).
//!
//! Not here: when reports are sent ([`EventSender`](crate::EventSender)) and what they add up to
//! ([`EventReceiver`](crate::EventReceiver)).

use std::fmt;

/// An event, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event(pub u8);

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

impl Event {
    /// A hook flash.
    pub const FLASH: Event = Event(16);

    /// The event of a key: `0` to `9`, `*`, `#`, `A` to `D`, and `!` for a hook flash.
    // rfc4733 §3.2
    pub fn of_key(key: char) -> Option<Event> {
        if key == '!' { Some(Event::FLASH) } else { Event::of_dtmf(key) }
    }

    /// The event of one of the sixteen keys of DTMF, in either case.
    // rfc4733 §3.2
    pub fn of_dtmf(key: char) -> Option<Event> {
        let key = u8::try_from(key.to_ascii_uppercase()).ok()?;
        let number = DIGITS.iter().position(|digit| *digit == key)?;
        u8::try_from(number).ok().map(Event)
    }

    /// The key of an event, if it is one.
    pub fn key(self) -> Option<char> {
        match self {
            Event::FLASH => Some('!'),
            Event(number) => DIGITS.get(usize::from(number)).copied().map(char::from),
        }
    }

    /// Whether it is one of the sixteen tones of DTMF.
    pub fn is_dtmf(self) -> bool {
        usize::from(self.0) < DIGITS.len()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            Some(key) => write!(f, "{key}"),
            None => write!(f, "event {}", self.0),
        }
    }
}

/// One report of an event, as it was until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// Which event.
    pub event: Event,
    /// It is over.
    pub is_end: bool,
    /// In dBm0 without the sign: 0 is loud, 63 hardly heard; DTMF only.
    pub volume: u8,
    /// How long it or its last segment lasts, in ticks.
    pub duration: u16,
}

impl EventReport {
    /// Octets of a report.
    pub const BYTES: usize = 4;
    /// The lowest volume.
    pub const VOLUME_MAX: u8 = 63;

    /// Reads one report.
    // rfc4733 §2.3, §2.3.3: the reserved bit is ignored
    pub fn read(octets: [u8; Self::BYTES]) -> EventReport {
        let [event, flags, d0, d1] = octets;
        EventReport {
            event: Event(event),
            is_end: flags & 0x80 != 0,
            volume: flags & Self::VOLUME_MAX,
            duration: u16::from_be_bytes([d0, d1]),
        }
    }

    /// Writes it.
    // rfc4733 §2.3, §2.3.4: no volume where it means nothing
    pub fn write(self) -> [u8; Self::BYTES] {
        let volume = if self.event.is_dtmf() { self.volume.min(Self::VOLUME_MAX) } else { 0 };
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event.0, u8::from(self.is_end) << 7 | volume, d0, d1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_events_and_events_are_keys() {
        // tests rfc4733 §3.2
        let keys: String = (0..=16).filter_map(|number| Event(number).key()).collect();
        assert_eq!(keys, "0123456789*#ABCD!");
        assert!((0..=16).all(|number| Event::of_key(Event(number).key().unwrap()) == Some(Event(number))));
        assert_eq!(
            (Event::of_key('d'), Event::of_key('x'), Event::of_key('é')),
            (Some(Event(15)), None, None)
        );
        assert_eq!((Event(17).key(), Event(17).to_string().as_str()), (None, "event 17"));
    }

    #[test]
    fn a_report_is_four_octets() {
        // tests rfc4733 §2.3, §2.3.3, §2.3.4
        let report = EventReport { event: Event(11), is_end: true, volume: 10, duration: 0x0320 };
        assert_eq!(report.write(), [11, 0x8A, 0x03, 0x20]);
        assert_eq!(EventReport::read([11, 0x8A, 0x03, 0x20]), report);
        assert_eq!(EventReport::read([11, 0xCA, 0x03, 0x20]), report, "with the reserved bit");
        assert_eq!(EventReport { event: Event::FLASH, ..report }.write()[1], 0x80);
        assert_eq!(EventReport { volume: 200, ..report }.write()[1], 0xBF);
    }
}
