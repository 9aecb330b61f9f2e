//! [`Message`]: a STUN message as it was read, and [`Draft`], one that is written (RFC 8489 §5, §14).
//!
//! A message is taken as a whole or not at all: its length, the bounds of each attribute and, if it has one, its
//! FINGERPRINT are proved by [`Message::parse`]. What stands behind MESSAGE-INTEGRITY is not seen.

use std::net::SocketAddr;

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::attribute::{ERROR_CODE, FINGERPRINT, MESSAGE_INTEGRITY, is_unknown, masked, unmasked};

/// What every STUN message carries.
// rfc8489 §5
pub(crate) const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER_BYTES: usize = 20;
/// A longer one is none of ICE's or TURN's, but for a packet that a relay hands on.
const MESSAGE_BYTES_MAX: usize = 2_048;
const INTEGRITY_BYTES: usize = 20;
const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// The number of a transaction.
pub(crate) type Transaction = [u8; 12];

/// What a message is for (RFC 8489 §18.2, RFC 8656 §17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Binding = 0x001,
    Allocate = 0x003,
    Refresh = 0x004,
    Send = 0x006,
    Data = 0x007,
    CreatePermission = 0x008,
    ChannelBind = 0x009,
}

/// Which part of a transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request = 0x000,
    Indication = 0x010,
    Success = 0x100,
    Error = 0x110,
}

impl Method {
    fn of(kind: u16) -> Option<Method> {
        use Method::{Allocate, Binding, ChannelBind, CreatePermission, Data, Refresh, Send};
        let all = [Binding, Allocate, Refresh, Send, Data, CreatePermission, ChannelBind];
        all.into_iter().find(|method| *method as u16 == kind & !(Class::Error as u16))
    }
}

impl Class {
    fn of(kind: u16) -> Class {
        match (kind & 0x100 != 0, kind & 0x010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        }
    }
}

/// Whether a datagram is STUN, going by its first octets.
// rfc8489 §5
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|octet| octet & 0xC0 == 0) && datagram.get(4..8) == Some(&COOKIE)
}

/// A message as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) method: Method,
    pub(crate) class: Class,
    pub(crate) transaction: Transaction,
    pub(crate) has_fingerprint: bool,
    octets: &'a [u8],
    /// Where MESSAGE-INTEGRITY begins, or the attributes end.
    end: usize,
}

impl<'a> Message<'a> {
    /// Reads one; `None`: it is malformed, or of no use here.
    // rfc8489 §6.3
    pub(crate) fn parse(octets: &'a [u8]) -> Option<Message<'a>> {
        if octets.len() > MESSAGE_BYTES_MAX || !is_stun(octets) {
            return None;
        }
        let (kind, length) = (be16(octets, 0)?, usize::from(be16(octets, 2)?));
        if length % 4 != 0 || HEADER_BYTES + length != octets.len() {
            return None;
        }
        let transaction = *octets.get(8..HEADER_BYTES)?.first_chunk()?;
        let (method, class) = (Method::of(kind)?, Class::of(kind));
        let mut message =
            Message { method, class, transaction, has_fingerprint: false, octets, end: octets.len() };
        let mut integrity = None;
        for (at, name, value) in attributes(octets, octets.len()) {
            let value = value?;
            match name {
                // rfc8489 §14.7: over everything before it, and nothing comes after it
                FINGERPRINT if at + 8 == octets.len() => {
                    if value != fingerprint(octets.get(..at)?).to_be_bytes() {
                        return None;
                    }
                    message.has_fingerprint = true;
                    message.end = message.end.min(at);
                }
                FINGERPRINT => return None,
                MESSAGE_INTEGRITY if integrity.is_none() => {
                    integrity = Some(at);
                    message.end = at;
                }
                _ => {}
            }
        }
        Some(message)
    }

    /// The value of the first attribute of this name, before MESSAGE-INTEGRITY.
    // rfc8489 §14.5: what follows it is ignored
    pub(crate) fn attribute(&self, name: u16) -> Option<&'a [u8]> {
        self.attributes(name).next()
    }

    /// The values of all attributes of this name.
    pub(crate) fn attributes(&self, name: u16) -> impl Iterator<Item = &'a [u8]> {
        attributes(self.octets, self.end).filter(move |found| found.1 == name).filter_map(|found| found.2)
    }

    /// The names of attributes that had to be known, and are not.
    // rfc8489 §6.3.1
    pub(crate) fn unknown(&self) -> impl Iterator<Item = u16> {
        attributes(self.octets, self.end).map(|found| found.1).filter(|name| is_unknown(*name))
    }

    /// The address in this attribute.
    pub(crate) fn address(&self, name: u16) -> Option<SocketAddr> {
        unmasked(self.attribute(name)?, &self.transaction)
    }

    /// The number in an attribute of four octets.
    pub(crate) fn number(&self, name: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.attribute(name)?.try_into().ok()?))
    }

    /// The words of an attribute.
    pub(crate) fn text(&self, name: u16) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(name)?).ok()
    }

    /// The code of an error response.
    // rfc8489 §14.8
    pub(crate) fn error_code(&self) -> Option<u16> {
        let value = self.attribute(ERROR_CODE)?;
        Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
    }

    /// Whether it was signed with this key.
    // rfc8489 §14.5
    pub(crate) fn is_signed_with(&self, key: &[u8]) -> bool {
        let signature = self.octets.get(self.end + 4..self.end + 4 + INTEGRITY_BYTES);
        let is_there = be16(self.octets, self.end) == Some(MESSAGE_INTEGRITY)
            && be16(self.octets, self.end + 2) == Some(INTEGRITY_BYTES as u16);
        let (Some(signature), true, Some(before)) = (signature, is_there, self.octets.get(..self.end)) else {
            return false;
        };
        integrity(before, key).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }
}

/// Each attribute before `end`: where it begins, its name, and its value, if it is as long as it says.
fn attributes(octets: &[u8], end: usize) -> impl Iterator<Item = (usize, u16, Option<&[u8]>)> {
    let mut at = HEADER_BYTES;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let begin = at;
        let (Some(name), Some(length)) = (be16(octets, at), be16(octets, at + 2).map(usize::from)) else {
            at = end;
            return Some((begin, 0, None));
        };
        let value = octets.get(at + 4..at + 4 + length);
        at = at + 4 + length.next_multiple_of(4);
        Some((begin, name, value))
    })
}

/// A message that is written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    octets: Vec<u8>,
    transaction: Transaction,
}

impl Draft {
    pub(crate) fn new(method: Method, class: Class, transaction: Transaction) -> Draft {
        let mut octets = Vec::with_capacity(128);
        octets.extend((method as u16 | class as u16).to_be_bytes());
        octets.extend([0, 0]);
        octets.extend(COOKIE);
        octets.extend(transaction);
        Draft { octets, transaction }
    }

    /// Adds an attribute.
    #[must_use]
    pub(crate) fn put(mut self, name: u16, value: &[u8]) -> Draft {
        self.octets.extend(name.to_be_bytes());
        // A value is never longer than a datagram.
        self.octets.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        self.octets.extend(value);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an address.
    #[must_use]
    pub(crate) fn put_address(self, name: u16, address: SocketAddr) -> Draft {
        let value = masked(address, &self.transaction);
        self.put(name, &value)
    }

    /// Adds the code of an error.
    // rfc8489 §14.8
    #[must_use]
    pub(crate) fn put_error(self, code: u16) -> Draft {
        self.put(ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])
    }

    /// Signs what was put so far.
    // rfc8489 §14.5
    #[must_use]
    pub(crate) fn sign(self, key: &[u8]) -> Draft {
        let signature = integrity(&self.octets, key).map(|mac| mac.finalize().into_bytes());
        self.put(MESSAGE_INTEGRITY, signature.as_deref().unwrap_or_default())
    }

    /// The datagram, with its FINGERPRINT.
    // rfc8489 §14.7
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.say_length(8);
        let value = fingerprint(&self.octets).to_be_bytes();
        self.put(FINGERPRINT, &value).octets
    }

    /// The datagram, without a FINGERPRINT.
    pub(crate) fn plain(mut self) -> Vec<u8> {
        self.say_length(0);
        self.octets
    }

    fn say_length(&mut self, more: usize) {
        let length = u16::try_from(self.octets.len() - HEADER_BYTES + more).unwrap_or_default();
        if let Some(field) = self.octets.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// The HMAC of a message before its MESSAGE-INTEGRITY, whose length counts that in.
fn integrity(before: &[u8], key: &[u8]) -> Option<Hmac<Sha1>> {
    let length = u16::try_from(before.len() + 4 + INTEGRITY_BYTES - HEADER_BYTES).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(before.get(..2)?);
    mac.update(&length.to_be_bytes());
    mac.update(before.get(4..)?);
    Some(mac)
}

/// The CRC-32 of ITU V.42, under a mask of STUN's own.
fn fingerprint(octets: &[u8]) -> u32 {
    let crc = octets.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    !crc ^ FINGERPRINT_MASK
}

fn be16(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*octets.get(at..at + 2)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attribute::{ICE_CONTROLLED, NONCE, PRIORITY, REALM, USERNAME, XOR_MAPPED_ADDRESS};
    use crate::relay::long_term_key;

    const REQUEST: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-request.bin");
    const RESPONSE_V4: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-response-ipv4.bin");
    const RESPONSE_V6: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-response-ipv6.bin");
    const LONG_TERM: &[u8] = include_bytes!("../../../tests/data/stun/rfc5769-request-long-term.bin");
    const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_vectors_are_read_as_they_are_meant() {
        // tests rfc8489 §5, §14.2, §14.5, §14.7
        let request = Message::parse(REQUEST).unwrap();
        assert_eq!((request.method, request.class), (Method::Binding, Class::Request));
        assert!(request.has_fingerprint && request.is_signed_with(PASSWORD));
        assert!(!request.is_signed_with(b"another"));
        assert_eq!(request.text(USERNAME), Some("evtj:h6vY"));
        assert_eq!(request.number(PRIORITY), Some(1_845_494_271));
        let controlled = request.attribute(ICE_CONTROLLED).unwrap();
        assert_eq!(controlled, 10_605_970_187_446_795_062_u64.to_be_bytes());
        for (octets, mapped) in
            [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
        {
            let response = Message::parse(octets).unwrap();
            assert_eq!(response.class, Class::Success);
            assert_eq!(response.address(XOR_MAPPED_ADDRESS), mapped.parse().ok());
            assert!(response.is_signed_with(PASSWORD));
        }
        let long_term = Message::parse(LONG_TERM).unwrap();
        let text = |name| long_term.text(name).unwrap();
        assert_eq!((text(REALM), text(NONCE)), ("example.org", "f//499k954d6OL34oL9FSTvy64sA"));
        assert!(long_term.is_signed_with(&long_term_key(text(USERNAME), "example.org", "TheMatrIX")));
    }

    #[test]
    fn what_is_altered_cut_or_longer_than_it_says_is_none() {
        for octets in [REQUEST, RESPONSE_V4, RESPONSE_V6] {
            for at in 0..octets.len() {
                assert!(Message::parse(&octets[..at]).is_none(), "cut at {at}");
                let mut altered = octets.to_vec();
                altered[at] ^= 1;
                let is_taken =
                    |message: Message<'_>| message.has_fingerprint && message.is_signed_with(PASSWORD);
                assert!(!Message::parse(&altered).is_some_and(is_taken), "altered at {at}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_signature_is_not_seen() {
        // tests rfc8489 §14.5
        let draft = Draft::new(Method::Binding, Class::Request, [7; 12]).put(USERNAME, b"a:b");
        let octets = draft.sign(b"key").put(PRIORITY, &[0, 0, 0, 1]).finish();
        let message = Message::parse(&octets).unwrap();
        assert!(message.is_signed_with(b"key"));
        assert_eq!((message.text(USERNAME), message.number(PRIORITY)), (Some("a:b"), None));
        let unsigned = Draft::new(Method::Binding, Class::Request, [7; 12]).finish();
        assert!(!Message::parse(&unsigned).unwrap().is_signed_with(b"key"));
    }

    #[test]
    fn nothing_comes_behind_the_fingerprint() {
        // tests rfc8489 §14.7
        let draft = Draft::new(Method::Binding, Class::Request, [7; 12]).put(USERNAME, b"a:b");
        let mut octets = draft.clone().put(0x8022, b"soft").finish();
        assert!(Message::parse(&octets).is_some());
        // The same, in another order.
        let (at, end) = (octets.len() - 16, octets.len());
        octets[at..end].rotate_left(8);
        assert!(Message::parse(&octets).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            key in prop::collection::vec(any::<u8>(), 0..80),
            port: u16,
        ) {
            let address = SocketAddr::new([192, 0, 2, 7].into(), port);
            let mut draft = Draft::new(Method::Allocate, Class::Error, [9; 12]).put_error(438);
            for value in &values {
                draft = draft.put(0x8022, value);
            }
            let octets = draft.put_address(XOR_MAPPED_ADDRESS, address).sign(&key).finish();
            let read = Message::parse(&octets).unwrap();
            prop_assert_eq!((read.method, read.class), (Method::Allocate, Class::Error));
            prop_assert_eq!(read.error_code(), Some(438));
            prop_assert_eq!(read.attributes(0x8022).collect::<Vec<_>>(), values);
            prop_assert_eq!(read.address(XOR_MAPPED_ADDRESS), Some(address));
            prop_assert!(read.is_signed_with(&key));
        }

        #[test]
        fn no_octets_are_too_odd(mut octets in prop::collection::vec(any::<u8>(), 0..120), has_cookie: bool) {
            if has_cookie && octets.len() >= HEADER_BYTES {
                let length = (octets.len() - HEADER_BYTES) as u16 & !3;
                octets.truncate(HEADER_BYTES + usize::from(length));
                octets[0] &= 1;
                octets[2..4].copy_from_slice(&length.to_be_bytes());
                octets[4..8].copy_from_slice(&COOKIE);
            }
            if let Some(message) = Message::parse(&octets) {
                let _ = (message.error_code(), message.address(XOR_MAPPED_ADDRESS), message.is_signed_with(b""));
            }
        }
    }
}
