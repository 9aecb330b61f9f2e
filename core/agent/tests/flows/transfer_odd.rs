//! REFER and its reports as others send them: broken, early, late, twice, unasked.

use crate::stage::{Stage, Talk};
use ruf_agent::{AgentEvent, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};
use std::time::Duration;

const TO_CAROL: &str = "Refer-To: <sip:carol@example.org>\n";

fn text(request: &Request, name: HeaderName) -> String {
    String::from_utf8_lossy(request.raw(name).next().unwrap_or(b"-")).into_owned()
}

/// A NOTIFY of this state and this status line.
fn notify(talk: &Talk, cseq: u32, state: &str, line: &str) -> String {
    let more = format!(
        "Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0\n\nSIP/2.0 {line}"
    );
    talk.request("NOTIFY", cseq, &more)
}

/// What the agent sent: requests by method, responses by status.
fn sent(stage: &mut Stage) -> Vec<String> {
    let name = |message: &Message| match message {
        Message::Request(request) => request.method().to_string(),
        Message::Response(response) => response.status().to_string(),
    };
    stage.sent().iter().map(name).collect()
}

#[test]
fn a_refer_without_one_good_reference_is_400() {
    // tests rfc3515 §2.4.2
    for more in [
        "",
        "Refer-To: <sip:a@h>\nRefer-To: <sip:b@h>\n",
        "Refer-To: <sip:a@h>, <sip:b@h>\n",
        "Refer-To: x\n",
    ] {
        let mut stage = Stage::new();
        let talk = stage.talk();
        stage.give_text(&talk.request("REFER", 1, more));
        assert_eq!(stage.response().status(), StatusCode::BAD_REQUEST, "{more}");
        assert!(stage.events().is_empty());
        let alone = format!(
            "REFER sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKalone
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: other
CSeq: 1 REFER
Contact: <sip:bob@192.0.2.2>
{more}"
        );
        stage.give_text(&alone);
        assert!(matches!(stage.response().status(), StatusCode::BAD_REQUEST | StatusCode::DECLINE), "{more}");
    }
}

#[test]
fn a_reference_that_is_no_call_is_refused() {
    // tests rfc3515 §2.4.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("REFER", 1, "Refer-To: <http://www.ietf.org>\n"));
    assert_eq!(stage.response().status(), StatusCode::UNSUPPORTED_URI_SCHEME);
    stage.give_text(&talk.request("REFER", 2, "Refer-To: <sip:carol@example.org;method=BYE>\n"));
    assert_eq!(stage.response().status(), StatusCode::NOT_IMPLEMENTED);
    assert!(stage.events().is_empty());
}

#[test]
fn the_call_that_follows_says_who_referred_and_what_it_replaces() {
    // tests rfc3892 §2.2, rfc3891 §4, rfc3261 §19.1.5
    let mut stage = Stage::new();
    let talk = stage.talk();
    let to = "Refer-To: <sip:carol@example.org?Replaces=1%40h%3Bto-tag%3D2%3Bfrom-tag%3D3&Subject=x>\n";
    stage.give_text(&talk.request("REFER", 1, &format!("{to}Referred-By: Bob <sip:bob@example.org>;x=y\n")));
    let told = stage.events();
    let [AgentEvent::Referred { replaces: Some(replaced), .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*replaced.call_id, &*replaced.local_tag), (&b"1@h"[..], &b"2"[..]));
    let call = stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let sent = stage.sent();
    let [Message::Response(accepted), Message::Request(notify), Message::Request(invite)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!((accepted.status(), notify.method()), (StatusCode::ACCEPTED, Method::Notify));
    assert_eq!(text(notify, HeaderName::Event), "refer");
    assert_eq!(text(notify, HeaderName::SubscriptionState), "active;expires=212");
    assert_eq!(text(notify, HeaderName::ContentType), "message/sipfrag;version=2.0");
    assert_eq!(notify.body(), b"SIP/2.0 100 Trying\r\n");
    assert_eq!((notify.uri().to_string(), notify.to_tag()), ("sip:bob@192.0.2.2".into(), Some(&b"bob"[..])));
    assert_eq!(invite.uri().to_string(), "sip:carol@example.org");
    assert_eq!(text(invite, HeaderName::Replaces), "1@h;to-tag=2;from-tag=3");
    assert_eq!(text(invite, HeaderName::ReferredBy), "Bob <sip:bob@example.org>;x=y");
    assert_eq!(text(invite, HeaderName::Subject), "-");
    // Its end is told, and nothing after it.
    stage.answer(notify, StatusCode::OK, "", &[]);
    stage.agent.hang_up(stage.now, call);
    stage.answer(invite, StatusCode::TRYING, "", &[]);
    stage.sent();
    stage.answer(invite, StatusCode::REQUEST_TERMINATED, "carol", &[]);
    let sent = stage.sent();
    let [Message::Request(_ack), Message::Request(notify)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(text(notify, HeaderName::SubscriptionState), "terminated;reason=noresource");
    assert_eq!(notify.body(), b"SIP/2.0 487 Request Terminated\r\n");
    stage.answer(notify, StatusCode::OK, "", &[]);
    stage.agent.hang_up(stage.now, talk.call);
    stage.run(Duration::from_secs(100));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn who_wants_no_reports_gets_none() {
    // tests rfc4488 §4
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("REFER", 1, &format!("{TO_CAROL}Refer-Sub: false\nRequire: norefersub\n")));
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let sent = stage.sent();
    let [Message::Response(accepted), Message::Request(invite)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(accepted.raw(HeaderName::ReferSub).next(), Some(&b"false"[..]));
    assert_eq!(invite.method(), Method::Invite);
}

#[test]
fn one_question_at_a_time_and_the_second_report_bears_its_id() {
    // tests rfc3515 §2.4.6
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("REFER", 11, TO_CAROL));
    stage.give_text(&talk.request("REFER", 12, TO_CAROL));
    let refused = stage.response();
    assert_eq!(refused.status(), StatusCode::SERVER_INTERNAL_ERROR);
    assert!(refused.contains(HeaderName::RetryAfter));
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let first = stage.sent();
    let Message::Request(first) = &first[1] else { panic!("{first:?}") };
    assert_eq!(text(first, HeaderName::Event), "refer");
    stage.give_text(&talk.request("REFER", 13, TO_CAROL));
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let second = stage.sent();
    let Message::Request(second) = &second[1] else { panic!("{second:?}") };
    assert_eq!(text(second, HeaderName::Event), "refer;id=13");
}

#[test]
fn no_more_references_are_followed_at_a_time_than_may_be() {
    // tests rfc3515 §2.4.6
    let mut stage = Stage::new();
    let talk = stage.talk();
    for cseq in 1..=4 {
        stage.give_text(&talk.request("REFER", cseq, TO_CAROL));
        stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    }
    stage.sent();
    stage.give_text(&talk.request("REFER", 5, TO_CAROL));
    assert_eq!(stage.response().status(), StatusCode::SERVER_INTERNAL_ERROR);
}

#[test]
fn the_subscription_may_be_longer_or_ended_and_only_a_refer_makes_one() {
    // tests rfc3515 §2.4.4, rfc6665 §4.2.1.1
    let mut stage = Stage::new();
    let talk = stage.talk();
    let subscribe = |cseq, more: &str| talk.request("SUBSCRIBE", cseq, &format!("Event: refer\n{more}"));
    stage.give_text(&subscribe(1, "Expires: 60\n"));
    assert_eq!(stage.response().status(), StatusCode::FORBIDDEN);
    stage.give_text(&talk.request("SUBSCRIBE", 2, "Event: presence\n"));
    assert_eq!(stage.response().status(), StatusCode::FORBIDDEN, "rfc6665 §4.5.2");
    stage.give_text(&talk.request("REFER", 3, TO_CAROL));
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let first = stage.sent();
    let Message::Request(first) = &first[1] else { panic!("{first:?}") };
    stage.answer(first, StatusCode::OK, "", &[]);
    stage.give_text(&subscribe(4, "Expires: 90\n"));
    let sent = stage.sent();
    let [Message::Response(ok), Message::Request(notify)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(ok.raw(HeaderName::Expires).next(), Some(&b"90"[..]));
    assert_eq!(text(notify, HeaderName::SubscriptionState), "active;expires=90");
    stage.answer(notify, StatusCode::OK, "", &[]);
    stage.give_text(&subscribe(5, "Expires: 0\n"));
    let sent = stage.sent();
    let [Message::Response(ok), Message::Request(notify)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(ok.status(), StatusCode::OK);
    assert_eq!(text(notify, HeaderName::SubscriptionState), "terminated;reason=timeout");
    stage.answer(notify, StatusCode::OK, "", &[]);
    stage.give_text(&subscribe(6, "Expires: 90\n"));
    assert_eq!(stage.response().status(), StatusCode::FORBIDDEN);
}

#[test]
fn a_notify_out_of_nowhere_is_481_and_one_without_a_state_400() {
    // tests rfc6665 §4.1.3
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&notify(&talk, 1, "active;expires=60", "100 Trying"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    stage.agent.transfer(stage.now, talk.call, &"sip:carol@example.org".parse().unwrap());
    let refer = stage.request();
    stage.give_text(&talk.request("NOTIFY", 2, "Event: presence\nSubscription-State: active\n"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    stage.give_text(&talk.request("NOTIFY", 3, "Event: refer;id=99\nSubscription-State: active\n"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    stage.give_text(&talk.request("NOTIFY", 4, "Event: refer\n"));
    assert_eq!(stage.response().status(), StatusCode::BAD_REQUEST);
    let more = format!("Event: refer;id={}\nSubscription-State: active\n", refer.cseq().number);
    stage.give_text(&talk.request("NOTIFY", 5, &more));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert!(stage.events().is_empty());
}

#[test]
fn a_refer_says_whom_and_by_whom_and_its_reports_may_come_before_its_answer() {
    // tests rfc3515 §2.4.1, §2.4.4, rfc3892 §2.1
    let mut stage = Stage::new();
    let talk = stage.talk();
    let call = talk.call;
    stage.agent.transfer(stage.now, call, &"sip:carol@example.org".parse().unwrap());
    let refer = stage.request();
    assert_eq!((refer.method(), refer.uri().to_string()), (Method::Refer, "sip:bob@192.0.2.2".into()));
    assert_eq!(text(&refer, HeaderName::ReferTo), "<sip:carol@example.org>");
    assert_eq!(text(&refer, HeaderName::ReferredBy), "<sip:alice@example.org>");
    assert_eq!(refer.raw(HeaderName::Contact).count(), 1);
    stage.give_text(&notify(&talk, 1, "active;expires=60", "180 Ringing"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.give_text(&notify(&talk, 2, "terminated;reason=noresource", "200 OK"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.answer(&refer, StatusCode::ACCEPTED, "", &[]);
    let progress = AgentEvent::TransferProgress { call, status: StatusCode::RINGING };
    assert_eq!(stage.events(), [progress, AgentEvent::Transferred { call }]);
    // Nothing of it is left.
    stage.give_text(&notify(&talk, 3, "active;expires=60", "200 OK"));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
}

#[test]
fn a_peer_that_cannot_or_falls_silent_is_a_failure_and_the_call_stands() {
    // tests rfc3515 §2.4.4, rfc6665 §4.1.2.4
    let mut stage = Stage::new();
    let talk = stage.talk();
    let call = talk.call;
    let carol = "sip:carol@example.org".parse().unwrap();
    let failed = |failure| AgentEvent::TransferFailed { call, failure };
    stage.agent.transfer(stage.now, call, &carol);
    let refer = stage.request();
    stage.answer(&refer, StatusCode::METHOD_NOT_ALLOWED, "", &[]);
    assert_eq!(stage.events(), [failed(Failure::Refused(StatusCode::METHOD_NOT_ALLOWED))]);
    stage.agent.transfer(stage.now, call, &carol);
    let refer = stage.request();
    stage.answer(&refer, StatusCode::ACCEPTED, "", &[]);
    stage.run(Duration::from_millis(31_999));
    assert!(stage.events().is_empty());
    stage.run(Duration::from_millis(1));
    assert_eq!(stage.events(), [failed(Failure::Silence)]);
    stage.agent.hang_up(stage.now, call);
    assert_eq!(sent(&mut stage), ["BYE"]);
}

#[test]
fn a_peer_that_knows_no_such_call_ends_it() {
    // tests rfc3261 §12.2.1.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let call = talk.call;
    stage.agent.transfer(stage.now, call, &"sip:carol@example.org".parse().unwrap());
    let refer = stage.request();
    stage.answer(&refer, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    let bye = stage.request();
    stage.answer(&bye, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    let failure = Failure::Refused(StatusCode::CALL_DOES_NOT_EXIST);
    let ended = AgentEvent::Ended { call, reason: EndReason::Failed(failure) };
    assert_eq!(stage.events(), [AgentEvent::TransferFailed { call, failure }, ended]);
    stage.run(Duration::from_secs(100));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn refer_and_notify_answer_challenges() {
    // tests rfc3261 §22.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.agent.transfer(stage.now, talk.call, &"sip:carol@example.org".parse().unwrap());
    let refer = stage.request();
    stage.challenge(&refer, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let again = stage.request();
    assert_eq!((again.method(), again.cseq().number), (Method::Refer, refer.cseq().number + 1));
    assert!(again.contains(HeaderName::ProxyAuthorization));
    stage.answer(&again, StatusCode::ACCEPTED, "", &[]);
    let more = format!("Event: refer;id={}\nSubscription-State: terminated\n", again.cseq().number);
    stage.give_text(&talk.request("NOTIFY", 1, &more));
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.give_text(&talk.request("REFER", 2, TO_CAROL));
    stage.events();
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    let messages = stage.sent();
    let [_, Message::Request(notify), _] = &messages[..] else { panic!("{messages:?}") };
    stage.challenge(notify, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "m", false);
    let again = stage.request();
    assert_eq!((again.method(), again.body()), (Method::Notify, notify.body()));
    assert!(again.cseq().number > notify.cseq().number);
    stage.answer(&again, StatusCode::OK, "", &[]);
}

#[test]
fn reports_that_nobody_answers_end_and_so_does_all_else() {
    // tests rfc6665 §4.2.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("REFER", 1, TO_CAROL));
    stage.agent.accept_referral(stage.now, talk.call, None).unwrap();
    stage.give_text(&talk.request("BYE", 2, ""));
    // Neither the reports nor the call are answered by anybody.
    stage.run(Duration::from_secs(200));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}
