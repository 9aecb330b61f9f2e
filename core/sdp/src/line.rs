//! One line of a description: `<type>=<value>` (RFC 8866 §5).
//!
//! What a value means is with its section's typed views; this only keeps it, octet by octet.

use std::fmt;

use bytes::Bytes;

use crate::ParseError;

/// Letters of what stands in the way that an error tells a line.
const EXCERPT_LETTERS_MAX: usize = 40;
/// Attributes whose values are secrets, which are never shown by `Debug` or an error.
const SECRET: &[&str] = &["crypto", "ice-pwd", "key-mgmt"];

/// One line, without its end.
#[derive(Clone)]
pub struct Line {
    letter: u8,
    value: Bytes,
    number: usize,
}

impl Line {
    /// A line of our own. What cannot stand in a line (CR, LF and NUL) is left out of the value.
    pub fn new(letter: char, value: impl Into<String>) -> Line {
        let mut value: String = value.into();
        value.retain(|letter| !matches!(letter, '\r' | '\n' | '\0'));
        let letter = u8::try_from(letter).unwrap_or(b'a');
        Line { letter, value: Bytes::from(value), number: 0 }
    }

    /// An attribute of our own: `a=<name>:<value>`, or `a=<name>` where the value is empty.
    pub fn attribute(name: &str, value: impl fmt::Display) -> Line {
        let value = value.to_string();
        Line::new('a', if value.is_empty() { name.to_owned() } else { format!("{name}:{value}") })
    }

    pub(crate) fn read(letter: u8, value: Bytes, number: usize) -> Line {
        Line { letter, value, number }
    }

    /// The type: `m` of `m=audio ...`.
    pub fn letter(&self) -> char {
        char::from(self.letter)
    }

    /// What follows the equals sign, as it came.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value as text; empty if it is not UTF-8, which no grammar but that of free text allows.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.value).unwrap_or_default()
    }

    /// Where it stood when it was read, counted from 1; 0 for a line of our own.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The name and value of an attribute; one without value has an empty one.
    pub fn as_attribute(&self) -> Option<(&str, &str)> {
        (self.letter == b'a').then(|| self.text().split_once(':').unwrap_or((self.text(), "")))
    }

    /// The error that this line is.
    pub(crate) fn unreadable(&self, expected: &'static str) -> ParseError {
        let shown: String = match self.as_attribute() {
            Some((name, _)) => name.chars().take(EXCERPT_LETTERS_MAX).collect(),
            None => String::from_utf8_lossy(&self.value).chars().take(EXCERPT_LETTERS_MAX).collect(),
        };
        ParseError::new(self.number, expected, format!("`{}={shown}`", self.letter()))
    }

    /// Writes it with its end.
    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.letter, b'=']);
        out.extend_from_slice(&self.value);
        out.extend_from_slice(b"\r\n");
    }
}

/// Equal is what prints as the same.
impl PartialEq for Line {
    fn eq(&self, other: &Line) -> bool {
        (self.letter, &self.value) == (other.letter, &other.value)
    }
}

impl Eq for Line {}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_attribute() {
            Some((name, _)) if SECRET.contains(&name) => write!(f, "a={name}:***"),
            _ if self.letter == b'k' => f.write_str("k=***"),
            _ => write!(f, "{}={}", self.letter(), self.value.escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ours_stays_one_line() {
        let line = Line::attribute("x", "a\r\na=y");
        assert_eq!(line.text(), "x:aa=y");
        assert_eq!(Line::attribute("sendonly", ""), Line::new('a', "sendonly"));
    }

    #[test]
    fn a_key_is_not_shown() {
        let line = Line::attribute("crypto", "1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0");
        assert_eq!(format!("{line:?}"), "a=crypto:***");
        assert!(!line.unreadable("x").to_string().contains("inline"));
    }
}
