//! Host names and addresses as URIs and Via write them (RFC 3261 §25.1 `host`; RFC 5954 for IPv6).
//! Resolving a name is core/locate's.

use crate::scan::{class, is};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A host, borrowed. Names compare without case, addresses by value.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A domain name, as written.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, which is written in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host: `example.org`, `192.0.2.1`, `[2001:db8::1]`.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        if let [b'0'..=b'9', .., b'0'..=b'9'] = text
            && let Some(address) = parse_v4(text)
        {
            return Some(Host::V4(address));
        }
        let text = str::from_utf8(text).ok()?;
        match text.as_bytes() {
            [b'[', .., b']'] => parse_v6(text.get(1..text.len() - 1)?).map(Host::V6),
            _ => name(text),
        }
    }

    /// The host of a text that [`host_len`] found to be one.
    #[inline]
    pub(crate) fn proved(text: &'a [u8]) -> Option<Self> {
        match text {
            // What ends in a digit may be an address.
            [b'[', ..] | [.., b'0'..=b'9'] => Host::parse(text),
            _ => str::from_utf8(text).ok().filter(|name| !name.is_empty()).map(Host::Name),
        }
    }

    /// The address, if it is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> HostBuf {
        match self {
            Host::Name(name) => HostBuf::Name(name.to_ascii_lowercase()),
            Host::V4(address) => HostBuf::V4(*address),
            Host::V6(address) => HostBuf::V6(*address),
        }
    }
}

/// How long the host is that stands at the start of `text`.
#[inline]
pub(crate) fn host_len(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'[') {
        let end = memchr::memchr(b']', text)? + 1;
        return Host::parse(text.get(..end)?).map(|_| end);
    }
    // Any run of these is a name, so nothing more needs to be read to know that it is a host.
    let end = class::run_len(text, class::HOST);
    (end > 0).then_some(end)
}

fn name(text: &str) -> Option<Host<'_>> {
    let good = !text.is_empty() && text.bytes().all(|octet| is(octet, class::HOST));
    good.then_some(Host::Name(text))
}

/// Four numbers up to 255 without needless zeros. Read for each message several times, which costs a third
/// of what the library's reader does.
fn parse_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut address, mut octet, mut digits, mut dots) = (0u32, 0u32, 0, 0);
    for &character in text {
        match character {
            b'0'..=b'9' if digits < 3 && (digits == 0 || octet > 0) => {
                octet = octet * 10 + u32::from(character - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && octet < 256 && dots < 3 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => return None,
        }
    }
    (digits > 0 && octet < 256 && dots == 3).then(|| Ipv4Addr::from_bits(address << 8 | octet))
}

/// The address between brackets.
pub(crate) fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    match text.parse() {
        Ok(address) => Some(address),
        // RFC 3261's grammar allowed three colons before an IPv4 part; they are read as two.
        // rfc5118 §4.10
        Err(_) => text.replacen(":::", "::", 1).parse().ok().filter(|_| text.contains(":::")),
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::V4(a), Host::V4(b)) => a == b,
            (Host::V6(a), Host::V6(b)) => a == b,
            (Host::Name(_) | Host::V4(_) | Host::V6(_), _) => false,
        }
    }
}

impl Eq for Host<'_> {}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => write!(f, "{address}"),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

/// A host, owned; a name is kept in lower case, so that equal hosts are equal keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostBuf {
    /// A domain name in lower case.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl HostBuf {
    /// It, borrowed.
    pub fn as_ref(&self) -> Host<'_> {
        match self {
            HostBuf::Name(name) => Host::Name(name),
            HostBuf::V4(address) => Host::V4(*address),
            HostBuf::V6(address) => Host::V6(*address),
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.as_ref().ip()
    }
}

impl fmt::Display for HostBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl From<IpAddr> for HostBuf {
    fn from(address: IpAddr) -> Self {
        Host::from(address).to_owned()
    }
}

impl FromStr for HostBuf {
    type Err = NotAHost;

    /// As [`Host::parse`]; an IPv6 address may also come without brackets.
    fn from_str(text: &str) -> Result<Self, NotAHost> {
        Host::parse(text.as_bytes())
            .map(|host| host.to_owned())
            .or_else(|| text.parse().ok().map(HostBuf::V6))
            .ok_or(NotAHost)
    }
}

/// The text is no host name and no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl fmt::Display for NotAHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a host name or an IP address")
    }
}

impl std::error::Error for NotAHost {}

/// An address as Via and URIs write it: `192.0.2.1:5060`, `[2001:db8::1]:5060`.
pub fn address_text(address: SocketAddr) -> String {
    let SocketAddr::V4(v4) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    write_ip((*v4.ip()).into(), |piece| text.push_str(piece));
    text.push(':');
    text.push_str(itoa::Buffer::new().format(v4.port()));
    text
}

/// Gives the pieces of the text of an address without its port. Written for every message, so an IPv4 one goes past the formatting
/// machinery, which costs ten times as much.
pub(crate) fn write_ip(ip: IpAddr, mut write: impl FnMut(&str)) {
    let IpAddr::V4(v4) = ip else { return write(&ip.to_string()) };
    let mut digits = itoa::Buffer::new();
    for (octet, mark) in v4.octets().into_iter().zip(["", ".", ".", "."]) {
        write(mark);
        write(digits.format(octet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Host::parse(text.as_bytes()).map(|host| host.to_string())
    }

    #[test]
    fn an_ipv4_address_is_what_the_library_says_it_is() {
        let parts = ["", "0", "1", "9", "10", "00", "01", "99", "255", "256", "999", "1000", ".", "a", "-1"];
        let mut texts: Vec<String> = parts.map(str::to_owned).to_vec();
        for _ in 0..3 {
            let longer = |text: &String| parts.map(|part| format!("{text}.{part}"));
            texts = texts.iter().flat_map(longer).collect();
            texts.sort();
            texts.dedup();
        }
        assert!(texts.len() > 40_000);
        for text in texts {
            assert_eq!(parse_v4(text.as_bytes()), text.parse().ok(), "{text}");
        }
        assert_eq!(parse_v4(b"1.2.3.4.5"), None);
    }

    #[test]
    fn an_address_is_written_as_the_library_writes_it() {
        for text in ["0.0.0.0:0", "192.0.2.1:5060", "255.255.255.255:65535", "[2001:db8::1]:5060"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(address_text(address), text);
            let mut ip = String::new();
            write_ip(address.ip(), |piece| ip.push_str(piece));
            assert_eq!(ip, address.ip().to_string());
        }
    }

    #[test]
    fn names_and_both_kinds_of_address_are_read_and_printed() {
        for text in [
            "example.org",
            "a-b.c",
            "192.0.2.1",
            "[2001:db8::1]",
            "[::ffff:192.0.2.10]",
            "localhost",
            "x_y",
            "t1",
        ] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        for text in ["", "2001:db8::1", "[]", "[1", "a b", "a@b", "é", "[192.0.2.1]", "[:::]x"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn three_colons_are_read_as_two() {
        // tests rfc5118 §4.10
        assert_eq!(shown("[2001:db8:::192.0.2.1]").as_deref(), Some("[2001:db8::c000:201]"));
    }

    #[test]
    fn names_compare_without_case_and_addresses_by_value() {
        assert_eq!(Host::parse(b"ATLANTA.com"), Host::parse(b"atlanta.COM"));
        assert_eq!(Host::parse(b"[2001:DB8:0::1]"), Host::parse(b"[2001:db8::1]"));
        assert_ne!(Host::parse(b"192.0.2.1"), Host::parse(b"192.0.2.10"));
        assert_eq!("2001:db8::1".parse::<HostBuf>(), "[2001:db8::1]".parse::<HostBuf>());
        assert_eq!("Example.ORG".parse::<HostBuf>().unwrap().to_string(), "example.org");
    }
}
