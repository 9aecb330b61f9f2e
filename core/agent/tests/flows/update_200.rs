//! The session is changed before the call is answered (RFC 3311).

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, CallKey, EndReason};
use ruf_message::StatusCode;

const PROGRESS: StatusCode = StatusCode::SESSION_PROGRESS;

/// Alice calls, Bob describes himself in a 183, and its PRACK is there.
fn early(pair: &mut Pair) -> (CallKey, CallKey) {
    let alice = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let bob = pair.incoming(Side::B);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("answer"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::ProgressConfirmed { .. }));
    pair.run_ms(100);
    pair.clear();
    (alice, bob)
}

fn modified(pair: &mut Pair, side: Side) -> Option<Body> {
    match pair.until(side, |event| matches!(event, AgentEvent::Modified { .. })) {
        AgentEvent::Modified { body, .. } => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn from_either_side_and_then_the_call_is_answered() {
    // tests rfc3311 §5.1, §5.2, §5.3
    let mut pair = Pair::new(1);
    let (alice, bob) = early(&mut pair);
    pair.a.modify(pair.now, alice, Body::sdp("hold"));
    assert_eq!(modified(&mut pair, Side::A), sdp("answer"));
    let reinvited = AgentEvent::Reinvited { call: bob, body: sdp("hold"), answer_due: false };
    assert_eq!(pair.told(Side::B), [&reinvited]);
    pair.b.modify(pair.now, bob, Body::sdp("other codec"));
    assert_eq!(modified(&mut pair, Side::B), sdp("hold"));
    pair.b.answer(pair.now, bob, sdp("other codec"));
    let answered = pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    assert_eq!(answered, AgentEvent::Answered { call: alice, body: None, answer_due: false });
    pair.run_ms(100);
    // From here on it is a re-INVITE.
    pair.a.modify(pair.now, alice, Body::sdp("resume"));
    pair.run_ms(300);
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b UPDATE | b→a 200 UPDATE | b→a UPDATE | a→b 200 UPDATE | b→a 200 INVITE | a→b ACK",
        " | a→b INVITE | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE"
    ));
}

#[test]
fn a_call_that_began_without_an_offer_may_be_changed_after_the_prack() {
    // tests rfc3311 §5.1, rfc3262 §5
    let mut pair = Pair::new(2);
    let alice = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let bob = pair.incoming(Side::B);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("offer of bob"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { answer_due: true, .. }));
    // Neither may make another offer now.
    pair.a.modify(pair.now, alice, Body::sdp("too early"));
    pair.b.modify(pair.now, bob, Body::sdp("too early"));
    pair.run_ms(100);
    pair.a.answer(pair.now, alice, sdp("answer of alice"));
    pair.a.modify(pair.now, alice, Body::sdp("hold"));
    assert_eq!(modified(&mut pair, Side::A), sdp("offer of bob"));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 183 INVITE | a→b PRACK | a→b UPDATE | b→a 200 PRACK | b→a 200 UPDATE",
        " | a→b CANCEL | b→a 200 CANCEL | b→a 487 INVITE | a→b ACK"
    ));
}

#[test]
fn a_change_of_the_callee_waits_for_the_prack() {
    // tests rfc3311 §5.1
    let mut pair = Pair::new(3);
    let alice = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let bob = pair.incoming(Side::B);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("answer"));
    pair.b.modify(pair.now, bob, Body::sdp("other codec"));
    assert_eq!(modified(&mut pair, Side::B), sdp("offer"));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 183 INVITE | a→b PRACK | b→a 200 PRACK | b→a UPDATE | a→b 200 UPDATE",
        " | a→b CANCEL | b→a 200 CANCEL | b→a 487 INVITE | a→b ACK"
    ));
}

#[test]
fn both_at_once_are_refused_and_tried_again() {
    // tests rfc3311 §5.2, §5.3
    let mut pair = Pair::new(4);
    let (alice, bob) = early(&mut pair);
    pair.a.modify(pair.now, alice, Body::sdp("from a"));
    pair.b.modify(pair.now, bob, Body::sdp("from b"));
    modified(&mut pair, Side::A);
    modified(&mut pair, Side::B);
    pair.run_ms(100);
    pair.expect_ladder(concat!(
        "a→b UPDATE | b→a UPDATE | b→a 491 UPDATE | a→b 491 UPDATE",
        " | b→a UPDATE | a→b 200 UPDATE | a→b UPDATE | b→a 200 UPDATE"
    ));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
}

#[test]
fn the_user_may_be_asked_on_both_sides() {
    // tests rfc3311 §5.2
    let mut pair = Pair::with(5, |settings| settings.answer_reinvites = false);
    let (alice, bob) = early(&mut pair);
    pair.a.modify(pair.now, alice, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { answer_due: true, .. }));
    pair.b.answer(pair.now, bob, sdp("held"));
    assert_eq!(modified(&mut pair, Side::A), sdp("held"));
    pair.b.modify(pair.now, bob, Body::sdp("video"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Reinvited { answer_due: true, .. }));
    pair.a.reject(pair.now, alice, StatusCode::NOT_ACCEPTABLE_HERE);
    let refused = pair.until(Side::B, |event| matches!(event, AgentEvent::NotModified { .. }));
    assert_eq!(refused, AgentEvent::NotModified { call: bob, status: StatusCode::NOT_ACCEPTABLE_HERE });
    // One that nobody answers.
    pair.b.modify(pair.now, bob, Body::sdp("video"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Reinvited { .. }));
    pair.clear();
    let refused = pair.until(Side::B, |event| matches!(event, AgentEvent::NotModified { .. }));
    assert_eq!(refused, AgentEvent::NotModified { call: bob, status: StatusCode::SERVER_TIMEOUT });
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::Cancelled, EndReason::RemoteCancelled));
}

#[test]
fn our_change_waits_until_we_have_answered_theirs() {
    // tests rfc3311 §5.1
    let mut pair = Pair::with(7, |settings| settings.answer_reinvites = false);
    let (alice, bob) = early(&mut pair);
    pair.b.modify(pair.now, bob, Body::sdp("other codec"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Reinvited { .. }));
    pair.a.modify(pair.now, alice, Body::sdp("hold"));
    pair.run_ms(200);
    pair.a.answer(pair.now, alice, sdp("changed"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { .. }));
    pair.b.answer(pair.now, bob, sdp("held"));
    assert_eq!(modified(&mut pair, Side::A), sdp("held"));
    pair.expect_ladder("b→a UPDATE | a→b 200 UPDATE | a→b UPDATE | b→a 200 UPDATE");
    pair.a.hang_up(pair.now, alice);
    pair.settle();
}

#[test]
fn the_answer_to_the_call_waits_for_the_answer_to_the_change() {
    // tests rfc3311 §5.2
    let mut pair = Pair::with(6, |settings| settings.answer_reinvites = false);
    let (alice, bob) = early(&mut pair);
    pair.a.modify(pair.now, alice, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { .. }));
    pair.b.answer(pair.now, bob, sdp("held"));
    pair.b.answer(pair.now, bob, None);
    pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder("a→b UPDATE | b→a 200 UPDATE | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE");
}
