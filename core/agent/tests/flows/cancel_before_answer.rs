//! The caller gives up while it rings.

use crate::pair::{Pair, Side};
use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason};
use ruf_message::{Message, Method, StatusCode};
use std::time::Duration;

#[test]
fn cancel_is_answered_and_the_invite_is_487() {
    // tests rfc3261 §9.1, §9.2, §15
    let mut pair = Pair::new(1);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { .. }));
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder(
        "a→b INVITE | b→a 180 INVITE | a→b CANCEL | b→a 200 CANCEL | b→a 487 INVITE | a→b ACK",
    );
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::Cancelled, EndReason::RemoteCancelled));
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.agent.hang_up(stage.now, call);
    assert!(stage.sent().is_empty());
    stage.answer(&invite, StatusCode::TRYING, "", &[]);
    let cancel = stage.request();
    assert_eq!((cancel.method(), cancel.cseq().number), (Method::Cancel, invite.cseq().number));
    assert_eq!(cancel.via().branch(), invite.via().branch());
    assert_eq!(cancel.uri().to_string(), invite.uri().to_string());
    stage.answer(&cancel, StatusCode::OK, "x", &[]);
    stage.answer(&invite, StatusCode::REQUEST_TERMINATED, "x", &[]);
    assert_eq!(stage.request().method(), Method::Ack);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
}

#[test]
fn an_invite_without_an_answer_to_its_cancel_is_given_up() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "x", &[]);
    stage.agent.hang_up(stage.now, call);
    let cancel = stage.request();
    stage.answer(&cancel, StatusCode::OK, "x", &[]);
    stage.run(Duration::from_secs(33));
    let told = stage.events();
    assert_eq!(told.last(), Some(&AgentEvent::Ended { call, reason: EndReason::Cancelled }));
    stage.run(Duration::from_secs(33));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn cancel_and_invite_are_answered_with_one_tag() {
    // tests rfc3261 §9.2
    let mut stage = Stage::new();
    let text = |method: &str| {
        format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 {method}
Contact: <sip:bob@192.0.2.9>
"
        )
    };
    stage.give_text(&text("INVITE"));
    stage.give_text(&text("CANCEL"));
    let sent = stage.sent();
    let [Message::Response(ok), Message::Response(terminated)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status(), terminated.status()), (StatusCode::OK, StatusCode::REQUEST_TERMINATED));
    assert_eq!(ok.to_tag(), terminated.to_tag());
}

#[test]
fn a_cancel_for_no_invite_is_481() {
    // tests rfc3261 §9.2
    let mut stage = Stage::new();
    stage.give_text(
        "CANCEL sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 CANCEL
",
    );
    let response = stage.response();
    assert_eq!(response.status(), StatusCode::CALL_DOES_NOT_EXIST);
    assert!(response.to_tag().is_some());
}
