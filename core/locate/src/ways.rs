//! The ways that we have out: [`Ways`], which transports over which address families. What a hop
//! offers beyond them is passed over (RFC 3263 section 4.1: the transports supported by the client).

use std::net::IpAddr;

use ruf_message::Transport;

/// A family of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// One transport over one family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Way {
    /// How octets travel.
    pub transport: Transport,
    /// Between which addresses.
    pub family: Family,
}

/// The ways that we have, the one that we like best first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ways(Vec<Way>);

impl Ways {
    /// Of our listeners, in their order.
    pub fn new(listeners: impl IntoIterator<Item = (Transport, IpAddr)>) -> Self {
        let mut ways = Vec::new();
        for (transport, address) in listeners {
            let way = Way { transport, family: Family::of(address) };
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Ways(ways)
    }

    /// Whether anything is reached over this transport.
    pub(crate) fn has(&self, transport: Transport) -> bool {
        self.families(transport).next().is_some()
    }

    /// Whether an address is reached over this transport.
    pub(crate) fn leads_to(&self, transport: Transport, address: IpAddr) -> bool {
        self.families(transport).any(|family| family == Family::of(address))
    }

    /// The families of a transport, best first.
    pub(crate) fn families(&self, transport: Transport) -> impl Iterator<Item = Family> {
        self.0.iter().filter(move |way| way.transport == transport).map(|way| way.family)
    }

    /// The transports, best first, each once.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        let mut transports = Vec::new();
        for way in &self.0 {
            if !transports.contains(&way.transport) {
                transports.push(way.transport);
            }
        }
        transports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_listeners_is_kept_and_each_way_stands_once() {
        let any4: IpAddr = [0, 0, 0, 0].into();
        let any6: IpAddr = [0u16; 8].into();
        let (tcp, udp) = (Transport::Tcp, Transport::Udp);
        let ways = Ways::new([(tcp, any6), (udp, any4), (tcp, any4), (tcp, any4)]);
        assert_eq!(ways.transports(), [tcp, udp]);
        assert_eq!(ways.families(tcp).collect::<Vec<_>>(), [Family::V6, Family::V4]);
        assert!(ways.leads_to(tcp, any4) && !ways.leads_to(udp, any6) && !ways.has(Transport::Tls));
    }
}
