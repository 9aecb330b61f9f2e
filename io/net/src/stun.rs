//! STUN Binding requests on the SIP ports: a phone behind NAT asks whether its way to the server still stands
//! and what it looks like from outside (RFC 5626 §4.4.2, §8; RFC 8489).
//!
//! A stateless answer to a Binding request; a request of our own, and what an answer to it says: nothing else, no
//! authentication, no other method. An answer is never much longer than what asked for it. STUN and SIP are told
//! apart by the first octet, which in SIP is a letter, and by the magic cookie. Not here: when a phone asks, and
//! what follows from the answer (io/sip).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

/// What every STUN message carries.
// rfc8489 §5
const COOKIE: u32 = 0x2112_A442;
const HEADER_BYTES: usize = 20;
/// A longer datagram is no question of a phone.
const REQUEST_BYTES_MAX: usize = 548;
/// Unknown attributes named in an error, at most.
const UNKNOWN_MAX: usize = 4;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const FINGERPRINT: u16 = 0x8028;
/// USERNAME, MESSAGE-INTEGRITY, REALM, NONCE and their younger kin: nobody is asked who he is here, so
/// nothing is made of them.
const OF_CREDENTIALS: [u16; 7] = [0x0006, 0x0008, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E];
const COMPREHENSION_OPTIONAL: u16 = 0x8000;

/// Whether a datagram is STUN, not SIP.
// rfc5626 §8 and rfc8489 §5: two zero bits, and the cookie
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|octet| octet & 0xC0 == 0)
        && datagram.get(4..8) == Some(&COOKIE.to_be_bytes())
}

/// The answer to a STUN datagram; `None` for what is malformed, for responses and indications.
pub fn answer(datagram: &[u8], remote: SocketAddr) -> Option<Bytes> {
    let request = Request::parse(datagram)?;
    let mut body = BytesMut::new();
    let kind = if request.unknown.is_empty() {
        put_address(&mut body, remote, &request.transaction);
        BINDING_SUCCESS
    } else {
        // rfc8489 §6.3.1: 420 Unknown Attribute
        put_attribute(&mut body, ERROR_CODE, &[0, 0, 4, 20]);
        let names: Vec<u8> = request.unknown.iter().flat_map(|name| name.to_be_bytes()).collect();
        put_attribute(&mut body, UNKNOWN_ATTRIBUTES, &names);
        BINDING_ERROR
    };
    Some(request.reply(kind, &body))
}

/// A Binding request of ours, under this transaction ID.
// rfc8489 §5
pub fn question(transaction: [u8; 12]) -> Bytes {
    Request { transaction, unknown: Vec::new(), has_fingerprint: false }.reply(BINDING_REQUEST, &[])
}

/// The transaction ID of a Binding success response, and the address from which its request came to the server;
/// `None` for any other datagram, and for one that is malformed.
// rfc8489 §6.3.3 and §14.2
pub fn mapped(datagram: &[u8]) -> Option<([u8; 12], SocketAddr)> {
    if datagram.len() > REQUEST_BYTES_MAX || !is_stun(datagram) || be16(datagram, 0)? != BINDING_SUCCESS {
        return None;
    }
    let length = usize::from(be16(datagram, 2)?);
    if length % 4 != 0 || HEADER_BYTES + length != datagram.len() {
        return None;
    }
    let transaction = datagram.get(8..HEADER_BYTES)?.try_into().ok()?;
    let mut at = HEADER_BYTES;
    while at < datagram.len() {
        let (name, length) = (be16(datagram, at)?, usize::from(be16(datagram, at + 2)?));
        let value = datagram.get(at + 4..at + 4 + length)?;
        if name == XOR_MAPPED_ADDRESS {
            return Some((transaction, read_address(value, &transaction)?));
        }
        at += 4 + length.next_multiple_of(4);
    }
    None
}

/// A Binding request, as far as it matters.
struct Request {
    transaction: [u8; 12],
    unknown: Vec<u16>,
    has_fingerprint: bool,
}

impl Request {
    // rfc8489 §6.3
    fn parse(datagram: &[u8]) -> Option<Request> {
        if datagram.len() > REQUEST_BYTES_MAX || !is_stun(datagram) {
            return None;
        }
        let length = usize::from(be16(datagram, 2)?);
        if be16(datagram, 0)? != BINDING_REQUEST || length % 4 != 0 || HEADER_BYTES + length != datagram.len()
        {
            return None;
        }
        let transaction = datagram.get(8..HEADER_BYTES)?.try_into().ok()?;
        let mut request = Request { transaction, unknown: Vec::new(), has_fingerprint: false };
        let mut at = HEADER_BYTES;
        while at < datagram.len() {
            let (name, length) = (be16(datagram, at)?, usize::from(be16(datagram, at + 2)?));
            let value = datagram.get(at + 4..at + 4 + length)?;
            match name {
                FINGERPRINT => {
                    // rfc8489 §14.7: over everything before it, and nothing comes after it
                    let before = datagram.get(..at)?;
                    if value != fingerprint(before).to_be_bytes() || at + 8 != datagram.len() {
                        return None;
                    }
                    request.has_fingerprint = true;
                }
                known if OF_CREDENTIALS.contains(&known) || known >= COMPREHENSION_OPTIONAL => {}
                unknown if request.unknown.len() < UNKNOWN_MAX => request.unknown.push(unknown),
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        Some(request)
    }

    fn reply(&self, kind: u16, body: &[u8]) -> Bytes {
        let with_fingerprint = if self.has_fingerprint { 8 } else { 0 };
        let mut reply = BytesMut::with_capacity(HEADER_BYTES + body.len() + with_fingerprint);
        reply.put_u16(kind);
        // A body is a few attributes; it never comes near 16 bits.
        reply.put_u16(u16::try_from(body.len() + with_fingerprint).unwrap_or_default());
        reply.put_u32(COOKIE);
        reply.put_slice(&self.transaction);
        reply.put_slice(body);
        if self.has_fingerprint {
            let value = fingerprint(&reply);
            put_attribute(&mut reply, FINGERPRINT, &value.to_be_bytes());
        }
        reply.freeze()
    }
}

// rfc8489 §14.2
fn put_address(body: &mut BytesMut, remote: SocketAddr, transaction: &[u8; 12]) {
    let cookie = COOKIE.to_be_bytes();
    let key = cookie.iter().chain(transaction);
    let [high, low, ..] = cookie;
    let port = remote.port() ^ u16::from_be_bytes([high, low]);
    let (family, address) = match remote.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(address.iter().zip(key).map(|(octet, key)| octet ^ key));
    put_attribute(body, XOR_MAPPED_ADDRESS, &value);
}

// rfc8489 §14.2
fn read_address(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let cookie = COOKIE.to_be_bytes();
    let key = cookie.iter().chain(transaction);
    let [high, low, ..] = cookie;
    let port = be16(value, 2)? ^ u16::from_be_bytes([high, low]);
    let octets: Vec<u8> = value.get(4..)?.iter().zip(key).map(|(octet, key)| octet ^ key).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn put_attribute(body: &mut BytesMut, name: u16, value: &[u8]) {
    body.put_u16(name);
    body.put_u16(u16::try_from(value.len()).unwrap_or_default());
    body.put_slice(value);
    body.put_bytes(0, value.len().next_multiple_of(4) - value.len());
}

fn be16(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

/// The CRC-32 of ITU V.42, under a mask of STUN's own. Of a message that ends with its FINGERPRINT, whose
/// length is in the header already.
// rfc8489 §14.7
fn fingerprint(octets: &[u8]) -> u32 {
    let crc = octets.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    !crc ^ 0x5354_554E
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-request.bin");
    const LONG_TERM: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-request-long-term.bin");
    const RESPONSE_V4: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-response-ipv4.bin");
    const RESPONSE_V6: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-response-ipv6.bin");

    fn remote(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A Binding request with these attributes.
    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = BytesMut::new();
        for (name, value) in attributes {
            put_attribute(&mut body, *name, value);
        }
        let empty = Request { transaction: *b"twelve octet", unknown: Vec::new(), has_fingerprint: false };
        empty.reply(BINDING_REQUEST, &body).to_vec()
    }

    #[test]
    fn the_address_is_masked_as_in_the_vectors() {
        // tests rfc8489 §14.2
        for (response, mapped, attribute) in [
            (RESPONSE_V4, "192.0.2.1:32853", 12),
            (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853", 24),
        ] {
            let transaction = response[8..20].try_into().expect("twelve octets");
            let mut body = BytesMut::new();
            put_address(&mut body, remote(mapped), transaction);
            assert_eq!(body.len(), attribute);
            assert!(response.windows(attribute).any(|part| part == body), "{mapped}");
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_the_vectors() {
        // tests rfc8489 §14.7
        for message in [REQUEST, RESPONSE_V4, RESPONSE_V6] {
            let (before, attribute) = message.split_at(message.len() - 8);
            assert_eq!(attribute[4..], fingerprint(before).to_be_bytes());
        }
    }

    #[test]
    fn a_phone_is_told_where_it_comes_from() {
        // tests rfc5626 §4.4.2, rfc8489 §6.3.1.1
        let answered = answer(&request(&[]), remote("192.0.2.7:5062")).expect("answered");
        assert_eq!(answered.len(), 32);
        assert_eq!(answered[..4], [0x01, 0x01, 0, 12]);
        assert_eq!(answered[8..20], *b"twelve octet");
        let known = answer(LONG_TERM, remote("[2001:db8::1]:5060")).expect("answered");
        assert_eq!((known[1], known.len()), (0x01, 44), "credentials are not asked for, and not judged");
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        // tests rfc8489 §6.3.1
        let refused = answer(REQUEST, remote("192.0.2.7:5062")).expect("answered");
        assert_eq!(refused[..2], BINDING_ERROR.to_be_bytes());
        assert_eq!(refused[20..28], [0, 9, 0, 4, 0, 0, 4, 20]);
        assert_eq!(refused[28..34], [0, 0x0A, 0, 2, 0x00, 0x24], "PRIORITY is for ICE");
        let (before, attribute) = refused.split_at(refused.len() - 8);
        assert_eq!(attribute[4..], fingerprint(before).to_be_bytes(), "a fingerprint for a fingerprint");
        let many: Vec<(u16, &[u8])> = (1..100).map(|name| (0x4000 + name, &b""[..])).collect();
        let many = request(&many);
        assert!(answer(&many, remote("192.0.2.7:5062")).expect("answered").len() < many.len());
    }

    #[test]
    fn what_is_malformed_or_no_request_is_not_answered() {
        let good = request(&[(0x8022, b"phone")]);
        assert!(answer(&good, remote("192.0.2.7:1")).is_some());
        for length in 0..good.len() {
            assert!(answer(&good[..length], remote("192.0.2.7:1")).is_none(), "cut at {length}");
        }
        assert!(answer(&[&good[..], &[0; 4]].concat(), remote("192.0.2.7:1")).is_none(), "octets behind it");
        assert!(answer(RESPONSE_V4, remote("192.0.2.7:1")).is_none());
        let mut altered = REQUEST.to_vec();
        altered[30] ^= 1;
        assert!(answer(&altered, remote("192.0.2.7:1")).is_none(), "the fingerprint does not fit");
        let mut overlong = good;
        overlong[22..24].copy_from_slice(&[0xFF, 0xFF]);
        assert!(answer(&overlong, remote("192.0.2.7:1")).is_none());
        assert!(answer(&request(&[(0x8022, &[b'x'; 600])]), remote("192.0.2.7:1")).is_none());
    }

    #[test]
    fn an_answer_says_where_a_question_of_ours_came_from() {
        // tests rfc8489 §6.3.3
        for (response, address) in
            [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
        {
            let (transaction, seen) = mapped(response).expect("an answer");
            assert_eq!((&transaction[..], seen), (&response[8..20], remote(address)));
            for length in 0..response.len() {
                assert_eq!(mapped(&response[..length]), None, "cut at {length}");
            }
        }
        let question = question(*b"twelve octet");
        assert_eq!(mapped(&question), None, "a question is no answer");
        let answer = answer(&question, remote("192.0.2.7:5062")).expect("answered");
        assert_eq!(mapped(&answer), Some((*b"twelve octet", remote("192.0.2.7:5062"))));
    }

    #[test]
    fn sip_is_no_stun() {
        for sip in [&b"OPTIONS sip:h SIP/2.0\r\n"[..], b"\r\n\r\n", b"\0\0\0\0", b"", b"\r\n\r\n\r\n\r\n"] {
            assert!(!is_stun(sip), "{sip:?}");
        }
    }
}
