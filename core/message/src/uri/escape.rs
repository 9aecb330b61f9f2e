//! Escapes in URIs: `%41` (RFC 3261 §19.1.2).

use crate::scan::{class, is};
use std::borrow::Cow;

/// The text with each `%41` as the octet it stands for; a `%` that begins no escape stays.
// rfc3261 §19.1.2
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', text) else {
        return Cow::Borrowed(text);
    };
    let (plain, mut rest) = text.split_at(first);
    let mut out = plain.to_vec();
    while let [octet, after @ ..] = rest {
        (rest, _) = match escaped(rest) {
            Some((escape, after)) => (after, out.push(escape)),
            None => (after, out.push(*octet)),
        };
    }
    Cow::Owned(out)
}

/// Appends `user` to `out` as the user part of a SIP URI, escaping what may not stand there.
// rfc3261 §19.1.2
pub fn escape_user(user: &[u8], out: &mut Vec<u8>) {
    escape(user, |octet| is(octet, class::USER) && octet != b'#', out);
}

/// Appends `value` to `out` as the value of a header in a SIP URI (`?Replaces=...`), escaping what may not
/// stand there.
// rfc3261 §19.1.1 and rfc3261 §25.1: hvalue
pub fn escape_header(value: &[u8], out: &mut Vec<u8>) {
    escape(value, |octet| octet.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&octet), out);
}

fn escape(text: &[u8], may_stand: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in text {
        if may_stand(octet) {
            out.push(octet);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            out.extend([b'%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
}

/// The octet that an escape at the start of `text` stands for, and what follows.
pub(super) fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, after @ ..] => Some((hex(*high)? << 4 | hex(*low)?, after)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_escape_is_undone() {
        // tests rfc4475 §3.1.1.3, §3.1.1.5
        assert_eq!(&*unescape(b"sips%3Auser%40example.com"), b"sips:user@example.com");
        assert_eq!(&*unescape(b"%Z%45%4"), b"%ZE%4");
        assert_eq!(&*unescape(b"%00%c3%B6"), b"\0\xc3\xb6");
        assert!(matches!(unescape(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_user_of_any_octets_comes_back() {
        // tests rfc3261 §19.1.2
        let every: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        escape_user(&every, &mut out);
        assert_eq!(&*unescape(&out), every);
        assert!(out.iter().all(|octet| is(*octet, class::USER) || *octet == b'%'));
        let mut out = Vec::new();
        escape_user(b"j\xf6rg@home#1;x", &mut out);
        assert_eq!(out, b"j%F6rg%40home%231;x");
    }

    #[test]
    fn a_header_value_of_any_octets_comes_back() {
        // tests rfc3261 §19.1.1, §25.1
        let every: Vec<u8> = (0..=255).collect();
        let mut out = b"sip:a@h?x=".to_vec();
        escape_header(&every, &mut out);
        let uri = crate::Uri::parse(out).unwrap();
        let (_, value) = uri.as_ref().headers().next().unwrap();
        assert_eq!(&*unescape(value), every);
        let mut out = Vec::new();
        escape_header(b"425928@h;to-tag=7743;from-tag=6472", &mut out);
        assert_eq!(out, b"425928%40h%3Bto-tag%3D7743%3Bfrom-tag%3D6472");
    }
}
