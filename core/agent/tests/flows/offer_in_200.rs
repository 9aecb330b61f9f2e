//! The INVITE makes no offer, so the 200 does, and the ACK carries the answer.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, EndReason};

fn offered(pair: &mut Pair) -> (ruf_agent::CallKey, ruf_agent::CallKey) {
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.answer(pair.now, incoming, sdp("offer of bob"));
    let answered = pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    assert_eq!(answered, AgentEvent::Answered { call, body: sdp("offer of bob"), answer_due: true });
    (call, incoming)
}

#[test]
fn the_ack_waits_for_the_answer() {
    // tests rfc3261 §13.2.1, §13.2.2.4
    let mut pair = Pair::new(1);
    let (call, incoming) = offered(&mut pair);
    pair.run_ms(600);
    pair.a.answer(pair.now, call, sdp("answer of alice"));
    let acknowledged = pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    assert_eq!(acknowledged, AgentEvent::Acknowledged { call: incoming, body: sdp("answer of alice") });
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 200 INVITE | b→a 200 INVITE | a→b ACK | b→a BYE | a→b 200 BYE");
}

#[test]
fn hanging_up_sends_the_ack_and_the_bye() {
    // tests rfc3261 §13.2.2.4
    let mut pair = Pair::new(2);
    let (call, _) = offered(&mut pair);
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn a_change_while_the_offer_waits_for_its_answer_is_491() {
    // tests rfc5407 §3.1.5
    let mut pair = Pair::new(3);
    let (call, incoming) = offered(&mut pair);
    pair.lose("a→b ACK");
    pair.a.answer(pair.now, call, sdp("answer of alice"));
    pair.a.modify(pair.now, call, Body::sdp("another offer"));
    pair.until(Side::A, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.run_ms(1_000);
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 200 INVITE | a→x b ACK | a→b INVITE | b→a 491 INVITE | a→b ACK",
        " | b→a 200 INVITE | a→b ACK | a→b INVITE | b→a 200 INVITE | a→b ACK"
    ));
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
}
