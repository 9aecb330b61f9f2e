//! Where the parts of a URI stand (RFC 3261 §19.1.1 and §25.1, RFC 3966 §3, RFC 3986 §3.1).

use super::escape::escaped;
use super::{Parts, Scheme, is_separator};
use crate::error::UriError;
use crate::host::Host;
use crate::limits::URI_PARTS_MAX;
use crate::scan::{class, is};

/// Finds the parts of a URI that fills `text`.
#[inline]
pub(super) fn parts(text: &[u8]) -> Result<Parts, UriError> {
    if text.len() > usize::from(u16::MAX) {
        return Err(UriError::new(usize::from(u16::MAX), "the end of the URI"));
    }
    match text {
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => sip(text, 4, Scheme::Sip),
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => sip(text, 5, Scheme::Sips),
        [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', ..] => tel(text, 4),
        _ => other(text),
    }
}

/// The end of the run of `classes` and escapes that begins at `at`.
#[inline]
fn run(text: &[u8], mut at: usize, classes: u8) -> usize {
    loop {
        match text.get(at) {
            Some(octet) if is(*octet, classes) => at += 1,
            Some(b'%') if text.get(at..).and_then(escaped).is_some() => at += 3,
            _ => return at,
        }
    }
}

/// Offsets of a text that [`parts`] found to be no longer than 65535 octets.
#[inline]
fn short(at: usize) -> u16 {
    at as u16
}

/// The parts of a SIP URI whose scheme ends before `user`.
// rfc3261 §19.1.1 and §25.1
#[inline]
fn sip(text: &[u8], user: usize, scheme: Scheme) -> Result<Parts, UriError> {
    let (mut user_end, mut host) = (user, user);
    if let Some(offset) = memchr::memchr(b'@', text) {
        user_end = run(text, user, class::USER);
        if user_end == user {
            return Err(UriError::new(user, "a user before the @"));
        }
        let mut end = user_end;
        if text.get(end) == Some(&b':') {
            end = run(text, end + 1, class::USER);
        }
        if end != offset {
            return Err(UriError::new(end, "a character of a user, or @"));
        }
        host = offset + 1;
    }
    let host_end = match text.get(host) {
        Some(b'[') => memchr::memchr(b']', text).map_or(text.len(), |close| close + 1),
        _ => {
            host + text
                .get(host..)
                .unwrap_or_default()
                .iter()
                .take_while(|octet| is(**octet, class::HOST))
                .count()
        }
    };
    if Host::parse(text.get(host..host_end).unwrap_or_default()).is_none() {
        return Err(UriError::new(host, "a host"));
    }
    let (port, params) = port(text, host_end)?;
    let headers = params_end(text, params)?;
    match text.get(headers) {
        None => {}
        Some(b'?') => {
            let end = run(text, headers + 1, class::URIC);
            if end < text.len() || end == headers + 1 {
                return Err(UriError::new(end, "a header of a URI"));
            }
            let marks = text.get(headers..).unwrap_or_default().iter().filter(|octet| **octet == b'&');
            if marks.count() >= URI_PARTS_MAX {
                return Err(UriError::new(headers, "at most 64 headers of a URI"));
            }
        }
        Some(_) => return Err(UriError::new(headers, "; or ? or the end of the URI")),
    }
    Ok(Parts {
        scheme,
        user: short(user),
        user_end: short(user_end),
        host: short(host),
        host_end: short(host_end),
        port,
        params: short(params),
        headers: short(headers),
    })
}

/// The port at `at`, if a colon stands there, and where it ends.
fn port(text: &[u8], at: usize) -> Result<(Option<u16>, usize), UriError> {
    if text.get(at) != Some(&b':') {
        return Ok((None, at));
    }
    let start = at + 1;
    let digits =
        text.get(start..).unwrap_or_default().iter().take_while(|octet| octet.is_ascii_digit()).count();
    let end = start + digits;
    let number = text
        .get(start..end)
        .and_then(|digits| str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok());
    match number {
        Some(port) => Ok((Some(port), end)),
        None => Err(UriError::new(start, "a port up to 65535")),
    }
}

/// The end of the parameters that begin at `at`.
#[inline]
fn params_end(text: &[u8], at: usize) -> Result<usize, UriError> {
    let mut end = at;
    let mut count = 0;
    while text.get(end) == Some(&b';') {
        let name = end + 1;
        count += 1;
        if count > URI_PARTS_MAX {
            return Err(UriError::new(name, "at most 64 parameters of a URI"));
        }
        end = run(text, name, class::PARAM);
        if end == name {
            return Err(UriError::new(name, "the name of a URI parameter"));
        }
        if text.get(end) == Some(&b'=') {
            end = run(text, end + 1, class::PARAM);
        }
    }
    Ok(end)
}

/// The parts of a tel URI whose scheme ends before `number`.
// rfc3966 §3
fn tel(text: &[u8], number: usize) -> Result<Parts, UriError> {
    let global = text.get(number) == Some(&b'+');
    let start = number + usize::from(global);
    let digits = text.get(start..).unwrap_or_default();
    let is_digit = |octet: &u8| {
        octet.is_ascii_digit() || !global && (octet.is_ascii_hexdigit() || matches!(octet, b'*' | b'#'))
    };
    let length = digits.iter().take_while(|octet| is_digit(octet) || is_separator(**octet)).count();
    if !digits.iter().take(length).any(is_digit) {
        return Err(UriError::new(start, "a digit of a telephone number"));
    }
    let end = start + length;
    let headers = params_end(text, end)?;
    if headers < text.len() {
        return Err(UriError::new(headers, "; or the end of the URI"));
    }
    let (user, end, headers) = (short(number), short(end), short(headers));
    Ok(Parts {
        scheme: Scheme::Tel,
        user,
        user_end: end,
        host: end,
        host_end: end,
        port: None,
        params: end,
        headers,
    })
}

/// A URI of a scheme that we keep and do not read.
// rfc3986 §3.1
fn other(text: &[u8]) -> Result<Parts, UriError> {
    let scheme = text
        .iter()
        .take_while(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
        .count();
    if text.get(scheme) != Some(&b':') || !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(UriError::new(0, "a URI"));
    }
    let rest = scheme + 1;
    let end = run(text, rest, class::URIC);
    if end < text.len() || end == rest {
        return Err(UriError::new(end, "a character of a URI"));
    }
    let (rest, end) = (short(rest), short(end));
    Ok(Parts {
        scheme: Scheme::Other,
        user: rest,
        user_end: rest,
        host: end,
        host_end: end,
        port: None,
        params: end,
        headers: end,
    })
}
