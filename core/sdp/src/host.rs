//! The address of an `o=`, `c=`, `a=rtcp` or candidate: IPv4, IPv6 or a name.

use std::fmt;
use std::net::IpAddr;

/// `IP4` or `IP6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `IP4`.
    Ip4,
    /// `IP6`.
    Ip6,
}

impl Family {
    /// Reads an `<addrtype>`.
    pub fn parse(word: &str) -> Option<Family> {
        match word {
            "IP4" => Some(Family::Ip4),
            "IP6" => Some(Family::Ip6),
            _ => None,
        }
    }

    /// The family of an address.
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::Ip4 } else { Family::Ip6 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Ip4 => "IP4",
            Family::Ip6 => "IP6",
        })
    }
}

/// An address, or a name that DNS has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A numeric address.
    Ip(IpAddr),
    /// A domain name.
    Name(String),
}

impl Host {
    /// Reads an address or a name; an IPv6 address may stand in brackets, as some devices write it.
    pub fn parse(word: &str) -> Option<Host> {
        let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
        if let Ok(address) = bare.parse() {
            return Some(Host::Ip(address));
        }
        let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        (!word.is_empty() && word.bytes().all(is_name)).then(|| Host::Name(word.to_owned()))
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Ip(address) => Some(*address),
            Host::Name(_) => None,
        }
    }

    /// Whether nothing can be sent there: 0.0.0.0 and `::`, and a name under `.invalid`
    /// (RFC 3264 §8.4, RFC 6157 §3.1).
    pub fn is_nowhere(&self) -> bool {
        match self {
            Host::Ip(address) => address.is_unspecified(),
            Host::Name(name) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                name == "invalid" || name.ends_with(".invalid")
            }
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        Host::Ip(address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(address) => write!(f, "{address}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nowhere_is_known_in_each_spelling() {
        // tests rfc3264 §8.4
        for nowhere in ["0.0.0.0", "::", "[::]", "x.invalid", "INVALID."] {
            assert!(Host::parse(nowhere).unwrap().is_nowhere(), "{nowhere}");
        }
        for place in ["192.0.2.1", "2001:db8::1", "invalid.example"] {
            assert!(!Host::parse(place).unwrap().is_nowhere(), "{place}");
        }
        assert_eq!(Host::parse("a b"), None);
    }
}
