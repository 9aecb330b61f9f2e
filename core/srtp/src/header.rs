//! What must be known of a packet to protect it: where its header ends, whose it is, and its number.
//!
//! RTP and RTCP themselves are core/rtp's.

use crate::error::Refused;

/// The longest packet, in octets: what a datagram holds. The counter of a packet's blocks, which may not
/// pass 2^16, is far from its end then.
pub const PACKET_OCTETS_MAX: usize = 65_535;

/// Octets of a header of RTP without CSRCs and extension.
const RTP_FIXED_OCTETS: usize = 12;
/// The octets of a compound packet of RTCP that stay in the clear: the first header and its SSRC.
pub(crate) const RTCP_CLEAR_OCTETS: usize = 8;

/// The header of a packet of RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) sequence_number: u16,
    pub(crate) ssrc: u32,
    /// All of it, with CSRCs and extension; not more than the packet has.
    pub(crate) octets: usize,
}

impl RtpHeader {
    // rfc3550 §5.1, §5.3.1
    pub(crate) fn read(packet: &[u8]) -> Option<RtpHeader> {
        let first = version_2(packet)?;
        let mut octets = RTP_FIXED_OCTETS + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let &[_, _, high, low] = packet.get(octets..)?.first_chunk()?;
            octets += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        let &[_, _, high, low, _, _, _, _, a, b, c, d] = packet.first_chunk()?;
        (octets <= packet.len()).then_some(RtpHeader {
            sequence_number: u16::from_be_bytes([high, low]),
            ssrc: u32::from_be_bytes([a, b, c, d]),
            octets,
        })
    }
}

/// The SSRC of the sender: that of the first packet of a compound.
// rfc3550 §6.4.1
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    version_2(packet)?;
    let &[_, _, _, _, a, b, c, d] = packet.first_chunk::<RTCP_CLEAR_OCTETS>()?;
    Some(u32::from_be_bytes([a, b, c, d]))
}

/// Parts a packet from what stands at its end.
pub(crate) fn cut(packet: &[u8], end_octets: usize) -> Result<(&[u8], &[u8]), Refused> {
    let at = packet.len().checked_sub(end_octets).ok_or(Refused::Malformed)?;
    packet.split_at_checked(at).ok_or(Refused::Malformed)
}

/// The first octet, of a packet that is not too long.
fn version_2(packet: &[u8]) -> Option<u8> {
    packet.first().copied().filter(|first| first >> 6 == 2 && packet.len() <= PACKET_OCTETS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_behind_its_csrcs_and_its_extension() {
        // tests rfc3550 §5.1, §5.3.1
        let mut packet = vec![0x80, 0, 0x12, 0x34, 0, 0, 0, 0, 1, 2, 3, 4];
        let read = |packet: &[u8]| RtpHeader::read(packet).map(|header| header.octets);
        let expected = RtpHeader { sequence_number: 0x1234, ssrc: 0x0102_0304, octets: 12 };
        assert_eq!(RtpHeader::read(&packet), Some(expected));
        packet[0] = 0x82;
        assert_eq!(read(&packet), None, "two CSRCs that are not there");
        packet.extend([0; 8]);
        assert_eq!(read(&packet), Some(20));
        packet[0] = 0x92;
        assert_eq!(read(&packet), None, "an extension that is not there");
        packet.extend([0xbe, 0xde, 0, 1]);
        assert_eq!(read(&packet), None, "an extension that is cut");
        packet.extend([0; 5]);
        assert_eq!(read(&packet), Some(28));
    }

    #[test]
    fn what_is_short_long_or_of_another_version_is_no_packet() {
        assert_eq!(RtpHeader::read(&[0x80; 11]), None);
        assert_eq!(RtpHeader::read(&[0x40; 12]), None);
        assert_eq!(rtcp_ssrc(&[0x80; 7]), None);
        assert_eq!(rtcp_ssrc(&[0x00; 8]), None);
        assert_eq!(rtcp_ssrc(&[0x80; 8]), Some(0x8080_8080));
        assert!(RtpHeader::read(&vec![0x80; PACKET_OCTETS_MAX]).is_some());
        assert_eq!(RtpHeader::read(&vec![0x80; PACKET_OCTETS_MAX + 1]), None);
    }
}
