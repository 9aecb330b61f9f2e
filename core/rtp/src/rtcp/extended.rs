//! Extended reports (RFC 3611): round trips for who only receives, and what a call sounds like.

use super::{Raw, word, words};

const REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;
const VOIP_METRICS: u8 = 7;
/// Of a level, an echo or a rating that nobody measured.
const UNKNOWN: u8 = 127;

/// An extended report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended<'a> {
    /// Who sends it.
    pub ssrc: u32,
    blocks: &'a [u8],
}

/// One block of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedBlock<'a> {
    /// When it was sent, by the wall clock of a receiver: NTP's 64 bits.
    ReferenceTime(u64),
    /// Answers to such times, twelve octets each; see [`ExtendedBlock::delays`].
    Delays(&'a [[u8; Dlrr::BYTES]]),
    /// What a call sounds like.
    VoipMetrics(VoipMetrics),
    /// Something else.
    Other {
        /// Which.
        block_type: u8,
    },
}

/// The answer to a reference time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dlrr {
    /// Whose it was.
    pub ssrc: u32,
    /// The middle of the NTP time in it, 0 if there was none.
    pub last_rr: u32,
    /// How long ago it came, in 1/65536 s.
    pub delay_since_last_rr: u32,
}

/// What a call sounds like, where it is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoipMetrics {
    /// Of which source.
    pub ssrc: u32,
    /// Of 256 packets, so many were lost since the beginning.
    pub loss_rate: u8,
    /// Of 256 packets, so many came too late or too early to be played.
    pub discard_rate: u8,
    /// Of 256 packets in bursts of loss, so many were lost or discarded.
    pub burst_density: u8,
    /// The same between them.
    pub gap_density: u8,
    /// How long bursts are, on average.
    pub burst_ms: u16,
    /// How long it is between them.
    pub gap_ms: u16,
    /// The round trip between the ends of RTP.
    pub round_trip_ms: u16,
    /// What this end adds: its buffers and codec.
    pub end_system_ms: u16,
    /// The level of speech in dBm, signed; 127 is unknown.
    pub signal_level: u8,
    /// The level of noise in dBm, signed; 127 is unknown.
    pub noise_level: u8,
    /// The residual echo return loss in dB; 127 is unknown.
    pub echo_loss: u8,
    /// So many good packets end a burst.
    pub gap_min: u8,
    /// R, 0 to 100; 127 is unknown.
    pub r_factor: u8,
    /// The same of a network behind; 127 is unknown.
    pub external_r_factor: u8,
    /// Ten times the MOS for listening; 127 is unknown.
    pub mos_listening: u8,
    /// Ten times the MOS of a conversation; 127 is unknown.
    pub mos_conversation: u8,
    /// How loss is concealed, and whether the jitter buffer adapts.
    pub receiver: u8,
    /// The delay of the jitter buffer now.
    pub jitter_nominal_ms: u16,
    /// The longest one that it had.
    pub jitter_maximum_ms: u16,
    /// The longest one that it can have.
    pub jitter_absolute_ms: u16,
}

impl<'a> Extended<'a> {
    // rfc3611 §2, §3
    pub(super) fn read(raw: Raw<'a>) -> Option<Extended<'a>> {
        let (ssrc, blocks) = word(raw.body)?;
        let mut rest = blocks;
        while !rest.is_empty() {
            rest = ExtendedBlock::split(rest)?.1;
        }
        Some(Extended { ssrc, blocks })
    }

    /// Its blocks.
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedBlock<'a>> + use<'a> {
        let mut rest = self.blocks;
        std::iter::from_fn(move || {
            let (block, after) = ExtendedBlock::split(rest)?;
            rest = after;
            Some(block)
        })
    }
}

impl<'a> ExtendedBlock<'a> {
    fn split(octets: &'a [u8]) -> Option<(ExtendedBlock<'a>, &'a [u8])> {
        let (&[block_type, _, l0, l1], rest) = octets.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1])) * 4;
        let (body, after) = rest.split_at_checked(length)?;
        let block = match block_type {
            // rfc3611 §4.4
            REFERENCE_TIME => ExtendedBlock::ReferenceTime(u64::from_be_bytes(body.try_into().ok()?)),
            // rfc3611 §4.5
            DLRR if body.len() % Dlrr::BYTES == 0 => ExtendedBlock::Delays(body.as_chunks().0),
            VOIP_METRICS => ExtendedBlock::VoipMetrics(VoipMetrics::read(body.try_into().ok()?)),
            DLRR => return None,
            block_type => ExtendedBlock::Other { block_type },
        };
        Some((block, after))
    }

    /// Answers to reference times.
    pub fn delays(&self) -> impl Iterator<Item = Dlrr> + use<'a> {
        let delays = match self {
            ExtendedBlock::Delays(delays) => delays,
            ExtendedBlock::ReferenceTime(_) | ExtendedBlock::VoipMetrics(_) | ExtendedBlock::Other { .. } => {
                &[][..]
            }
        };
        delays.iter().map(|octets| {
            let mut words = words(octets);
            let mut word = || words.next().unwrap_or_default();
            Dlrr { ssrc: word(), last_rr: word(), delay_since_last_rr: word() }
        })
    }

    /// The octets of a reference time.
    // rfc3611 §4.4
    pub(super) fn write_reference_time(ntp: u64) -> [u8; 12] {
        let mut octets = [0; 12];
        let (head, time) = octets.split_at_mut(4);
        head.copy_from_slice(&[REFERENCE_TIME, 0, 0, 2]);
        time.copy_from_slice(&ntp.to_be_bytes());
        octets
    }
}

impl Dlrr {
    const BYTES: usize = 12;

    /// The octets of a block with this answer alone.
    // rfc3611 §4.5
    pub(super) fn write(self) -> [u8; 4 + Self::BYTES] {
        let words = [u32::from_be_bytes([DLRR, 0, 0, 3]), self.ssrc, self.last_rr, self.delay_since_last_rr];
        let mut octets = [0; 4 + Self::BYTES];
        for (place, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        octets
    }
}

impl VoipMetrics {
    const BYTES: usize = 32;
    /// Loss is concealed better than by silence, and the jitter buffer adapts.
    // rfc3611 §4.7.6
    pub const ENHANCED_AND_ADAPTIVE: u8 = 0b1011_0000;

    /// Of a source of which nothing is known but that no packet is missing.
    pub fn unknown(ssrc: u32) -> VoipMetrics {
        VoipMetrics {
            ssrc,
            loss_rate: 0,
            discard_rate: 0,
            burst_density: 0,
            gap_density: 0,
            burst_ms: 0,
            gap_ms: 0,
            round_trip_ms: 0,
            end_system_ms: 0,
            signal_level: UNKNOWN,
            noise_level: UNKNOWN,
            echo_loss: UNKNOWN,
            gap_min: 16,
            r_factor: UNKNOWN,
            external_r_factor: UNKNOWN,
            mos_listening: UNKNOWN,
            mos_conversation: UNKNOWN,
            receiver: 0,
            jitter_nominal_ms: 0,
            jitter_maximum_ms: 0,
            jitter_absolute_ms: 0,
        }
    }

    // rfc3611 §4.7
    #[rustfmt::skip]
    fn read(octets: &[u8; Self::BYTES]) -> VoipMetrics {
        let &[
            s0, s1, s2, s3,
            loss_rate, discard_rate, burst_density, gap_density,
            b0, b1, g0, g1,
            r0, r1, e0, e1,
            signal_level, noise_level, echo_loss, gap_min,
            r_factor, external_r_factor, mos_listening, mos_conversation,
            receiver, _, n0, n1,
            m0, m1, a0, a1,
        ] = octets;
        VoipMetrics {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            loss_rate, discard_rate, burst_density, gap_density,
            burst_ms: u16::from_be_bytes([b0, b1]),
            gap_ms: u16::from_be_bytes([g0, g1]),
            round_trip_ms: u16::from_be_bytes([r0, r1]),
            end_system_ms: u16::from_be_bytes([e0, e1]),
            signal_level, noise_level, echo_loss, gap_min,
            r_factor, external_r_factor, mos_listening, mos_conversation,
            receiver,
            jitter_nominal_ms: u16::from_be_bytes([n0, n1]),
            jitter_maximum_ms: u16::from_be_bytes([m0, m1]),
            jitter_absolute_ms: u16::from_be_bytes([a0, a1]),
        }
    }

    /// The octets of a block.
    // rfc3611 §4.7
    #[rustfmt::skip]
    pub(super) fn write(&self) -> [u8; 4 + Self::BYTES] {
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        let ([b0, b1], [g0, g1]) = (self.burst_ms.to_be_bytes(), self.gap_ms.to_be_bytes());
        let ([r0, r1], [e0, e1]) = (self.round_trip_ms.to_be_bytes(), self.end_system_ms.to_be_bytes());
        let ([n0, n1], [m0, m1]) = (self.jitter_nominal_ms.to_be_bytes(), self.jitter_maximum_ms.to_be_bytes());
        let [a0, a1] = self.jitter_absolute_ms.to_be_bytes();
        [
            VOIP_METRICS, 0, 0, 8,
            s0, s1, s2, s3,
            self.loss_rate, self.discard_rate, self.burst_density, self.gap_density,
            b0, b1, g0, g1,
            r0, r1, e0, e1,
            self.signal_level, self.noise_level, self.echo_loss, self.gap_min,
            self.r_factor, self.external_r_factor, self.mos_listening, self.mos_conversation,
            self.receiver, 0, n0, n1,
            m0, m1, a0, a1,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpError, RtcpPacket};

    fn extended(blocks: &[u8]) -> Result<Vec<u8>, RtcpError> {
        let words = u8::try_from(1 + blocks.len() / 4).unwrap();
        let datagram = [&[0x80, 207, 0, words, 0, 0, 0, 7][..], blocks].concat();
        Compound::parse(&datagram)?;
        Ok(datagram)
    }

    fn blocks(datagram: &[u8]) -> Vec<ExtendedBlock<'_>> {
        match Compound::parse(datagram).unwrap().packets().next() {
            Some(RtcpPacket::Extended(extended)) => extended.blocks().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_and_their_answers() {
        // tests rfc3611 §2, §3, §4.4, §4.5
        let octets = [
            &[4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8][..],
            &[99, 0, 0, 1, 0xEE, 0xEE, 0xEE, 0xEE],
            &[5, 0, 0, 3, 0, 0, 0, 9, 0x11, 0x22, 0x33, 0x44, 0, 1, 0x80, 0],
        ];
        let datagram = extended(&octets.concat()).unwrap();
        let blocks = blocks(&datagram);
        let answer = Dlrr { ssrc: 9, last_rr: 0x1122_3344, delay_since_last_rr: 98_304 };
        assert_eq!(blocks[0], ExtendedBlock::ReferenceTime(0x0102_0304_0506_0708));
        assert_eq!(blocks[1], ExtendedBlock::Other { block_type: 99 });
        assert_eq!(blocks[2].delays().collect::<Vec<_>>(), [answer]);
        assert_eq!(blocks[0].delays().count(), 0);
        assert_eq!(ExtendedBlock::write_reference_time(0x0102_0304_0506_0708), octets[0]);
        assert_eq!(answer.write(), octets[2]);
    }

    #[test]
    fn what_a_call_sounds_like_octet_for_octet() {
        // tests rfc3611 §4.7, §4.7.6
        let octets: Vec<u8> = [7, 0, 0, 8].into_iter().chain(1..=25).chain([0]).chain(27..=32).collect();
        let datagram = extended(&octets).unwrap();
        let [ExtendedBlock::VoipMetrics(metrics)] = blocks(&datagram)[..] else { panic!() };
        assert_eq!(metrics.write(), octets[..]);
        assert_eq!((metrics.ssrc, metrics.loss_rate, metrics.discard_rate), (0x0102_0304, 5, 6));
        assert_eq!((metrics.burst_density, metrics.gap_density), (7, 8));
        assert_eq!((metrics.burst_ms, metrics.gap_ms), (0x090A, 0x0B0C));
        assert_eq!((metrics.round_trip_ms, metrics.end_system_ms), (0x0D0E, 0x0F10));
        assert_eq!((metrics.signal_level, metrics.noise_level, metrics.echo_loss), (17, 18, 19));
        assert_eq!((metrics.gap_min, metrics.r_factor, metrics.external_r_factor), (20, 21, 22));
        assert_eq!((metrics.mos_listening, metrics.mos_conversation, metrics.receiver), (23, 24, 25));
        assert_eq!((metrics.jitter_nominal_ms, metrics.jitter_maximum_ms), (0x1B1C, 0x1D1E));
        assert_eq!(metrics.jitter_absolute_ms, 0x1F20);
        assert_eq!(VoipMetrics::ENHANCED_AND_ADAPTIVE >> 6, 2, "enhanced concealment");
        assert_eq!(VoipMetrics::ENHANCED_AND_ADAPTIVE >> 4 & 3, 3, "adaptive");
    }

    #[test]
    fn blocks_that_are_cut_short_are_refused() {
        // tests rfc3611 §3
        let short = Err(RtcpError::Short(207));
        assert_eq!(extended(&[4, 0, 0, 1, 1, 2, 3, 4]), short);
        assert_eq!(extended(&[4, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]), short);
        assert_eq!(extended(&[5, 0, 0, 1, 1, 2, 3, 4]), short);
        assert_eq!(extended(&[7, 0, 0, 1, 1, 2, 3, 4]), short);
        assert_eq!(extended(&[99, 0, 0, 2, 1, 2, 3, 4]), short);
        assert!(extended(&[]).is_ok());
    }
}
