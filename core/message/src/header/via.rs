//! Via (RFC 3261 §20.42, §18.2; rport: RFC 3581).

use crate::error::HeaderError;
use crate::fields::Span;
use crate::flow::Transport;
use crate::header::Header;
use crate::host::{Host, host_len, parse_v6};
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::Scanner;
use std::net::IpAddr;

/// What every branch of an RFC 3261 element begins with (RFC 3261 §8.1.1.7).
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One hop: `SIP/2.0/UDP host:port;branch=z9hG4bK...`.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// The transport's token as written: `UDP`, or one that we do not have.
    pub transport_token: &'a [u8],
    /// The sent-by host as written: checked when it was read.
    host: &'a [u8],
    /// The sent-by port, if one is written.
    pub port: Option<u16>,
    /// The parameters.
    params: Params<'a>,
    /// The value of the first parameter `branch`.
    branch: Option<&'a [u8]>,
    has: Has,
}

/// Which parameters are there, of those that every message is asked for and few have.
#[derive(Clone, Copy, Debug, Default)]
struct Has {
    rport: bool,
    received: bool,
    oc: bool,
}

/// Where the parts of a hop stand: what a message notes of its top Via.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViaAt {
    transport_token: Span,
    host: Span,
    port: Option<u16>,
    params: Span,
    branch: Option<Span>,
    has: Has,
}

impl ViaAt {
    /// The hop, each part given by `text`.
    pub(crate) fn read<'a>(&self, text: impl Fn(Span) -> &'a [u8]) -> Via<'a> {
        Via {
            transport_token: text(self.transport_token),
            host: text(self.host),
            port: self.port,
            params: Params::proved(text(self.params)),
            branch: self.branch.map(text),
            has: self.has,
        }
    }
}

impl<'a> Via<'a> {
    /// Reads a hop, which a comma or the end follows.
    ///
    /// # Errors
    /// If none stands here.
    #[inline]
    pub fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        Via::scan_branches(scanner, |_| {})
    }

    /// The same, and shows the value of each parameter `branch`; there should be one.
    #[inline]
    pub(crate) fn scan_branches(
        scanner: &mut Scanner<'a>,
        mut each: impl FnMut(&'a [u8]),
    ) -> Result<Self, HeaderError> {
        let via = Via::scan_sent_by(scanner)?;
        let mut first: Option<Option<&[u8]>> = None;
        let mut has = Has::default();
        let params = Params::scan_each(scanner, |param| {
            let is = |name: &[u8]| param.name.eq_ignore_ascii_case(name);
            if is(b"branch") {
                first.get_or_insert(param.value);
                param.value.into_iter().for_each(&mut each);
            }
            has.rport |= is(b"rport");
            has.received |= is(b"received");
            has.oc |= is(b"oc");
        })?;
        Ok(Via { params, branch: first.flatten(), has, ..via })
    }

    /// Where its parts stand; `value` is the text that it was read from, and `span` where that stands.
    pub(crate) fn at(&self, value: &[u8], span: Span) -> ViaAt {
        let at = |part| span.of_part(value, part);
        ViaAt {
            transport_token: at(self.transport_token),
            host: at(self.host),
            port: self.port,
            params: at(self.params.as_bytes()),
            branch: self.branch.map(at),
            has: self.has,
        }
    }

    /// Reads what stands before the parameters.
    #[inline]
    pub(crate) fn scan_sent_by(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        scanner.skip_lws();
        let start = scanner.at();
        // Any protocol and version: a request of another version gets its 505 over this Via.
        // rfc3261 §25.1 sent-protocol
        for _name_and_version in 0..2 {
            scanner.token()?;
            if !scanner.eat_around(b'/') {
                return Err(HeaderError::new(start, "SIP/2.0/ and a transport"));
            }
        }
        let transport_token = scanner.token()?;
        let space = scanner.at();
        scanner.skip_lws();
        if scanner.at() == space {
            return Err(scanner.expected("a space before the sent-by host"));
        }
        let host_start = scanner.at();
        skip_host(scanner)?;
        let host = scanner.since(host_start);
        let port = if scanner.eat_around(b':') { Some(port(scanner)?) } else { None };
        Ok(Via { transport_token, host, port, ..Via::default() })
    }

    /// The transport; `None` if it is none of ours.
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_token(self.transport_token)
    }

    /// The sent-by host.
    pub fn host(&self) -> Host<'a> {
        Host::proved(self.host).unwrap_or(Host::Name(""))
    }

    /// The sent-by port, if one is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The sent-by port, or the transport's default.
    // rfc3261 §18.2.2
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport().unwrap_or(Transport::Udp).default_port())
    }

    /// The branch; `None` from an element of RFC 2543.
    pub const fn branch(&self) -> Option<&'a [u8]> {
        self.branch
    }

    /// The sent-by host as written.
    pub const fn host_bytes(&self) -> &'a [u8] {
        self.host
    }

    /// The branch is unique in space and time: it has the cookie (RFC 3261 §17.2.3).
    pub fn has_magic_cookie(&self) -> bool {
        self.branch().is_some_and(has_cookie)
    }

    /// The address that the request really came from, brackets or not (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        if !self.has.received {
            return None;
        }
        let text = str::from_utf8(self.params.get("received").flatten()?).ok()?;
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(inner) => parse_v6(inner).map(IpAddr::V6),
            None => text.parse().ok(),
        }
    }

    /// The response port: `None` if not asked for, `Some(None)` if asked for and not yet known
    /// (RFC 3581 §3).
    pub fn rport(&self) -> Option<Option<u16>> {
        if !self.has.rport {
            return None;
        }
        let value = self.params.get("rport")?;
        Some(value.and_then(|digits| str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok()))
    }

    /// Whether the hop says something of overload (RFC 7339 §4.1).
    pub const fn has_oc(&self) -> bool {
        self.has.oc
    }

    /// The multicast (or other) address that responses go to.
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.params.get("maddr").flatten().and_then(Host::parse)
    }

    /// The time-to-live of a multicast request.
    pub fn ttl(&self) -> Option<u8> {
        str::from_utf8(self.params.get("ttl").flatten()?).ok()?.parse().ok()
    }

    /// The same hop without its parameters.
    #[must_use]
    pub fn without_params(self) -> Self {
        Via { params: Params::default(), branch: None, has: Has::default(), ..self }
    }

    /// The parameters.
    pub const fn params(&self) -> Params<'a> {
        self.params
    }
}

impl Default for Via<'_> {
    /// Names no host. A message that came through the door has a better one.
    fn default() -> Self {
        Via {
            transport_token: b"",
            host: b"",
            port: None,
            params: Params::default(),
            branch: None,
            has: Has::default(),
        }
    }
}

fn has_cookie(branch: &[u8]) -> bool {
    branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
}

impl<'a> Header<'a> for Via<'a> {
    const NAME: HeaderName = HeaderName::Via;

    #[inline]
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        let via = Via::scan(&mut scanner)?;
        scanner.end()?;
        Ok(via)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(b"SIP/2.0/");
        out.extend(self.transport_token);
        out.push(b' ');
        out.extend(self.host);
        if let Some(port) = self.port {
            out.extend(format!(":{port}").as_bytes());
        }
        out.extend(self.params.as_bytes());
    }
}

/// Goes over a host.
#[inline]
fn skip_host(scanner: &mut Scanner<'_>) -> Result<(), HeaderError> {
    match host_len(scanner.rest()) {
        Some(length) => {
            scanner.skip(length);
            Ok(())
        }
        None => Err(scanner.expected("a host")),
    }
}

/// Takes a port.
pub(crate) fn port(scanner: &mut Scanner<'_>) -> Result<u16, HeaderError> {
    let at = scanner.at();
    u16::try_from(scanner.number()?).map_err(|_| HeaderError::new(at, "a port up to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_stands_where_the_grammar_lets_it() {
        // tests rfc4475 §3.1.1.1
        let via =
            Via::decode(b"SIP  / 2.0\r\n /UDP\r\n    192.0.2.2 : 5070 ; branch = 390skdjuw ;x").unwrap();
        assert_eq!(via.transport(), Some(Transport::Udp));
        assert_eq!((via.host().to_string().as_str(), via.port()), ("192.0.2.2", Some(5070)));
        assert_eq!(via.branch(), Some(&b"390skdjuw"[..]));
        assert!(!via.has_magic_cookie() && via.params().contains("X"));
        assert_eq!(via.to_value(), b"SIP/2.0/UDP 192.0.2.2:5070 ; branch = 390skdjuw ;x");
    }

    #[test]
    fn received_is_read_with_and_without_brackets() {
        // tests rfc5118 §4.5
        for text in [
            "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3",
            "SIP/2.0/UDP a;received=2001:db8::9:255",
        ] {
            assert_eq!(Via::decode(text.as_bytes()).unwrap().received(), "2001:db8::9:255".parse().ok());
        }
    }

    #[test]
    fn rport_is_asked_for_and_filled() {
        // tests rfc3581 §3
        let rport = |params: &str| Via::decode(format!("SIP/2.0/TLS h{params}").as_bytes()).unwrap().rport();
        assert_eq!((rport(""), rport(";rport"), rport(";rport=5062")), (None, Some(None), Some(Some(5062))));
        assert_eq!(Via::decode(b"SIP/2.0/TLS h").unwrap().port_or_default(), 5061);
    }

    #[test]
    fn what_is_no_via_is_refused() {
        // tests rfc4475 §3.1.2.1
        for bad in [
            &b""[..],
            b"SIP/2.0/UDP",
            b"SIP/2.0/UDP ",
            b"SIP/2.0/UDP h;;,",
            b"SIP/2.0 h",
            b"/2.0/UDP h",
            b"SIP/2.0/UDP h:99999",
            b"SIP/2.0/UDP 2001:db8::1",
            b"SIP/2.0/UDP h x",
        ] {
            assert!(Via::decode(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert!(Via::decode(b"SIP/2.0/UNKNOWN h;branch=x").is_ok());
    }
}
