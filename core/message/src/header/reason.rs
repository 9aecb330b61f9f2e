//! Why something happened: Reason (RFC 3326), Warning (RFC 3261 §20.43). What they lead to lives
//! with the session and the calls.

use crate::error::HeaderError;
use crate::header::Header;
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::{Scanner, class, is, unquote};
use std::borrow::Cow;

/// `SIP ;cause=200 ;text="Call completed elsewhere"` (RFC 3326 §2).
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another protocol, as written; compare without case.
    pub protocol: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// The cause: a status code of SIP, a cause value of Q.850.
    pub fn cause(&self) -> Option<u16> {
        str::from_utf8(self.params.get("cause").flatten()?).ok()?.parse().ok()
    }

    /// What to tell a human.
    pub fn text(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("text")
    }

    /// The cause is a status code of SIP (RFC 3326 §2).
    pub fn is_sip(&self) -> bool {
        self.protocol.eq_ignore_ascii_case(b"SIP")
    }
}

impl<'a> Header<'a> for Reason<'a> {
    const NAME: HeaderName = HeaderName::Reason;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let protocol = scanner.token()?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(Reason { protocol, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.protocol);
        out.extend(self.params.as_bytes());
    }
}

/// `307 isi.edu "Session parameter 'foo' not understood"` (RFC 3261 §20.43).
#[derive(Clone, Copy, Debug)]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// The host, with or without a port, or the pseudonym of who warns.
    pub agent: &'a [u8],
    /// The text as written, quotes included.
    pub quoted_text: &'a [u8],
}

impl<'a> Warning<'a> {
    /// What to tell a human.
    pub fn text(&self) -> Cow<'a, [u8]> {
        unquote(self.quoted_text)
    }
}

impl<'a> Header<'a> for Warning<'a> {
    const NAME: HeaderName = HeaderName::Warning;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let start = scanner.at();
        let code = scanner.number()?;
        let code = u16::try_from(code).ok().filter(|_| scanner.at() - start == 3);
        let code = code.ok_or(HeaderError::new(start, "a code of three digits"))?;
        space(&mut scanner)?;
        let start = scanner.at();
        while scanner.peek().is_some_and(|octet| !is(octet, class::LWS) && octet != b'"') {
            scanner.skip(1);
        }
        let agent = scanner.since(start);
        if agent.is_empty() {
            return Err(scanner.expected("who warns"));
        }
        space(&mut scanner)?;
        let quoted_text = scanner.quoted()?;
        scanner.end()?;
        Ok(Warning { code, agent, quoted_text })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(format!("{:03} ", self.code).as_bytes());
        out.extend(self.agent);
        out.push(b' ');
        out.extend(self.quoted_text);
    }
}

/// Takes white space, of which there must be some.
pub(crate) fn space(scanner: &mut Scanner<'_>) -> Result<(), HeaderError> {
    let start = scanner.at();
    scanner.skip_lws();
    if scanner.at() == start { Err(scanner.expected("a space")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_cause_and_text() {
        // tests rfc3326 §2
        let reason = Reason::decode(b"Q.850 ;cause=16 ;text=\"Terminated\"").unwrap();
        assert_eq!(
            (reason.cause(), &*reason.text().unwrap(), reason.is_sip()),
            (Some(16), &b"Terminated"[..], false)
        );
        let reason = Reason::decode(b"sip;cause=600;text=\"Busy, \\\"Everywhere\\\"\"").unwrap();
        assert_eq!((reason.cause(), reason.is_sip()), (Some(600), true));
        assert_eq!(&*reason.text().unwrap(), b"Busy, \"Everywhere\"");
        assert_eq!(reason.to_value(), b"sip;cause=600;text=\"Busy, \\\"Everywhere\\\"\"");
        assert_eq!(Reason::decode(b"preemption;cause=99999").unwrap().cause(), None);
        assert!(Reason::decode(b";cause=1").is_err() && Reason::decode(b"").is_err());
    }

    #[test]
    fn a_warning_has_code_agent_and_text() {
        // tests rfc3261 §20.43
        let warning =
            Warning::decode(b"301 isi.edu:5060 \"Incompatible network address type 'E.164'\"").unwrap();
        assert_eq!((warning.code, warning.agent), (301, &b"isi.edu:5060"[..]));
        assert_eq!(&*warning.text(), b"Incompatible network address type 'E.164'");
        assert_eq!(warning.to_value(), b"301 isi.edu:5060 \"Incompatible network address type 'E.164'\"");
        // tests rfc4475 §3.1.2.5
        for bad in [
            &b"1812 overture \"In Progress\""[..],
            b"30 a \"b\"",
            b"301 \"b\"",
            b"301 a b",
            b"301 a \"b",
            b"301 a",
            b"",
        ] {
            assert!(Warning::decode(bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
