//! RTCP: what is accepted is walked through, heard by the end of a call, and answered with what is RTCP itself.

use std::time::Duration;

use ruf_rtp::rtcp::{Compound, ExtendedBlock, Feedback, Nack, RtcpPacket, RtcpWriter};
use ruf_rtp::{Control, ControlSettings, Receiver, Sender};

const OUT_BYTES: usize = 1_500;

/// One datagram.
pub fn rtcp(octets: &[u8]) {
    let compound = match Compound::parse(octets) {
        Ok(compound) => compound,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(compound.packets().count() > 0 && compound.bytes() == octets.len());
    compound.packets().for_each(walk);
    planted(&compound);
    heard(&compound);
}

/// Nothing in a packet is more than there can be.
fn walk(packet: RtcpPacket) {
    match packet {
        RtcpPacket::Sender(report) => assert!(report.blocks().count() < 32),
        RtcpPacket::Receiver(report) => assert!(report.blocks().count() < 32),
        RtcpPacket::Description(description) => {
            for chunk in description.chunks() {
                assert!(chunk.items().all(|(item_type, text)| item_type > 0 && text.len() < 256));
                assert_eq!(chunk.cname(), chunk.items().find(|(kind, _)| *kind == 1).map(|(_, text)| text));
            }
        }
        RtcpPacket::Bye(bye) => {
            assert!(bye.ssrcs().count() < 32 && bye.reason().is_none_or(|text| text.len() < 256));
        }
        RtcpPacket::Application(application) => assert!(application.subtype < 32),
        RtcpPacket::Feedback(feedback) => nacked(&feedback),
        RtcpPacket::Extended(extended) => {
            for block in extended.blocks() {
                assert!(block.delays().count() < 0x1_0000);
            }
        }
        RtcpPacket::Unknown { packet_type } => assert!(!(200..=207).contains(&packet_type)),
    }
}

/// Packets that are missing are told again as the same.
fn nacked(feedback: &Feedback) {
    let nacks: Vec<Nack> = feedback.nacks().take(31).collect();
    if nacks.is_empty() {
        return;
    }
    let mut out = [0; OUT_BYTES];
    let mut writer = RtcpWriter::new(&mut out);
    writer.nack(feedback.ssrc, feedback.media_ssrc, &nacks).expect("there is room");
    let length = writer.bytes();
    let written = out.get(..length).map(Compound::parse);
    let Some(Ok(written)) = written else { panic!("what was written is not read") };
    let Some(RtcpPacket::Feedback(again)) = written.packets().next() else {
        panic!("what was written is something else")
    };
    assert_eq!(again.nacks().collect::<Vec<_>>(), nacks);
}

/// The end of a call hears it, reports, and hears its own report.
fn heard(compound: &Compound) {
    let sender = Sender::new(7);
    let receiver = Receiver::new(8_000);
    let settings = ControlSettings {
        cname: b"fuzz".as_slice().into(),
        ntp_at_start: 1 << 60,
        clock_rate: 8_000,
        bandwidth_bits: 80_000,
        is_extended: true,
    };
    let mut control = Control::new(Duration::ZERO, 7, settings);
    let mut out = [0; OUT_BYTES];
    for own_ssrc in [sender.ssrc(), 0] {
        control.receive(Duration::from_millis(500), own_ssrc, compound);
    }
    assert!(control.round_trip().is_none_or(|trip| trip < Duration::from_secs(60)));
    for _ in 0..8 {
        let now = control.deadline();
        let report = control.report(now, &sender, &receiver, None, &mut out);
        if let Some(length) = report.expect("there is room") {
            let own = out.get(..length).map(Compound::parse);
            let Some(Ok(own)) = own else { panic!("a report of ours is no RTCP") };
            control.receive(now, sender.ssrc(), &own);
        }
    }
}

/// A fault for `dev/fuzz plant`: in a report of what a call sounds like, behind another packet.
fn planted(compound: &Compound) {
    let has_metrics = |packet| match packet {
        RtcpPacket::Extended(extended) => {
            extended.blocks().any(|block| matches!(block, ExtendedBlock::VoipMetrics(_)))
        }
        _ => false,
    };
    if cfg!(feature = "planted") && compound.packets().skip(1).any(has_metrics) {
        panic!("planted in rtcp");
    }
}
