//! Which formats are agreed on: codecs, their payload types each way, events, comfort noise, packet times.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use std::time::Duration;

use pair::{Side, attributes, audio, codec, exchange, shape, text, video};
use ruf_sdp::{AgreedFormat, Capabilities, Codec, Events, Order, Stream};

fn codecs(stream: &Stream) -> Vec<String> {
    let of = |format: &AgreedFormat| format!("{} {}/{}", format.encoding, format.send, format.receive);
    stream.codecs.iter().map(of).collect()
}

/// Our stream after answering this offer.
#[track_caller]
fn answering(ours: Capabilities, lines: &[&str]) -> (Stream, String) {
    let mut bob = Side::new();
    bob.receive_offer(&text(lines)).unwrap();
    let answer = bob.answer(&[ours]).unwrap();
    (bob.negotiated().unwrap().streams[0].clone(), shape(&answer.to_bytes()).join("\n"))
}

const OFFER: &[&str] = &[
    "m=audio 9 RTP/AVP 8 111 0 9 101 13",
    "a=rtpmap:111 OPUS/48000/2",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-11",
    "a=fmtp:111 stereo=1",
];

#[test]
fn the_answer_keeps_the_order_of_the_offer_or_ours() {
    // tests rfc3264 §6.1
    let ours = audio(4_000, &[Codec::opus(), Codec::pcmu(), Codec::pcma()]);
    let (stream, answer) = answering(ours.clone(), OFFER);
    assert_eq!(codecs(&stream), ["PCMA/8000 8/8", "OPUS/48000/2 111/111", "PCMU/8000 0/0"]);
    assert_eq!(
        answer,
        "audio 4000 RTP/AVP 8 111 0 101 | PCMA/8000 OPUS/48000/2 PCMU/8000 telephone-event/8000 | sendrecv"
    );
    let (stream, _) = answering(Capabilities { order: Order::Ours, ..ours }, OFFER);
    assert_eq!(codecs(&stream), ["OPUS/48000/2 111/111", "PCMU/8000 0/0", "PCMA/8000 8/8"]);
    assert_eq!(
        (stream.codecs[0].send_fmtp.as_str(), stream.codecs[0].receive_fmtp.as_str()),
        ("stereo=1", "useinbandfec=1")
    );
}

#[test]
fn an_offer_lists_all_with_its_numbers() {
    // tests rfc3264 §5.1
    let ours = [Capabilities {
        comfort_noise: true,
        ..audio(4_000, &[Codec::opus(), Codec::g722(), Codec::pcma(), codec("iLBC", 8_000, 97)])
    }];
    let offer = Side::new().offer(&ours).unwrap();
    assert_eq!(
        shape(&offer.to_bytes()),
        [
            "audio 4000 RTP/AVP 96 9 8 97 13 98 101 | opus/48000/2 G722/8000 PCMA/8000 iLBC/8000 CN/8000 telephone-event/48000 telephone-event/8000 | sendrecv"
        ]
    );
    assert_eq!(
        attributes(&offer, 0, &["fmtp", "ptime"]),
        ["fmtp:96 useinbandfec=1", "fmtp:98 0-15", "fmtp:101 0-15", "ptime:20"]
    );
}

#[test]
fn each_side_sends_with_the_numbers_of_the_other() {
    // tests rfc3264 §5.1, §7
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[codec("opus", 48_000, 96).channels(2), Codec::pcma()])]).unwrap();
    let answer =
        ["m=audio 9 RTP/AVP 111 8 100", "a=rtpmap:111 opus/48000/2", "a=rtpmap:100 telephone-event/48000"];
    let stream = alice.receive_answer(&text(&answer)).unwrap().streams[0].clone();
    assert_eq!(codecs(&stream), ["opus/48000/2 111/96", "PCMA/8000 8/8"]);
    let events = stream.events_for(&stream.codecs[0].encoding).unwrap();
    assert_eq!((events.format.send, events.format.receive), (100, 97));
}

#[test]
fn a_codec_offered_twice_is_the_one_of_the_number_in_the_answer() {
    let opus = |stereo: u8| Codec::new("opus", 48_000).channels(2).fmtp(&format!("stereo={stereo}"));
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[opus(1), opus(0)])]).unwrap();
    let answer = text(&["m=audio 9 RTP/AVP 97", "a=rtpmap:97 opus/48000/2"]);
    let stream = alice.receive_answer(&answer).unwrap().streams[0].clone();
    assert_eq!(codecs(&stream), ["opus/48000/2 97/97"]);
    assert_eq!(stream.codecs[0].receive_fmtp, "stereo=0");
}

#[test]
fn an_answer_that_does_not_say_what_a_number_is_means_ours() {
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[codec("iLBC", 8_000, 97)])]).unwrap();
    let stream = alice.receive_answer(&text(&["m=audio 9 RTP/AVP 97 101"])).unwrap().streams[0].clone();
    assert_eq!((codecs(&stream), stream.events[0].format.send), (vec!["iLBC/8000 97/97".to_owned()], 101));
}

#[test]
fn a_number_keeps_its_codec_for_the_session() {
    // tests rfc3264 §8.3.2
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let opus = || codec("opus", 48_000, 96).channels(2);
    exchange((&mut alice, &[audio(4_000, &[opus()])]), (&mut bob, &[audio(5_000, &[opus()])]));
    // The peer now means something else by 96, which is still opus on our side.
    bob.receive_offer(&text(&[
        "m=audio 9 RTP/AVP 96 99",
        "a=rtpmap:96 iLBC/8000",
        "a=rtpmap:99 opus/48000/2",
    ]))
    .unwrap();
    bob.answer(&[audio(5_000, &[codec("iLBC", 8_000, 96), opus()])]).unwrap();
    assert_eq!(codecs(&bob.negotiated().unwrap().streams[0]), ["iLBC/8000 96/98", "opus/48000/2 99/99"]);
    // And in an offer of ours opus is what it was first.
    let offer = bob.offer_again().unwrap();
    assert_eq!(
        shape(&offer.to_bytes()),
        [
            "audio 5000 RTP/AVP 98 96 101 97 | iLBC/8000 opus/48000/2 telephone-event/8000 telephone-event/48000 | sendrecv"
        ]
    );
}

#[test]
fn a_number_keeps_its_codec_though_other_capabilities_take_the_media() {
    // tests rfc3264 §8.3.2
    let mut bob = Side::new();
    bob.receive_offer(&text(&["m=audio 9 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"])).unwrap();
    let ours = [audio(4_000, &[Codec::opus()]), audio(4_002, &[codec("iLBC", 8_000, 97)])];
    bob.answer(&ours).unwrap();
    bob.receive_offer(&text(&["m=audio 9 RTP/AVP 96", "a=rtpmap:96 iLBC/8000"])).unwrap();
    bob.answer(&ours).unwrap();
    let stream = &bob.negotiated().unwrap().streams[0];
    assert_eq!((stream.capability, codecs(stream)), (1, vec!["iLBC/8000 96/97".to_owned()]));
}

#[test]
fn a_media_without_numbers_left_is_refused() {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let mut had = 0;
    for at in 0.. {
        let ours = [Capabilities { events: None, ..audio(4_000, &[Codec::new(&format!("x{at}"), 8_000)]) }];
        let offer = alice.offer(&ours).unwrap();
        if offer.media().next().unwrap().line().unwrap().port == 0 {
            break;
        }
        had += 1;
        bob.receive_offer(&offer.to_bytes()).unwrap();
        let answer = bob.answer(&ours).unwrap();
        alice.receive_answer(&answer.to_bytes()).unwrap();
    }
    assert_eq!(had, 32 + 29);
}

#[test]
fn events_go_with_the_clock_of_the_codec() {
    // tests rfc4733 §2.1, §2.4.1
    let both = [
        "m=audio 9 RTP/AVP 111 8 101 100",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-11",
        "a=rtpmap:100 telephone-event/48000",
    ];
    let clocks =
        |stream: &Stream| -> Vec<u8> { stream.events.iter().map(|events| events.format.send).collect() };
    let (stream, _) = answering(audio(4_000, &[Codec::pcma()]), &both);
    assert_eq!(clocks(&stream), [101]);
    assert_eq!(
        (stream.events[0].send.to_string(), stream.events[0].receive),
        ("0-11".to_owned(), Events::DTMF)
    );
    let (stream, _) = answering(audio(4_000, &[Codec::pcma(), Codec::opus()]), &both);
    assert_eq!(clocks(&stream), [101, 100]);
    assert_eq!(stream.events_for(&Codec::opus().encoding).unwrap().format.send, 100);
    // An old phone has them for 8000 alone.
    let (stream, _) = answering(audio(4_000, &[Codec::opus()]), &both[..4]);
    assert_eq!(clocks(&stream), [101]);
    assert!(stream.events_for(&Codec::opus().encoding).is_some());
    // It finds them in an offer, too.
    let offer = Side::new().offer(&[audio(4_000, &[Codec::opus()])]).unwrap();
    assert_eq!(
        shape(&offer.to_bytes()),
        ["audio 4000 RTP/AVP 96 97 101 | opus/48000/2 telephone-event/48000 telephone-event/8000 | sendrecv"]
    );
    // Alone they have any clock.
    let alone = ["m=audio 9 RTP/AVP 99", "a=rtpmap:99 telephone-event/16000"];
    assert_eq!(clocks(&answering(audio(4_000, &[Codec::opus()]), &alone).0), [99]);
    let none = Capabilities { events: None, ..audio(4_000, &[Codec::pcma()]) };
    assert_eq!(clocks(&answering(none, &both).0), [0; 0]);
}

#[test]
fn comfort_noise_is_answered_where_it_is_understood() {
    let ours = |comfort_noise| Capabilities { comfort_noise, ..audio(4_000, &[Codec::pcma()]) };
    let numbers =
        |stream: &Stream| -> Vec<u8> { stream.comfort_noise.iter().map(|format| format.send).collect() };
    assert_eq!(numbers(&answering(ours(true), OFFER).0), [13]);
    assert_eq!(numbers(&answering(ours(false), OFFER).0), [0; 0]);
    assert_eq!(answering(ours(true), OFFER).0.codecs.len(), 1, "it is no codec");
    let other_clock = ["m=audio 9 RTP/AVP 8 98", "a=rtpmap:98 CN/16000"];
    assert_eq!(numbers(&answering(ours(true), &other_clock).0), [0; 0]);
    let wide = Capabilities { comfort_noise: true, events: None, ..audio(4_000, &[Codec::opus()]) };
    let offer = Side::new().offer(&[wide]).unwrap();
    assert_eq!(shape(&offer.to_bytes()), ["audio 4000 RTP/AVP 96 | opus/48000/2 | sendrecv"]);
}

#[test]
fn packets_are_as_long_as_the_receiver_says() {
    // tests rfc3264 §6.1
    let ptime = |lines: &[&str]| {
        let lines = [&["m=audio 9 RTP/AVP 8"], lines].concat();
        let stream = answering(audio(4_000, &[Codec::pcma()]), &lines).0;
        (stream.ptime, stream.maxptime)
    };
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(ptime(&["a=ptime:30"]), (ms(30), None));
    assert_eq!(ptime(&["a=ptime:60", "a=maxptime:40"]), (ms(40), ms(40)));
    assert_eq!(ptime(&["a=ptime:x"]), (None, None));
}

#[test]
fn video_is_matched_in_its_configuration() {
    // tests rfc3264 §6.1
    let h264 = |mode: &str| Codec::new("H264", 90_000).fmtp(&format!("packetization-mode={mode}"));
    let offer = [
        "m=video 9 RTP/AVP 97 98",
        "a=rtpmap:97 H264/90000",
        "a=fmtp:97 packetization-mode=0;profile-level-id=42e01f",
        "a=rtpmap:98 H264/90000",
        "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f",
    ];
    let (stream, _) = answering(video(4_000, &[h264("1"), h264("0")]), &offer);
    assert_eq!(codecs(&stream), ["H264/90000 97/97", "H264/90000 98/98"]);
    assert_eq!(stream.codecs[1].receive_fmtp, "packetization-mode=1");
    let (stream, _) = answering(video(4_000, &[h264("1")]), &offer);
    assert_eq!(codecs(&stream), ["H264/90000 98/98"]);
    let offer = Side::new().offer(&[video(4_000, &[h264("1"), h264("0")])]).unwrap();
    assert_eq!(shape(&offer.to_bytes()), ["video 4000 RTP/AVP 96 97 | H264/90000 H264/90000 | sendrecv"]);
}

#[test]
fn a_codec_that_is_listed_twice_is_taken_once() {
    let (stream, _) = answering(audio(4_000, &[Codec::pcma(), Codec::pcma()]), &["m=audio 9 RTP/AVP 8 8"]);
    assert_eq!(codecs(&stream), ["PCMA/8000 8/8"]);
}
