//! RTCP as it stands in a datagram (RFC 3550 §6): one or several packets, read where they are.
//!
//! [`Compound::parse`] proves everything that the views read later: lengths, counts, padding. What is malformed in one
//! place is refused as a whole: the lengths are the only proof that it is RTCP at all. What is unknown is skipped.
//!
//! | module | what |
//! |---|---|
//! | `report` | sender and receiver reports |
//! | `description` | SDES, BYE, APP |
//! | `feedback` | RFC 4585 and 5104 |
//! | `extended` | XR, RFC 3611 |
//! | `write` | [`RtcpWriter`] |
//!
//! Not here: when a report is due ([`Schedule`](crate::Schedule)), and what is in it ([`Control`](crate::Control)).

mod description;
mod extended;
mod feedback;
mod report;
mod write;

pub use description::{Application, Bye, Chunk, Description, SDES_CNAME};
pub use extended::{Dlrr, Extended, ExtendedBlock, VoipMetrics};
pub use feedback::{Feedback, FeedbackKind, FullIntraRequest, Nack};
pub use report::{ReceiverReport, ReportBlock, SenderReport};
pub use write::{RtcpWriter, SenderFigures};

use std::fmt;

const VERSION: u8 = 2;
const HEADER_BYTES: usize = 4;

pub(crate) const SR: u8 = 200;
pub(crate) const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const APP: u8 = 204;
const RTPFB: u8 = 205;
const PSFB: u8 = 206;
const XR: u8 = 207;

/// Why a datagram is no RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpError {
    /// A packet is not of version 2.
    Version(u8),
    /// The lengths of the packets do not add up to that of the datagram.
    Length,
    /// Padding in a packet that is not the last, or of a length that cannot be.
    Padding,
    /// A packet of this type is shorter than what it says is in it.
    Short(u8),
}

impl fmt::Display for RtcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RtcpError::Version(version) => write!(f, "RTCP of version {version}"),
            RtcpError::Length => f.write_str("RTCP whose lengths do not add up"),
            RtcpError::Padding => f.write_str("RTCP with padding where none can be"),
            RtcpError::Short(packet_type) => {
                write!(f, "an RTCP packet of type {packet_type} that is cut short")
            }
        }
    }
}

impl std::error::Error for RtcpError {}

/// A datagram of RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a>(&'a [u8]);

/// One packet of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    /// SR.
    Sender(SenderReport<'a>),
    /// RR.
    Receiver(ReceiverReport<'a>),
    /// SDES.
    Description(Description<'a>),
    /// BYE.
    Bye(Bye<'a>),
    /// APP.
    Application(Application<'a>),
    /// RTPFB or PSFB.
    Feedback(Feedback<'a>),
    /// XR.
    Extended(Extended<'a>),
    /// Of a type that is not known here.
    Unknown {
        /// Which.
        packet_type: u8,
    },
}

/// A packet without what it means.
#[derive(Clone, Copy, Debug)]
struct Raw<'a> {
    /// Five bits: a count, or a format.
    count: u8,
    packet_type: u8,
    /// What follows the first word, without padding.
    body: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Reads a datagram, compound or reduced in size.
    // rfc3550 §A.2, rfc5506 §3.4.1: the first packet need be no report
    pub fn parse(datagram: &'a [u8]) -> Result<Compound<'a>, RtcpError> {
        let mut rest = datagram;
        loop {
            let (raw, after) = Raw::split(rest)?;
            raw.read()?;
            if after.is_empty() {
                return Ok(Compound(datagram));
            }
            rest = after;
        }
    }

    /// Its packets, in order.
    pub fn packets(&self) -> impl Iterator<Item = RtcpPacket<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            // It was proven by `parse`, so neither of both fails but at the end.
            let (raw, after) = Raw::split(rest).ok()?;
            rest = after;
            raw.read().ok()
        })
    }

    /// Octets of the datagram.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl<'a> Raw<'a> {
    /// The first packet, and what follows it.
    fn split(octets: &'a [u8]) -> Result<(Raw<'a>, &'a [u8]), RtcpError> {
        let (&[first, packet_type, l0, l1], rest) =
            octets.split_first_chunk::<HEADER_BYTES>().ok_or(RtcpError::Length)?;
        if first >> 6 != VERSION {
            return Err(RtcpError::Version(first >> 6));
        }
        let length = usize::from(u16::from_be_bytes([l0, l1])) * 4;
        let (body, after) = rest.split_at_checked(length).ok_or(RtcpError::Length)?;
        let body = match first & 0x20 {
            0 => body,
            // rfc3550 §6.4.1: of the last packet only, and a multiple of four
            _ => {
                let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
                let is_last = after.is_empty();
                let length =
                    body.len().checked_sub(padding).filter(|_| is_last && padding > 0 && padding % 4 == 0);
                body.get(..length.ok_or(RtcpError::Padding)?).unwrap_or_default()
            }
        };
        Ok((Raw { count: first & 0x1F, packet_type, body }, after))
    }

    // rfc3550 §6.1: of unknown types nothing is said
    fn read(self) -> Result<RtcpPacket<'a>, RtcpError> {
        let packet = match self.packet_type {
            SR => SenderReport::read(self).map(RtcpPacket::Sender),
            RR => ReceiverReport::read(self).map(RtcpPacket::Receiver),
            SDES => Description::read(self).map(RtcpPacket::Description),
            BYE => Bye::read(self).map(RtcpPacket::Bye),
            APP => Application::read(self).map(RtcpPacket::Application),
            RTPFB | PSFB => Feedback::read(self).map(RtcpPacket::Feedback),
            XR => Extended::read(self).map(RtcpPacket::Extended),
            packet_type => Some(RtcpPacket::Unknown { packet_type }),
        };
        packet.ok_or(RtcpError::Short(self.packet_type))
    }
}

/// The 32 bits at the beginning, and what follows.
fn word(octets: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = octets.split_first_chunk()?;
    Some((u32::from_be_bytes(*word), rest))
}

/// The words of these octets; of an odd rest nothing.
fn words(octets: &[u8]) -> impl Iterator<Item = u32> {
    octets.as_chunks().0.iter().map(|octets| u32::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMPTY_RR: &[u8] = &[0x80, RR, 0, 1, 0, 0, 0, 7];
    const BYE_OF_7: &[u8] = &[0x81, BYE, 0, 1, 0, 0, 0, 7];

    fn error(octets: &[u8]) -> RtcpError {
        Compound::parse(octets).unwrap_err()
    }

    #[test]
    fn packets_are_stacked() {
        // tests rfc3550 §6.1, §A.2
        let unknown = [0x80, 210, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
        let datagram = [EMPTY_RR, &unknown, BYE_OF_7].concat();
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let [RtcpPacket::Receiver(report), RtcpPacket::Unknown { packet_type: 210 }, RtcpPacket::Bye(bye)] =
            packets[..]
        else {
            panic!("{packets:?}")
        };
        assert_eq!((report.ssrc, bye.ssrcs().collect::<Vec<_>>()), (7, vec![7]));
    }

    #[test]
    fn one_packet_that_is_no_report_is_enough() {
        // tests rfc5506 §3.4.1
        assert!(Compound::parse(BYE_OF_7).is_ok());
    }

    #[test]
    fn lengths_must_add_up() {
        // tests rfc3550 §A.2
        assert_eq!(error(&[]), RtcpError::Length);
        assert_eq!(error(&EMPTY_RR[..3]), RtcpError::Length);
        assert_eq!(error(&EMPTY_RR[..7]), RtcpError::Length);
        assert_eq!(error(&[EMPTY_RR, &[0x80]].concat()), RtcpError::Length);
        assert_eq!(error(&[EMPTY_RR, &[0x40, RR, 0, 0]].concat()), RtcpError::Version(1));
        for count in 1..32 {
            assert_eq!(error(&[0x80 | count, RR, 0, 1, 0, 0, 0, 7]), RtcpError::Short(RR));
        }
    }

    #[test]
    fn only_the_last_packet_is_padded() {
        // tests rfc3550 §6.4.1
        let padded = |padding: u8| [0xA1, BYE, 0, 2, 0, 0, 0, 7, 0, 0, 0, padding];
        let datagram = [EMPTY_RR, &padded(4)].concat();
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        assert!(matches!(packets[1], RtcpPacket::Bye(bye) if bye.reason().is_none()));
        assert_eq!(error(&[&padded(4)[..], EMPTY_RR].concat()), RtcpError::Padding);
        for padding in [0, 1, 5, 12, 255] {
            assert_eq!(error(&padded(padding)), RtcpError::Padding, "{padding}");
        }
        assert_eq!(error(&[0xA0, 210, 0, 0]), RtcpError::Padding);
    }

    proptest! {
        #[test]
        fn no_octets_are_too_odd(mut octets in prop::collection::vec(any::<u8>(), 0..120), types in prop::collection::vec(198u8..212, 4)) {
            // Every word that could be a header of a packet, becomes likely to be one.
            for (at, packet_type) in (0..octets.len().saturating_sub(4)).step_by(12).zip(types) {
                octets[at] = octets[at] & 0x3F | 0x80;
                octets[at + 1] = packet_type;
                octets[at + 2] = 0;
                octets[at + 3] %= 8;
            }
            if let Ok(compound) = Compound::parse(&octets) {
                prop_assert!(compound.packets().count() > 0);
                let printed = format!("{:?}", compound.packets().collect::<Vec<_>>());
                prop_assert!(printed.len() > 2);
            }
        }
    }
}
