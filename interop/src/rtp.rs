//! RTP as it was on the wire (RFC 3550 section 5.1), and G.711 decoded (payload types 0 and 8 of
//! RFC 3551), so that what one phone sends to another can be listened to.

/// A packet of G.711.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rtp {
    /// The sequence number.
    pub(crate) sequence: u16,
    /// The source.
    pub(crate) ssrc: u32,
    /// The samples, 8,000 a second, linear.
    pub(crate) samples: Vec<i16>,
}

impl Rtp {
    /// Reads a datagram; `None` if it is no RTP with G.711 in it.
    pub(crate) fn read(datagram: &[u8]) -> Option<Rtp> {
        let [first, second, sequence_high, sequence_low, _, _, _, _, ssrc @ .., _] = datagram.get(..13)?
        else {
            return None;
        };
        if first >> 6 != 2 {
            return None;
        }
        let mut payload = datagram.get(12 + 4 * usize::from(first & 0x0f)..)?;
        if first & 0x10 != 0 {
            let words = payload.get(2..4)?;
            let words = usize::from(u16::from_be_bytes(words.try_into().ok()?));
            payload = payload.get(4 + 4 * words..)?;
        }
        let decode = match second & 0x7f {
            0 => mu_law,
            8 => a_law,
            _ => return None,
        };
        Some(Rtp {
            sequence: u16::from_be_bytes([*sequence_high, *sequence_low]),
            ssrc: u32::from_be_bytes(ssrc.try_into().ok()?),
            samples: payload.iter().map(|&octet| decode(octet)).collect(),
        })
    }
}

/// Is it RTP, and no RTCP (RFC 5761 section 4)?
pub(crate) fn is_rtp(datagram: &[u8]) -> bool {
    let header = datagram.get(..12).and_then(|header| header.first_chunk());
    header.is_some_and(|[first, second]| first >> 6 == 2 && !(64..96).contains(&(second & 0x7f)))
}

/// Is it RTP with sound in it, of whatever codec? Reports of keys are four octets (RFC 4733 section 2.3).
pub(crate) fn is_audio(datagram: &[u8]) -> bool {
    is_rtp(datagram) && datagram.len() > 12 + 4
}

/// G.711 mu-law.
fn mu_law(octet: u8) -> i16 {
    let octet = !octet;
    let magnitude = ((i16::from(octet & 0x0f) << 3) + 0x84) << ((octet & 0x70) >> 4);
    if octet & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

/// G.711 A-law.
fn a_law(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let mantissa = i16::from(octet & 0x0f) << 4;
    let magnitude = match (octet & 0x70) >> 4 {
        0 => mantissa + 8,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g711_decodes_its_corner_values() {
        assert_eq!([mu_law(0xff), mu_law(0x7f), mu_law(0x80), mu_law(0x00)], [0, 0, 32124, -32124]);
        assert_eq!([a_law(0xd5), a_law(0x55), a_law(0xaa), a_law(0x2a)], [8, -8, 32256, -32256]);
    }

    #[test]
    fn a_packet_with_contributors_and_an_extension_is_read() {
        let mut packet = vec![0x91, 0x00, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend([1, 1, 1, 1]); // one contributing source
        packet.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // an extension of one word
        packet.extend([0xff, 0x80]);
        let rtp = Rtp::read(&packet).expect("RTP");
        assert_eq!(rtp, Rtp { sequence: 0x1234, ssrc: 7, samples: vec![0, 32124] });
    }

    #[test]
    fn stun_rtcp_and_sip_are_no_audio() {
        assert_eq!(Rtp::read(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Rtp::read(&[0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Rtp::read(b"INVITE sip:b@x SIP/2.0\r\n"), None);
        assert!(!is_rtp(&[0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!is_rtp(b"INVITE sip:b@x SIP/2.0\r\n"));
    }

    #[test]
    fn a_key_is_rtp_and_no_sound() {
        let key = [0x80, 101, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 160];
        assert!(is_rtp(&key) && !is_audio(&key));
        assert!(is_audio(&[&key[..], &[0; 156]].concat()));
    }
}
