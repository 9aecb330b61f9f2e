//! From a next hop to a flow: which of our sockets and which local address lead there.
//!
//! The local address is the one the kernel would use towards that peer, so that Via and Record-Route
//! never name a wildcard. Numeric hosts only: looking names up (RFC 3263) joins here later.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ruf_message::{Flow, Hop, Transport};

/// Why a next hop has no flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// The host is a name and names are not looked up.
    Name,
    /// No socket of ours speaks that transport and family.
    NoListener,
    /// The kernel knows no way there.
    NoRoute,
}

/// The local address that the kernel would use towards `remote`. No packet is sent.
pub fn local_address_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

/// Every address of this machine.
pub fn local_addresses() -> Vec<IpAddr> {
    if_addrs::get_if_addrs().map(|all| all.iter().map(|one| one.ip()).collect()).unwrap_or_default()
}

/// The flow to a hop, over one of the listeners (their real addresses, in their order).
pub(crate) fn flow_to(hop: &Hop, listeners: &[SocketAddr]) -> Result<Flow, Unreachable> {
    let ip = hop.host.ip().ok_or(Unreachable::Name)?;
    let transport = hop.transport.unwrap_or(Transport::Udp);
    if transport != Transport::Udp {
        return Err(Unreachable::NoListener);
    }
    let remote = SocketAddr::new(ip, hop.port.unwrap_or(transport.default_port()));
    let towards = local_address_towards(remote).map_err(|_| Unreachable::NoRoute)?;
    let same_family =
        || listeners.iter().enumerate().filter(|(_, bound)| bound.is_ipv4() == remote.is_ipv4());
    let (index, bound) = same_family()
        .find(|(_, bound)| bound.ip() == towards)
        .or_else(|| same_family().find(|(_, bound)| bound.ip().is_unspecified()))
        .or_else(|| same_family().next())
        .ok_or(Unreachable::NoListener)?;
    let ip = if bound.ip().is_unspecified() { towards } else { bound.ip() };
    Ok(Flow {
        transport,
        listener: u16::try_from(index).map_err(|_| Unreachable::NoListener)?,
        local: SocketAddr::new(ip, bound.port()),
        remote,
        connection: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(host: &str, port: Option<u16>) -> Hop {
        Hop { host: host.parse().expect("a host"), port, transport: None }
    }

    #[test]
    fn a_wildcard_listener_lends_the_address_that_the_kernel_would_use() {
        let listeners =
            ["[::]:5060".parse().expect("an address"), "0.0.0.0:5062".parse().expect("an address")];
        let flow = flow_to(&hop("127.0.0.1", None), &listeners).expect("reached");
        assert_eq!(flow.listener, 1);
        assert_eq!(flow.local, "127.0.0.1:5062".parse().expect("an address"));
        assert_eq!(flow.remote, "127.0.0.1:5060".parse().expect("an address"));
    }

    #[test]
    fn a_listener_bound_to_the_right_address_comes_first() {
        let listeners =
            ["0.0.0.0:5062".parse().expect("an address"), "127.0.0.1:5070".parse().expect("an address")];
        assert_eq!(flow_to(&hop("127.0.0.1", Some(9)), &listeners).expect("reached").listener, 1);
    }

    #[test]
    fn names_and_missing_families_are_unreachable() {
        let listeners = ["0.0.0.0:5062".parse().expect("an address")];
        assert_eq!(flow_to(&hop("phone.example.org", None), &listeners), Err(Unreachable::Name));
        assert_eq!(flow_to(&hop("[::1]", None), &listeners), Err(Unreachable::NoListener));
    }
}
