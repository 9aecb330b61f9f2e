//! STUN on the SIP ports: whatever comes is answered by what is STUN itself, hardly longer, and nothing that
//! is answered again.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ruf_net::stun::{answer, is_stun};

/// An answer with an IPv6 address beside a request of nothing.
const LONGER_BYTES_MAX: usize = 24;
/// The type of an error response.
const ERROR: &[u8] = &[0x01, 0x11];

/// The first octet says whether the phone has an IPv4 or an IPv6 address, the rest is the datagram.
pub fn stun(octets: &[u8]) {
    let Some((&family, datagram)) = octets.split_first() else {
        return;
    };
    let remote = match family & 1 {
        0 => SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 5_060)),
        _ => SocketAddr::from((Ipv6Addr::LOCALHOST, 5_060)),
    };
    let Some(reply) = answer(datagram, remote) else {
        return;
    };
    assert!(is_stun(datagram) && is_stun(&reply));
    assert_eq!(reply.get(8..20), datagram.get(8..20), "the transaction is the request's");
    let length = reply.get(2..4).and_then(|length| length.try_into().ok()).map(u16::from_be_bytes);
    assert_eq!(length.map(usize::from), reply.len().checked_sub(20), "the length is that of what follows");
    assert!(reply.len() % 4 == 0 && reply.len() <= datagram.len() + LONGER_BYTES_MAX);
    assert_eq!(answer(&reply, remote), None, "two servers do not answer each other");
    planted(datagram, &reply);
}

/// A fault for `dev/fuzz plant`: in what names an attribute that the answer refuses, of a certain length.
fn planted(datagram: &[u8], reply: &[u8]) {
    if cfg!(feature = "planted") && reply.starts_with(ERROR) && datagram.len() == 44 {
        panic!("planted in stun");
    }
}
