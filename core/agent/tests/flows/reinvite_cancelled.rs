//! The peer withdraws a change that our user was thinking about.

use crate::stage::Stage;
use ruf_agent::AgentEvent;
use ruf_message::{HeaderName, Message, StatusCode};

#[test]
fn it_is_487_and_the_call_stands() {
    // tests rfc3261 §9.2
    let mut stage = Stage::with(|settings| settings.answer_reinvites = false);
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    stage.sent();
    stage.events();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (tag, call_id) = (text(invite.from_tag().unwrap()), text(invite.call_id()));
    let within = |method: &str| {
        format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={tag}
Call-ID: {call_id}
CSeq: 7 {method}
Contact: <sip:bob@192.0.2.2>
"
        )
    };
    stage.give_text(&within("INVITE"));
    assert_eq!(stage.events(), [AgentEvent::Reinvited { call, body: None, answer_due: true }]);
    stage.give_text(&within("CANCEL"));
    let sent = stage.sent();
    let [Message::Response(ok), Message::Response(terminated)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status(), terminated.status()), (StatusCode::OK, StatusCode::REQUEST_TERMINATED));
    // An answer that comes too late does nothing.
    stage.agent.answer(stage.now, call, None);
    assert!(stage.sent().is_empty() && stage.events().is_empty());
}
