//! Sender and receiver reports (RFC 3550 §6.4).

use super::{Raw, word};

/// A sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// Who sends it.
    pub ssrc: u32,
    /// When, by the sender's wall clock: NTP's 64 bits.
    pub ntp: u64,
    /// The same moment in the timestamps of its stream.
    pub timestamp: u32,
    /// Packets that it sent.
    pub packets: u32,
    /// Octets of payload that it sent.
    pub octets: u32,
    blocks: &'a [[u8; ReportBlock::BYTES]],
}

/// A receiver report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who sends it.
    pub ssrc: u32,
    blocks: &'a [[u8; ReportBlock::BYTES]],
}

/// How one source is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// Which source.
    pub ssrc: u32,
    /// Of 256 packets since the last report, so many were lost.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; less than none if some came twice. 24 bits.
    pub cumulative_lost: i32,
    /// The highest sequence number, with the cycles before it.
    pub highest_sequence: u32,
    /// Interarrival jitter, in ticks.
    pub jitter: u32,
    /// The middle of the NTP time in its last sender report, 0 if there was none.
    pub last_sr: u32,
    /// How long ago that came, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl<'a> SenderReport<'a> {
    // rfc3550 §6.4.1
    pub(super) fn read(raw: Raw<'a>) -> Option<SenderReport<'a>> {
        let (ssrc, rest) = word(raw.body)?;
        let (ntp_seconds, rest) = word(rest)?;
        let (ntp_fraction, rest) = word(rest)?;
        let (timestamp, rest) = word(rest)?;
        let (packets, rest) = word(rest)?;
        let (octets, rest) = word(rest)?;
        let ntp = u64::from(ntp_seconds) << 32 | u64::from(ntp_fraction);
        Some(SenderReport { ssrc, ntp, timestamp, packets, octets, blocks: blocks(raw.count, rest)? })
    }

    /// How it receives others.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }
}

impl<'a> ReceiverReport<'a> {
    // rfc3550 §6.4.2
    pub(super) fn read(raw: Raw<'a>) -> Option<ReceiverReport<'a>> {
        let (ssrc, rest) = word(raw.body)?;
        Some(ReceiverReport { ssrc, blocks: blocks(raw.count, rest)? })
    }

    /// How it receives others.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }
}

/// So many blocks; what follows them is an extension of a profile.
// rfc3550 §6.4.3
fn blocks(count: u8, octets: &[u8]) -> Option<&[[u8; ReportBlock::BYTES]]> {
    octets.as_chunks().0.get(..usize::from(count))
}

impl ReportBlock {
    pub(super) const BYTES: usize = 24;
    const LOST_MAX: i32 = 0x7F_FFFF;

    // rfc3550 §6.4.1
    fn read(octets: &[u8; Self::BYTES]) -> ReportBlock {
        let mut words = super::words(octets);
        let mut word = || words.next().unwrap_or_default();
        let (ssrc, lost) = (word(), word());
        ReportBlock {
            ssrc,
            fraction_lost: (lost >> 24) as u8,
            // The sign of 24 bits becomes that of 32.
            cumulative_lost: (lost << 8) as i32 >> 8,
            highest_sequence: word(),
            jitter: word(),
            last_sr: word(),
            delay_since_last_sr: word(),
        }
    }

    // rfc3550 §A.3: loss is clamped
    pub(super) fn write(&self) -> [u8; Self::BYTES] {
        let lost = self.cumulative_lost.clamp(-Self::LOST_MAX - 1, Self::LOST_MAX);
        let words = [
            self.ssrc,
            u32::from(self.fraction_lost) << 24 | lost as u32 & 0xFF_FFFF,
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ];
        let mut octets = [0; Self::BYTES];
        for (place, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpPacket};

    const BLOCK: [u8; 24] =
        [0, 0, 0, 9, 0x40, 0xFF, 0xFF, 0xFE, 0, 1, 0x12, 0x34, 0, 0, 0, 80, 1, 2, 3, 4, 0, 1, 0, 0];

    fn block() -> ReportBlock {
        ReportBlock {
            ssrc: 9,
            fraction_lost: 64,
            cumulative_lost: -2,
            highest_sequence: 0x1_1234,
            jitter: 80,
            last_sr: 0x0102_0304,
            delay_since_last_sr: 65_536,
        }
    }

    #[test]
    fn a_block_octet_for_octet() {
        // tests rfc3550 §6.4.1
        assert_eq!(ReportBlock::read(&BLOCK), block());
        assert_eq!(block().write(), BLOCK);
    }

    #[test]
    fn loss_is_clamped_to_24_bits() {
        // tests rfc3550 §A.3
        let lost = |cumulative_lost| {
            ReportBlock::read(&ReportBlock { cumulative_lost, ..block() }.write()).cumulative_lost
        };
        assert_eq!((lost(i32::MAX), lost(i32::MIN), lost(5)), (0x7F_FFFF, -0x80_0000, 5));
    }

    #[test]
    fn a_sender_report_octet_for_octet() {
        // tests rfc3550 §6.4.1, §6.4.3
        let head =
            [0x81, 200, 0, 13, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 160, 0, 0, 0, 2, 0, 0, 1, 64];
        let datagram = [&head[..], &BLOCK, &[0xEE; 4]].concat();
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let [RtcpPacket::Sender(report)] = packets[..] else { panic!("{packets:?}") };
        assert_eq!((report.ssrc, report.ntp, report.timestamp), (7, 0x0102_0304_0506_0708, 160));
        assert_eq!((report.packets, report.octets), (2, 320));
        assert_eq!(report.blocks().collect::<Vec<_>>(), [block()]);
    }

    #[test]
    fn a_receiver_report_with_two_blocks() {
        // tests rfc3550 §6.4.2
        let datagram = [&[0x82, 201, 0, 13, 0, 0, 0, 7][..], &BLOCK, &BLOCK].concat();
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let [RtcpPacket::Receiver(report)] = packets[..] else { panic!("{packets:?}") };
        assert_eq!(report.blocks().collect::<Vec<_>>(), [block(), block()]);
    }
}
