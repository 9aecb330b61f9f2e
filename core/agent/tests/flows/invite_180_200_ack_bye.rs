//! A call, answered and ended, from either side.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, EndReason, Failure};
use ruf_message::StatusCode;

#[test]
fn the_caller_hangs_up() {
    // tests rfc3261 §13.2.2.4, §13.3.1.4, §15.1.1, §15.1.2, §12.2.1.1
    let mut pair = Pair::new(1);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { status: StatusCode::RINGING, .. }));
    pair.b.answer(pair.now, incoming, sdp("answer"));
    let answered = pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    assert_eq!(answered, AgentEvent::Answered { call, body: sdp("answer"), answer_due: false });
    pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { body: None, .. }));
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 180 INVITE | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn the_callee_hangs_up() {
    // tests rfc3261 §15.1.1
    let mut pair = Pair::new(2);
    let (_, incoming) = pair.connected();
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("b→a BYE | a→b 200 BYE");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::RemoteHungUp, EndReason::HungUp));
}

#[test]
fn a_retransmitted_invite_is_the_same_call() {
    // tests rfc5407 §3.1.1
    let mut pair = Pair::new(3);
    pair.lose("b→a 180 INVITE");
    pair.lose("b→a 200 INVITE");
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    pair.b.answer(pair.now, incoming, None);
    pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    let incoming_calls =
        pair.told(Side::B).iter().filter(|event| matches!(event, AgentEvent::Incoming { .. })).count();
    assert_eq!(incoming_calls, 1);
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder(
        "a→b INVITE | b→x a 180 INVITE | b→x a 200 INVITE | a→b INVITE | b→a 200 INVITE | a→b ACK | b→a BYE | a→b 200 BYE",
    );
}

#[test]
fn a_call_with_nobody_there_is_408() {
    // tests rfc3261 §8.1.3.1, §13.2.2
    let mut pair = Pair::new(4);
    pair.lose_all();
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    pair.settle();
    assert_eq!(pair.end(Side::A), EndReason::Failed(Failure::Silence));
}
