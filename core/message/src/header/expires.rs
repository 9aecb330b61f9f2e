//! Lifetimes and intervals in seconds: Expires, Min-Expires, Flow-Timer (RFC 3261 §20.19, §20.23;
//! RFC 5626 §10), Session-Expires, Min-SE (RFC 4028 §4, §5), Retry-After (RFC 3261 §20.33). The
//! expires parameter of a Contact is in [`address`](super::address); who grants how long is the
//! registrar's, the notifier's or the session's.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::wraps::numbers;
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::{Scanner, class, is};

/// Takes `delta-seconds`. Seconds beyond 2**32-1 read as 2**32-1, the most the grammar knows: a
/// lifetime longer than a century is no error, and is cut by whoever grants it.
// rfc3261 §20.19, rfc4475 §3.1.2.4
pub(crate) fn delta_seconds(scanner: &mut Scanner<'_>) -> Result<u32, HeaderError> {
    let start = scanner.at();
    let mut seconds: u32 = 0;
    while let Some(digit @ b'0'..=b'9') = scanner.peek() {
        seconds = seconds.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
        scanner.skip(1);
    }
    if scanner.at() == start { Err(scanner.expected("a number of seconds")) } else { Ok(seconds) }
}

/// `delta-seconds` that fill a parameter's value.
pub(crate) fn delta_seconds_of(value: &[u8]) -> Option<u32> {
    let mut scanner = Scanner::new(value);
    let seconds = delta_seconds(&mut scanner).ok()?;
    scanner.end().ok().map(|()| seconds)
}

numbers! { delta_seconds:
    /// How long the message, or what it asks for, is valid, in seconds (RFC 3261 §20.19).
    Expires(u32),
    /// The shortest lifetime that the registrar or notifier grants, in seconds (RFC 3261 §20.23).
    MinExpires(u32),
    /// After how many seconds without traffic the server deems a flow dead (RFC 5626 §4.4).
    FlowTimer(u32),
}

/// Which side refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The caller of this request.
    Uac,
    /// The callee of this request.
    Uas,
}

impl Refresher {
    /// The value of the parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        }
    }
}

/// How long a session lives without a refresh (RFC 4028 §4).
#[derive(Clone, Copy, Debug)]
pub struct SessionExpires<'a> {
    /// The interval.
    pub secs: u32,
    /// The parameters.
    pub params: Params<'a>,
}

impl SessionExpires<'_> {
    /// Who refreshes; `None` if not said yet, or said in a word that is not ours.
    pub fn refresher(&self) -> Option<Refresher> {
        let value = self.params.get("refresher").flatten()?;
        [Refresher::Uac, Refresher::Uas]
            .into_iter()
            .find(|refresher| value.eq_ignore_ascii_case(refresher.as_str().as_bytes()))
    }
}

impl<'a> Header<'a> for SessionExpires<'a> {
    const NAME: HeaderName = HeaderName::SessionExpires;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        seconds_and_params(value).map(|(secs, params)| SessionExpires { secs, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_seconds_and_params(self.secs, &self.params, out);
    }
}

/// The shortest session interval that is accepted on the way (RFC 4028 §5).
#[derive(Clone, Copy, Debug)]
pub struct MinSe<'a> {
    /// The interval.
    pub secs: u32,
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Header<'a> for MinSe<'a> {
    const NAME: HeaderName = HeaderName::MinSe;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        seconds_and_params(value).map(|(secs, params)| MinSe { secs, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_seconds_and_params(self.secs, &self.params, out);
    }
}

fn seconds_and_params(value: &[u8]) -> Result<(u32, Params<'_>), HeaderError> {
    let mut scanner = Scanner::new(value);
    scanner.skip_lws();
    let secs = delta_seconds(&mut scanner)?;
    let params = Params::scan(&mut scanner)?;
    scanner.end()?;
    Ok((secs, params))
}

fn encode_seconds_and_params(secs: u32, params: &Params<'_>, out: &mut Vec<u8>) {
    out.extend(secs.to_string().as_bytes());
    out.extend(params.as_bytes());
}

/// When to try again: `120 (I'm in a meeting);duration=3600` (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug)]
pub struct RetryAfter<'a> {
    /// Seconds from now.
    pub secs: u32,
    /// The comment as written, parentheses included; empty where there is none.
    pub comment: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl RetryAfter<'_> {
    /// For how many seconds the peer will be reachable then; without it, for good.
    pub fn duration_secs(&self) -> Option<u32> {
        delta_seconds_of(self.params.get("duration").flatten()?)
    }
}

impl<'a> Header<'a> for RetryAfter<'a> {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let secs = delta_seconds(&mut scanner)?;
        scanner.skip_lws();
        let comment = if scanner.peek() == Some(b'(') { comment(&mut scanner)? } else { b"" };
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(RetryAfter { secs, comment, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.secs.to_string().as_bytes());
        if !self.comment.is_empty() {
            out.push(b' ');
            out.extend(self.comment);
        }
        out.extend(self.params.as_bytes());
    }
}

/// Takes a comment, with its parentheses, the comments inside it, and its escapes.
// rfc3261 §25.1
pub(crate) fn comment<'a>(scanner: &mut Scanner<'a>) -> Result<&'a [u8], HeaderError> {
    let start = scanner.at();
    let mut depth = 0usize;
    while let Some(octet) = scanner.peek() {
        scanner.skip(1);
        match octet {
            b'(' => depth += 1,
            b')' if depth == 1 => return Ok(scanner.since(start)),
            b')' => depth = depth.saturating_sub(1),
            b'\\' => scanner.skip(1),
            _ if depth == 0 => break,
            _ if octet < b' ' && !is(octet, class::LWS) => {
                return Err(scanner.expected("no control in a comment"));
            }
            _ => {}
        }
    }
    Err(HeaderError::new(start, "a comment that is closed by )"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_saturate_and_nothing_else_is_taken_for_them() {
        // tests rfc3261 §20.19, §20.23, rfc4475 §3.1.2.4
        assert_eq!(Expires::decode(b" 5 "), Ok(Expires(5)));
        assert_eq!(Expires::decode(b"4294967295").unwrap().0, u32::MAX);
        assert_eq!(Expires::decode(&[&b"1"[..], &[b'0'; 100]].concat()), Ok(Expires(u32::MAX)));
        assert_eq!(MinExpires::decode(b"60").unwrap().to_value(), b"60");
        for (bad, at) in [(&b""[..], 0), (b"-1", 0), (b"1.5", 1), (b"0x10", 1), (b"Thu, 01 Dec 1994", 0)] {
            assert_eq!(Expires::decode(bad).unwrap_err().at(), at);
        }
    }

    #[test]
    fn a_flow_timer_is_seconds() {
        // tests rfc5626 §10
        assert_eq!(FlowTimer::decode(b"120"), Ok(FlowTimer(120)));
    }

    #[test]
    fn retry_after_has_comment_and_duration() {
        // tests rfc3261 §20.33
        let retry = RetryAfter::decode(b"18000;duration=3600").unwrap();
        assert_eq!((retry.secs, retry.duration_secs(), retry.comment), (18_000, Some(3600), &b""[..]));
        let retry = RetryAfter::decode(b"120 (I'm in a (short\\)) meeting)").unwrap();
        assert_eq!((retry.secs, retry.duration_secs()), (120, None));
        assert_eq!(retry.comment, b"(I'm in a (short\\)) meeting)");
        assert_eq!(retry.to_value(), b"120 (I'm in a (short\\)) meeting)");
        assert_eq!(RetryAfter::decode(b"949302838503028349304023988").unwrap().secs, u32::MAX);
        assert_eq!(RetryAfter::decode(b"1 (a);b").unwrap().to_value(), b"1 (a);b");
        for bad in [&b"soon"[..], b"1 (a", b"1 (a) b", b"1 a", b"1 (a\0)", b""] {
            assert!(RetryAfter::decode(bad).is_err());
        }
    }

    #[test]
    fn a_session_interval_names_its_refresher() {
        // tests rfc4028 §4, §5
        let session = SessionExpires::decode(b"4000;refresher=UAC").unwrap();
        assert_eq!((session.secs, session.refresher()), (4000, Some(Refresher::Uac)));
        assert_eq!(SessionExpires::decode(b"50").unwrap().refresher(), None);
        assert_eq!(SessionExpires::decode(b"50 ; refresher=b2b").unwrap().refresher(), None);
        assert_eq!(MinSe::decode(b"3600;lr").unwrap().to_value(), b"3600;lr");
    }
}
