//! An RTP packet (RFC 3550 §5.1, §5.3.1): a view of a datagram, or what is written into one.
//!
//! Not here: whether it belongs to the source that is heard ([`Receiver`](crate::Receiver)), what is in its payload.

use crate::extension::Extension;
use std::fmt;

const VERSION: u8 = 2;
const FIXED_BYTES: usize = 12;
const CSRCS_MAX: usize = 15;

/// One packet. What [`Packet::parse`] reads, [`Packet::write`] writes, octet for octet but for what padding is filled
/// with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet<'a> {
    /// In audio: the first after a silence; in telephone events: the first of an event.
    pub marker: bool,
    /// 7 bits.
    pub payload_type: u8,
    /// Plus one with every packet.
    pub sequence: u16,
    /// The instant of the first sample, in units of the payload's clock.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// Contributing sources, four octets each; see [`Packet::csrcs`].
    pub csrc_octets: &'a [u8],
    /// The header extension, if there is one.
    pub extension: Option<Extension<'a>>,
    /// The payload, without padding.
    pub payload: &'a [u8],
    /// Octets after the payload that mean nothing, 0 for none.
    pub padding: u8,
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// The version is not 2.
    Version(u8),
    /// It ends within its header, its list of sources or its extension.
    Short,
    /// Padding of no octet, or of more than there are.
    Padding(u8),
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketError::Version(version) => write!(f, "RTP of version {version}"),
            PacketError::Short => f.write_str("RTP that ends within its header"),
            PacketError::Padding(octets) => write!(f, "RTP with {octets} octets of padding"),
        }
    }
}

impl std::error::Error for PacketError {}

/// The buffer is too short for what is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the buffer is too short")
    }
}

impl std::error::Error for NoRoom {}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    // rfc3550 §5.1, §A.1: version, padding, extension and length fit
    pub fn parse(datagram: &'a [u8]) -> Result<Packet<'a>, PacketError> {
        let (fixed, rest) = datagram.split_first_chunk::<FIXED_BYTES>().ok_or(PacketError::Short)?;
        let &[first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = fixed;
        if first >> 6 != VERSION {
            return Err(PacketError::Version(first >> 6));
        }
        let (csrc_octets, rest) =
            rest.split_at_checked(usize::from(first & 0x0F) * 4).ok_or(PacketError::Short)?;
        let (extension, rest) = match first & 0x10 {
            0 => (None, rest),
            _ => {
                let (extension, rest) = Extension::split(rest).ok_or(PacketError::Short)?;
                (Some(extension), rest)
            }
        };
        let padding = match first & 0x20 {
            0 => 0,
            _ => *rest.last().ok_or(PacketError::Padding(0))?,
        };
        let payload = match rest.len().checked_sub(usize::from(padding)) {
            Some(length) if first & 0x20 == 0 || padding > 0 => rest.get(..length).unwrap_or_default(),
            _ => return Err(PacketError::Padding(padding)),
        };
        Ok(Packet {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            csrc_octets,
            extension,
            payload,
            padding,
        })
    }

    /// Contributing sources: who was mixed into this packet.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + 'a {
        self.csrc_octets.as_chunks().0.iter().map(|octets| u32::from_be_bytes(*octets))
    }

    /// Octets that [`Packet::write`] writes.
    pub fn written_bytes(&self) -> usize {
        FIXED_BYTES
            + self.csrc_octets.len()
            + self.extension.map_or(0, |extension| extension.written_bytes())
            + self.payload.len()
            + usize::from(self.padding)
    }

    /// Writes the packet to the beginning of `out` and returns its length. Of `csrc_octets`, 15 sources are written
    /// at most, of an odd rest nothing.
    // rfc3550 §5.1
    pub fn write(&self, out: &mut [u8]) -> Result<usize, NoRoom> {
        let csrcs = (self.csrc_octets.len() / 4).min(CSRCS_MAX);
        let packet = Packet { csrc_octets: self.csrc_octets.get(..csrcs * 4).unwrap_or_default(), ..*self };
        let length = packet.written_bytes();
        let mut rest = out.get_mut(..length).ok_or(NoRoom)?;
        let flags = VERSION << 6
            | u8::from(packet.padding > 0) << 5
            | u8::from(packet.extension.is_some()) << 4
            | u8::try_from(csrcs).unwrap_or_default();
        put(&mut rest, &[flags, u8::from(packet.marker) << 7 | packet.payload_type & 0x7F]);
        put(&mut rest, &packet.sequence.to_be_bytes());
        put(&mut rest, &packet.timestamp.to_be_bytes());
        put(&mut rest, &packet.ssrc.to_be_bytes());
        put(&mut rest, packet.csrc_octets);
        if let Some(extension) = packet.extension {
            for piece in extension.pieces() {
                put(&mut rest, piece.as_ref());
            }
        }
        put(&mut rest, packet.payload);
        if let Some((last, zeros)) = rest.split_last_mut() {
            zeros.fill(0);
            *last = packet.padding;
        }
        Ok(length)
    }
}

/// Copies `octets` to the beginning of `rest` and goes on behind them. The caller measured `rest` first.
fn put(rest: &mut &mut [u8], octets: &[u8]) {
    if let Some((place, after)) = std::mem::take(rest).split_at_mut_checked(octets.len()) {
        place.copy_from_slice(octets);
        *rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &[u8] = &[0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xDE, 0xAD, 0xBE, 0xEF, 0xD5, 0xD5, 0xD5];

    #[test]
    fn a_plain_packet_is_read_and_written() {
        // tests rfc3550 §5.1
        let packet = Packet::parse(PLAIN).unwrap();
        let expected = Packet {
            marker: true,
            payload_type: 8,
            sequence: 0x1234,
            timestamp: 160,
            ssrc: 0xDEAD_BEEF,
            payload: &[0xD5; 3],
            ..Packet::default()
        };
        assert_eq!(packet, expected);
        let mut out = [0xFF; 20];
        assert_eq!(packet.write(&mut out), Ok(15));
        assert_eq!(&out[..15], PLAIN);
        assert_eq!(packet.write(&mut out[..14]), Err(NoRoom));
        assert_eq!(NoRoom.to_string(), "the buffer is too short");
    }

    #[test]
    fn sources_extension_and_padding_are_parted_from_the_payload() {
        // tests rfc3550 §5.1, §5.3.1
        let head = [0xB2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        let rest =
            [&[0, 0, 0, 7, 0, 0, 0, 9][..], &[0xBE, 0xDE, 0, 1, 0x10, 0x85, 0, 0], b"abcd", &[0, 0, 3]];
        let datagram = [&head[..], &rest.concat()].concat();
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [7, 9]);
        assert_eq!((packet.payload, packet.padding), (&b"abcd"[..], 3));
        let extension = packet.extension.unwrap();
        assert_eq!((extension.profile, extension.octets), (0xBEDE, &[0x10, 0x85, 0, 0][..]));
        let mut out = vec![0xFF; datagram.len()];
        assert_eq!(packet.write(&mut out), Ok(datagram.len()));
        assert_eq!(out, datagram);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        // tests rfc3550 §A.1
        let refused = |octets: &[u8]| Packet::parse(octets).unwrap_err();
        for length in 0..12 {
            assert_eq!(refused(&PLAIN[..length]), PacketError::Short);
        }
        let with = |first: u8, rest: &[u8]| [&[first], &PLAIN[1..12], rest].concat();
        assert_eq!(refused(&with(0x40, &[])), PacketError::Version(1));
        assert_eq!(refused(&with(0xC0, &[])), PacketError::Version(3));
        assert_eq!(refused(&with(0x82, &[0; 7])), PacketError::Short, "two sources");
        assert_eq!(refused(&with(0x90, &[0; 3])), PacketError::Short, "half a header of an extension");
        assert_eq!(refused(&with(0x90, &[0, 0, 0, 2, 0, 0, 0, 0])), PacketError::Short);
        assert_eq!(refused(&with(0xA0, &[])), PacketError::Padding(0));
        assert_eq!(refused(&with(0xA0, &[1, 0])), PacketError::Padding(0));
        assert_eq!(refused(&with(0xA0, &[1, 3])), PacketError::Padding(3));
        assert!(Packet::parse(&with(0xA0, &[1, 2])).is_ok_and(|packet| packet.payload.is_empty()));
        assert!(Packet::parse(&with(0x90, &[0; 4])).is_ok_and(|packet| packet.extension.is_some()));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(mut octets in prop::collection::vec(any::<u8>(), 12..80), first in 0x80u8..0xC0) {
            octets[0] = first;
            if let Ok(packet) = Packet::parse(&octets) {
                let mut out = vec![0; octets.len()];
                prop_assert_eq!(packet.write(&mut out), Ok(octets.len()));
                let again = Packet::parse(&out).unwrap();
                prop_assert_eq!(again, packet);
            }
        }
    }
}
