//! A proxy forked the INVITE and two phones answered: each 2xx is acknowledged, one is kept.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};
use std::time::Duration;

const BOB: (HeaderName, &str) = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
const CAROL: (HeaderName, &str) = (HeaderName::Contact, "<sip:carol@192.0.2.3>");

fn requests(stage: &mut Stage) -> Vec<(Method, String)> {
    let name = |request: &Request| (request.method(), request.uri().to_string());
    let sent = stage.sent();
    sent.iter()
        .map(|message| match message {
            Message::Request(request) => name(request),
            Message::Response(response) => panic!("{response}"),
        })
        .collect()
}

#[test]
fn the_second_answer_is_acknowledged_and_left() {
    // tests rfc3261 §13.2.2.4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB]);
    stage.answer(&invite, StatusCode::RINGING, "carol", &[CAROL]);
    stage.answer(&invite, StatusCode::OK, "bob", &[BOB]);
    assert_eq!(requests(&mut stage), [(Method::Ack, "sip:bob@192.0.2.2".into())]);

    stage.answer(&invite, StatusCode::OK, "carol", &[CAROL]);
    let sent = stage.sent();
    let [Message::Request(ack), Message::Request(bye)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ack.method(), ack.uri().to_string()), (Method::Ack, "sip:carol@192.0.2.3".into()));
    assert_eq!((bye.method(), bye.to_tag()), (Method::Bye, Some(&b"carol"[..])));
    // Each retransmission is acknowledged, whatever became of its call.
    stage.answer(&invite, StatusCode::OK, "bob", &[BOB]);
    stage.answer(&invite, StatusCode::OK, "carol", &[CAROL]);
    let carol = (Method::Ack, "sip:carol@192.0.2.3".into());
    assert_eq!(requests(&mut stage), [(Method::Ack, "sip:bob@192.0.2.2".into()), carol]);
    stage.answer(bye, StatusCode::OK, "", &[]);

    stage.agent.hang_up(stage.now, call);
    let bye = stage.request();
    assert_eq!((bye.method(), bye.to_tag()), (Method::Bye, Some(&b"bob"[..])));
    stage.answer(&bye, StatusCode::OK, "", &[]);
    let told = stage.events();
    let answers = told.iter().filter(|event| matches!(event, AgentEvent::Answered { .. })).count();
    assert_eq!((answers, told.last()), (1, Some(&AgentEvent::Ended { call, reason: EndReason::HungUp })));
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn twenty_answers_after_a_cancel_are_all_left() {
    // tests rfc3261 §13.2.2.4, §15
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::TRYING, "", &[]);
    stage.agent.hang_up(stage.now, call);
    let cancel = stage.request();
    stage.answer(&cancel, StatusCode::OK, "x", &[]);
    for phone in 0..20 {
        stage.answer(&invite, StatusCode::OK, &format!("phone{phone}"), &[BOB]);
        let sent = stage.sent();
        let [Message::Request(ack), Message::Request(bye)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!((ack.method(), bye.method()), (Method::Ack, Method::Bye));
        stage.answer(bye, StatusCode::OK, "", &[]);
    }
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::Cancelled }]);
    stage.run(Duration::from_secs(64));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn a_branch_that_ended_is_forgotten_and_the_others_go_on() {
    // tests rfc6228 §4, rfc3261 §13.2.2.4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB]);
    stage.answer(&invite, StatusCode::RINGING, "carol", &[CAROL]);
    stage.events();
    stage.answer(&invite, StatusCode::EARLY_DIALOG_TERMINATED, "bob", &[]);
    stage.answer(&invite, StatusCode::EARLY_DIALOG_TERMINATED, "nobody", &[]);
    assert!(stage.sent().is_empty() && stage.events().is_empty());
    let within = |tag: &str| {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        format!(
            "OPTIONS sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{tag}
From: <sip:bob@example.org>;tag={tag}
To: <sip:alice@example.org>;tag={}
Call-ID: {}
CSeq: 1 OPTIONS
",
            text(invite.from_tag().unwrap()),
            text(invite.call_id()),
        )
    };
    stage.give_text(&within("bob"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    stage.give_text(&within("carol"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.answer(&invite, StatusCode::OK, "carol", &[CAROL]);
    assert_eq!(requests(&mut stage), [(Method::Ack, "sip:carol@192.0.2.3".into())]);
    assert_eq!(stage.events(), [AgentEvent::Answered { call, body: None, answer_due: false }]);
}

#[test]
fn a_callee_that_leaves_its_early_dialog_ends_the_call_if_it_was_the_last() {
    // tests rfc3261 §15, §15.1.2
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB]);
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    stage.give_text(&format!(
        "BYE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKb
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={}
Call-ID: {}
CSeq: 1 BYE
",
        text(invite.from_tag().unwrap()),
        text(invite.call_id()),
    ));
    let sent = stage.sent();
    let [Message::Response(ok), Message::Request(cancel)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status(), cancel.method()), (StatusCode::OK, Method::Cancel));
    stage.answer(cancel, StatusCode::OK, "x", &[]);
    stage.answer(&invite, StatusCode::REQUEST_TERMINATED, "x", &[]);
    assert_eq!(stage.events().last(), Some(&AgentEvent::Ended { call, reason: EndReason::RemoteHungUp }));
}
