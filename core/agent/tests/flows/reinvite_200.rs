//! A session is changed by an INVITE within its dialog.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, EndReason, Failure};
use ruf_message::StatusCode;

#[test]
fn it_is_answered_at_once_with_the_description_given_last() {
    // tests rfc3261 §14.1, §14.2
    let mut pair = Pair::new(1);
    let (call, incoming) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    pair.expect_ladder("a→b INVITE | b→a 200 INVITE | a→b ACK");
    let reinvited = AgentEvent::Reinvited { call: incoming, body: sdp("hold"), answer_due: false };
    assert_eq!(pair.told(Side::B)[0], &reinvited);
    assert_eq!(pair.told(Side::A), [&AgentEvent::Modified { call, body: sdp("answer") }]);
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn the_user_may_be_asked_and_answer() {
    // tests rfc3261 §14.2
    let mut pair = Pair::with(2, |settings| settings.answer_reinvites = false);
    let (call, incoming) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { answer_due: true, .. }));
    pair.b.answer(pair.now, incoming, sdp("held"));
    let modified = pair.until(Side::A, |event| matches!(event, AgentEvent::Modified { .. }));
    assert_eq!(modified, AgentEvent::Modified { call, body: sdp("held") });
    pair.clear();

    pair.a.modify(pair.now, call, Body::sdp("video"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { answer_due: true, .. }));
    pair.b.reject(pair.now, incoming, StatusCode::NOT_ACCEPTABLE_HERE);
    let status = StatusCode::NOT_ACCEPTABLE_HERE;
    let refused = pair.until(Side::A, |event| matches!(event, AgentEvent::NotModified { .. }));
    assert_eq!(refused, AgentEvent::NotModified { call, status });
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 488 INVITE | a→b ACK | b→a BYE | a→b 200 BYE");
}

#[test]
fn a_user_who_says_nothing_does_not_keep_the_peer_waiting() {
    // tests rfc3261 §14.2
    let mut pair = Pair::with(3, |settings| settings.answer_reinvites = false);
    let (call, _) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("hold"));
    let refused = pair.until(Side::A, |event| matches!(event, AgentEvent::NotModified { .. }));
    assert_eq!(refused, AgentEvent::NotModified { call, status: StatusCode::SERVER_INTERNAL_ERROR });
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn a_bye_ends_a_change_that_waits_for_its_user_with_487() {
    // tests rfc3261 §15.1.2
    let mut pair = Pair::with(4, |settings| settings.answer_reinvites = false);
    let (call, _) = pair.connected();
    pair.a.modify(pair.now, call, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Reinvited { .. }));
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder("a→b INVITE | a→b BYE | b→a 200 BYE | b→a 487 INVITE | a→b ACK");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn one_that_comes_right_after_the_answer_and_before_the_ack_is_accepted() {
    // tests rfc5407 §3.1.4
    let mut pair = Pair::new(5);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.lose("a→b ACK");
    pair.b.answer(pair.now, incoming, sdp("answer"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    pair.a.modify(pair.now, call, Body::sdp("one codec"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.run_ms(1_000);
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 200 INVITE | a→x b ACK | a→b INVITE | b→a 200 INVITE | a→b ACK",
        " | b→a 200 INVITE | a→b ACK"
    ));
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    assert_eq!(pair.end(Side::A), EndReason::RemoteHungUp);
}

#[test]
fn the_peer_that_knows_no_such_dialog_ends_the_call() {
    // tests rfc3261 §14.1, §12.2.1.2
    let mut pair = Pair::new(6);
    let (call, _) = pair.connected();
    pair.lose_all();
    pair.a.modify(pair.now, call, Body::sdp("hold"));
    pair.settle_one(Side::A);
    assert_eq!(pair.end(Side::A), EndReason::Failed(Failure::Silence));
}
