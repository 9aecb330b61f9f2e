//! A session goes on as long as somebody says so (RFC 4028).

use crate::pair::{Pair, Side, sdp};
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Body, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode};
use std::time::Duration;

fn text(message: &Request, name: HeaderName) -> String {
    String::from_utf8_lossy(message.raw(name).next().unwrap_or(b"-")).into_owned()
}

fn says(response: &Response, name: HeaderName) -> String {
    String::from_utf8_lossy(response.raw(name).next().unwrap_or(b"-")).into_owned()
}

const VANISHED: EndReason = EndReason::Failed(Failure::Silence);

#[test]
fn the_caller_refreshes_at_half_time_by_update() {
    // tests rfc4028 §7.2, §7.4, §9, §10
    let mut pair = Pair::with(1, |settings| settings.session_expires_secs = Some(600));
    let (call, _) = pair.connected();
    pair.run_ms(1_000_000);
    pair.expect_ladder(["a→b UPDATE | b→a 200 UPDATE"; 3].join(" | ").as_str());
    assert!(pair.told(Side::A).is_empty() && pair.told(Side::B).is_empty());
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn a_change_refreshes_too() {
    // tests rfc4028 §7.2
    let mut pair = Pair::with(2, |settings| settings.session_expires_secs = Some(600));
    let (call, incoming) = pair.connected();
    pair.run_ms(200_000);
    pair.b.modify(pair.now, incoming, Body::sdp("hold"));
    pair.run_ms(299_000);
    pair.expect_ladder("b→a INVITE | a→b 200 INVITE | b→a ACK");
    pair.run_ms(2_000);
    // The roles are what they were.
    pair.expect_ladder("b→a INVITE | a→b 200 INVITE | b→a ACK | a→b UPDATE | b→a 200 UPDATE");
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn a_refresh_and_a_change_that_cross_both_succeed() {
    // tests rfc5407 §3.3.2, rfc3311 §5.2
    let mut pair = Pair::with(6, |settings| settings.session_expires_secs = Some(600));
    let (call, incoming) = pair.connected();
    // The caller's refresh is due 300 seconds after the 200 came, 100 ms before this began.
    pair.run_ms(299_920);
    pair.b.modify(pair.now, incoming, Body::sdp("hold"));
    pair.run_ms(1_000);
    pair.expect_ladder("b→a INVITE | a→b UPDATE | a→b 200 INVITE | b→a 200 UPDATE | b→a ACK");
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn a_peer_that_vanished_is_given_up_by_both_roles() {
    // tests rfc4028 §10
    for side in [Side::A, Side::B] {
        let mut pair = Pair::with(3, |settings| settings.session_expires_secs = Some(600));
        pair.connected();
        pair.lose_all();
        let began = pair.now;
        pair.settle_one(side);
        assert_eq!(pair.end(side), VANISHED);
        let waited = pair.now.saturating_sub(began).as_secs();
        assert!(waited <= 600 + 32, "{waited}");
    }
}

#[test]
fn the_invite_asks_and_a_peer_that_knows_nothing_of_it_is_not_refreshed() {
    // tests rfc4028 §7.1, §7.2
    let mut stage = Stage::new();
    let (_, invite) = stage.talk_with(&[]);
    assert_eq!(
        (text(&invite, HeaderName::SessionExpires), text(&invite, HeaderName::MinSe)),
        ("1800".into(), "-".into())
    );
    assert!(invite.supported().any(|tag| tag == "timer"));
    stage.run(Duration::from_secs(10_000));
    assert!(stage.sent().is_empty());
    let mut stage = Stage::with(|settings| settings.session_expires_secs = None);
    let (_, invite) = stage.talk_with(&[]);
    assert!(!invite.contains(HeaderName::SessionExpires));
}

#[test]
fn without_update_it_is_a_reinvite_with_the_same_description() {
    // tests rfc4028 §7.4, §10
    let mut stage = Stage::new();
    let (talk, invite) = stage.talk_with(&[(HeaderName::SessionExpires, "600;refresher=uac")]);
    stage.run(Duration::from_secs(300));
    let refresh = stage.request();
    assert_eq!((refresh.method(), refresh.body()), (Method::Invite, invite.body()));
    assert_eq!(text(&refresh, HeaderName::SessionExpires), "600;refresher=uac");
    let expires = (HeaderName::SessionExpires, "400;refresher=uac");
    let mut ok = refresh.reply(StatusCode::OK);
    ok.add(expires.0, expires.1);
    ok.set_body("application/sdp", "answer");
    stage.give(ok.to_bytes());
    assert_eq!(stage.events(), [AgentEvent::Refreshed { call: talk.call, body: sdp("answer") }]);
    assert_eq!(stage.request().method(), Method::Ack);
    // One that is refused is tried again, halfway to the end: 400 - 32 seconds from the last.
    stage.run(Duration::from_secs(200));
    let second = stage.request();
    assert_eq!(text(&second, HeaderName::SessionExpires), "400;refresher=uac");
    stage.answer(&second, StatusCode::NOT_ACCEPTABLE_HERE, "", &[]);
    stage.sent();
    assert!(stage.events().is_empty(), "the session is not changed by it");
    stage.run(Duration::from_secs(83));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_secs(1));
    let third = stage.request();
    stage.answer(&third, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    let sent = stage.sent();
    assert!(
        matches!(&sent[..], [Message::Request(_ack), Message::Request(bye)] if bye.method() == Method::Bye)
    );
}

#[test]
fn the_peer_that_was_to_refresh_and_does_not_is_left() {
    // tests rfc4028 §10
    let mut stage = Stage::new();
    let (talk, _) = stage.talk_with(&[(HeaderName::SessionExpires, "90;refresher=uas")]);
    stage.run(Duration::from_millis(59_999));
    assert!(stage.sent().is_empty());
    // It refreshes once, without a description.
    stage.give_text(&talk.request("UPDATE", 1, "Supported: timer\nSession-Expires: 90;refresher=uac\n"));
    let ok = stage.response();
    assert_eq!(says(&ok, HeaderName::SessionExpires), "90;refresher=uac");
    assert!(ok.require().eq(["timer"]));
    stage.run(Duration::from_millis(59_999));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_millis(1));
    let bye = stage.request();
    assert_eq!(bye.method(), Method::Bye);
    stage.answer(&bye, StatusCode::OK, "", &[]);
    assert_eq!(stage.events(), [AgentEvent::Ended { call: talk.call, reason: VANISHED }]);
}

/// Bob calls with these lines: what he is answered.
fn called(stage: &mut Stage, more: &str) -> Response {
    stage.give_text(&format!(
        "INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>
Call-ID: 1@example.org
CSeq: 1 INVITE
Contact: <sip:bob@192.0.2.9>
{more}"
    ));
    for event in stage.events() {
        if let AgentEvent::Incoming { call, .. } = event {
            stage.agent.answer(stage.now, call, None);
        }
    }
    stage.response()
}

#[test]
fn an_interval_that_is_too_small_is_422() {
    // tests rfc4028 §6, §9
    let refused = called(&mut Stage::new(), "Supported: timer\nSession-Expires: 89\n");
    assert_eq!(refused.status(), StatusCode::SESSION_INTERVAL_TOO_SMALL);
    assert_eq!(says(&refused, HeaderName::MinSe), "90");
    let mut stage = Stage::with(|settings| settings.min_se_secs = 300);
    let refused = called(&mut stage, "Supported: timer\nSession-Expires: 299\n");
    assert_eq!(says(&refused, HeaderName::MinSe), "300");
    // Who does not know what that means cannot be told.
    for more in ["Session-Expires: 10\n", "Supported: timer\nSession-Expires: 90\n", "Session-Expires: x\n"] {
        assert_eq!(called(&mut Stage::new(), more).status(), StatusCode::OK, "{more}");
    }
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("UPDATE", 1, "Supported: timer\nSession-Expires: 10\n"));
    assert_eq!(stage.response().status(), StatusCode::SESSION_INTERVAL_TOO_SMALL);
}

#[test]
fn a_422_is_answered_with_what_it_wants() {
    // tests rfc4028 §7.3, §7.4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    let too_small = |stage: &mut Stage, request: &Request, min: &str| {
        stage.answer(request, StatusCode::SESSION_INTERVAL_TOO_SMALL, "bob", &[(HeaderName::MinSe, min)]);
        match stage.sent().pop() {
            Some(Message::Request(request)) if request.method() != Method::Ack => Some(request),
            _ => None,
        }
    };
    let second = too_small(&mut stage, &invite, "3600").unwrap();
    let intervals =
        |request: &Request| (text(request, HeaderName::SessionExpires), text(request, HeaderName::MinSe));
    assert_eq!(intervals(&second), ("3600".into(), "3600".into()));
    assert_eq!(second.cseq().number, invite.cseq().number + 1);
    let third = too_small(&mut stage, &second, "4000").unwrap();
    assert_eq!(intervals(&third), ("4000".into(), "4000".into()));
    let contact = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
    let allow = (HeaderName::Allow, "UPDATE");
    let granted = (HeaderName::SessionExpires, "4000;refresher=uac");
    stage.answer(&third, StatusCode::OK, "bob", &[contact, allow, granted]);
    stage.sent();
    stage.run(Duration::from_secs(2_000));
    let update = stage.request();
    // What was learned before the dialog is forgotten with it.
    assert_eq!(intervals(&update), ("4000;refresher=uac".into(), "-".into()));
    let again = too_small(&mut stage, &update, "5000").unwrap();
    assert_eq!(
        (again.method(), intervals(&again)),
        (Method::Update, ("5000;refresher=uac".into(), "5000".into()))
    );
    stage.answer(&again, StatusCode::OK, "", &[(HeaderName::SessionExpires, "5000;refresher=uac")]);
    stage.run(Duration::from_secs(2_500));
    let next = stage.request();
    assert_eq!(intervals(&next), ("5000;refresher=uac".into(), "5000".into()));
    stage.agent.hang_up(stage.now, call);
}

#[test]
fn one_that_asks_for_what_it_was_told_is_a_refusal() {
    // tests rfc4028 §7.3
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    let min = (HeaderName::MinSe, "3600");
    stage.answer(&invite, StatusCode::SESSION_INTERVAL_TOO_SMALL, "bob", &[min]);
    let Some(Message::Request(second)) = stage.sent().pop() else { panic!() };
    stage.answer(&second, StatusCode::SESSION_INTERVAL_TOO_SMALL, "bob", &[min]);
    let reason = EndReason::Failed(Failure::Refused(StatusCode::SESSION_INTERVAL_TOO_SMALL));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason }]);
}

#[test]
fn a_caller_that_knows_it_is_refreshed_by_us_unasked() {
    // tests rfc4028 §9
    let mut stage = Stage::new();
    let ok = called(&mut stage, "Supported: timer\nAllow: INVITE, UPDATE\n");
    assert_eq!(says(&ok, HeaderName::SessionExpires), "1800;refresher=uas");
    assert!(ok.require().eq(["timer"]));
    let ok = called(&mut Stage::new(), "");
    assert!(!ok.contains(HeaderName::SessionExpires) && !ok.contains(HeaderName::Require));
}
