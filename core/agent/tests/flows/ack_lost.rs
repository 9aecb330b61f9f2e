//! The ACK of a 2xx is lost: the callee sends the 2xx again, the caller the ACK.

use crate::pair::{Pair, Side};
use crate::stage::{Stage, from_bob};
use ruf_agent::{AgentEvent, Body, EndReason};
use ruf_message::{Message, StatusCode};
use std::time::Duration;

#[test]
fn the_2xx_comes_again_and_so_does_the_ack() {
    // tests rfc3261 §13.2.2.4, §13.3.1.4
    let mut pair = Pair::new(1);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    for _ in 0..3 {
        pair.lose("a→b ACK");
    }
    let answered = pair.now;
    pair.b.answer(pair.now, incoming, None);
    pair.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
    // 0.5, 1 and 2 seconds apart, then the way there and back
    assert_eq!(pair.now.saturating_sub(answered).as_millis(), 3_500 + 100);
    pair.run_ms(10_000);
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 200 INVITE | a→x b ACK | b→a 200 INVITE | a→x b ACK | b→a 200 INVITE | a→x b ACK",
        " | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE"
    ));
    assert_eq!(
        pair.told(Side::A).iter().filter(|event| matches!(event, AgentEvent::Answered { .. })).count(),
        1
    );
}

#[test]
fn a_bye_before_the_ack_ends_the_call_and_the_2xx() {
    // tests rfc5407 §3.1.6
    let mut pair = Pair::new(2);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.lose("a→b ACK");
    pair.b.answer(pair.now, incoming, None);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    // The retransmitted 2xx and the BYE cross.
    pair.run_ms(420);
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder(
        "a→b INVITE | b→a 200 INVITE | a→x b ACK | a→b BYE | b→a 200 INVITE | b→a 200 BYE | a→b ACK",
    );
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::RemoteHungUp));
}

#[test]
fn a_2xx_is_not_sent_again_after_the_bye() {
    // tests rfc5407 §3.1.6
    let mut pair = Pair::new(4);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.lose("a→b ACK");
    pair.b.answer(pair.now, incoming, None);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Answered { .. }));
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder("a→b INVITE | b→a 200 INVITE | a→x b ACK | a→b BYE | b→a 200 BYE");
}

#[test]
fn nor_is_the_2xx_of_a_change() {
    // tests rfc5407 §3.1.6
    let mut pair = Pair::new(5);
    let (_, incoming) = pair.connected();
    pair.lose("b→a ACK");
    pair.b.modify(pair.now, incoming, Body::sdp("hold"));
    pair.until(Side::B, |event| matches!(event, AgentEvent::Modified { .. }));
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("b→a INVITE | a→b 200 INVITE | b→x a ACK | b→a BYE | a→b 200 BYE");
}

#[test]
fn a_bye_meant_for_an_early_dialog_ends_the_one_that_was_just_answered() {
    // tests rfc5407 §3.1.3, rfc3261 §15
    let mut stage = Stage::new();
    stage.give_text(&from_bob("INVITE", 1, "", ""));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.ring(stage.now, call);
    stage.agent.answer(stage.now, call, None);
    let sent = stage.sent();
    let Some(Message::Response(ok)) = sent.last() else { panic!("{sent:?}") };
    let tag = format!(";tag={}", String::from_utf8_lossy(ok.to_tag().unwrap()));
    stage.give_text(&from_bob("BYE", 2, &tag, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.give_text(&from_bob("ACK", 1, &tag, ""));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::RemoteHungUp }]);
    stage.run(Duration::from_secs(64));
    assert!(stage.sent().is_empty() && stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn the_callee_waits_for_the_ack_with_its_bye() {
    // tests rfc3261 §15
    let mut pair = Pair::new(3);
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.lose("a→b ACK");
    pair.b.answer(pair.now, incoming, None);
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder(
        "a→b INVITE | b→a 200 INVITE | a→x b ACK | b→a 200 INVITE | a→b ACK | b→a BYE | a→b 200 BYE",
    );
}
