//! When two URIs mean the same (RFC 3261 §19.1.4 for SIP, RFC 3966 §4 for tel).

use super::{Scheme, UriRef, escaped, is_separator, unescape};
use crate::host::Host;

pub(super) fn equivalent(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    // rfc3261 §19.1.4: a SIP and a SIPS URI are never equivalent
    match (a.scheme(), b.scheme()) {
        (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => sip(a, b),
        (Scheme::Tel, Scheme::Tel) => tel(a, b),
        (Scheme::Other, Scheme::Other) => other(a, b),
        (Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Other, _) => false,
    }
}

// rfc3261 §19.1.4
fn sip(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    same_optional(a.user(), b.user(), Case::Kept)
        && same_optional(a.password(), b.password(), Case::Kept)
        && a.host() == b.host()
        && a.port() == b.port()
        && params_match(a, b)
        && params_match(b, a)
        && headers_match(a, b)
        && headers_match(b, a)
}

/// Parameters that never match their own absence. The RFC's text names user, ttl, method and maddr;
/// its example of two URIs that are not equivalent adds transport.
const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

/// Every parameter of `a` has its like in `b`, or may be ignored.
// rfc3261 §19.1.4
fn params_match(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    a.params().all(|(name, value)| match b.params().find(|(other, _)| same(name, other, Case::Ignored)) {
        Some((_, other)) => same_optional(value, other, Case::Ignored),
        None => !TELLING.iter().any(|telling| same(name, telling.as_bytes(), Case::Ignored)),
    })
}

/// Every header of `a` is in `b`: headers are never ignored.
// rfc3261 §19.1.4
fn headers_match(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    a.headers().all(|(name, value)| {
        b.headers().any(|(other, others)| same(name, other, Case::Ignored) && same(value, others, Case::Kept))
    })
}

// rfc3966 §4
fn tel(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    match (a.tel_number(), b.tel_number()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
        _ => false,
    }
    .then(|| tel_params_match(a, b) && tel_params_match(b, a))
    .unwrap_or(false)
}

/// Every parameter of `a` has its like in `b`: unlike SIP, none may be missing.
fn tel_params_match(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    a.params().all(|(name, value)| {
        b.params().any(|(other, others)| {
            let number = |text: &[u8]| -> Vec<u8> {
                unescape(text).iter().copied().filter(|octet| !is_separator(*octet)).collect()
            };
            let digits =
                name.eq_ignore_ascii_case(b"ext") || value.is_some_and(|value| value.starts_with(b"+"));
            same(name, other, Case::Ignored)
                && match (value, others) {
                    (Some(value), Some(others)) if digits => {
                        number(value).eq_ignore_ascii_case(&number(others))
                    }
                    (Some(value), Some(others)) if name.eq_ignore_ascii_case(b"phone-context") => {
                        match (Host::parse(value), Host::parse(others)) {
                            (Some(value), Some(others)) => value == others,
                            _ => same(value, others, Case::Ignored),
                        }
                    }
                    (value, others) => same_optional(value, others, Case::Ignored),
                }
        })
    })
}

/// Octet for octet; only the scheme has no case.
fn other(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    let rest = |uri: &UriRef<'_>| uri.scheme_bytes().len();
    a.scheme_bytes().eq_ignore_ascii_case(b.scheme_bytes())
        && a.as_bytes().get(rest(a)..) == b.as_bytes().get(rest(b)..)
}

#[derive(Clone, Copy, PartialEq)]
enum Case {
    Kept,
    Ignored,
}

fn same_optional(a: Option<&[u8]>, b: Option<&[u8]>, case: Case) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b, case),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Equal, an escape being equal to the character it stands for unless that is reserved.
// rfc3261 §19.1.4
fn same(a: &[u8], b: &[u8], case: Case) -> bool {
    a == b || Characters { text: a, case }.eq(Characters { text: b, case })
}

/// The characters of a text; an escaped reserved one differs from a bare one.
struct Characters<'a> {
    text: &'a [u8],
    case: Case,
}

impl Iterator for Characters<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        let (octet, was_escaped) = match escaped(self.text) {
            Some((octet, after)) => {
                self.text = after;
                (octet, true)
            }
            None => {
                let (&octet, after) = self.text.split_first()?;
                self.text = after;
                (octet, false)
            }
        };
        let reserved = matches!(octet, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',');
        let octet = if self.case == Case::Ignored { octet.to_ascii_lowercase() } else { octet };
        Some((octet, was_escaped && reserved))
    }
}
