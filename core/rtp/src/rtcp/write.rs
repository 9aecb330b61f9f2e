//! Writing RTCP into a caller's buffer, one packet behind the other.

use super::{
    APP, BYE, Dlrr, ExtendedBlock, FullIntraRequest, HEADER_BYTES, Nack, PSFB, RR, RTPFB, ReportBlock, SDES,
    SDES_CNAME, SR, VERSION, VoipMetrics, XR,
};
use crate::packet::NoRoom;

/// Sources in one report or BYE.
const SOURCES_MAX: usize = 31;

/// Packets of RTCP, written into a buffer. What does not fit leaves what was written before as it was.
#[derive(Debug)]
pub struct RtcpWriter<'a> {
    out: &'a mut [u8],
    length: usize,
}

/// What a sender says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderFigures {
    /// Now, by the wall clock.
    pub ntp: u64,
    /// Now, in the timestamps of the stream.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

impl<'a> RtcpWriter<'a> {
    /// Writes from the beginning of `out`.
    pub fn new(out: &'a mut [u8]) -> RtcpWriter<'a> {
        RtcpWriter { out, length: 0 }
    }

    /// Octets written.
    pub fn bytes(&self) -> usize {
        self.length
    }

    /// One packet of these pieces, padded with zeros to a word.
    fn packet(&mut self, count: usize, packet_type: u8, pieces: &[&[u8]]) -> Result<(), NoRoom> {
        let bytes = pieces.iter().map(|piece| piece.len()).sum::<usize>().next_multiple_of(4);
        let place = self.out.get_mut(self.length..).ok_or(NoRoom)?;
        let (head, rest) = place.split_at_mut_checked(HEADER_BYTES).ok_or(NoRoom)?;
        let rest = rest.get_mut(..bytes).ok_or(NoRoom)?;
        let words = u16::try_from(bytes / 4).map_err(|_| NoRoom)?;
        let [l0, l1] = words.to_be_bytes();
        head.copy_from_slice(&[VERSION << 6 | (count & 0x1F) as u8, packet_type, l0, l1]);
        let mut octets = pieces.iter().copied().flatten();
        rest.iter_mut().for_each(|place| *place = octets.next().copied().unwrap_or_default());
        self.length += HEADER_BYTES + bytes;
        Ok(())
    }

    fn report(&mut self, packet_type: u8, head: &[u8], blocks: &[ReportBlock]) -> Result<(), NoRoom> {
        let mut octets = [[0; ReportBlock::BYTES]; SOURCES_MAX];
        let count = blocks.len().min(SOURCES_MAX);
        octets.iter_mut().zip(blocks).for_each(|(octets, block)| *octets = block.write());
        let blocks = octets.get(..count).unwrap_or_default().as_flattened();
        self.packet(count, packet_type, &[head, blocks])
    }

    /// SR; of more than 31 blocks the first ones.
    // rfc3550 §6.4.1
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        figures: &SenderFigures,
        blocks: &[ReportBlock],
    ) -> Result<(), NoRoom> {
        let SenderFigures { ntp, timestamp, packets, octets } = *figures;
        let words = [ssrc, (ntp >> 32) as u32, ntp as u32, timestamp, packets, octets];
        self.report(SR, words.map(u32::to_be_bytes).as_flattened(), blocks)
    }

    /// RR; of more than 31 blocks the first ones.
    // rfc3550 §6.4.2
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> Result<(), NoRoom> {
        self.report(RR, &ssrc.to_be_bytes(), blocks)
    }

    /// SDES with a CNAME, of which 255 octets are written at most.
    // rfc3550 §6.5, §6.5.1
    pub fn cname(&mut self, ssrc: u32, cname: &[u8]) -> Result<(), NoRoom> {
        let (length, text) = text(cname);
        self.packet(1, SDES, &[&ssrc.to_be_bytes(), &[SDES_CNAME, length], text, &[0]])
    }

    /// BYE; an empty reason is none.
    // rfc3550 §6.6
    pub fn bye(&mut self, ssrcs: &[u32], reason: &[u8]) -> Result<(), NoRoom> {
        let count = ssrcs.len().min(SOURCES_MAX);
        let mut octets = [[0; 4]; SOURCES_MAX];
        octets.iter_mut().zip(ssrcs).for_each(|(octets, ssrc)| *octets = ssrc.to_be_bytes());
        let ssrcs = octets.get(..count).unwrap_or_default().as_flattened();
        let (length, text) = text(reason);
        let reason = [length];
        self.packet(count, BYE, &[ssrcs, if text.is_empty() { &[] } else { &reason }, text])
    }

    /// APP.
    // rfc3550 §6.7
    pub fn application(
        &mut self,
        subtype: u8,
        ssrc: u32,
        name: [u8; 4],
        octets: &[u8],
    ) -> Result<(), NoRoom> {
        self.packet(usize::from(subtype), APP, &[&ssrc.to_be_bytes(), &name, octets])
    }

    /// Packets of a source that are missing.
    // rfc4585 §6.2.1
    pub fn nack(&mut self, ssrc: u32, media_ssrc: u32, nacks: &[Nack]) -> Result<(), NoRoom> {
        let mut octets = [[0; Nack::BYTES]; SOURCES_MAX];
        octets.iter_mut().zip(nacks).for_each(|(octets, nack)| *octets = nack.write());
        let nacks = octets.get(..nacks.len().min(SOURCES_MAX)).unwrap_or_default().as_flattened();
        self.packet(1, RTPFB, &[&ssrc.to_be_bytes(), &media_ssrc.to_be_bytes(), nacks])
    }

    /// A picture of a source is lost.
    // rfc4585 §6.3.1, §6.3.1.2
    pub fn picture_loss(&mut self, ssrc: u32, media_ssrc: u32) -> Result<(), NoRoom> {
        self.packet(1, PSFB, &[&ssrc.to_be_bytes(), &media_ssrc.to_be_bytes()])
    }

    /// A source is to begin its pictures anew.
    // rfc5104 §4.3.1.1
    pub fn full_intra(&mut self, ssrc: u32, request: FullIntraRequest) -> Result<(), NoRoom> {
        self.packet(4, PSFB, &[&ssrc.to_be_bytes(), &[0; 4], &request.write()])
    }

    /// XR; what is `None` is left out.
    // rfc3611 §2
    pub fn extended(
        &mut self,
        ssrc: u32,
        reference_ntp: Option<u64>,
        delay: Option<Dlrr>,
        metrics: Option<&VoipMetrics>,
    ) -> Result<(), NoRoom> {
        let reference = reference_ntp.map(ExtendedBlock::write_reference_time);
        let (delay, metrics) = (delay.map(Dlrr::write), metrics.map(VoipMetrics::write));
        let (reference, delay) = (reference.as_slice().as_flattened(), delay.as_slice().as_flattened());
        let metrics = metrics.as_slice().as_flattened();
        self.packet(0, XR, &[&ssrc.to_be_bytes(), reference, delay, metrics])
    }
}

/// A text as far as its length can be written.
fn text(text: &[u8]) -> (u8, &[u8]) {
    match u8::try_from(text.len()) {
        Ok(length) => (length, text),
        Err(_) => (u8::MAX, text.get(..usize::from(u8::MAX)).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpPacket};

    #[test]
    fn a_compound_packet_octet_for_octet() {
        // tests rfc3550 §6.1, §6.4.2, §6.5, §6.6
        let mut out = [0xFF; 64];
        let mut writer = RtcpWriter::new(&mut out);
        writer.receiver_report(7, &[]).unwrap();
        writer.cname(7, b"a@b").unwrap();
        writer.bye(&[7], b"ok").unwrap();
        let length = writer.bytes();
        let expected = [
            &[0x80, 201, 0, 1, 0, 0, 0, 7][..],
            &[0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'@', b'b', 0, 0, 0],
            &[0x81, 203, 0, 2, 0, 0, 0, 7, 2, b'o', b'k', 0],
        ];
        assert_eq!(&out[..length], expected.concat());
    }

    #[test]
    fn items_that_end_on_a_word_are_ended_by_another() {
        // tests rfc3550 §6.5
        for length in 0..=300 {
            let mut out = [0xFF; 400];
            let mut writer = RtcpWriter::new(&mut out);
            writer.cname(7, &vec![b'x'; length]).unwrap();
            let bytes = writer.bytes();
            let packets: Vec<RtcpPacket> = Compound::parse(&out[..bytes]).unwrap().packets().collect();
            let [RtcpPacket::Description(description)] = packets[..] else { panic!("{packets:?}") };
            let cname = description.chunks().next().and_then(|chunk| chunk.cname()).unwrap();
            assert_eq!(cname.len(), length.min(255));
        }
    }

    #[test]
    fn all_that_is_written_is_read() {
        // tests rfc4585 §6.2.1, §6.3.1.2, rfc5104 §4.3.1.1, rfc3611 §2, rfc3550 §6.7, §6.4.1
        let mut out = [0; 2_000];
        let mut writer = RtcpWriter::new(&mut out);
        let blocks: Vec<ReportBlock> =
            (0..40).map(|ssrc| ReportBlock { ssrc, ..Default::default() }).collect();
        let figures = SenderFigures { ntp: u64::MAX - 9, timestamp: 5, packets: 6, octets: 7 };
        let (nack, request) =
            (Nack { sequence: 65_535, following: 3 }, FullIntraRequest { ssrc: 9, number: 255 });
        let delay = Dlrr { ssrc: 1, last_rr: 2, delay_since_last_rr: 3 };
        let metrics = VoipMetrics { loss_rate: 3, ..VoipMetrics::unknown(9) };
        writer.sender_report(1, &figures, &blocks).unwrap();
        writer.nack(1, 2, &[nack]).unwrap();
        writer.picture_loss(1, 2).unwrap();
        writer.full_intra(1, request).unwrap();
        writer.application(31, 1, *b"ruf ", b"12345").unwrap();
        writer.extended(1, Some(4), Some(delay), Some(&metrics)).unwrap();
        let length = writer.bytes();
        let packets: Vec<RtcpPacket> = Compound::parse(&out[..length]).unwrap().packets().collect();
        let [
            RtcpPacket::Sender(sender),
            RtcpPacket::Feedback(missing),
            RtcpPacket::Feedback(lost),
            RtcpPacket::Feedback(anew),
            RtcpPacket::Application(application),
            RtcpPacket::Extended(extended),
        ] = packets[..]
        else {
            panic!("{packets:?}")
        };
        assert_eq!(sender.blocks().count(), SOURCES_MAX);
        assert_eq!((sender.ntp, sender.timestamp, sender.packets, sender.octets), (u64::MAX - 9, 5, 6, 7));
        assert_eq!(missing.nacks().collect::<Vec<_>>(), [nack]);
        assert_eq!((lost.ssrc, lost.media_ssrc), (1, 2));
        assert_eq!(anew.full_intra_requests().collect::<Vec<_>>(), [request]);
        assert_eq!((application.subtype, application.octets), (31, &b"12345\0\0\0"[..]));
        let blocks: Vec<ExtendedBlock> = extended.blocks().collect();
        assert_eq!(blocks[0], ExtendedBlock::ReferenceTime(4));
        assert_eq!(blocks[1].delays().collect::<Vec<_>>(), [delay]);
        assert_eq!(blocks[2], ExtendedBlock::VoipMetrics(metrics));
    }

    #[test]
    fn what_does_not_fit_leaves_what_was_written() {
        let mut out = [0; 20];
        let mut writer = RtcpWriter::new(&mut out);
        writer.receiver_report(7, &[]).unwrap();
        assert_eq!(writer.cname(7, b"a name that is too long"), Err(NoRoom));
        assert_eq!(writer.bytes(), 8);
        writer.bye(&[7], b"").unwrap();
        assert_eq!(writer.bytes(), 16);
    }
}
