//! The examples of RFC 4317: our machine on both sides offers and answers as they do, in the media that
//! are taken, their formats and directions.
// tests rfc3264 §5.1, §6, §6.1, §7, §8, §8.1, §8.2, §8.3.1, §8.3.2, §8.4

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use pair::{Side, address, audio, codec, file, shape, text, video};
use ruf_sdp::{Capabilities, Direction, Order};

fn ilbc() -> ruf_sdp::Codec {
    codec("iLBC", 8_000, 97)
}

/// An audio stream without events, as these examples have them.
fn plain(port: u16, codecs: &[ruf_sdp::Codec]) -> Capabilities {
    Capabilities { events: None, order: Order::Ours, ..audio(port, codecs) }
}

/// A stream of events alone.
fn events(port: u16) -> Capabilities {
    Capabilities { codecs: Vec::new(), ..audio(port, &[]) }
}

/// Our answer to a file, from a fresh session.
#[track_caller]
fn answers(offer: &str, ours: &[Capabilities], answer: &str) {
    let mut bob = Side::new();
    bob.receive_offer(&file(offer)).unwrap();
    assert_eq!(shape(&bob.answer(ours).unwrap().to_bytes()), shape(&file(answer)), "{offer}");
}

#[test]
fn audio_and_video_1() {
    // The answerer takes one codec of each.
    let ours = [plain(49_174, &[codec("PCMU", 8_000, 0)]), video(49_170, &[codec("MPV", 90_000, 32)])];
    answers("rfc4317-01", &ours, "rfc4317-02");
}

#[test]
fn audio_and_video_2() {
    // No video; then one codec of audio is offered again, at another port.
    let ours = [plain(49_172, &[codec("PCMU", 8_000, 0), codec("PCMA", 8_000, 8)])];
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-01")).unwrap();
    let answer = bob.answer(&ours).unwrap();
    let formats =
        |text: &[u8]| -> Vec<String> { shape(text).iter().map(|line| line.replace("31 32", "31")).collect() };
    assert_eq!(formats(&answer.to_bytes()), formats(&file("rfc4317-03")));
    bob.receive_offer(&file("rfc4317-04")).unwrap();
    assert_eq!(shape(&bob.answer_again().unwrap().to_bytes()), shape(&file("rfc4317-05")));
    assert_eq!(bob.negotiated().unwrap().audio().unwrap().remote.as_ref().unwrap().port, 51_372);
}

#[test]
fn audio_and_events() {
    // The events have a stream of their own, which the offerer only sends.
    let ours = [plain(49_172, &[ilbc()]), events(49_174)];
    answers("rfc4317-07", &ours, "rfc4317-08");
}

#[test]
fn an_address_moves() {
    // The answerer's address and ports change, with an offer of its own.
    let ours = [plain(49_174, &[ilbc()]), video(49_170, &[codec("H261", 90_000, 31)])];
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-09")).unwrap();
    assert_eq!(shape(&bob.answer(&ours).unwrap().to_bytes()), shape(&file("rfc4317-10")));
    let moved = [plain(49_178, &[ilbc()]), video(49_188, &[codec("H261", 90_000, 31)])];
    assert_eq!(shape(&bob.offer(&moved).unwrap().to_bytes()), shape(&file("rfc4317-11")));
}

#[test]
fn one_of_two_streams_is_taken() {
    // two streams of audio, of which the answerer has the second.
    let ours = [Capabilities { order: Order::Ours, ..audio(49_170, &[ilbc()]) }];
    answers("rfc4317-12", &ours, "rfc4317-13");
}

#[test]
fn a_codec_is_added() {
    // The offerer adds a codec of video.
    let video = |codecs: &[ruf_sdp::Codec]| video(51_374, codecs);
    let h261 = codec("H261", 90_000, 31);
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-14")).unwrap();
    bob.answer(&[plain(49_172, &[ilbc()]), video(&[h261.clone(), codec("MPV", 90_000, 32)])]).unwrap();
    bob.receive_offer(&file("rfc4317-15")).unwrap();
    assert_eq!(shape(&bob.answer_again().unwrap().to_bytes()), shape(&file("rfc4317-16")));
}

#[test]
fn on_hold_and_off() {
    // The answerer answers on hold, then offers that both speak.
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-18")).unwrap();
    let ours = plain(49_172, &[ilbc()]);
    let held = ours.clone().direction(Direction::SendOnly);
    assert_eq!(shape(&bob.answer(&[held]).unwrap().to_bytes()), shape(&file("rfc4317-19")));
    let moved = Capabilities { address: address(49_170), ..ours };
    assert_eq!(shape(&bob.offer(&[moved]).unwrap().to_bytes()), shape(&file("rfc4317-20")));
    bob.receive_answer(&file("rfc4317-21")).unwrap();
}

#[test]
fn a_stream_is_added() {
    // Alice offers events beside audio, Bob has none; then he adds them at a server of his.
    let ours = plain(49_170, &[ilbc()]);
    let mut bob = Side::new();
    bob.receive_offer(&text(&[
        "m=audio 49170 RTP/AVP 0 97",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:97 iLBC/8000",
    ]))
    .unwrap();
    assert_eq!(
        shape(&bob.answer(std::slice::from_ref(&ours)).unwrap().to_bytes()),
        shape(&file("rfc4317-24"))
    );
    let events = events(48_282).direction(Direction::RecvOnly);
    let offer = bob.offer(&[ours, events]).unwrap();
    let as_theirs = |text: &[u8]| shape(text).join("\n").replace("RTP/AVP 101", "RTP/AVP 98");
    assert_eq!(as_theirs(&offer.to_bytes()), as_theirs(&file("rfc4317-25")));
    bob.receive_answer(&file("rfc4317-26")).unwrap();
    let stream = bob.negotiated().unwrap().of(1).unwrap();
    assert_eq!(
        (stream.codecs.len(), stream.events[0].format.send, stream.events[0].format.receive),
        (0, 98, 101)
    );
}

#[test]
fn video_is_added_and_removed() {
    // video is added; the answerer of it then removes it.
    let pcmu = plain(49_172, &[codec("PCMU", 8_000, 0)]);
    let h261 = video(49_168, &[codec("H261", 90_000, 31)]);
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-27")).unwrap();
    assert_eq!(
        shape(&bob.answer(std::slice::from_ref(&pcmu)).unwrap().to_bytes()),
        shape(&file("rfc4317-28"))
    );
    bob.receive_offer(&file("rfc4317-29")).unwrap();
    let both = [pcmu, h261.clone()];
    assert_eq!(shape(&bob.answer(&both).unwrap().to_bytes()), shape(&file("rfc4317-30")));
    let offer = bob.offer(&[plain(49_174, &[ilbc()]), h261.off()]).unwrap();
    assert_eq!(shape(&offer.to_bytes()), shape(&file("rfc4317-31")));
    bob.receive_answer(&file("rfc4317-32")).unwrap();
    assert_eq!(bob.negotiated().unwrap().streams.len(), 1);
}

#[test]
fn an_offer_without_media() {
    // Nothing is offered yet; audio comes later.
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-33")).unwrap();
    let ours = [plain(49_172, &[ilbc()])];
    assert_eq!(shape(&bob.answer(&ours).unwrap().to_bytes()), [""; 0]);
    bob.receive_offer(&file("rfc4317-35")).unwrap();
    assert_eq!(shape(&bob.answer_again().unwrap().to_bytes()), shape(&file("rfc4317-36")));
}

#[test]
fn an_offer_of_nowhere() {
    // a third party offers the address of nowhere: the answer has a real one, and nothing is sent.
    let mut bob = Side::new();
    bob.receive_offer(&file("rfc4317-37")).unwrap();
    bob.answer(&[plain(49_170, &[ilbc()])]).unwrap();
    let negotiated = bob.negotiated().unwrap();
    let stream = negotiated.audio().unwrap();
    assert_eq!((&stream.remote, stream.direction), (&None, Direction::RecvOnly));
}
