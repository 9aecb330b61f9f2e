//! Two ends of a call tell each other by RTCP what they receive. No clock runs.

use ruf_rtp::rtcp::{Compound, ReportBlock, RtcpPacket, RtcpWriter, SenderFigures, VoipMetrics};
use ruf_rtp::{Control, ControlSettings, Packet, Receiver, Sender};
use std::time::Duration;

struct End {
    sender: Sender,
    receiver: Receiver,
    control: Control,
    /// This end's clock is so much ahead.
    ahead: Duration,
}

impl End {
    fn new(seed: u64, is_extended: bool) -> End {
        let settings = ControlSettings {
            cname: format!("end-{seed}").into_bytes().into(),
            ntp_at_start: seed << 40,
            clock_rate: 8_000,
            bandwidth_bits: 80_000,
            is_extended,
        };
        let ahead = Duration::from_secs(seed);
        End {
            sender: Sender::new(seed),
            receiver: Receiver::new(8_000),
            control: Control::new(ahead, seed, settings),
            ahead,
        }
    }

    /// Speaks a frame, of which the packet may be lost.
    fn speak(&mut self, to: &mut End, now: Duration, is_lost: bool) {
        let packet: Packet = self.sender.audio(0, 160, &[0; 160]);
        if !is_lost {
            to.receiver.receive(now + to.ahead, &packet);
        }
    }

    fn report(&mut self, now: Duration, metrics: Option<&VoipMetrics>) -> Option<Vec<u8>> {
        let mut out = [0; 500];
        let report = self.control.report(now + self.ahead, &self.sender, &self.receiver, metrics, &mut out);
        let length = report.expect("there is room")?;
        out.get(..length).map(<[u8]>::to_vec)
    }

    fn hear(&mut self, now: Duration, datagram: &[u8]) {
        let compound = Compound::parse(datagram).expect("RTCP");
        self.control.receive(now + self.ahead, self.sender.ssrc(), &compound);
    }
}

const WAY: Duration = Duration::from_millis(40);

/// So many seconds of a call; what `a` and `b` sent.
fn call(a: &mut End, b: &mut End, secs: u64, b_speaks: bool) -> [Vec<Vec<u8>>; 2] {
    let mut sent = [Vec::new(), Vec::new()];
    let mut under_way: Vec<(Duration, bool, Vec<u8>)> = Vec::new();
    let metrics = VoipMetrics { loss_rate: 26, ..VoipMetrics::unknown(a.sender.ssrc()) };
    for frame in 0..secs * 50 {
        let now = Duration::from_millis(frame * 20);
        a.speak(b, now, frame % 10 == 9);
        if b_speaks {
            b.speak(a, now, false);
        }
        if let Some(datagram) = a.report(now, None) {
            under_way.push((now + WAY, true, datagram.clone()));
            sent[0].push(datagram);
        }
        if let Some(datagram) = b.report(now, Some(&metrics)) {
            under_way.push((now + WAY, false, datagram.clone()));
            sent[1].push(datagram);
        }
        under_way.retain(|(arrives, to_b, datagram)| {
            let is_there = *arrives <= now;
            if is_there {
                let end = if *to_b { &mut *b } else { &mut *a };
                end.hear(now, datagram);
            }
            !is_there
        });
    }
    sent
}

fn kinds(datagram: &[u8]) -> Vec<&'static str> {
    let kind = |packet| match packet {
        RtcpPacket::Sender(_) => "SR",
        RtcpPacket::Receiver(_) => "RR",
        RtcpPacket::Description(_) => "SDES",
        RtcpPacket::Bye(_) => "BYE",
        RtcpPacket::Extended(_) => "XR",
        RtcpPacket::Application(_) | RtcpPacket::Feedback(_) | RtcpPacket::Unknown { .. } => "?",
    };
    Compound::parse(datagram).expect("RTCP").packets().map(kind).collect()
}

#[test]
fn both_ends_learn_the_round_trip_and_what_the_other_receives() {
    // tests rfc3550 §6.1, §6.4, §6.4.1, §A.3
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    let [of_a, of_b] = call(&mut a, &mut b, 60, true);
    assert!((8..=22).contains(&of_a.len()) && (8..=22).contains(&of_b.len()), "{}", of_a.len());
    assert!(of_a.iter().chain(&of_b).all(|datagram| kinds(datagram) == ["SR", "SDES"]));
    for end in [&a, &b] {
        let trip = end.control.round_trip().unwrap();
        assert!((79..=81).contains(&trip.as_millis()), "{trip:?}");
    }
    let remote = a.control.remote().unwrap();
    assert!((22..=29).contains(&remote.fraction_lost), "{}", remote.fraction_lost);
    assert!((200..=300).contains(&remote.cumulative_lost), "{}", remote.cumulative_lost);
    assert_eq!(remote.jitter, Duration::ZERO);
    assert_eq!(b.control.remote().unwrap().cumulative_lost, 0);
    let Some(RtcpPacket::Sender(last)) = Compound::parse(&of_b[of_b.len() - 1]).unwrap().packets().next()
    else {
        panic!()
    };
    let block = last.blocks().next().unwrap();
    assert_eq!((block.ssrc, last.packets > 2_000), (a.sender.ssrc(), true));
    assert_eq!(last.octets, last.packets * 160);
}

#[test]
fn who_only_listens_reports_and_learns_the_round_trip_by_xr() {
    // tests rfc3611 §4.4, §4.5, rfc3550 §6.4.2, §6.3.8
    let (mut a, mut b) = (End::new(1, true), End::new(2, true));
    let [of_a, of_b] = call(&mut a, &mut b, 60, false);
    assert!(of_b.iter().all(|datagram| kinds(datagram) == ["RR", "SDES", "XR"]));
    assert!(of_a.iter().all(|datagram| kinds(datagram) == ["SR", "SDES", "XR"]));
    for end in [&a, &b] {
        let trip = end.control.round_trip().unwrap();
        assert!((79..=81).contains(&trip.as_millis()), "{trip:?}");
    }
    assert_eq!(a.control.remote().unwrap().metrics.unwrap().loss_rate, 26);
}

#[test]
fn a_source_that_was_not_heard_since_is_not_reported() {
    // tests rfc3550 §6.4
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    call(&mut a, &mut b, 20, true);
    let mut now = Duration::from_secs(20);
    let mut counts = Vec::new();
    while counts.len() < 3 {
        now += Duration::from_millis(20);
        if let Some(datagram) = b.report(now, None) {
            let first = Compound::parse(&datagram).unwrap().packets().next();
            counts.push(match first {
                Some(RtcpPacket::Sender(report)) => report.blocks().count(),
                Some(RtcpPacket::Receiver(report)) => report.blocks().count() + 10,
                other => panic!("{other:?}"),
            });
        }
    }
    assert_eq!(counts, [1, 0, 10], "its last packets, then none; then we sent nothing, either");
}

#[test]
fn who_leaves_says_bye_unless_nobody_knows_him() {
    // tests rfc3550 §6.3.7, §6.6
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    let mut out = [0; 500];
    let silent = End::new(3, false);
    let mut control = silent.control;
    let now = Duration::from_secs(9);
    assert_eq!(control.bye(now, &silent.sender, &silent.receiver, b"", &mut out), Ok(None));
    call(&mut a, &mut b, 20, true);
    let now = Duration::from_secs(20);
    let length = a.control.bye(now + a.ahead, &a.sender, &a.receiver, b"hung up", &mut out).unwrap().unwrap();
    assert_eq!(kinds(&out[..length]), ["SR", "SDES", "BYE"]);
    let compound = Compound::parse(&out[..length]).unwrap();
    for packet in compound.packets() {
        if let RtcpPacket::Bye(bye) = packet {
            assert_eq!(bye.reason(), Some(&b"hung up"[..]));
            bye.ssrcs().for_each(|ssrc| b.receiver.bye(ssrc));
        }
    }
    b.hear(now, &out[..length]);
}

#[test]
fn in_a_crowd_a_bye_waits_for_its_turn() {
    // tests rfc3550 §6.3.7
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    call(&mut a, &mut b, 10, true);
    let now = Duration::from_secs(10);
    for ssrc in 0..100u32 {
        let rr = [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat();
        a.hear(now, &rr);
    }
    let mut out = [0; 500];
    assert_eq!(a.control.bye(now + a.ahead, &a.sender, &a.receiver, b"", &mut out), Ok(None));
    let due = a.control.deadline() - a.ahead;
    assert!(due > now && a.report(now, None).is_none());
    assert_eq!(kinds(&a.report(due, None).unwrap()).last(), Some(&"BYE"));
}

#[test]
fn a_buffer_that_is_too_short_is_an_error_and_costs_no_report() {
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    call(&mut a, &mut b, 20, true);
    let failed = loop {
        let due = a.control.deadline();
        match a.control.report(due, &a.sender, &a.receiver, None, &mut [0; 60]) {
            Ok(sent) => assert_eq!(sent, None),
            Err(_) => break due,
        }
    };
    let mut now = failed - a.ahead;
    let datagram = loop {
        match a.report(now, None) {
            Some(datagram) => break datagram,
            None => now = a.control.deadline() - a.ahead,
        }
    };
    let Some(RtcpPacket::Sender(report)) = Compound::parse(&datagram).unwrap().packets().next() else {
        panic!()
    };
    assert_eq!(report.blocks().count(), 1, "what was not told yet");
}

#[test]
fn only_what_is_said_of_us_counts() {
    // tests rfc3550 §6.4.1, rfc3611 §4.7
    let mut a = End::new(1, true);
    let mut out = [0; 500];
    let mut tell = |ssrc: u32, jitter: u32| {
        let mut writer = RtcpWriter::new(&mut out);
        let block = ReportBlock { ssrc, jitter, fraction_lost: 7, ..ReportBlock::default() };
        writer.receiver_report(99, &[block]).unwrap();
        writer.extended(99, None, None, Some(&VoipMetrics::unknown(ssrc))).unwrap();
        let length = writer.bytes();
        a.hear(Duration::from_secs(1), &out[..length]);
        a.control.remote()
    };
    let own = Sender::new(1).ssrc();
    assert_eq!(tell(own ^ 1, 80), None);
    let remote = tell(own, 84).unwrap();
    assert_eq!((remote.jitter, remote.fraction_lost), (Duration::from_micros(10_500), 7));
    assert_eq!(remote.metrics, Some(VoipMetrics::unknown(own)));
}

#[test]
fn the_time_of_somebody_elses_report_is_not_told() {
    // tests rfc3550 §6.4.1
    let (mut a, mut b) = (End::new(1, false), End::new(2, false));
    for (ssrc, is_told) in [(99, false), (2, true)] {
        let ssrc = if ssrc == 2 { b.sender.ssrc() } else { ssrc };
        let mut out = [0; 100];
        let mut writer = RtcpWriter::new(&mut out);
        let figures = SenderFigures { ntp: 0x1234_5678_0000, timestamp: 0, packets: 1, octets: 1 };
        writer.sender_report(ssrc, &figures, &[]).unwrap();
        let length = writer.bytes();
        a.hear(Duration::from_secs(1), &out[..length]);
        let datagram = loop {
            let now = a.control.deadline() - a.ahead;
            b.speak(&mut a, now, false);
            if let Some(datagram) = a.report(now, None) {
                break datagram;
            }
        };
        let Some(RtcpPacket::Receiver(report)) = Compound::parse(&datagram).unwrap().packets().next() else {
            panic!()
        };
        assert_eq!(report.blocks().next().unwrap().last_sr == 0x1234_5678, is_told);
    }
}
