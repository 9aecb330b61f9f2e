//! Where the parts of a URI stand (RFC 3261 §19.1.1 and §25.1, RFC 3966 §3, RFC 3986 §3.1).

use super::escape::escaped;
use super::{Parts, Scheme, is_separator};
use crate::error::UriError;
use crate::host::host_len;
use crate::limits::URI_PARTS_MAX;
use crate::scan::{Scanner, class};

/// Finds the parts of the URI at the start of `text`, and its end. Of one longer than 65535 octets
/// only the end is right.
#[inline]
pub(super) fn parts(text: &[u8]) -> Result<(Parts, usize), UriError> {
    match text {
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => sip(text, 4, Scheme::Sip),
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => sip(text, 5, Scheme::Sips),
        [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', ..] => tel(text, 4),
        _ => other(text),
    }
}

/// The parts of a SIP URI whose scheme ends before `user`.
// rfc3261 §19.1.1 and §25.1
#[inline]
fn sip(text: &[u8], user: usize, scheme: Scheme) -> Result<(Parts, usize), UriError> {
    let (user_end, host) = userinfo(text, user)?;
    let length = host_len(from(text, host)).ok_or(UriError::new(host, "a host"))?;
    let host_end = host + length;
    let (port, params) = match text.get(host_end) {
        Some(b':') => port(text, host_end + 1)?,
        _ => (None, host_end),
    };
    let headers = params_end(text, params)?;
    let end = match text.get(headers) {
        Some(b'?') => headers_end(text, headers)?,
        _ => headers,
    };
    let parts = Parts {
        scheme,
        user: short(user),
        user_end: short(user_end),
        host: short(host),
        host_end: short(host_end),
        port,
        params: short(params),
        headers: short(headers),
    };
    Ok((parts, end))
}

/// The end of the user, and where the host begins. Without an `@` there is no user: both are the
/// start. The class of a user's characters has `;` and `=`, so all of `host;params` may look like one.
#[inline]
fn userinfo(text: &[u8], start: usize) -> Result<(usize, usize), UriError> {
    let user_end = run(text, start, class::USER);
    let end = match text.get(user_end) {
        Some(b':') => run(text, user_end + 1, class::USER),
        _ => user_end,
    };
    match text.get(end) {
        Some(b'@') if user_end == start => Err(UriError::new(start, "a user before the @")),
        Some(b'@') => Ok((user_end, end + 1)),
        _ => Ok((start, start)),
    }
}

/// The port whose digits begin at `start`, and its end.
fn port(text: &[u8], start: usize) -> Result<(Option<u16>, usize), UriError> {
    let mut scanner = Scanner::new(from(text, start));
    match scanner.number().ok().and_then(|number| u16::try_from(number).ok()) {
        Some(port) => Ok((Some(port), start + scanner.at())),
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

/// The end of the headers whose `?` stands at `mark`.
fn headers_end(text: &[u8], mark: usize) -> Result<usize, UriError> {
    let end = run(text, mark + 1, class::URIC);
    let headers = text.get(mark + 1..end).unwrap_or_default();
    if headers.is_empty() {
        return Err(UriError::new(end, "a header of a URI"));
    }
    if headers.iter().filter(|octet| **octet == b'&').count() >= URI_PARTS_MAX {
        return Err(UriError::new(mark, "at most 64 headers of a URI"));
    }
    Ok(end)
}

/// The parts of a tel URI whose scheme ends before `number`.
// rfc3966 §3
fn tel(text: &[u8], number: usize) -> Result<(Parts, usize), UriError> {
    let global = text.get(number) == Some(&b'+');
    let start = number + usize::from(global);
    let is_digit = |octet: &u8| {
        octet.is_ascii_digit() || !global && (octet.is_ascii_hexdigit() || matches!(octet, b'*' | b'#'))
    };
    let digits = from(text, start);
    let length = digits.iter().take_while(|octet| is_digit(octet) || is_separator(**octet)).count();
    if !digits.iter().take(length).any(is_digit) {
        return Err(UriError::new(start, "a digit of a telephone number"));
    }
    let params = start + length;
    let end = params_end(text, params)?;
    Ok((opaque(Scheme::Tel, number, params, end), end))
}

/// A URI of a scheme that we keep and do not read.
// rfc3986 §3.1
fn other(text: &[u8]) -> Result<(Parts, usize), UriError> {
    let in_scheme = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
    let scheme = text.iter().take_while(|octet| in_scheme(octet)).count();
    if text.get(scheme) != Some(&b':') || !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(UriError::new(0, "a URI"));
    }
    let rest = scheme + 1;
    let end = run(text, rest, class::URIC);
    if end == rest {
        return Err(UriError::new(end, "a character of a URI"));
    }
    Ok((opaque(Scheme::Other, rest, end, end), end))
}

/// The parts of a URI that has no host.
fn opaque(scheme: Scheme, start: usize, params: usize, end: usize) -> Parts {
    let (start, params, end) = (short(start), short(params), short(end));
    Parts {
        scheme,
        user: start,
        user_end: params,
        host: params,
        host_end: params,
        port: None,
        params,
        headers: end,
    }
}

/// The end of the run of `class` and escapes that begins at `start`.
#[inline]
fn run(text: &[u8], start: usize, class: u8) -> usize {
    let mut at = start;
    loop {
        at += class::run_len(from(text, at), class);
        if escaped(from(text, at)).is_none() {
            return at;
        }
        at += 3;
    }
}

#[inline]
fn from(text: &[u8], start: usize) -> &[u8] {
    text.get(start..).unwrap_or_default()
}

/// An offset of a URI that the caller finds to be no longer than 65535 octets.
#[inline]
fn short(at: usize) -> u16 {
    at as u16
}
