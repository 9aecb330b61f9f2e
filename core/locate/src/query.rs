//! What the DNS is asked and how it answers: [`Query`], [`Answer`], [`Record`]. Only what RFC 3263
//! needs; the protocol itself is io/net's.

use std::fmt;
use std::net::IpAddr;

/// The kind of record asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Which services a domain has (RFC 3403).
    Naptr,
    /// Where a service is (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Naptr => "NAPTR",
            Kind::Srv => "SRV",
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
        })
    }
}

/// A question to the DNS.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Query {
    /// A whole name, in lower case, without the dot at its end.
    pub name: String,
    /// What is wanted of it.
    pub kind: Kind,
}

impl Query {
    /// Asks for a name, in any case, with or without the dot at its end.
    pub fn new(kind: Kind, name: &str) -> Self {
        Query { name: canonical(name), kind }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A name as a key: lower case, no dot at the end. The root is the empty string.
pub(crate) fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// What the DNS says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// There are records. Those of another kind than was asked for are passed over.
    Records {
        /// Seconds that they live: the least of their TTLs and of the aliases on the way.
        ttl_secs: u32,
        /// At least one.
        records: Vec<Record>,
    },
    /// There is no such name, or no such record of it.
    Nothing {
        /// Seconds that this holds (RFC 2308 section 5); 0 where nobody said.
        ttl_secs: u32,
    },
    /// It does not know, or did not answer.
    Failed,
}

impl Answer {
    /// The records, none if there are none.
    pub(crate) fn records(&self) -> &[Record] {
        match self {
            Answer::Records { records, .. } => records,
            Answer::Nothing { .. } | Answer::Failed => &[],
        }
    }
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// A service of a domain.
    Naptr(Naptr),
    /// A server of a service.
    Srv(Srv),
    /// An address of a host: A or AAAA.
    Address(IpAddr),
}

/// A NAPTR record (RFC 3403 section 4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naptr {
    /// The lowest comes first, and excludes all others.
    pub order: u16,
    /// Among those of one order, the lowest comes first.
    pub preference: u16,
    /// `s`: the replacement is the name of SRV records.
    pub flags: String,
    /// `SIPS+D2T`.
    pub service: String,
    /// Empty in every record that RFC 3263 knows.
    pub regexp: String,
    /// The name to ask next.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Srv {
    /// The lowest comes first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; the root (`.`) says that there is no such service.
    pub target: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_key_in_every_spelling() {
        assert_eq!(Query::new(Kind::A, "Example.ORG."), Query::new(Kind::A, "example.org"));
        assert_eq!(Query::new(Kind::Srv, "_sip._udp.h.").to_string(), "SRV _sip._udp.h");
        assert_eq!(canonical("."), "");
    }
}
