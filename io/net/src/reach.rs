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
    /// Nobody accepts connections there, or what accepts them is not whom we look for.
    Refused,
    /// No connection came about in time.
    Silent,
    /// We open as many connections as we may already.
    Full,
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

/// The flow to a place over UDP, which needs no connection.
pub(crate) fn datagrams_to(
    place: &Place,
    listeners: &[(Transport, SocketAddr)],
) -> Result<Flow, Unreachable> {
    let (listener, local) = our_end(place.transport, place.address, listeners)?;
    Ok(Flow { transport: place.transport, listener, local, remote: place.address, connection: 0 })
}

/// Our end of a way to `remote`: the listener of that transport that answers come to, and its address
/// on that way. The listeners are given by their real addresses, in their order.
pub(crate) fn our_end(
    transport: Transport,
    remote: SocketAddr,
    listeners: &[(Transport, SocketAddr)],
) -> Result<(u16, SocketAddr), Unreachable> {
    let towards = local_address_towards(remote).map_err(|_| Unreachable::NoRoute)?;
    let fitting = || {
        listeners
            .iter()
            .enumerate()
            .filter(|(_, (spoken, bound))| *spoken == transport && bound.is_ipv4() == remote.is_ipv4())
            .map(|(index, (_, bound))| (index, bound))
    };
    let (index, bound) = fitting()
        .find(|(_, bound)| bound.ip() == towards)
        .or_else(|| fitting().find(|(_, bound)| bound.ip().is_unspecified()))
        .or_else(|| fitting().next())
        .ok_or(Unreachable::NoListener)?;
    let ip = if bound.ip().is_unspecified() { towards } else { bound.ip() };
    let listener = u16::try_from(index).map_err(|_| Unreachable::NoListener)?;
    Ok((listener, SocketAddr::new(ip, bound.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        let address: SocketAddr = address.parse().expect("an address");
        Place { transport: Transport::Udp, address, host: address.ip().into() }
    }

    fn listening(specs: &[(Transport, &str)]) -> Vec<(Transport, SocketAddr)> {
        specs.iter().map(|(transport, address)| (*transport, address.parse().expect("an address"))).collect()
    }

    #[test]
    fn a_wildcard_listener_lends_the_address_that_the_kernel_would_use() {
        let listeners = listening(&[
            (Transport::Udp, "[::]:5060"),
            (Transport::Tcp, "0.0.0.0:5060"),
            (Transport::Udp, "0.0.0.0:5062"),
        ]);
        let flow = datagrams_to(&place("127.0.0.1:5060"), &listeners).expect("reached");
        assert_eq!(flow.listener, 2);
        assert_eq!(flow.local, "127.0.0.1:5062".parse().expect("an address"));
        assert_eq!(flow.remote, "127.0.0.1:5060".parse().expect("an address"));
    }

    #[test]
    fn a_listener_bound_to_the_right_address_comes_first() {
        let listeners = listening(&[(Transport::Udp, "0.0.0.0:5062"), (Transport::Udp, "127.0.0.1:5070")]);
        assert_eq!(datagrams_to(&place("127.0.0.1:9"), &listeners).expect("reached").listener, 1);
    }

    #[test]
    fn a_missing_family_or_transport_is_unreachable() {
        let listeners = listening(&[(Transport::Udp, "0.0.0.0:5062"), (Transport::Tcp, "[::]:5060")]);
        assert_eq!(datagrams_to(&place("[::1]:5060"), &listeners), Err(Unreachable::NoListener));
    }
}
