//! The token in our Record-Route: it names the flows of both ends of a dialog, so that a request in it
//! finds its way and needs no password (RFC 3261 §16.6 step 4 lets a proxy put state there; RFC 5626
//! §5.2 does it for flows).
//!
//! ```text
//! text( caller | callee | MAC(key; Call-ID, caller's tag, caller, callee) )
//! side:      1 octet   bits 0-2 transport, bit 3 IPv6 local, bit 4 IPv6 remote, bit 5 a party, bit 6 a port
//!            varint    listener
//!            6 or 18   local address, port     and 4 octets of scope behind an IPv6 address that is
//!            6 or 18   remote address, port    local to a link
//!            varint    connection
//!            8         the party: whose GRUUs may be followed to this side (RFC 5627)
//!            2         the port where it takes connections
//! ```
//!
//! For two phones without GRUUs over UDP and IPv4 that is 56 characters. The MAC has 96 bits: it is guessed only by
//! sending requests, each of which is a new guess. The tag of the caller is not in the token: a request
//! is the caller's if the MAC fits with the tag of From, the callee's if it fits with that of To.

use crate::admitted::{DialogPass, Party, Side};
use crate::mac::{Mac, decode, encode, same, text_len};
use ruf_message::{Flow, Transport};
use smallvec::SmallVec;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Deref;

const MAC: usize = 12;
/// Two sides over IPv6, and the MAC.
const LEN_MAX: usize = 2 * SIDE_MAX + MAC;
const SIDE_MAX: usize = 1 + VARINT_MAX + 22 + 22 + VARINT_MAX + Party::LEN + 2;
/// The flag of a side that has a party.
const HAS_PARTY: u8 = 1 << 5;
/// The flag of a side that has a port where it takes connections.
const HAS_PORT: u8 = 1 << 6;
const VARINT_MAX: usize = 10;

/// Makes tokens and reads them back.
#[derive(Debug)]
pub(crate) struct Tokens {
    mac: Mac,
}

impl Tokens {
    /// The key outlives a restart, as dialogs do.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Tokens { mac: Mac::new(key, "dialog") }
    }

    /// The token of a dialog; letters, digits, `-` and `_`.
    pub(crate) fn make(&self, call_id: &[u8], callers_tag: &[u8], caller: &Side, callee: &Side) -> TokenText {
        let mut octets = Octets { filled: [0; LEN_MAX], len: 0 };
        octets.side(caller);
        octets.side(callee);
        let mac: [u8; MAC] = self.mac.over(&[call_id, callers_tag, octets.as_slice()]);
        octets.push(&mac);
        TokenText(SmallVec::from_slice(encode(octets.as_slice(), &mut [0; text_len(LEN_MAX)])))
    }

    /// What a token says to a request of this Call-ID with these tags; `None` if it is none of ours, or
    /// was made for another dialog.
    pub(crate) fn read(
        &self,
        token: &[u8],
        call_id: &[u8],
        from_tag: &[u8],
        to_tag: &[u8],
    ) -> Option<DialogPass> {
        let mut room = [0; LEN_MAX];
        let (sides, mac) = decode(token, &mut room)?.split_last_chunk::<MAC>()?;
        let mac_for = |tag: &[u8]| -> [u8; MAC] { self.mac.over(&[call_id, tag, sides]) };
        let from_caller = if same(mac, &mac_for(from_tag)) {
            true
        } else if same(mac, &mac_for(to_tag)) {
            false
        } else {
            return None;
        };
        let mut rest = sides;
        let (caller, callee) = (side(&mut rest)?, side(&mut rest)?);
        rest.is_empty()
            .then_some(DialogPass { onward: if from_caller { callee } else { caller }, from_caller })
    }
}

/// A token as it stands in a URI: letters, digits, `-` and `_`. In place, between phones over IPv4.
#[derive(Clone, Debug, Default)]
pub struct TokenText(SmallVec<[u8; 96]>);

impl Deref for TokenText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Octets of a token, held in place.
struct Octets {
    filled: [u8; LEN_MAX],
    len: usize,
}

impl Octets {
    /// Room for two sides and the MAC is there, whatever they hold.
    fn push(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        if let Some(room) = self.filled.get_mut(self.len..end) {
            room.copy_from_slice(octets);
            self.len = end;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.filled.get(..self.len).unwrap_or_default()
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 128 {
            self.push(&[number as u8 | 128]);
            number >>= 7;
        }
        self.push(&[number as u8]);
    }

    fn side(&mut self, Side { flow, party, listens }: &Side) {
        let transport = match flow.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
            Transport::Ws => 3,
            Transport::Wss => 4,
        };
        let (local, remote) = (flow.local, flow.remote);
        let families = u8::from(local.is_ipv6()) << 3 | u8::from(remote.is_ipv6()) << 4;
        let party_flag = if party.is_some() { HAS_PARTY } else { 0 };
        let port_flag = if listens.is_some() { HAS_PORT } else { 0 };
        self.push(&[transport | families | party_flag | port_flag]);
        self.varint(u64::from(flow.listener));
        for end in [local, remote] {
            match end {
                SocketAddr::V4(end) => self.push(&end.ip().octets()),
                SocketAddr::V6(end) => {
                    self.push(&end.ip().octets());
                    if end.ip().is_unicast_link_local() {
                        self.push(&end.scope_id().to_be_bytes());
                    }
                }
            }
            self.push(&end.port().to_be_bytes());
        }
        self.varint(flow.connection);
        if let Some(Party(name)) = party {
            self.push(name);
        }
        if let Some(port) = listens {
            self.push(&port.to_be_bytes());
        }
    }
}

/// Takes a side off the front.
fn side(rest: &mut &[u8]) -> Option<Side> {
    let [flags] = take::<1>(rest)?;
    let transport = match flags & 7 {
        0 => Transport::Udp,
        1 => Transport::Tcp,
        2 => Transport::Tls,
        3 => Transport::Ws,
        4 => Transport::Wss,
        _ => return None,
    };
    let listener = u16::try_from(varint(rest)?).ok()?;
    let local = end(rest, flags & 8 != 0)?;
    let remote = end(rest, flags & 16 != 0)?;
    let flow = Flow { transport, listener, local, remote, connection: varint(rest)? };
    let party = if flags & HAS_PARTY != 0 { Some(Party(take(rest)?)) } else { None };
    let listens = if flags & HAS_PORT != 0 { Some(u16::from_be_bytes(take(rest)?)) } else { None };
    Some(Side { flow, party, listens })
}

fn end(rest: &mut &[u8], v6: bool) -> Option<SocketAddr> {
    if v6 {
        let address = Ipv6Addr::from(take::<16>(rest)?);
        let scope = if address.is_unicast_link_local() { u32::from_be_bytes(take(rest)?) } else { 0 };
        Some(SocketAddrV6::new(address, u16::from_be_bytes(take(rest)?), 0, scope).into())
    } else {
        let address = Ipv4Addr::from(take::<4>(rest)?);
        Some(SocketAddrV4::new(address, u16::from_be_bytes(take(rest)?)).into())
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [octet] = take::<1>(rest)?;
        number |= u64::from(octet & 127) << shift;
        if octet < 128 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AddressOfRecord;

    fn side(transport: Transport, local: &str, remote: &str, listener: u16, connection: u64) -> Side {
        let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
        Side::by(Flow { transport, listener, local, remote, connection })
    }

    fn pair() -> (Side, Side) {
        let caller = side(Transport::Udp, "192.0.2.1:5060", "203.0.113.7:40000", 0, 0);
        let callee = side(Transport::Wss, "[2001:db8::1]:443", "[2001:db8::2]:65535", u16::MAX, u64::MAX);
        (caller, callee)
    }

    #[test]
    fn every_way_is_read_as_it_was_written() {
        let tokens = Tokens::new(&[1; 32]);
        let party = Some(Party::of(&AddressOfRecord::new("alice", "example.org")));
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
            for number in [0, 127, 128, 16_383, 16_384, u64::MAX] {
                let here = side(transport, "192.0.2.1:5060", "[2001:db8::1]:5061", number as u16, number);
                let longest =
                    side(transport, "[fe80::1%4294967295]:1", "[fe80::2%7]:65535", number as u16, number);
                let longest = Side { party, listens: Some(u16::MAX), ..longest };
                let token = tokens.make(b"call", b"a", &here, &longest);
                let read = |from: &[u8], to: &[u8]| tokens.read(token.as_bytes(), b"call", from, to);
                assert_eq!(read(b"a", b"b"), Some(DialogPass { onward: longest, from_caller: true }));
                assert_eq!(read(b"b", b"a"), Some(DialogPass { onward: here, from_caller: false }));
                let token = tokens.make(b"call", b"a", &longest, &longest);
                let read = tokens.read(token.as_bytes(), b"call", b"a", b"b");
                assert_eq!(read, Some(DialogPass { onward: longest, from_caller: true }));
            }
        }
    }

    #[test]
    fn both_ends_find_the_other_and_a_token_fits_a_uri() {
        let tokens = Tokens::new(&[1; 32]);
        let (caller, callee) = pair();
        let token = tokens.make(b"call", b"a", &caller, &callee);
        let read = |from: &[u8], to: &[u8]| tokens.read(token.as_bytes(), b"call", from, to);
        assert_eq!(read(b"a", b"b"), Some(DialogPass { onward: callee, from_caller: true }));
        assert_eq!(read(b"b", b"a"), Some(DialogPass { onward: caller, from_caller: false }));
        assert!(token.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet)));
        assert_eq!(tokens.make(b"call", b"a", &caller, &caller).len(), 56);
    }

    #[test]
    fn an_address_local_to_a_link_keeps_its_link() {
        let tokens = Tokens::new(&[1; 32]);
        let near = side(Transport::Udp, "[fe80::1%3]:5060", "[fe80::2%3]:5060", 1, 0);
        let token = tokens.make(b"call", b"a", &near, &near);
        let read = tokens.read(token.as_bytes(), b"call", b"b", b"a");
        assert_eq!(read, Some(DialogPass { onward: near, from_caller: false }));
    }

    #[test]
    fn a_phone_with_a_gruu_is_named_and_the_other_is_not() {
        let tokens = Tokens::new(&[1; 32]);
        let (caller, callee) = pair();
        let party = |user| Some(Party::of(&AddressOfRecord::new(user, "example.org")));
        for (first, second) in [(party("alice"), None), (None, party("bob")), (party("alice"), party("bob"))]
        {
            let (caller, callee) = (Side { party: first, ..caller }, Side { party: second, ..callee });
            let token = tokens.make(b"call", b"a", &caller, &callee);
            let read = |from: &[u8], to: &[u8]| tokens.read(token.as_bytes(), b"call", from, to);
            assert_eq!(read(b"a", b"b"), Some(DialogPass { onward: callee, from_caller: true }));
            assert_eq!(read(b"b", b"a"), Some(DialogPass { onward: caller, from_caller: false }));
        }
        assert_ne!(party("alice"), party("bob"));
    }

    #[test]
    fn a_token_is_good_for_no_other_dialog_key_or_octet() {
        let tokens = Tokens::new(&[1; 32]);
        let (caller, callee) = pair();
        let token = tokens.make(b"call", b"a", &caller, &callee);
        assert_eq!(tokens.read(token.as_bytes(), b"other", b"a", b"b"), None);
        assert_eq!(tokens.read(token.as_bytes(), b"call", b"c", b"b"), None);
        assert_eq!(Tokens::new(&[2; 32]).read(token.as_bytes(), b"call", b"a", b"b"), None);
        assert!(Tokens::new(&[1; 32]).read(token.as_bytes(), b"call", b"a", b"b").is_some());
        for at in 0..token.len() {
            let mut bent = token.as_bytes().to_vec();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.read(&bent, b"call", b"a", b"b"), None, "{at}");
        }
        let longer = "A".repeat(1_000);
        for other in ["", "A", "bob", &token[1..], &format!("{token}AAAA"), &longer] {
            assert_eq!(tokens.read(other.as_bytes(), b"call", b"a", b"b"), None);
        }
    }
}
