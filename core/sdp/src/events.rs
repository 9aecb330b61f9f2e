//! Which events `telephone-event` carries: the list in its `a=fmtp` (RFC 4733 §2.4.1).
//!
//! What an event is, and how it is sent, is core/rtp's.

use std::fmt;

use crate::word::number;

/// A set of events, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Events([u64; 4]);

impl Events {
    /// The sixteen keys of DTMF; what is meant where no list is given (RFC 4733 §2.4.1).
    pub const DTMF: Events = Events([0xffff, 0, 0, 0]);

    /// Reads `0-15,66,70`.
    pub fn parse(value: &str) -> Option<Events> {
        // rfc4733 §2.4.1
        let mut events = Events([0; 4]);
        for item in value.trim().split(',') {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let (first, last) = (number::<u8>(first.trim())?, number::<u8>(last.trim())?);
            if first > last {
                return None;
            }
            (first..=last).for_each(|event| events.insert(event));
        }
        Some(events)
    }

    /// Whether it is one of them.
    pub fn contains(&self, event: u8) -> bool {
        self.0.get(usize::from(event / 64)).is_some_and(|word| word >> (event % 64) & 1 == 1)
    }

    /// Those in both.
    #[must_use]
    pub fn and(&self, other: &Events) -> Events {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Events([a & e, b & f, c & g, d & h])
    }

    fn insert(&mut self, event: u8) {
        if let Some(word) = self.0.get_mut(usize::from(event / 64)) {
            *word |= 1 << (event % 64);
        }
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parting = "";
        let mut event = 0;
        while event < 256 {
            let has = |event: u16| u8::try_from(event).is_ok_and(|event| self.contains(event));
            let first = event;
            while has(event) {
                event += 1;
            }
            match event - first {
                0 => event += 1,
                1 => write!(f, "{parting}{first}")?,
                _ => write!(f, "{parting}{first}-{}", event - 1)?,
            }
            if event > first && has(first) {
                parting = ",";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_events_is_read_and_printed() {
        // tests rfc4733 §2.4.1
        for value in ["0-15", "0-15,66,70", "255", "0", "0-255", "0-63,65"] {
            assert_eq!(Events::parse(value).unwrap().to_string(), value);
        }
        assert_eq!(Events::parse("0,1,2,3-5").unwrap().to_string(), "0-5");
        assert_eq!(Events::parse("0-15"), Some(Events::DTMF));
        for wrong in ["", "x", "5-1", "256", "1,,2", "-1"] {
            assert_eq!(Events::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_both_have() {
        let (ours, theirs) = (Events::DTMF, Events::parse("0-11,16,200").unwrap());
        assert_eq!(ours.and(&theirs).to_string(), "0-11");
        assert!(theirs.contains(200) && !theirs.contains(199));
    }
}
