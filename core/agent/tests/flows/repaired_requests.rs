//! What is refused for how it was said is said otherwise, once (RFC 3261 §8.1.3.5); what is refused for now says
//! when to come back (§20.33).

use crate::pair::sdp;
use crate::stage::Stage;
use ruf_agent::{AgentEvent, EndReason, Failure};
use ruf_message::{HeaderName, Message, StatusCode};

#[test]
fn a_number_that_the_server_does_not_take_is_dialled_as_a_user_of_ours() {
    // tests rfc3261 §8.1.3.5
    let mut stage = Stage::new();
    stage.agent.call(stage.now, &"tel:+12015550123".parse().unwrap(), sdp("offer")).unwrap();
    let first = stage.request();
    stage.answer(&first, StatusCode::UNSUPPORTED_URI_SCHEME, "server", &[]);
    let sent = stage.sent();
    let [Message::Request(_ack), Message::Request(second)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(second.uri().to_string(), "sip:+12015550123@example.org;user=phone");
    assert_eq!((second.call_id(), second.cseq().number), (first.call_id(), first.cseq().number + 1));
    stage.answer(second, StatusCode::UNSUPPORTED_URI_SCHEME, "server", &[]);
    assert!(matches!(stage.events()[..], [AgentEvent::Ended { .. }]));
}

#[test]
fn an_offer_that_is_not_taken_is_left_to_the_other_side() {
    // tests rfc3261 §8.1.3.5, §13.2.1
    for status in [StatusCode::REQUEST_ENTITY_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE] {
        let mut stage = Stage::new();
        let bob = "sip:bob@example.org".parse().unwrap();
        let call = stage.agent.call(stage.now, &bob, sdp("offer")).unwrap();
        let first = stage.request();
        stage.answer(&first, status, "bob", &[]);
        let sent = stage.sent();
        let [Message::Request(_ack), Message::Request(second)] = &sent[..] else { panic!("{sent:?}") };
        assert!(second.body().is_empty() && !second.contains(HeaderName::ContentType));
        let mut ok = second.reply(StatusCode::OK);
        ok.set_to_tag("bob");
        ok.add(HeaderName::Contact, "<sip:bob@192.0.2.9>");
        ok.set_body("application/sdp", "theirs");
        stage.give(ok.to_bytes());
        let answered = AgentEvent::Answered { call, body: sdp("theirs"), answer_due: true };
        assert_eq!(stage.events(), [answered]);
        stage.agent.answer(stage.now, call, sdp("ours"));
        assert_eq!(stage.request().body(), b"ours");
    }
    // Once, and a text has no other form.
    let mut stage = Stage::new();
    let bob = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call(stage.now, &bob, None).unwrap();
    let invite = stage.request();
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    stage.answer(&invite, status, "bob", &[]);
    let reason = EndReason::Failed(Failure::Refused(status));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason }]);
    stage.sent();
    let text = ruf_agent::Body { content_type: "text/plain".into(), content: "hello".into() };
    stage.agent.message(stage.now, &bob, text).unwrap();
    let message = stage.request();
    stage.answer(&message, status, "bob", &[]);
    assert!(matches!(stage.events()[..], [AgentEvent::MessageAnswered { .. }]));
}

#[test]
fn what_must_not_be_given_up_is_a_refusal() {
    // tests rfc3261 §8.1.3.5, rfc3891 §6.2
    let mut stage = Stage::new();
    let dialog = ruf_agent::DialogId {
        call_id: b"1".as_slice().into(),
        local_tag: b"2".as_slice().into(),
        remote_tag: b"3".as_slice().into(),
    };
    let bob = "sip:bob@example.org".parse().unwrap();
    let call = stage.agent.call_replacing(stage.now, &bob, &dialog, false, None).unwrap();
    let invite = stage.request();
    assert_eq!(invite.raw(HeaderName::Replaces).next(), Some(&b"1;to-tag=2;from-tag=3"[..]));
    stage.answer(&invite, StatusCode::BAD_EXTENSION, "bob", &[(HeaderName::Unsupported, "replaces")]);
    let reason = EndReason::Failed(Failure::Refused(StatusCode::BAD_EXTENSION));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason }]);
}

#[test]
fn who_does_not_answer_now_says_when() {
    // tests rfc3261 §20.33
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    let later = (HeaderName::RetryAfter, "120 (in a meeting);duration=60");
    stage.answer(&invite, StatusCode::TEMPORARILY_UNAVAILABLE, "bob", &[later]);
    let reason = EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(
        stage.events(),
        [AgentEvent::RetryAfter { call, secs: 120 }, AgentEvent::Ended { call, reason }]
    );
}
