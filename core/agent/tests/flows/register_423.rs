//! The registrar wants longer lifetimes.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, Failure};
use ruf_message::{HeaderName, Message, StatusCode};

#[test]
fn a_lifetime_too_brief_is_asked_for_again_as_the_registrar_says() {
    // tests rfc3261 §10.2.8
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 10);
    let first = stage.request();
    stage.answer(&first, StatusCode::INTERVAL_TOO_BRIEF, "x", &[(HeaderName::MinExpires, "600")]);
    let second = stage.request();
    assert_eq!(second.raw(HeaderName::Expires).next(), Some(&b"600"[..]));
    assert_eq!((second.call_id(), second.cseq().number), (first.call_id(), first.cseq().number + 1));
    let contact = "<sip:alice@192.0.2.1:5060>;expires=600";
    stage.answer(&second, StatusCode::OK, "x", &[(HeaderName::Contact, contact)]);
    assert_eq!(stage.events(), [AgentEvent::Registered { expires_secs: 600 }]);
}

#[test]
fn a_423_that_asks_for_nothing_longer_is_a_failure() {
    // tests rfc3261 §10.2.8
    for fields in [&[][..], &[(HeaderName::MinExpires, "10")]] {
        let mut stage = Stage::new();
        stage.agent.register(stage.now, 10);
        let first = stage.request();
        stage.answer(&first, StatusCode::INTERVAL_TOO_BRIEF, "x", fields);
        let failed = AgentEvent::RegistrationFailed {
            failure: Failure::Refused(StatusCode::INTERVAL_TOO_BRIEF),
            retry_in: None,
        };
        assert_eq!(stage.events(), [failed]);
        assert!(stage.sent().is_empty());
    }
}

#[test]
fn no_other_refusal_is_answered_with_a_longer_lifetime() {
    // tests rfc3261 §10.2.8
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 10);
    let first = stage.request();
    stage.answer(&first, StatusCode::FORBIDDEN, "x", &[(HeaderName::MinExpires, "600")]);
    let failure = Failure::Refused(StatusCode::FORBIDDEN);
    assert_eq!(stage.events(), [AgentEvent::RegistrationFailed { failure, retry_in: None }]);
    assert!(stage.sent().is_empty());
}

#[test]
fn a_registrar_that_is_never_content_is_left() {
    // tests rfc3261 §10.2.8
    let mut stage = Stage::new();
    stage.agent.register(stage.now, 10);
    let mut asked = 0;
    while let (Some(Message::Request(request)), 0..100) = (stage.sent().pop(), asked) {
        asked += 1;
        let longer = (asked * 100).to_string();
        stage.answer(&request, StatusCode::INTERVAL_TOO_BRIEF, "x", &[(HeaderName::MinExpires, &longer)]);
    }
    assert_eq!(asked, 5);
    let failure = Failure::Refused(StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(stage.events(), [AgentEvent::RegistrationFailed { failure, retry_in: None }]);
}
