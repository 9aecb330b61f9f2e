//! Provisional responses that arrive: confirmed by PRACK, sent again until then (RFC 3262).

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, CallKey, EndReason, Failure};
use ruf_message::StatusCode;

const PROGRESS: StatusCode = StatusCode::SESSION_PROGRESS;

fn call(pair: &mut Pair, body: Option<Body>) -> (CallKey, CallKey) {
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), body).unwrap();
    (call, pair.incoming(Side::B))
}

fn confirmed(pair: &mut Pair) -> Option<Body> {
    match pair.until(Side::B, |event| matches!(event, AgentEvent::ProgressConfirmed { .. })) {
        AgentEvent::ProgressConfirmed { body, .. } => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_answer_in_a_183_is_confirmed_and_the_200_brings_none() {
    // tests rfc3262 §3, §4, §5
    let mut pair = Pair::new(1);
    let (alice, bob) = call(&mut pair, sdp("offer"));
    pair.b.ring(pair.now, bob);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("answer"));
    let told = pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { status: PROGRESS, .. }));
    let early = AgentEvent::Ringing { call: alice, status: PROGRESS, body: sdp("answer"), answer_due: false };
    assert_eq!(told, early);
    assert_eq!(confirmed(&mut pair), None);
    pair.b.answer(pair.now, bob, sdp("answer"));
    let answered = pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    assert_eq!(answered, AgentEvent::Answered { call: alice, body: None, answer_due: false });
    pair.run_ms(100);
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 180 INVITE | b→a 183 INVITE | a→b PRACK | b→a 200 PRACK | b→a 200 INVITE | a→b ACK",
        " | a→b BYE | b→a 200 BYE"
    ));
}

#[test]
fn the_offer_in_a_183_is_answered_in_the_prack() {
    // tests rfc3262 §5
    let mut pair = Pair::new(2);
    let (alice, bob) = call(&mut pair, None);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("offer of bob"));
    let told = pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { .. }));
    let body = sdp("offer of bob");
    assert_eq!(told, AgentEvent::Ringing { call: alice, status: PROGRESS, body, answer_due: true });
    pair.run_ms(600);
    pair.a.answer(pair.now, alice, sdp("answer of alice"));
    assert_eq!(confirmed(&mut pair), sdp("answer of alice"));
    pair.b.answer(pair.now, bob, None);
    let answered = pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    assert_eq!(answered, AgentEvent::Answered { call: alice, body: None, answer_due: false });
    let acknowledged = pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    assert_eq!(acknowledged, AgentEvent::Acknowledged { call: bob, body: None });
    pair.b.hang_up(pair.now, bob);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 183 INVITE | b→a 183 INVITE | a→b PRACK | b→a 200 PRACK | b→a 200 INVITE | a→b ACK",
        " | b→a BYE | a→b 200 BYE"
    ));
}

#[test]
fn the_200_waits_for_the_prack() {
    // tests rfc3262 §3, §5
    let mut pair = Pair::new(3);
    let (alice, bob) = call(&mut pair, sdp("offer"));
    pair.lose("b→a 183 INVITE");
    pair.lose("a→b PRACK");
    pair.b.progress(pair.now, bob, PROGRESS, sdp("answer"));
    pair.b.answer(pair.now, bob, sdp("answer"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    pair.run_ms(100);
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→x a 183 INVITE | a→b INVITE | b→a 183 INVITE | b→a 183 INVITE | a→x b PRACK",
        " | a→b PRACK | b→a 200 PRACK | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE"
    ));
    let ringing =
        pair.told(Side::A).iter().filter(|event| matches!(event, AgentEvent::Ringing { .. })).count();
    assert_eq!(ringing, 1, "one that comes again is no news");
}

#[test]
fn a_call_whose_answer_waits_can_still_be_cancelled() {
    // tests rfc3262 §3, rfc3261 §9.2
    let mut pair = Pair::new(4);
    let (alice, bob) = call(&mut pair, None);
    pair.b.progress(pair.now, bob, PROGRESS, sdp("offer of bob"));
    pair.b.answer(pair.now, bob, None);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { .. }));
    pair.a.hang_up(pair.now, alice);
    pair.settle();
    pair.expect_ladder(
        "a→b INVITE | b→a 183 INVITE | a→b CANCEL | b→a 200 CANCEL | b→a 487 INVITE | a→b ACK",
    );
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::Cancelled, EndReason::RemoteCancelled));
}

#[test]
fn who_never_confirms_is_refused() {
    // tests rfc3262 §3
    let mut pair = Pair::new(5);
    let (_, bob) = call(&mut pair, None);
    // Alice never answers the offer.
    pair.b.progress(pair.now, bob, PROGRESS, sdp("offer of bob"));
    pair.settle();
    let once = "b→a 183 INVITE";
    pair.expect_ladder(&format!("a→b INVITE | {} | b→a 504 INVITE | a→b ACK", [once; 7].join(" | ")));
    assert_eq!(pair.end(Side::B), EndReason::Unacknowledged);
    assert_eq!(pair.end(Side::A), EndReason::Failed(Failure::Refused(StatusCode::SERVER_TIMEOUT)));
}
