//! Feedback: what is missing, and what a decoder needs (RFC 4585 §6, RFC 5104 §4.3.1).

use super::{PSFB, RTPFB, Raw, word};

const NACK: u8 = 1;
const PLI: u8 = 1;
const FIR: u8 = 4;

/// A packet of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback<'a> {
    /// Who sends it.
    pub ssrc: u32,
    /// Of which source it speaks; of no meaning in a full intra request.
    pub media_ssrc: u32,
    /// What it says.
    pub kind: FeedbackKind<'a>,
}

/// What feedback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackKind<'a> {
    /// Packets are missing: [`Nack`]s, four octets each; see [`Feedback::nacks`].
    Nack(&'a [[u8; Nack::BYTES]]),
    /// A picture is lost.
    PictureLoss,
    /// Pictures are to begin anew: eight octets each; see [`Feedback::full_intra_requests`].
    FullIntra(&'a [[u8; FullIntraRequest::BYTES]]),
    /// Something else.
    Other {
        /// 205 or 206.
        packet_type: u8,
        /// Its format.
        format: u8,
        /// What it says.
        octets: &'a [u8],
    },
}

/// Packets that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The first one.
    pub sequence: u16,
    /// Which of the 16 behind it are missing, too: bit 0 is the next one.
    pub following: u16,
}

/// Who is to begin pictures anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIntraRequest {
    /// Which source.
    pub ssrc: u32,
    /// The number of the request; one that was seen is a repetition.
    pub number: u8,
}

impl<'a> Feedback<'a> {
    // rfc4585 §6.1
    pub(super) fn read(raw: Raw<'a>) -> Option<Feedback<'a>> {
        let (ssrc, rest) = word(raw.body)?;
        let (media_ssrc, octets) = word(rest)?;
        let kind = match (raw.packet_type, raw.count) {
            // rfc4585 §6.2.1
            (RTPFB, NACK) if !octets.is_empty() => FeedbackKind::Nack(octets.as_chunks().0),
            // rfc4585 §6.3.1, §6.3.1.2
            (PSFB, PLI) if octets.is_empty() => FeedbackKind::PictureLoss,
            // rfc5104 §4.3.1.1
            (PSFB, FIR) if !octets.is_empty() && octets.len() % FullIntraRequest::BYTES == 0 => {
                FeedbackKind::FullIntra(octets.as_chunks().0)
            }
            (RTPFB, NACK) | (PSFB, PLI | FIR) => return None,
            (packet_type, format) => FeedbackKind::Other { packet_type, format, octets },
        };
        Some(Feedback { ssrc, media_ssrc, kind })
    }

    /// Packets that are missing.
    pub fn nacks(&self) -> impl Iterator<Item = Nack> + use<'a> {
        let nacks = match self.kind {
            FeedbackKind::Nack(nacks) => nacks,
            FeedbackKind::PictureLoss | FeedbackKind::FullIntra(_) | FeedbackKind::Other { .. } => &[],
        };
        nacks.iter().map(|[s0, s1, f0, f1]| Nack {
            sequence: u16::from_be_bytes([*s0, *s1]),
            following: u16::from_be_bytes([*f0, *f1]),
        })
    }

    /// Who is to begin pictures anew.
    pub fn full_intra_requests(&self) -> impl Iterator<Item = FullIntraRequest> + use<'a> {
        let requests = match self.kind {
            FeedbackKind::FullIntra(requests) => requests,
            FeedbackKind::PictureLoss | FeedbackKind::Nack(_) | FeedbackKind::Other { .. } => &[],
        };
        requests.iter().map(|[s0, s1, s2, s3, number, ..]| FullIntraRequest {
            ssrc: u32::from_be_bytes([*s0, *s1, *s2, *s3]),
            number: *number,
        })
    }
}

impl Nack {
    pub(super) const BYTES: usize = 4;

    /// The sequence numbers that are missing.
    // rfc4585 §6.2.1
    pub fn sequences(self) -> impl Iterator<Item = u16> {
        let behind = (0..16).filter(move |bit| self.following & 1 << bit != 0);
        std::iter::once(self.sequence).chain(behind.map(move |bit| self.sequence.wrapping_add(bit + 1)))
    }

    pub(super) fn write(self) -> [u8; Self::BYTES] {
        let ([s0, s1], [f0, f1]) = (self.sequence.to_be_bytes(), self.following.to_be_bytes());
        [s0, s1, f0, f1]
    }
}

impl FullIntraRequest {
    pub(super) const BYTES: usize = 8;

    pub(super) fn write(self) -> [u8; Self::BYTES] {
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        [s0, s1, s2, s3, self.number, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpError, RtcpPacket};

    fn feedback(datagram: &[u8]) -> Feedback<'_> {
        match Compound::parse(datagram).unwrap().packets().next() {
            Some(RtcpPacket::Feedback(feedback)) => feedback,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn missing_packets_are_named() {
        // tests rfc4585 §6.1, §6.2.1
        let datagram = [0x81, 205, 0, 4, 0, 0, 0, 7, 0, 0, 0, 9, 0xFF, 0xFF, 0x80, 0x01, 0, 5, 0, 0];
        let feedback = feedback(&datagram);
        assert_eq!((feedback.ssrc, feedback.media_ssrc), (7, 9));
        let missing: Vec<u16> = feedback.nacks().flat_map(Nack::sequences).collect();
        assert_eq!(missing, [0xFFFF, 0, 15, 5]);
        assert_eq!(feedback.full_intra_requests().count(), 0);
        assert_eq!(
            Compound::parse(&[0x81, 205, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9]),
            Err(RtcpError::Short(205)),
            "nothing is missing"
        );
    }

    #[test]
    fn a_picture_is_lost() {
        // tests rfc4585 §6.3.1, §6.3.1.2
        assert_eq!(feedback(&[0x81, 206, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9]).kind, FeedbackKind::PictureLoss);
        assert!(Compound::parse(&[0x81, 206, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn pictures_are_to_begin_anew() {
        // tests rfc5104 §4.3.1.1
        let datagram = [0x84, 206, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 3, 1, 2, 3];
        let requests: Vec<FullIntraRequest> = feedback(&datagram).full_intra_requests().collect();
        assert_eq!(requests, [FullIntraRequest { ssrc: 9, number: 3 }]);
        assert!(Compound::parse(&[0x84, 206, 0, 3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9]).is_err());
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let datagram = [0x8F, 206, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4];
        let expected = FeedbackKind::Other { packet_type: 206, format: 15, octets: &[1, 2, 3, 4] };
        assert_eq!(feedback(&datagram).kind, expected);
    }
}
