//! Streams added, removed, rejected, and their places; where each is received; what is carried beside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use pair::{Side, address, attributes, audio, exchange, file, shape, text, video};
use ruf_sdp::{
    Attribute, Candidate, Capabilities, Codec, Description, Feedback, Ice, Line, Mismatch, OfferAnswer,
    OfferAnswerError, Protocol,
};

fn h264() -> Codec {
    Codec::new("H264", 90_000)
}

fn ports(description: &Description) -> Vec<String> {
    let of = |media: ruf_sdp::Media<'_>| {
        let line = media.line().unwrap();
        format!("{} {}", line.kind, line.port)
    };
    description.media().map(of).collect()
}

#[test]
fn a_stream_that_ends_keeps_its_place_and_another_may_take_it() {
    // tests rfc3264 §8, §8.1, §8.2
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let speech = || audio(4_000, &[Codec::pcma()]);
    let ours = [speech(), video(4_002, &[h264()])];
    let (offer, answer) =
        exchange((&mut alice, &ours), (&mut bob, &[audio(5_000, &[Codec::pcma()]), video(5_002, &[h264()])]));
    assert_eq!(
        (ports(&offer), ports(&answer)),
        (vec!["audio 4000".into(), "video 4002".into()], vec!["audio 5000".into(), "video 5002".into()])
    );

    // Removed by a list that ends sooner, or by port 0.
    for without in [vec![speech()], vec![speech(), ours[1].clone().off()]] {
        let (mut alice, mut bob) = (alice.clone(), bob.clone());
        let offer = alice.offer(&without).unwrap();
        assert_eq!(ports(&offer), ["audio 4000", "video 0"]);
        bob.receive_offer(&offer.to_bytes()).unwrap();
        let answer = bob.answer_again().unwrap();
        assert_eq!(ports(&answer), ["audio 5000", "video 0"]);
        alice.receive_answer(&answer.to_bytes()).unwrap();
        assert_eq!(
            (alice.negotiated().unwrap().streams.len(), bob.negotiated().unwrap().streams.len()),
            (1, 1)
        );

        // Its place is taken by what comes next, of whatever kind; then there is a new one.
        let more = [
            &without[..1],
            &[ours[1].clone().off(), audio(4_004, &[Codec::pcma()]), video(4_006, &[h264()])],
        ]
        .concat();
        let offer = alice.offer(&more).unwrap();
        assert_eq!(ports(&offer), ["audio 4000", "audio 4004", "video 4006"]);
        bob.receive_offer(&offer.to_bytes()).unwrap();
        let theirs = [audio(5_000, &[Codec::pcma()]), video(5_002, &[h264()])];
        let answer = bob.answer(&theirs).unwrap();
        assert_eq!(ports(&answer), ["audio 5000", "audio 0", "video 5002"], "each keeps its capabilities");
        alice.receive_answer(&answer.to_bytes()).unwrap();
        let slots: Vec<(usize, usize)> = alice
            .negotiated()
            .unwrap()
            .streams
            .iter()
            .map(|stream| (stream.slot, stream.capability))
            .collect();
        assert_eq!(slots, [(0, 0), (2, 3)]);
    }
}

#[test]
fn what_is_not_wanted_is_rejected_as_it_was_offered() {
    // tests rfc3264 §6, §8.2
    let offer = text(&[
        "m=image 9 udptl t38",
        "a=mid:i",
        "m=audio 9 RTP/AVP 8",
        "a=mid:a",
        "m=message 9 TCP/MSRP *",
        "m=video 9/2 RTP/AVP 31 32",
        "m=audio 0 RTP/AVP 0",
    ]);
    let mut bob = Side::new();
    bob.receive_offer(&offer).unwrap();
    let answer = bob.answer(&[audio(4_000, &[Codec::pcma()]), audio(4_002, &[Codec::pcmu()])]).unwrap();
    assert_eq!(
        shape(&answer.to_bytes()),
        [
            "image 0 udptl t38",
            "audio 4000 RTP/AVP 8 | PCMA/8000 | sendrecv",
            "message 0 TCP/MSRP *",
            "video 0 RTP/AVP 31 32",
            "audio 0 RTP/AVP 0"
        ]
    );
    assert_eq!(attributes(&answer, 0, &["mid"]), ["mid:i"]); // tests rfc5888 §9.1
    assert_eq!(attributes(&answer, 1, &["mid"]), ["mid:a"]);
    // Later offers of ours keep the places, and the names.
    let offer = bob.offer_again().unwrap();
    assert_eq!(ports(&offer)[..3], ["audio 4002", "audio 4000", "message 0"]);
    assert_eq!(attributes(&offer, 1, &["mid"]), ["mid:a"]);
}

#[test]
fn what_we_refused_stays_refused() {
    // tests rfc3264 §8.2
    let mut alice = Side::new();
    let both = [audio(4_000, &[Codec::pcma()]), audio(4_002, &[Codec::pcma()])];
    alice.offer(&both).unwrap();
    let answer = text(&["m=audio 9 RTP/AVP 8", "m=audio 11 RTP/AVP 8"]);
    assert_eq!(alice.receive_answer(&answer).unwrap().streams.len(), 2);
    alice.offer(&[both[0].clone(), both[1].clone().off()]).unwrap();
    let negotiated = alice.receive_answer(&answer).unwrap();
    assert_eq!((negotiated.streams.len(), negotiated.unusable.len()), (1, 0));
}

#[test]
fn a_stream_goes_on_with_its_capabilities() {
    let offer = |ports: [u16; 2]| {
        text(&ports.map(|port| format!("m=audio {port} RTP/AVP 8")).each_ref().map(String::as_str))
    };
    let ours = [audio(4_000, &[Codec::pcma()])];
    let mut bob = Side::new();
    bob.receive_offer(&offer([0, 9])).unwrap();
    assert_eq!(ports(&bob.answer(&ours).unwrap()), ["audio 0", "audio 4000"]);
    bob.receive_offer(&offer([9, 9])).unwrap();
    assert_eq!(ports(&bob.answer_again().unwrap()), ["audio 0", "audio 4000"], "not the first that fits");
}

#[test]
fn the_time_of_the_answer_is_that_of_the_offer() {
    // tests rfc3264 §6, rfc8866 §5.3
    let offer = String::from_utf8(text(&["m=audio 9 RTP/AVP 8"])).unwrap();
    let mut bob = Side::new();
    bob.receive_offer(offer.replace("t=0 0", "t=2873397496 2873404696").as_bytes()).unwrap();
    let answer = bob.answer(&[audio(4_000, &[Codec::pcma()])]).unwrap();
    assert_eq!(
        answer.to_string(),
        "v=0\r\no=ruf 9223372036854775807 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n\
         t=2873397496 2873404696\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn where_each_side_receives() {
    // tests rfc3264 §5.1, rfc8866 §5.14, rfc3605 §2.1, rfc5761 §5.1.1
    let stream = |ours: Capabilities, lines: &[&str]| {
        let mut bob = Side::new();
        bob.receive_offer(&text(&[&["m=audio 6000 RTP/AVP 8"], lines].concat())).unwrap();
        let answer = bob.answer(&[ours]).unwrap();
        let stream = bob.negotiated().unwrap().streams[0].clone();
        let place =
            |place: Option<ruf_sdp::Destination>| place.map(|place| place.to_string()).unwrap_or_default();
        let said = attributes(&answer, 0, &["rtcp", "rtcp-mux"]).join(" ");
        (place(stream.remote), place(stream.remote_rtcp), stream.local_rtcp.port(), said)
    };
    let ours = audio(4_000, &[Codec::pcma()]);
    let at =
        |rtp: &str, rtcp: &str, port, said: &str| (rtp.to_owned(), rtcp.to_owned(), port, said.to_owned());
    assert_eq!(stream(ours.clone(), &[]), at("198.51.100.1:6000", "198.51.100.1:6001", 4_001, ""));
    assert_eq!(
        stream(ours.clone(), &["c=IN IP6 2001:db8::1"]),
        at("[2001:db8::1]:6000", "[2001:db8::1]:6001", 4_001, "")
    );
    assert_eq!(
        stream(ours.clone(), &["c=IN IP4 h.example", "a=rtcp:77"]),
        at("h.example:6000", "h.example:77", 4_001, "")
    );
    assert_eq!(stream(ours.clone(), &["a=rtcp:77 IN IP4 198.51.100.9"]).1, "198.51.100.9:77");
    let own = Capabilities { rtcp_port: Some(4_077), ..ours.clone() };
    assert_eq!(
        stream(own, &["a=rtcp-mux"]),
        at("198.51.100.1:6000", "198.51.100.1:6001", 4_077, "rtcp:4077")
    );
    let mux = Capabilities { rtcp_mux: true, ..ours };
    assert_eq!(stream(mux.clone(), &[]).3, "");
    assert_eq!(
        stream(mux, &["a=rtcp-mux"]),
        at("198.51.100.1:6000", "198.51.100.1:6000", 4_000, "rtcp-mux:")
    );
}

#[test]
fn a_stream_of_many_is_not_for_us() {
    // tests rfc3264 §6.1
    let ours = [audio(4_000, &[Codec::pcma()])];
    let many = text(&["m=audio 9 RTP/AVP 8", "c=IN IP4 233.252.0.1/127"]);
    let mut bob = Side::new();
    bob.receive_offer(&many).unwrap();
    let refused = OfferAnswerError::NothingInCommon(Mismatch::Transport);
    assert_eq!(bob.answer(&ours), Err(refused.clone()));
    let mut alice = Side::new();
    alice.offer(&ours).unwrap();
    assert_eq!(alice.receive_answer(&many), Err(refused));
}

#[test]
fn an_address_of_its_own_is_said_with_the_media() {
    // tests rfc8866 §5.7
    let mut other = video(4_002, &[h264()]);
    other.address.set_ip("2001:db8::7".parse().unwrap());
    let offer = Side::new().offer(&[audio(4_000, &[Codec::pcma()]), other]).unwrap();
    let connections: Vec<String> =
        offer.media().map(|media| media.connection().unwrap().unwrap().to_string()).collect();
    assert_eq!(connections, ["IN IP4 192.0.2.1", "IN IP6 2001:db8::7"]);
    assert_eq!(offer.sections()[0].first('c'), None);
}

#[test]
fn ice_is_answered_where_it_is_offered() {
    // tests rfc8839 §5.4
    let candidate = Candidate::parse("1 1 UDP 2130706431 192.0.2.1 4000 typ host").unwrap();
    let ice = Ice {
        ufrag: "8hhY".into(),
        pwd: "asd88fgpdd777uzjYhagZg".into(),
        candidates: vec![candidate],
        is_complete: true,
        ..Ice::default()
    };
    let ours = [Capabilities { ice: Some(ice.clone()), ..audio(4_000, &[Codec::pcma()]) }];
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let (offer, answer) = exchange((&mut alice, &ours), (&mut bob, &ours));
    let names = ["ice-ufrag", "ice-pwd", "candidate", "end-of-candidates"];
    assert_eq!(attributes(&offer, 0, &names), attributes(&answer, 0, &names));
    assert_eq!(alice.negotiated().unwrap().streams[0].ice, Some(ice));
    assert!(!format!("{:?}", alice.negotiated()).contains("asd88"), "the password is not shown");

    let mut bob = Side::new();
    bob.receive_offer(&text(&["m=audio 9 RTP/AVP 8"])).unwrap();
    assert_eq!(attributes(&bob.answer(&ours).unwrap(), 0, &names), [""; 0]);
    assert_eq!(bob.negotiated().unwrap().streams[0].ice, None);
    // With ICE the address of nowhere holds nobody.
    let offer =
        String::from_utf8(offer.to_bytes()).unwrap().replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0");
    let mut bob = Side::new();
    bob.receive_offer(offer.as_bytes()).unwrap();
    bob.answer(&ours).unwrap();
    assert!(bob.negotiated().unwrap().streams[0].direction.sends());
}

#[test]
fn feedback_makes_the_profile_with_feedback() {
    // tests rfc4585 §4.2
    let feedback = vec![Feedback::parse("* nack pli").unwrap()];
    let ours = [Capabilities { feedback: feedback.clone(), ..video(4_000, &[h264()]) }];
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let (offer, answer) = exchange((&mut alice, &ours), (&mut bob, &ours));
    assert_eq!(offer.media().next().unwrap().line().unwrap().protocol, Protocol::RtpAvpf);
    assert_eq!(attributes(&answer, 0, &["rtcp-fb"]), ["rtcp-fb:* nack pli"]);
    assert_eq!(alice.negotiated().unwrap().streams[0].feedback, feedback);
    // Without the profile there is none.
    let mut bob = Side::new();
    bob.receive_offer(&text(&["m=video 9 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=rtcp-fb:* nack"]))
        .unwrap();
    assert_eq!(attributes(&bob.answer(&ours).unwrap(), 0, &["rtcp-fb"]), [""; 0]);
    assert_eq!(bob.negotiated().unwrap().streams[0].feedback, []);
}

#[test]
fn lines_of_the_caller_are_carried() {
    let lines = vec![Line::attribute("mid", "x"), Line::attribute("label", "1")];
    let ours = [Capabilities { lines, ..audio(4_000, &[Codec::pcma()]) }];
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let (offer, answer) = exchange((&mut alice, &ours), (&mut bob, &[audio(5_000, &[Codec::pcma()])]));
    assert_eq!(attributes(&offer, 0, &["mid", "label"]), ["mid:x", "label:1"]);
    assert_eq!(attributes(&answer, 0, &["mid", "label"]), ["mid:x"]);
    assert_eq!(attributes(&alice.offer_again().unwrap(), 0, &["mid"]), ["mid:x"], "once");
}

#[test]
fn every_offer_of_the_rfcs_has_an_answer_or_a_reason() {
    // tests rfc3264 §6
    let ours = [
        Capabilities::audio(address(4_000), [Codec::opus(), Codec::pcma(), Codec::pcmu()]),
        Capabilities::video(address(4_002), [h264(), Codec::new("H261", 90_000)]),
    ];
    let answered = |name: &str| {
        let mut bob: OfferAnswer = Side::new();
        let offer = file(name);
        bob.receive_offer(&offer).ok()?;
        let answer = bob.answer(&ours).ok()?;
        assert_eq!(answer.sections().len(), Description::parse(&offer).unwrap().sections().len());
        Some(())
    };
    for name in ["rfc3264-02", "rfc3665-01", "rfc5359-01", "rfc8866-02"] {
        assert!(answered(name).is_some(), "{name}");
    }
}
