//! From a place to a flow: which of our sockets and which local address lead there.
//!
//! The local address is the one the kernel would use towards that peer, so that Via and Record-Route
//! never name a wildcard. Not here: which places a host name has (RFC 3263, core/locate).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ruf_message::{Flow, Place, Transport};

/// Why a place has no flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
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

/// The flow to a place, over one of the listeners (their real addresses, in their order).
pub(crate) fn flow_to(place: &Place, listeners: &[SocketAddr]) -> Result<Flow, Unreachable> {
    let Place { transport, address: remote, .. } = *place;
    if transport != Transport::Udp {
        return Err(Unreachable::NoListener);
    }
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

    fn place(address: &str) -> Place {
        let address: SocketAddr = address.parse().expect("an address");
        Place { transport: Transport::Udp, address, host: address.ip().into() }
    }

    #[test]
    fn a_wildcard_listener_lends_the_address_that_the_kernel_would_use() {
        let listeners =
            ["[::]:5060".parse().expect("an address"), "0.0.0.0:5062".parse().expect("an address")];
        let flow = flow_to(&place("127.0.0.1:5060"), &listeners).expect("reached");
        assert_eq!(flow.listener, 1);
        assert_eq!(flow.local, "127.0.0.1:5062".parse().expect("an address"));
        assert_eq!(flow.remote, "127.0.0.1:5060".parse().expect("an address"));
    }

    #[test]
    fn a_listener_bound_to_the_right_address_comes_first() {
        let listeners =
            ["0.0.0.0:5062".parse().expect("an address"), "127.0.0.1:5070".parse().expect("an address")];
        assert_eq!(flow_to(&place("127.0.0.1:9"), &listeners).expect("reached").listener, 1);
    }

    #[test]
    fn a_missing_family_is_unreachable() {
        let listeners = ["0.0.0.0:5062".parse().expect("an address")];
        assert_eq!(flow_to(&place("[::1]:5060"), &listeners), Err(Unreachable::NoListener));
    }
}
