//! Comma lists (RFC 3261 §7.3.1).

use super::{Scanner, trim};

/// The elements of a comma list, trimmed; commas in quoted strings and angle brackets part nothing.
/// A value without any comma is one element; empty elements between commas are given as empty.
// rfc3261 §7.3.1
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

/// The elements of the comma list `value`.
pub const fn elements(value: &[u8]) -> Elements<'_> {
    Elements { rest: Some(value) }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (element, rest) = first_element(self.rest?);
        self.rest = rest;
        Some(element)
    }
}

/// The first element of a comma list, and what follows the comma.
#[inline]
pub fn first_element(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match comma(value) {
        None => (trim(value), None),
        Some(at) => {
            (trim(value.get(..at).unwrap_or_default()), Some(value.get(at + 1..).unwrap_or_default()))
        }
    }
}

/// Where the first comma stands that parts elements. After a quote or bracket that is never closed
/// none does: the decoder will say what is wrong, and no octet is searched twice.
fn comma(value: &[u8]) -> Option<usize> {
    memchr::memchr(b',', value)?;
    let mut scanner = Scanner::new(value);
    while let Some(offset) = memchr::memchr3(b',', b'"', b'<', scanner.rest()) {
        scanner.skip(offset);
        match scanner.peek() {
            Some(b',') => return Some(scanner.at()),
            Some(b'"') => drop(scanner.quoted().ok()?),
            _ => scanner.skip(memchr::memchr(b'>', scanner.rest())? + 1),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(value: &[u8]) -> Vec<&[u8]> {
        elements(value).collect()
    }

    #[test]
    fn commas_in_quotes_and_brackets_part_nothing() {
        // tests rfc3261 §7.3.1
        assert_eq!(split(b"a , b"), [&b"a"[..], b"b"]);
        assert_eq!(
            split(b"\"x, \\\"y\" <sip:a,b@h>;q=1,\r\n <sip:c>"),
            [&b"\"x, \\\"y\" <sip:a,b@h>;q=1"[..], b"<sip:c>"]
        );
        assert_eq!(split(b"a,,b,"), [&b"a"[..], b"", b"b", b""]);
        assert_eq!(split(b""), [&b""[..]]);
    }

    #[test]
    fn what_is_never_closed_is_one_element_and_searched_once() {
        assert_eq!(split(b"a,\"b,c"), [&b"a"[..], b"\"b,c"]);
        assert_eq!(split(b"a,<b,c,\"d\",<e"), [&b"a"[..], b"<b,c,\"d\",<e"]);
        // Searched to the end once for each element, these would take hours.
        for piece in ["<,", "\\\",", "\"\\\",<"] {
            assert!(split(piece.repeat(4_000_000).as_bytes()).len() <= 2);
        }
    }
}
