//! One side changes the session while the other, or the same, ends it.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, EndReason};

#[test]
fn the_side_that_hung_up_answers_481() {
    // tests rfc5407 §3.2.2
    let mut pair = Pair::new(1);
    let (call, incoming) = pair.connected();
    pair.a.hang_up(pair.now, call);
    pair.b.modify(pair.now, incoming, Body::sdp("hold"));
    pair.settle();
    pair.expect_ladder("a→b BYE | b→a INVITE | b→a 200 BYE | a→b 481 INVITE | b→a ACK");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn a_200_that_comes_after_our_bye_is_acknowledged() {
    // tests rfc5407 §3.2.3
    let mut pair = Pair::new(2);
    let (_, incoming) = pair.connected();
    pair.b.modify(pair.now, incoming, Body::sdp("hold"));
    pair.run_ms(60);
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("b→a INVITE | a→b 200 INVITE | b→a BYE | b→a ACK | a→b 200 BYE");
    assert!(!pair.told(Side::B).iter().any(|event| matches!(event, AgentEvent::Modified { .. })));
}

#[test]
fn an_ack_that_comes_after_the_bye_means_nothing() {
    // tests rfc5407 §3.2.4
    let mut pair = Pair::new(3);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.answer(pair.now, incoming, None);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    pair.lose("a→b ACK");
    pair.a.modify(pair.now, call, sdp("x").unwrap());
    pair.a.hang_up(pair.now, call);
    pair.settle();
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn a_refer_that_crosses_our_bye_is_481() {
    // tests rfc5407 §3.3.3
    let mut pair = Pair::new(4);
    let (call, incoming) = pair.connected();
    pair.a.hang_up(pair.now, call);
    pair.b.transfer(pair.now, incoming, &"sip:carol@example.org".parse().unwrap());
    pair.settle();
    pair.expect_ladder("a→b BYE | b→a REFER | b→a 200 BYE | a→b 481 REFER");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
    let told = pair.told(Side::B);
    assert!(!told.iter().any(|event| matches!(event, AgentEvent::TransferFailed { .. })), "{told:?}");
}
