//! A call that does not say who calls (RFC 3323).

use crate::pair::{flow, sdp};
use crate::stage::Stage;
use ruf_agent::AgentEvent;
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};

/// Nothing in it names alice.
#[track_caller]
fn is_nameless(request: &Request) {
    let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
    assert!(!text.contains("alice") && !text.contains("Alice"), "{text}");
    assert_eq!(request.from().uri().to_string(), "sip:anonymous@anonymous.invalid");
}

#[test]
fn nothing_names_the_caller_and_the_server_is_asked_not_to() {
    // tests rfc3323 §4.1.1.3, rfc3325 §9.3, rfc7044 §10.1.1
    let mut stage = Stage::with(|settings| settings.display = "Alice".to_owned());
    let to = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call_anonymously(stage.now, &to, sdp("offer")).unwrap();
    let invite = stage.request();
    is_nameless(&invite);
    assert_eq!(invite.raw(HeaderName::Privacy).collect::<Vec<_>>(), [b"id;history"]);
    assert_eq!(invite.raw(HeaderName::Contact).next(), Some(&b"<sip:192.0.2.1:5060>"[..]));
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    is_nameless(&stage.request());
    // By another way it stays so.
    stage.agent.move_to(flow("198.51.100.1:5070", "192.0.2.9:5060"));
    stage.agent.modify(stage.now, call, ruf_agent::Body::sdp("hold"));
    let reinvite = stage.request();
    is_nameless(&reinvite);
    assert_eq!(reinvite.raw(HeaderName::Contact).next(), Some(&b"<sip:198.51.100.1:5070>"[..]));
    stage.answer(&reinvite, StatusCode::OK, "", &[]);
    stage.agent.hang_up(stage.now, call);
    for message in stage.sent() {
        let Message::Request(request) = message else { panic!("{message:?}") };
        is_nameless(&request);
    }
    assert!(stage.events().iter().any(|event| matches!(event, AgentEvent::Answered { .. })));
}

#[test]
fn the_server_that_asks_is_told() {
    // tests rfc3323 §4.1.1.3, rfc3261 §22.3
    let mut stage = Stage::new();
    let to = "sip:bob@example.org".parse().unwrap();
    stage.agent.call_anonymously(stage.now, &to, None).unwrap();
    let invite = stage.request();
    stage.challenge(&invite, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let sent = stage.sent();
    let Some(Message::Request(again)) = sent.last() else { panic!("{sent:?}") };
    assert_eq!(again.method(), Method::Invite);
    crate::stage::proved(again, HeaderName::ProxyAuthorization);
    assert_eq!(again.from().uri().to_string(), "sip:anonymous@anonymous.invalid");
}

#[test]
fn what_goes_back_to_the_nameless_is_for_us() {
    // tests rfc3323 §4.1.1.3
    let mut stage = Stage::new();
    let to = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call_anonymously(stage.now, &to, sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.9>")]);
    stage.sent();
    stage.events();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (tag, call_id) = (text(invite.from_tag().unwrap()), text(invite.call_id()));
    stage.give_text(&format!(
        "BYE sip:192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb\nMax-Forwards: 70\n\
         From: <sip:bob@example.org>;tag=bob\nTo: <sip:anonymous@anonymous.invalid>;tag={tag}\n\
         Call-ID: {call_id}\nCSeq: 1 BYE"
    ));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert!(matches!(stage.events()[..], [AgentEvent::Ended { call: ended, .. }] if ended == call));
}
