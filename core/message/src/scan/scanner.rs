//! Reading a value from left to right.

use super::{class, is};
use crate::error::HeaderError;

/// A reading position in a value. Nothing is copied: what it gives borrows the value.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// At the start of `bytes`.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, rest: bytes }
    }

    /// Octets read so far.
    #[inline]
    pub const fn at(&self) -> usize {
        self.bytes.len() - self.rest.len()
    }

    /// All that is still to read.
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The octets from `start` to here.
    #[inline]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at()).unwrap_or_default()
    }

    /// The next octet, left where it is.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Goes `octets` on, at most to the end.
    #[inline]
    pub fn skip(&mut self, octets: usize) {
        self.rest = self.rest.get(octets..).unwrap_or_default();
    }

    /// Takes `octet` if it is next.
    #[inline]
    pub fn eat(&mut self, octet: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes `octet` with the white space around it (the grammar's SEMI, COMMA, EQUAL, SLASH ...).
    #[inline]
    pub fn eat_around(&mut self, octet: u8) -> bool {
        let start = self.rest;
        if !self.eat(octet) {
            self.skip_lws();
            if !self.eat(octet) {
                self.rest = start;
                return false;
            }
        }
        self.skip_lws();
        true
    }

    /// Goes over white space.
    #[inline]
    pub fn skip_lws(&mut self) {
        // Mostly there is none, and one comparison says so.
        while let [first @ ..=b' ', rest @ ..] = self.rest
            && is(*first, class::LWS)
        {
            self.rest = rest;
        }
    }

    /// Takes all octets of `class` (maybe none).
    #[inline]
    pub fn run(&mut self, class: u8) -> &'a [u8] {
        let (run, rest) = self.rest.split_at(class::run_len(self.rest, class));
        self.rest = rest;
        run
    }

    /// Takes a token.
    ///
    /// # Errors
    /// If none stands here.
    #[inline]
    pub fn token(&mut self) -> Result<&'a [u8], HeaderError> {
        match self.run(class::TOKEN) {
            [] => Err(self.expected("a token")),
            token => Ok(token),
        }
    }

    /// Takes a quoted string, quotes and escapes included (see [`unquote`](super::unquote)).
    ///
    /// # Errors
    /// If none stands here, or its end is missing.
    pub fn quoted(&mut self) -> Result<&'a [u8], HeaderError> {
        let start = self.at();
        if !self.eat(b'"') {
            return Err(self.expected("a quoted string"));
        }
        while let Some(offset) = memchr::memchr2(b'"', b'\\', self.rest) {
            self.skip(offset);
            if self.eat(b'"') {
                return Ok(self.since(start));
            }
            self.skip(2);
        }
        Err(HeaderError::new(start, "a quote that is closed"))
    }

    /// Takes decimal digits as a number.
    ///
    /// # Errors
    /// If no digit stands here, or the number is over 2**32-1.
    #[inline]
    pub fn number(&mut self) -> Result<u32, HeaderError> {
        let start = self.rest;
        let mut number: u64 = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
            // Stops short of overflow, past what fits.
            number = (number * 10 + u64::from(digit - b'0')).min(1 << 32);
        }
        let at = self.bytes.len() - start.len();
        if start.len() == self.rest.len() {
            return Err(HeaderError::new(at, "a number"));
        }
        u32::try_from(number).map_err(|_| HeaderError::new(at, "a number below 2**32"))
    }

    /// Takes trailing white space; then nothing may be left.
    ///
    /// # Errors
    /// If something is left.
    #[inline]
    pub fn end(&mut self) -> Result<(), HeaderError> {
        self.skip_lws();
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected("the end of the value")) }
    }

    /// The error that `expected` does not stand here.
    #[inline]
    pub const fn expected(&self, expected: &'static str) -> HeaderError {
        HeaderError::new(self.at(), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stop_at_32_bits() {
        assert_eq!(Scanner::new(b"0004294967295").number(), Ok(u32::MAX));
        assert!(Scanner::new(b"4294967296").number().is_err());
        assert!(Scanner::new(b"x").number().is_err());
    }

    #[test]
    fn an_open_quote_is_an_error_at_its_start() {
        let mut scanner = Scanner::new(b"ab \"cd\\\"");
        scanner.token().unwrap();
        scanner.skip_lws();
        assert_eq!(scanner.quoted().unwrap_err().at(), 3);
    }
}
