//! Hold and resume, from either side, and the directions of answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use pair::{Side, audio, exchange, text};
use ruf_sdp::{Codec, Description, Direction, OfferAnswer, Phase};

fn call() -> (OfferAnswer, OfferAnswer) {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let ours = [audio(4_000, &[Codec::pcma()])];
    exchange((&mut alice, &ours), (&mut bob, &ours));
    (alice, bob)
}

fn said(description: &Description) -> Direction {
    description.media().next().unwrap().direction()
}

fn has(side: &OfferAnswer) -> Direction {
    side.negotiated().unwrap().streams[0].direction
}

/// One offers, the other answers as before: what both say.
fn turn(
    offer: &Description,
    offerer: &mut OfferAnswer,
    answerer: &mut OfferAnswer,
) -> (Direction, Direction) {
    answerer.receive_offer(&offer.to_bytes()).unwrap();
    let answer = answerer.answer_again().unwrap();
    offerer.receive_answer(&answer.to_bytes()).unwrap();
    assert_eq!(has(offerer), has(answerer).reversed());
    (said(offer), said(&answer))
}

#[test]
fn hold_and_resume() {
    // tests rfc3264 §8.4, §6.1
    use Direction::*;
    let (mut alice, mut bob) = call();
    let hold = alice.hold().unwrap();
    assert_eq!(turn(&hold, &mut alice, &mut bob), (SendOnly, RecvOnly));
    assert!(alice.is_held() && !bob.is_held());
    assert_eq!((has(&alice), has(&bob)), (SendOnly, RecvOnly));
    let resume = alice.resume().unwrap();
    assert_eq!(turn(&resume, &mut alice, &mut bob), (SendRecv, SendRecv));
    assert!(!alice.is_held());
}

#[test]
fn both_hold_and_each_resumes() {
    // tests rfc6337 §5.3
    use Direction::*;
    let (mut alice, mut bob) = call();
    let offer = alice.hold().unwrap();
    turn(&offer, &mut alice, &mut bob);
    let offer = bob.hold().unwrap();
    assert_eq!(turn(&offer, &mut bob, &mut alice), (SendOnly, Inactive));
    let offer = alice.resume().unwrap();
    assert_eq!(turn(&offer, &mut alice, &mut bob), (SendRecv, SendOnly));
    let offer = bob.resume().unwrap();
    assert_eq!(turn(&offer, &mut bob, &mut alice), (SendRecv, SendRecv));
}

#[test]
fn a_refresh_changes_nothing_of_a_hold() {
    // tests rfc6337 §5.3, §5.2.5
    use Direction::*;
    let (mut alice, mut bob) = call();
    let offer = alice.hold().unwrap();
    turn(&offer, &mut alice, &mut bob);
    let offer = bob.offer_again().unwrap();
    assert_eq!(turn(&offer, &mut bob, &mut alice), (SendRecv, SendOnly), "who is held offers what it wants");
    let offer = alice.offer_again().unwrap();
    assert_eq!(turn(&offer, &mut alice, &mut bob), (SendOnly, RecvOnly));
}

#[test]
fn what_only_receives_is_held_by_inactive() {
    // tests rfc3264 §8.4
    let mut alice = Side::new();
    let mut bob = Side::new();
    let listens = [audio(4_000, &[Codec::pcma()]).direction(Direction::RecvOnly)];
    exchange((&mut alice, &listens), (&mut bob, &[audio(5_000, &[Codec::pcma()])]));
    assert_eq!((has(&alice), has(&bob)), (Direction::RecvOnly, Direction::SendOnly));
    assert_eq!(said(&alice.hold().unwrap()), Direction::Inactive);
}

#[test]
fn the_answer_follows_from_the_offer_and_our_wish() {
    // tests rfc3264 §6.1
    for offered in Direction::ALL {
        for wish in Direction::ALL {
            let mut bob = Side::new();
            bob.receive_offer(&text(&["m=audio 9 RTP/AVP 8", &format!("a={offered}")])).unwrap();
            let answer = bob.answer(&[audio(4_000, &[Codec::pcma()]).direction(wish)]).unwrap();
            let expected =
                Direction::new(offered.receives() && wish.sends(), offered.sends() && wish.receives());
            assert_eq!((said(&answer), has(&bob)), (expected, expected), "{offered} {wish}");
        }
    }
}

#[test]
fn the_hold_of_rfc_2543_is_understood() {
    // tests rfc3264 §8.4, rfc6337 §5.4
    let (_, mut bob) = call();
    let hold = String::from_utf8(text(&["m=audio 9 RTP/AVP 8"])).unwrap();
    for nowhere in ["c=IN IP4 0.0.0.0", "c=IN IP6 ::", "c=IN IP6 x.invalid"] {
        bob.receive_offer(hold.replace("c=IN IP4 198.51.100.1", nowhere).as_bytes()).unwrap();
        assert_eq!(said(&bob.answer_again().unwrap()), Direction::SendRecv, "the answer is by the attribute");
        let stream = &bob.negotiated().unwrap().streams[0];
        assert_eq!(
            (stream.direction, &stream.remote, &stream.remote_rtcp),
            (Direction::RecvOnly, &None, &None)
        );
    }
    bob.receive_offer(hold.as_bytes()).unwrap();
    bob.answer_again().unwrap();
    assert_eq!(has(&bob), Direction::SendRecv);
}

#[test]
fn an_answer_that_allows_more_changes_nothing_of_what_we_offered() {
    // tests rfc3264 §6.1
    let (mut alice, _) = call();
    alice.hold().unwrap();
    alice.receive_answer(&text(&["m=audio 9 RTP/AVP 8"])).unwrap();
    assert_eq!(has(&alice), Direction::SendOnly);
}

#[test]
fn a_late_offer_is_one_like_others() {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let ours = [audio(4_000, &[Codec::pcma()])];
    let offer = bob.offer(&ours).unwrap(); // in the 2xx
    alice.receive_offer(&offer.to_bytes()).unwrap();
    let answer = alice.answer(&ours).unwrap(); // in the ACK
    bob.receive_answer(&answer.to_bytes()).unwrap();
    assert_eq!((alice.phase(), bob.phase()), (Phase::Stable, Phase::Stable));
}
