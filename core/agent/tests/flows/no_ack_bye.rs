//! The ACK of a 2xx never comes: after 64*T1 the callee gives up and says BYE.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason};
use ruf_message::{Message, Method, StatusCode, Tick};
use std::time::Duration;

const INVITE: &str = "INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 INVITE
Contact: <sip:bob@192.0.2.9>
";

#[test]
fn the_2xx_is_sent_from_t1_to_t2_apart_for_64_t1_and_then_bye() {
    // tests rfc3261 §13.3.1.4
    let mut stage = Stage::new();
    stage.give_text(INVITE);
    let [AgentEvent::Incoming { call, .. }] = stage.events()[..] else { panic!() };
    stage.agent.answer(stage.now, call, None);
    let mut times: Vec<u128> = Vec::new();
    let mut bye = None;
    while bye.is_none() {
        for message in stage.sent() {
            match message {
                Message::Response(response) => {
                    assert_eq!(response.status(), StatusCode::OK);
                    times.push(stage.now.saturating_sub(Tick::ZERO).as_millis());
                }
                Message::Request(request) => bye = Some(request),
            }
        }
        if bye.is_none() {
            let deadline = stage.agent.poll_deadline().unwrap();
            stage.run(deadline.saturating_sub(stage.now));
        }
    }
    assert_eq!(times, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    let bye = bye.unwrap();
    assert_eq!(bye.method(), Method::Bye);
    assert_eq!(stage.now, Tick::ZERO + Duration::from_secs(32));
    assert_eq!(bye.uri().to_string(), "sip:bob@192.0.2.9");
    stage.answer(&bye, StatusCode::OK, "", &[]);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Unacknowledged }]);
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_bye_that_nobody_answers_ends_the_call_too() {
    // tests rfc3261 §15.1.1
    let mut stage = Stage::new();
    stage.give_text(INVITE);
    let [AgentEvent::Incoming { call, .. }] = stage.events()[..] else { panic!() };
    stage.agent.answer(stage.now, call, None);
    stage.agent.hang_up(stage.now, call);
    stage.run(Duration::from_secs(120));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
