//! Quoted strings (RFC 3261 §25.1 `quoted-string`) and folds (§7.3.1).

use super::{class, is};
use std::borrow::Cow;

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
    let mut rest = text;
    while let Some(at) = rest.iter().position(|octet| matches!(octet, b'"' | b'\\' | b'\r' | b'\n')) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        match special {
            [octet @ (b'"' | b'\\'), ..] => out.extend([b'\\', *octet]),
            _ => out.push(b' '),
        }
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
