//! `c=`: where media is received (RFC 8866 §5.7).

use std::fmt;
use std::net::IpAddr;

use crate::host::{Family, Host};
use crate::word::number;

/// A connection address; a multicast one may have a time to live and a count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The kind of the address.
    pub family: Family,
    /// The address.
    pub host: Host,
    /// Of IPv4 multicast.
    pub ttl: Option<u8>,
    /// How many addresses, from this one on.
    pub count: Option<u32>,
}

impl Connection {
    pub(crate) const EXPECTED: &'static str = "`c=IN <addrtype> <connection-address>`";

    /// Of one address.
    pub fn new(address: IpAddr) -> Connection {
        Connection { family: Family::of(address), host: address.into(), ttl: None, count: None }
    }

    /// Reads what follows `c=`.
    pub fn parse(value: &str) -> Option<Connection> {
        // rfc8866 §5.7
        let mut words = value.split_ascii_whitespace();
        let (network, family, address) = (words.next()?, words.next()?, words.next()?);
        if network != "IN" || words.next().is_some() {
            return None;
        }
        let family = Family::parse(family)?;
        let mut parts = address.split('/');
        let host = Host::parse(parts.next()?)?;
        let numbers: Vec<u32> = parts.map(number).collect::<Option<_>>()?;
        let (ttl, count) = match (family, numbers.as_slice()) {
            (_, []) => (None, None),
            (Family::Ip4, [ttl]) => (Some(u8::try_from(*ttl).ok()?), None),
            (Family::Ip4, [ttl, count]) => (Some(u8::try_from(*ttl).ok()?), Some(*count)),
            (Family::Ip6, [count]) => (None, Some(*count)),
            (Family::Ip4 | Family::Ip6, _) => return None,
        };
        Some(Connection { family, host, ttl, count })
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IN {} {}", self.family, self.host)?;
        if let Some(ttl) = self.ttl {
            write!(f, "/{ttl}")?;
        }
        match self.count {
            Some(count) => write!(f, "/{count}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_read_and_printed() {
        // tests rfc8866 §5.7
        for value in [
            "IN IP4 192.0.2.1",
            "IN IP4 233.252.0.1/127/3",
            "IN IP6 ff00::db8:0:101/3",
            "IN IP4 host.example",
        ] {
            assert_eq!(Connection::parse(value).unwrap().to_string(), value);
        }
        for wrong in
            ["", "IN IP4", "IN IP4 a b", "ATM IP4 h", "IN IP4 h/300", "IN IP6 ::1/1/1", "IN IP4 $A.IP"]
        {
            assert_eq!(Connection::parse(wrong), None, "{wrong}");
        }
    }
}
