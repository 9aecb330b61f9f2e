//! The order of offers and answers, refusals, versions, and what is no answer.
// tests rfc3264 §4, §5, §6, §7, §8

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use pair::{Side, audio, exchange, text, video};
use ruf_sdp::{Capabilities, Codec, Description, Kind, Mismatch, OfferAnswer, OfferAnswerError, Phase};

fn version(description: &Description) -> u64 {
    description.origin().unwrap().version_number().unwrap()
}

/// Two sides that speak.
fn call() -> (OfferAnswer, OfferAnswer) {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let ours = [audio(4_000, &[Codec::pcma()])];
    exchange((&mut alice, &ours), (&mut bob, &ours));
    (alice, bob)
}

#[test]
fn one_offer_at_a_time() {
    // tests rfc3264 §4
    let ours = [audio(4_000, &[Codec::pcma()])];
    let (mut alice, mut bob) = call();
    let offer = alice.offer(&ours).unwrap().to_bytes();
    assert_eq!(alice.phase(), Phase::Offered);
    assert_eq!(alice.offer(&ours), Err(OfferAnswerError::OfferOpen));
    assert_eq!(alice.hold(), Err(OfferAnswerError::OfferOpen));
    assert_eq!(alice.answer(&ours), Err(OfferAnswerError::NoOffer));
    assert_eq!(alice.receive_offer(&offer), Err(OfferAnswerError::Glare));

    assert_eq!(bob.receive_answer(&offer), Err(OfferAnswerError::NoOffer));
    bob.receive_offer(&offer).unwrap();
    assert_eq!(bob.phase(), Phase::Received);
    assert_eq!(bob.receive_offer(&offer), Err(OfferAnswerError::OfferBeforeAnswer));
    assert_eq!(bob.offer(&ours), Err(OfferAnswerError::AnswerOwed));
    assert_eq!(bob.receive_answer(&offer), Err(OfferAnswerError::NoOffer));
    let answer = bob.answer(&ours).unwrap().to_bytes();
    assert_eq!(bob.answer(&ours), Err(OfferAnswerError::NoOffer));
    alice.receive_answer(&answer).unwrap();
    assert_eq!((alice.phase(), bob.phase()), (Phase::Stable, Phase::Stable));
}

#[test]
fn before_the_first_offer_there_is_no_session() {
    let mut alice = Side::new();
    assert_eq!(alice.phase(), Phase::Idle);
    for nothing in [alice.clone().hold(), alice.clone().resume(), alice.clone().offer_again()] {
        assert_eq!(nothing, Err(OfferAnswerError::NoSession));
    }
    alice.receive_offer(&text(&["m=audio 9 RTP/AVP 0"])).unwrap();
    assert_eq!(alice.answer_again(), Err(OfferAnswerError::NoSession));
    alice.rollback();
    assert_eq!(alice.phase(), Phase::Idle);
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    // tests rfc3264 §8
    let (mut alice, mut bob) = call();
    let before = alice.negotiated().cloned();
    let ours = [audio(4_000, &[Codec::g722()]), video(4_002, &[Codec::new("H264", 90_000)])];
    let offer = alice.offer(&ours).unwrap();
    assert_eq!(alice.negotiated(), before.as_ref(), "it holds while the offer is open");
    alice.rollback();
    assert_eq!((alice.phase(), alice.negotiated()), (Phase::Stable, before.as_ref()));
    assert!(!alice.is_held());

    bob.receive_offer(&offer.to_bytes()).unwrap();
    bob.rollback();
    let media = bob.offer_again().unwrap().sections().len();
    assert_eq!(media, 1, "nor does it keep a place for what was refused");
    let hold = alice.hold().unwrap();
    assert_eq!(version(&hold), version(&offer) + 1);
    alice.rollback();
    assert!(!alice.is_held());
}

#[test]
fn the_version_rises_only_with_a_change() {
    // tests rfc3264 §8
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let ours = [audio(4_000, &[Codec::pcma()])];
    let (first, answer) = exchange((&mut alice, &ours), (&mut bob, &ours));
    let (again, answer_again) = exchange((&mut alice, &ours), (&mut bob, &ours));
    assert_eq!((&first, &answer), (&again, &answer_again));
    let moved = [audio(4_100, &[Codec::pcma()])];
    let (other, answer_other) = exchange((&mut alice, &moved), (&mut bob, &ours));
    assert_eq!(version(&other), version(&first) + 1);
    assert_eq!(version(&answer_other), version(&answer));
    let name = |description: &Description| {
        let origin = description.origin().unwrap();
        (origin.username, origin.session_id, origin.address)
    };
    assert_eq!(name(&first), name(&other));
    assert_eq!(name(&first).1, i64::MAX.to_string(), "63 bits"); // tests rfc3264 §5
}

#[test]
fn an_answer_has_as_many_media_as_the_offer() {
    // tests rfc3264 §6
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[Codec::pcma()])]).unwrap();
    for found in [0, 2] {
        let answer = text(&vec!["m=audio 9 RTP/AVP 8"; found]);
        assert_eq!(alice.receive_answer(&answer), Err(OfferAnswerError::MediaCount { expected: 1, found }));
    }
    assert_eq!(alice.phase(), Phase::Offered);
    alice.receive_answer(&text(&["m=audio 9 RTP/AVP 8"])).unwrap();
}

#[test]
fn a_new_offer_has_no_fewer_media() {
    // tests rfc3264 §8
    let (mut alice, _) = call();
    assert_eq!(alice.receive_offer(&text(&[])), Err(OfferAnswerError::MediaCount { expected: 1, found: 0 }));
    assert_eq!(alice.phase(), Phase::Stable);
}

#[test]
fn what_is_no_description_is_told_with_its_line() {
    let mut alice = Side::new();
    let error = alice.receive_offer(&text(&["m=audio 9 RTP/AVP"])).unwrap_err();
    assert!(error.to_string().starts_with("SDP line 6: expected `m="), "{error}");
    assert!(alice.receive_offer(b"hello").is_err());
    assert_eq!(alice.phase(), Phase::Idle);
}

#[test]
fn nothing_in_common_is_an_error_that_says_why() {
    // tests rfc3264 §6.1
    let ours = [audio(4_000, &[Codec::pcma()]), Capabilities::new(Kind::Text, pair::address(4_002), [])];
    let why = |lines: &[&str]| {
        let mut bob = Side::new();
        bob.receive_offer(&text(lines)).unwrap();
        let answer = bob.answer(&ours);
        assert_eq!(bob.phase(), if answer.is_ok() { Phase::Stable } else { Phase::Received });
        answer.err()
    };
    let none = |mismatch| Some(OfferAnswerError::NothingInCommon(mismatch));
    assert_eq!(why(&["m=audio 9 RTP/AVP 0"]), none(Mismatch::Codec));
    assert_eq!(
        why(&["m=audio 9 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000", "m=audio 9 RTP/AVP 0"]),
        None
    );
    assert_eq!(why(&["m=audio 9 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"]), none(Mismatch::Codec));
    assert_eq!(why(&["m=video 9 RTP/AVP 31"]), none(Mismatch::Kind));
    assert_eq!(why(&["m=audio 9 RTP/SAVP 8"]), none(Mismatch::Transport));
    assert_eq!(why(&["m=audio 9 udp 8"]), none(Mismatch::Transport));
    assert_eq!(why(&["m=audio 9/2 RTP/AVP 8"]), none(Mismatch::Transport));
    assert_eq!(why(&["m=audio 9 RTP/AVP 0", "m=video 9 RTP/AVP 31"]), none(Mismatch::Codec), "of the first");
    assert_eq!(why(&["m=audio 0 RTP/AVP 0"]), None, "a stream of port 0 is not asked for");
    assert_eq!(why(&[]), None);
}

#[test]
fn an_answer_that_takes_what_was_not_offered_is_useless() {
    // tests rfc3264 §6.1, §7
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[Codec::pcma()]), video(4_002, &[Codec::new("VP8", 90_000)])]).unwrap();
    let useless = text(&["m=audio 9 RTP/AVP 0", "m=video 0 RTP/AVP 96"]);
    assert_eq!(alice.receive_answer(&useless), Err(OfferAnswerError::NothingInCommon(Mismatch::Codec)));
    for protocol in ["udp", "RTP/SAVP", "UDP/TLS/RTP/SAVP"] {
        let other = text(&[&format!("m=audio 9 {protocol} 8"), "m=video 0 RTP/AVP 96"]);
        assert!(
            matches!(alice.receive_answer(&other), Err(OfferAnswerError::NothingInCommon(_))),
            "{protocol}"
        );
    }
    let half = text(&["m=audio 9 RTP/AVP 8", "m=audio 9 RTP/AVP 8"]);
    let negotiated = alice.receive_answer(&half).unwrap();
    assert_eq!((negotiated.streams.len(), &negotiated.unusable[..]), (1, &[(1, Mismatch::Kind)][..]));
}

#[test]
fn each_early_dialog_has_its_own_answer() {
    let mut alice = Side::new();
    alice.offer(&[audio(4_000, &[Codec::pcma(), Codec::pcmu()])]).unwrap();
    let mut fork = alice.clone();
    alice.receive_answer(&text(&["m=audio 9 RTP/AVP 8"])).unwrap();
    fork.receive_answer(&text(&["m=audio 11 RTP/AVP 0"])).unwrap();
    let name = |side: &OfferAnswer| side.negotiated().unwrap().streams[0].codecs[0].encoding.name.clone();
    assert_eq!((name(&alice), name(&fork)), ("PCMA".to_owned(), "PCMU".to_owned()));
}
