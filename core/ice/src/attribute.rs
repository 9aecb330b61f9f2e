//! The attributes of STUN that ICE and TURN have (RFC 8489 §18.3, RFC 8445 §16.1, RFC 8656 §18), and how an address
//! stands in one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::message::{COOKIE, Transaction};

pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const ERROR_CODE: u16 = 0x0009;
pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
pub(crate) const LIFETIME: u16 = 0x000D;
pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(crate) const DATA: u16 = 0x0013;
pub(crate) const REALM: u16 = 0x0014;
pub(crate) const NONCE: u16 = 0x0015;
pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(crate) const PRIORITY: u16 = 0x0024;
pub(crate) const USE_CANDIDATE: u16 = 0x0025;
pub(crate) const FINGERPRINT: u16 = 0x8028;
pub(crate) const ICE_CONTROLLED: u16 = 0x8029;
pub(crate) const ICE_CONTROLLING: u16 = 0x802A;

/// 401, and the rest that is told apart (RFC 8489 §14.8, RFC 8445 §16.2, RFC 8656 §19).
pub(crate) const UNAUTHENTICATED: u16 = 401;
pub(crate) const UNKNOWN_ATTRIBUTE: u16 = 420;
pub(crate) const STALE_NONCE: u16 = 438;
pub(crate) const ROLE_CONFLICT: u16 = 487;

/// UDP, as REQUESTED-TRANSPORT names it.
pub(crate) const UDP: [u8; 4] = [17, 0, 0, 0];

/// Whether who does not know this attribute must not do what it comes with, and we do not.
// rfc8489 §14
pub(crate) fn is_unknown(name: u16) -> bool {
    const FIRST_OPTIONAL: u16 = 0x8000;
    const KNOWN: [u16; 15] = [
        USERNAME,
        MESSAGE_INTEGRITY,
        ERROR_CODE,
        UNKNOWN_ATTRIBUTES,
        CHANNEL_NUMBER,
        LIFETIME,
        XOR_PEER_ADDRESS,
        DATA,
        REALM,
        NONCE,
        XOR_RELAYED_ADDRESS,
        REQUESTED_TRANSPORT,
        XOR_MAPPED_ADDRESS,
        PRIORITY,
        USE_CANDIDATE,
    ];
    name < FIRST_OPTIONAL && !KNOWN.contains(&name)
}

/// The value of an attribute with an address, masked.
// rfc8489 §14.2
pub(crate) fn masked(address: SocketAddr, transaction: &Transaction) -> Vec<u8> {
    let [high, low, ..] = COOKIE;
    let port = address.port() ^ u16::from_be_bytes([high, low]);
    let (family, octets) = match address.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let key = COOKIE.iter().chain(transaction);
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(octets.iter().zip(key).map(|(octet, key)| octet ^ key));
    value
}

/// The address in such a value.
// rfc8489 §14.2
pub(crate) fn unmasked(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let [high, low, ..] = COOKIE;
    let port = u16::from_be_bytes(*value.get(2..4)?.first_chunk()?) ^ u16::from_be_bytes([high, low]);
    let key = COOKIE.iter().chain(transaction);
    let octets: Vec<u8> = value.get(4..)?.iter().zip(key).map(|(octet, key)| octet ^ key).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
