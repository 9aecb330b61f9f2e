//! Requests that an agent does not serve, and what it answers.

use crate::stage::Stage;
use ruf_message::{HeaderName, Message, Response, StatusCode};
use std::time::Duration;

/// A request out of dialog with these lines in place of, or beside, the usual ones.
fn request(method: &str, uri: &str, branch: &str, more: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 {method}
{more}"
    )
}

#[track_caller]
fn answer(text: &str) -> Response {
    let mut stage = Stage::new();
    stage.give_text(text);
    let response = stage.response();
    assert!(response.to_tag().is_some(), "{response}");
    assert!(stage.events().is_empty());
    response
}

const US: &str = "sip:alice@192.0.2.1";

#[test]
fn methods_known_and_not_served_are_405_and_others_501() {
    // tests rfc3261 §8.2.1, §21.5.2
    for method in ["REGISTER", "PUBLISH"] {
        let refused = answer(&request(method, US, "1", ""));
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(refused.contains(HeaderName::Allow));
    }
    assert_eq!(answer(&request("DANCE", US, "1", "")).status(), StatusCode::NOT_IMPLEMENTED);
}

#[test]
fn subscriptions_nobody_made_are_refused_as_their_rfcs_say() {
    // tests rfc3515 §2.4.2, §2.4.4, rfc6665 §4.1.3, §4.2.1.1
    assert_eq!(
        answer(&request("NOTIFY", US, "1", "Event: refer\n")).status(),
        StatusCode::CALL_DOES_NOT_EXIST
    );
    assert_eq!(answer(&request("SUBSCRIBE", US, "1", "Event: refer\n")).status(), StatusCode::FORBIDDEN);
    let shown = answer(&request("SUBSCRIBE", US, "1", "Event: presence\n"));
    assert_eq!(shown.status(), StatusCode::FORBIDDEN, "nobody said that anybody may know");
    for event in ["", "Event: dialog\n"] {
        let refused = answer(&request("SUBSCRIBE", US, "1", event));
        assert_eq!(refused.status(), StatusCode::BAD_EVENT);
        assert_eq!(refused.raw(HeaderName::AllowEvents).next(), Some(&b"presence, refer"[..]));
    }
    assert_eq!(answer(&request("REFER", US, "1", "Refer-To: <sip:c@h>\n")).status(), StatusCode::DECLINE);
    assert_eq!(answer(&request("REFER", US, "1", "")).status(), StatusCode::BAD_REQUEST);
}

#[test]
fn addresses_that_are_not_ours_are_404_and_other_schemes_416() {
    // tests rfc3261 §8.2.2.1
    assert_eq!(answer(&request("OPTIONS", "sip:carol@192.0.2.1", "1", "")).status(), StatusCode::NOT_FOUND);
    assert_eq!(
        answer(&request("OPTIONS", "tel:+12015550123", "1", "")).status(),
        StatusCode::UNSUPPORTED_URI_SCHEME
    );
    assert_eq!(answer(&request("OPTIONS", "sip:192.0.2.1", "1", "")).status(), StatusCode::OK);
    assert_eq!(answer(&request("OPTIONS", "sip:%61lice@192.0.2.1", "1", "")).status(), StatusCode::OK);
}

#[test]
fn extensions_we_must_know_and_do_not_are_420() {
    // tests rfc3261 §8.2.2.3
    let refused =
        answer(&request("INVITE", US, "1", "Contact: <sip:b@h>\nRequire: 100rel, nothing, at-all\n"));
    assert_eq!(refused.status(), StatusCode::BAD_EXTENSION);
    assert_eq!(refused.raw(HeaderName::Unsupported).next(), Some(&b"nothing, at-all"[..]));
}

#[test]
fn bodies_we_do_not_understand_are_415_unless_they_are_optional() {
    // tests rfc3261 §8.2.3
    let invite = |more: &str| request("INVITE", US, "1", &format!("Contact: <sip:b@h>\n{more}\n\nbody"));
    let refused = answer(&invite("Content-Type: text/html"));
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused.raw(HeaderName::Accept).next(), Some(&b"application/sdp"[..]));
    let refused = answer(&invite("Content-Type: application/sdp\nContent-Encoding: gzip"));
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused.raw(HeaderName::AcceptEncoding).next(), Some(&b"identity"[..]));
    for good in [
        "Content-Type: Application/SDP;x=y",
        "Content-Type: text/html\nContent-Disposition: render; handling=optional",
    ] {
        let mut stage = Stage::new();
        stage.give_text(&invite(good));
        assert_eq!(stage.events().len(), 1, "{good}");
    }
}

#[test]
fn the_same_request_by_two_ways_is_482_the_second_time() {
    // tests rfc3261 §8.2.2.2
    let mut stage = Stage::new();
    let invite = |branch| request("INVITE", US, branch, "Contact: <sip:b@h>\n");
    stage.give_text(&invite("1"));
    assert_eq!(stage.events().len(), 1);
    stage.give_text(&invite("2"));
    assert_eq!(stage.response().status(), StatusCode::LOOP_DETECTED);
    assert!(stage.events().is_empty());
    // Once its transaction is over it is a new one.
    stage.run(Duration::from_secs(300));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
    stage.sent();
    stage.events();
    stage.give_text(&invite("3"));
    assert_eq!(stage.events().len(), 1);
}

#[test]
fn a_response_with_a_second_via_was_for_somebody_else() {
    // tests rfc3261 §8.1.3.3
    let mut stage = Stage::new();
    stage.agent.options(stage.now, &"sip:bob@example.org".parse().unwrap()).unwrap();
    let options = stage.request();
    stage.answer(
        &options,
        StatusCode::OK,
        "x",
        &[(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK7")],
    );
    assert!(stage.events().is_empty());
}

#[test]
fn a_tag_in_to_without_its_dialog_is_481() {
    // tests rfc3261 §12.2.2, §15.1.2
    for method in ["BYE", "INVITE", "OPTIONS", "MESSAGE"] {
        let text = request(method, US, "1", "Contact: <sip:b@h>\n")
            .replace("alice@example.org>", "alice@example.org>;tag=x");
        assert_eq!(answer_with_tag(&text), StatusCode::CALL_DOES_NOT_EXIST, "{method}");
    }
    assert_eq!(answer(&request("BYE", US, "1", "")).status(), StatusCode::CALL_DOES_NOT_EXIST);
}

fn answer_with_tag(text: &str) -> StatusCode {
    let mut stage = Stage::new();
    stage.give_text(text);
    let response = stage.response();
    assert_eq!(response.to_tag(), Some(&b"x"[..]));
    response.status()
}

#[test]
fn an_invite_without_contact_is_400_and_so_is_garbage() {
    // tests rfc3261 §8.1.1.8, §21.4.1
    assert_eq!(answer(&request("INVITE", US, "1", "")).status(), StatusCode::BAD_REQUEST);
    let broken = request("OPTIONS", US, "1", "").replace("CSeq: 1 OPTIONS", "CSeq: x OPTIONS");
    let mut stage = Stage::new();
    stage.give_text(&broken);
    let transmit = stage.agent.poll_transmit().unwrap();
    assert!(transmit.bytes.starts_with(b"SIP/2.0 400 "), "{:?}", transmit.bytes);
    for nothing in [&b"\r\n\r\n"[..], b"\0", b"SIP/2.0 200 OK\r\n\r\n", b"ACK sip:x SIP/2.0\r\n\r\n"] {
        stage.give(nothing);
    }
    assert!(stage.sent().is_empty() && stage.agent.is_idle());
}

#[test]
fn an_ack_that_nobody_waits_for_is_ignored() {
    // tests rfc3261 §17.2.1
    let mut stage = Stage::new();
    stage.give_text(&request("ACK", US, "1", ""));
    assert!(stage.sent().is_empty() && stage.agent.is_idle());
}

#[test]
fn a_second_invite_before_the_answer_to_the_first_is_500() {
    // tests rfc3261 §14.2
    let mut stage = Stage::new();
    stage.give_text(&request("INVITE", US, "1", "Contact: <sip:b@h>\n"));
    let ruf_agent::AgentEvent::Incoming { call, .. } = stage.events().remove(0) else { panic!() };
    stage.agent.ring(stage.now, call);
    let tag = String::from_utf8_lossy(stage.response().to_tag().unwrap()).into_owned();
    let second = request("INVITE", US, "2", "Contact: <sip:b@h>\n")
        .replace("alice@example.org>", &format!("alice@example.org>;tag={tag}"))
        .replace("CSeq: 1", "CSeq: 2");
    stage.give_text(&second);
    let refused = stage.response();
    assert_eq!(refused.status(), StatusCode::SERVER_INTERNAL_ERROR);
    let seconds: u32 =
        std::str::from_utf8(refused.raw(HeaderName::RetryAfter).next().unwrap()).unwrap().parse().unwrap();
    assert!(seconds <= 10);
    // What belongs to no usage is answered, if it is in order.
    let message = second.replace("INVITE", "MESSAGE").replace("bK2", "bK4");
    stage.give_text(&message.replace("CSeq: 2", "CSeq: 1").replace("bK4", "bK5"));
    assert_eq!(stage.response().status(), StatusCode::SERVER_INTERNAL_ERROR);
    stage.give_text(&message);
    assert_eq!(stage.response().status(), StatusCode::OK);
    // The caller may leave an early dialog with BYE.
    let bye = second.replace("INVITE", "BYE").replace("CSeq: 2", "CSeq: 3").replace("bK2", "bK3");
    stage.give_text(&bye);
    let sent = stage.sent();
    let [Message::Response(ok), Message::Response(terminated)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ok.status(), terminated.status()), (StatusCode::OK, StatusCode::REQUEST_TERMINATED));
}

#[test]
fn a_full_table_answers_503_without_state() {
    // tests rfc3261 §21.5.4
    let mut stage = Stage::with(|settings| settings.limits.transactions.servers_max = 1);
    // What is answered is over.
    for branch in ["1", "2"] {
        stage.give_text(&request("OPTIONS", US, branch, "").replace("1@", &format!("{branch}@")));
        assert_eq!(stage.response().status(), StatusCode::OK);
    }
    stage.give_text(&request("INVITE", US, "3", "Contact: <sip:b@h>\n"));
    let ruf_agent::AgentEvent::Incoming { call, .. } = stage.events().remove(0) else { panic!() };
    stage.agent.ring(stage.now, call);
    assert_eq!(stage.response().status(), StatusCode::RINGING);
    stage.give_text(&request("OPTIONS", US, "4", "").replace("1@", "4@"));
    let refused = stage.response();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.to_tag().is_some());
    assert_eq!(stage.agent.counts().served, 2);
}
