//! Reading octets of a header value: classes of characters, a [`Scanner`], quoted strings, comma
//! lists (RFC 3261 §25.1). What the pieces mean is not here: see [`header`](crate::header).
//!
//! A value may still hold its folding (CR LF followed by a space); all white space here includes CR
//! and LF, so no copy is made to unfold.

use crate::error::HeaderError;
use std::borrow::Cow;

/// Classes of characters; test with [`is`].
pub mod class {
    /// `token`: alphanumeric and ``-.!%*_+`'~``.
    pub const TOKEN: u8 = 1;
    /// White space inside a value: SP, HTAB, and the CR LF of a fold.
    pub const LWS: u8 = 2;
    /// `word`, of a Call-ID: token and ``()<>:\"/[]?{}``.
    pub const WORD: u8 = 4;
    /// What the value of a header parameter may hold unquoted: all but white space, controls and
    /// `" , ; < >`. Wider than the grammar, whose `gen-value` knows only token and host.
    pub const VALUE: u8 = 8;
    /// Of the user part of a URI, besides escapes.
    pub const USER: u8 = 16;
    /// Of a URI parameter, besides escapes.
    pub const PARAM: u8 = 32;
    /// Of any URI: printable ASCII but space and `" < > \ ^ { | }` and the backquote.
    pub const URIC: u8 = 64;
    /// Of a host name: alphanumeric, `-`, `.`, and `_` that the DNS of many offices has.
    pub const HOST: u8 = 128;
}

/// Whether `octet` is in any of `classes`.
#[inline]
pub const fn is(octet: u8, classes: u8) -> bool {
    #[allow(clippy::indexing_slicing)] // 256 entries, one for each octet
    let found = CLASSES[octet as usize];
    found & classes != 0
}

static CLASSES: [u8; 256] = classes();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn classes() -> [u8; 256] {
    const fn add(table: &mut [u8; 256], members: &[u8], class: u8) {
        let mut at = 0;
        while at < members.len() {
            table[members[at] as usize] |= class;
            at += 1;
        }
    }
    use class::*;
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        if (octet as u8).is_ascii_alphanumeric() {
            table[octet] |= TOKEN | WORD | USER | PARAM | URIC | HOST;
        }
        if octet > 0x20 && octet != 0x7f {
            table[octet] |= VALUE;
        }
        octet += 1;
    }
    add(&mut table, b" \t\r\n", LWS);
    add(&mut table, b"-.!%*_+`'~", TOKEN | WORD);
    add(&mut table, b"()<>:\\\"/[]?{}", WORD);
    add(&mut table, b"-_.!~*'()&=+$,;?/#", USER); // '#' is dialled, and seen unescaped
    add(&mut table, b"-_.!~*'()[]/:&+$", PARAM);
    add(&mut table, b"-_.!~*'();/?:@&=+$,%[]#", URIC);
    add(&mut table, b"-._", HOST);
    table[b'"' as usize] &= !VALUE;
    table[b',' as usize] &= !VALUE;
    table[b';' as usize] &= !VALUE;
    table[b'<' as usize] &= !VALUE;
    table[b'>' as usize] &= !VALUE;
    table
}

/// A reading position in a value. Nothing is copied: what it gives borrows the value.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the start of `bytes`.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, at: 0 }
    }

    /// Octets read so far.
    #[inline]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// All that is still to read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The octets from `start` to here.
    #[inline]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// The next octet, left where it is.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes `octets` on, at most to the end.
    #[inline]
    pub fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets).min(self.bytes.len());
    }

    /// Takes `octet` if it is next.
    #[inline]
    pub fn eat(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    /// Takes `octet` with the white space around it (the grammar's SEMI, COMMA, EQUAL, SLASH ...).
    #[inline]
    pub fn eat_around(&mut self, octet: u8) -> bool {
        let start = self.at;
        self.skip_lws();
        if self.eat(octet) {
            self.skip_lws();
            return true;
        }
        self.at = start;
        false
    }

    /// Goes over white space.
    #[inline]
    pub fn skip_lws(&mut self) {
        while self.peek().is_some_and(|octet| is(octet, class::LWS)) {
            self.at += 1;
        }
    }

    /// Takes all octets of `classes` (maybe none).
    #[inline]
    pub fn run(&mut self, classes: u8) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|octet| is(octet, classes)) {
            self.at += 1;
        }
        self.since(start)
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

    /// Takes a quoted string, quotes and escapes included (see [`unquote`]).
    ///
    /// # Errors
    /// If none stands here, or its end is missing.
    pub fn quoted(&mut self) -> Result<&'a [u8], HeaderError> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.expected("a quoted string"));
        }
        loop {
            match memchr::memchr2(b'"', b'\\', self.rest()) {
                None => return Err(HeaderError::new(start, "a quote that is closed")),
                Some(offset) => {
                    self.at += offset;
                    if self.eat(b'"') {
                        return Ok(self.since(start));
                    }
                    self.skip(2);
                }
            }
        }
    }

    /// Takes decimal digits as a number.
    ///
    /// # Errors
    /// If no digit stands here, or the number is over 2**32-1.
    pub fn number(&mut self) -> Result<u32, HeaderError> {
        let start = self.at;
        let mut number: u32 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(u32::from(digit - b'0')))
                .ok_or(HeaderError::new(start, "a number below 2**32"))?;
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a number")) } else { Ok(number) }
    }

    /// Takes trailing white space; then nothing may be left.
    ///
    /// # Errors
    /// If something is left.
    #[inline]
    pub fn end(&mut self) -> Result<(), HeaderError> {
        self.skip_lws();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.expected("the end of the value")) }
    }

    /// The error that `expected` does not stand here.
    #[inline]
    pub const fn expected(&self, expected: &'static str) -> HeaderError {
        HeaderError::new(self.at, expected)
    }
}

/// `bytes` without white space at its ends.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [first, rest @ ..] = bytes
        && is(*first, class::LWS)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is(*last, class::LWS)
    {
        bytes = rest;
    }
    bytes
}

/// The text that a quoted string stands for; anything not quoted is its own text. A fold inside
/// becomes one space.
pub fn unquote(raw: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = raw else {
        return Cow::Borrowed(raw);
    };
    if memchr::memchr3(b'\\', b'\r', b'\n', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut octets = unfold(inner).into_owned().into_iter();
    while let Some(octet) = octets.next() {
        text.push(if octet == b'\\' { octets.next().unwrap_or(octet) } else { octet });
    }
    Cow::Owned(text)
}

/// Appends `text` to `out` as a quoted string. A line break, which no quoted string can hold,
/// becomes a space.
pub fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &octet in text {
        match octet {
            b'"' | b'\\' => out.extend([b'\\', octet]),
            b'\r' | b'\n' => out.push(b' '),
            _ => out.push(octet),
        }
    }
    out.push(b'"');
}

/// The value with each fold (line break and the white space around it) as one space.
// rfc3261 §7.3.1
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut text: Vec<u8> = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, next) = rest.split_at(end);
        text.extend(line);
        while text.last().is_some_and(|octet| is(*octet, class::LWS)) {
            text.pop();
        }
        text.push(b' ');
        let white = next.iter().take_while(|octet| is(**octet, class::LWS)).count();
        rest = next.get(white..).unwrap_or_default();
    }
    text.extend(rest);
    Cow::Owned(text)
}

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

/// Where the first comma stands that parts elements.
fn comma(value: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b',', value)?;
    let mut scanner = Scanner::new(value);
    while let Some(offset) = memchr::memchr3(b',', b'"', b'<', scanner.rest()) {
        scanner.skip(offset);
        match scanner.peek() {
            Some(b',') => return Some(scanner.at()),
            // A quote or bracket never closed protects nothing: the decoder will say so.
            Some(b'"') => {
                if scanner.quoted().is_err() {
                    return (scanner.at() <= first).then_some(first);
                }
            }
            _ => match memchr::memchr(b'>', scanner.rest()) {
                Some(close) => scanner.skip(close + 1),
                None => scanner.skip(1),
            },
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
    fn quoting_and_unquoting_are_inverse() {
        let mut out = Vec::new();
        quote(b"a \"b\" \\ c", &mut out);
        assert_eq!(out, b"\"a \\\"b\\\" \\\\ c\"");
        assert_eq!(&*unquote(&out), b"a \"b\" \\ c");
        assert_eq!(&*unquote(b"plain"), b"plain");
        assert_eq!(&*unquote(b"\"two\r\n  lines\""), b"two lines");
    }

    #[test]
    fn a_fold_reads_as_one_space() {
        // tests rfc3261 §7.3.1
        assert_eq!(
            &*unfold(b"I know you're there, \r\n   pick up\r\n\tthe phone"),
            b"I know you're there, pick up the phone".as_slice()
        );
        assert!(matches!(unfold(b"one line"), Cow::Borrowed(_)));
    }

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
