//! The payload types of a stream: a number once given to a codec is that codec's for the session
//! (RFC 3264 §8.3.2).

use std::ops::RangeInclusive;

use crate::codec::is_same_format;
use crate::format::Format;

/// Where numbers are given from, in this order: the dynamic ones, then those that are free beside RTCP on
/// the same port (RFC 3551 §6, RFC 5761 §4).
const DYNAMIC: [RangeInclusive<u8>; 2] = [96..=127, 35..=63];

/// What each number of a stream means, on our side, since it was first said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Numbers {
    given: Vec<Format>,
}

impl Numbers {
    /// Gives `format` a number that means nothing else in the session, and nothing in `used`: the one it
    /// has if `first` allows it, one that it had before, the one it has if it is only a wish, the first free
    /// one. `None` if all are gone.
    pub(crate) fn give(&mut self, format: &Format, wish: Wish, used: &[Format]) -> Option<u8> {
        // rfc3264 §8.3.2
        let own = std::iter::once(format.payload_type);
        let had =
            self.given.iter().filter(|given| is_same_format(given, format)).map(|given| given.payload_type);
        let (first, later) = match wish {
            Wish::First => (Some(own), None),
            Wish::Later => (None, Some(own)),
            Wish::None => (None, None),
        };
        let candidates = first.into_iter().flatten().chain(had).chain(later.into_iter().flatten());
        let number = candidates.chain(DYNAMIC.into_iter().flatten()).find(|number| {
            let is_used = used.iter().any(|used| used.payload_type == *number);
            !is_used && self.meaning(*number).is_none_or(|given| is_same_format(given, format))
        })?;
        if self.meaning(number).is_none() {
            self.given.push(Format { payload_type: number, ..format.clone() });
        }
        Some(number)
    }

    fn meaning(&self, number: u8) -> Option<&Format> {
        self.given.iter().find(|given| given.payload_type == number)
    }
}

/// How much the number counts that a format comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It is taken if it can be: a static one, or the offer's.
    First,
    /// One that the codec had before goes first.
    Later,
    /// It is none.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Encoding;

    fn format(payload_type: u8, name: &str) -> Format {
        Format { payload_type, encoding: Encoding::new(name, 8_000), fmtp: String::new() }
    }

    #[test]
    fn a_number_keeps_its_meaning() {
        // tests rfc3264 §8.3.2
        let mut numbers = Numbers::default();
        assert_eq!(numbers.give(&format(97, "iLBC"), Wish::First, &[]), Some(97));
        assert_eq!(numbers.give(&format(97, "speex"), Wish::First, &[]), Some(96));
        assert_eq!(numbers.give(&format(101, "iLBC"), Wish::Later, &[]), Some(97));
        assert_eq!(numbers.give(&format(101, "iLBC"), Wish::First, &[]), Some(101), "a codec may have two");
        assert_eq!(numbers.give(&format(0, "speex"), Wish::None, &[]), Some(96));
        assert_eq!(numbers.give(&format(0, "speex"), Wish::None, &[format(96, "speex")]), Some(98));
    }

    #[test]
    fn numbers_end() {
        let mut numbers = Numbers::default();
        let names: Vec<String> = (0..62).map(|at| format!("x{at}")).collect();
        let given: Vec<Option<u8>> =
            names.iter().map(|name| numbers.give(&format(0, name), Wish::None, &[])).collect();
        assert_eq!(
            (given[0], given[31], given[32], given[60], given[61]),
            (Some(96), Some(127), Some(35), Some(63), None)
        );
    }
}
