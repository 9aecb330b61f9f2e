//! `a=candidate`: an address that ICE may use (RFC 8839 §5.1). The other attributes of ICE are words, found
//! by [`Media`](crate::Media). ICE itself is core/ice's.

use std::fmt;

use crate::host::Host;
use crate::section::Attribute;
use crate::word::number;

/// `a=candidate`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Equal of candidates that are alike.
    pub foundation: String,
    /// 1 for RTP, 2 for RTCP.
    pub component: u16,
    /// `UDP`, as it is written.
    pub transport: String,
    /// The higher the better.
    pub priority: u32,
    /// The address; a name is one that is to be ignored, unless an extension says otherwise.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// `host`, `srflx`, `prflx`, `relay`, as it is written.
    pub kind: String,
    /// The address and port that it is related to.
    pub related: Option<(Host, u16)>,
    /// What else is said, in pairs.
    pub extensions: Vec<(String, String)>,
}

impl Attribute for Candidate {
    const NAME: &'static str = "candidate";
    const EXPECTED: &'static str =
        "`a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> ...`";

    fn parse(value: &str) -> Option<Candidate> {
        // rfc8839 §5.1
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next();
        let foundation = word()?.to_owned();
        let component = number(word()?).filter(|component| (1..=256).contains(component))?;
        let transport = word()?.to_owned();
        let priority = number(word()?)?;
        let (host, port) = (Host::parse(word()?)?, number(word()?)?);
        word().filter(|typ| *typ == "typ")?;
        let kind = word()?.to_owned();
        let (mut address, mut address_port, mut extensions) = (None, None, Vec::new());
        while let Some(name) = words.next() {
            let value = words.next()?;
            match name {
                "raddr" if address.is_none() => address = Some(Host::parse(value)?),
                "rport" if address_port.is_none() => address_port = Some(number(value)?),
                _ => extensions.push((name.to_owned(), value.to_owned())),
            }
        }
        let related = match (address, address_port) {
            (Some(host), Some(port)) => Some((host, port)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        Some(Candidate { foundation, component, transport, priority, host, port, kind, related, extensions })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { foundation, component, transport, priority, host, port, kind, .. } = self;
        write!(f, "{foundation} {component} {transport} {priority} {host} {port} typ {kind}")?;
        if let Some((host, port)) = &self.related {
            write!(f, " raddr {host} rport {port}")?;
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_and_printed() {
        // tests rfc8839 §5.1
        for value in [
            "2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
            "1 2 UDP 2130706431 2001:db8::1 8998 typ host",
            "1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active generation 0",
            "842163049 1 udp 1677729535 x.local 46154 typ host",
        ] {
            assert_eq!(Candidate::parse(value).unwrap().to_string(), value);
        }
        for wrong in [
            "",
            "1 0 UDP 1 192.0.2.3 1 typ host",
            "1 1 UDP 1 192.0.2.3 1",
            "1 1 UDP 1 192.0.2.3 1 kind host",
            "1 1 UDP 1 192.0.2.3 1 typ srflx raddr 192.0.2.1",
            "1 1 UDP 1 192.0.2.3 1 typ host odd",
            "1 1 UDP 99999999999 192.0.2.3 1 typ host",
        ] {
            assert_eq!(Candidate::parse(wrong), None, "{wrong}");
        }
    }
}
