//! When two URIs mean the same (RFC 3261 §19.1.4 for SIP, RFC 3966 §4 for tel).

use super::escape::{escaped, unescape};
use super::{Scheme, UriRef, is_separator};
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

/// Every parameter of `a` has its like in `b`, or may be ignored. One that stands twice, which is not
/// allowed, has its like in any of its name.
// rfc3261 §19.1.4
fn params_match(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    a.params().all(|(name, value)| {
        let mut named = b.params().filter(|(other, _)| same(name, other, Case::Ignored)).peekable();
        match named.peek() {
            Some(_) => named.any(|(_, other)| same_optional(value, other, Case::Ignored)),
            None => !TELLING.iter().any(|telling| same(name, telling.as_bytes(), Case::Ignored)),
        }
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
    let same_number = match (a.tel_number(), b.tel_number()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
        (Some(_) | None, _) => false,
    };
    same_number && tel_params_match(a, b) && tel_params_match(b, a)
}

/// Every parameter of `a` has its like in `b`: unlike SIP, none may be missing.
// rfc3966 §4
fn tel_params_match(a: &UriRef<'_>, b: &UriRef<'_>) -> bool {
    a.params().all(|(name, value)| {
        b.params()
            .any(|(other, others)| same(name, other, Case::Ignored) && tel_values_match(name, value, others))
    })
}

/// Numbers compare without separators, a domain name as a host, all else without case.
fn tel_values_match(name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    let context = name.eq_ignore_ascii_case(b"phone-context");
    match (a, b) {
        (Some(a), Some(b)) if name.eq_ignore_ascii_case(b"ext") || context && a.starts_with(b"+") => {
            digits(a).eq_ignore_ascii_case(&digits(b))
        }
        (Some(a), Some(b)) if context => match (Host::parse(a), Host::parse(b)) {
            (Some(a), Some(b)) => a == b,
            _ => same(a, b, Case::Ignored),
        },
        (a, b) => same_optional(a, b, Case::Ignored),
    }
}

fn digits(number: &[u8]) -> Vec<u8> {
    unescape(number).iter().copied().filter(|octet| !is_separator(*octet)).collect()
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

#[cfg(test)]
mod tests {
    use crate::uri::Uri;

    fn same(a: &str, b: &str) -> bool {
        let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(a.equivalent(&b), b.equivalent(&a), "{a} and {b}: symmetric");
        assert!(a.equivalent(&a) && b.equivalent(&b), "{a}, {b}: reflexive");
        a == b
    }

    #[test]
    fn the_examples_of_equivalent_uris_are() {
        // tests rfc3261 §19.1.4
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn the_examples_of_different_uris_are() {
        // tests rfc3261 §19.1.4
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn equality_is_not_transitive() {
        // tests rfc3261 §19.1.4
        let plain = "sip:carol@chicago.com";
        assert!(
            same(plain, "sip:carol@chicago.com;security=on")
                && same(plain, "sip:carol@chicago.com;security=off")
        );
        assert!(!same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
    }

    #[test]
    fn every_rule_of_the_comparison_tells() {
        // tests rfc3261 §19.1.4
        for (a, b) in [
            ("sip:a@h", "sips:a@h"),
            ("sip:h", "sip:a@h"),
            ("sip:a:p@h", "sip:a@h"),
            ("sip:a:p@h", "sip:a:P@h"),
            ("sip:a@h;user=phone", "sip:a@h"),
            ("sip:a@h;ttl=1", "sip:a@h"),
            ("sip:a@h;method=INVITE", "sip:a@h"),
            ("sip:a@h;maddr=192.0.2.1", "sip:a@h"),
            ("sip:a@h;x=1", "sip:a@h;x"),
            ("sip:a%3Bb@h", "sip:a;b@h"),
            ("sip:a@h?x=1", "sip:a@h?x=1&y=2"),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]"),
            ("sip:a@h", "tel:1;phone-context=h"),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
        for (a, b) in [
            ("sip:a@[2001:DB8::0:1]", "sip:a@[2001:db8::1]"),
            ("sip:a@h;%78=%79", "sip:a@h;X=Y"),
            ("sip:a@h;lr", "sip:a@h"),
            ("sip:%4a@h", "sip:J@h"),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn a_uri_with_a_parameter_twice_is_still_itself() {
        assert!(same("sip:a@h;x=1;x=2", "sip:a@h;X=2;x=1") && !same("sip:a@h;x=1;x=2", "sip:a@h;x=1"));
    }

    #[test]
    fn telephone_numbers_compare_by_their_digits() {
        // tests rfc3966 §4
        for (a, b) in [
            ("tel:+1-201-555-0123", "TEL:+1(201)555.0123"),
            ("tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.COM"),
            ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"),
            ("tel:+1;ext=12-3;x=A", "tel:+1;x=a;ext=123"),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
        for (a, b) in [
            ("tel:+12015550123", "tel:12015550123"),
            ("tel:+1;ext=1", "tel:+1"),
            ("tel:1;phone-context=a.b", "tel:1;phone-context=a.c"),
            ("tel:+1;x", "tel:+1;x=1"),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn other_schemes_compare_octet_by_octet() {
        assert!(same("HTTP://a.b/c", "http://a.b/c"));
        assert!(!same("http://a.b/c", "http://a.b/C") && !same("urn:a:b", "uri:a:b"));
    }
}
