//! UPDATE as others send and answer it: out of turn, without a description, to nothing.

use crate::pair::sdp;
use crate::stage::{Stage, from_bob};
use ruf_agent::{AgentEvent, Body, CallKey, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode};
use std::time::Duration;

const SDP: &str = "Content-Type: application/sdp\n\nchange";
const BOB: (HeaderName, &str) = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
const ALLOW: (HeaderName, &str) = (HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE");

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// A request of bob in the dialog of this INVITE.
fn within(invite: &Request, method: &str, cseq: u32, more: &str) -> String {
    let (tag, call_id) = (text(invite.from_tag().unwrap()), text(invite.call_id()));
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{method}{cseq}
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={tag}
Call-ID: {call_id}
CSeq: {cseq} {method}
Contact: <sip:bob@192.0.2.2>
{more}"
    )
}

/// Alice calls bob, whose 183 answers reliably.
fn early(stage: &mut Stage) -> (CallKey, Request) {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    let mut progress = invite.reply(StatusCode::SESSION_PROGRESS);
    progress.set_to_tag("bob");
    for (name, value) in [BOB, ALLOW, (HeaderName::Require, "100rel"), (HeaderName::RSeq, "1")] {
        progress.add(name, value);
    }
    progress.set_body("application/sdp", "answer");
    stage.give(progress.to_bytes());
    let prack = stage.request();
    stage.answer(&prack, StatusCode::OK, "", &[]);
    stage.events();
    (call, invite)
}

/// The next request that goes out, as time passes.
fn next(stage: &mut Stage) -> Request {
    loop {
        let deadline = stage.agent.poll_deadline().unwrap();
        stage.run(deadline.saturating_sub(stage.now));
        if let Some(Message::Request(request)) = stage.sent().pop() {
            return request;
        }
    }
}

#[track_caller]
fn is_500_with_a_time(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVER_INTERNAL_ERROR);
    let secs = text(response.raw(HeaderName::RetryAfter).next().unwrap()).parse::<u32>().unwrap();
    assert!(secs <= 10);
}

#[test]
fn an_offer_while_ours_waits_is_491() {
    // tests rfc3311 §5.2
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    // An answer that may get lost is none.
    stage.answer(&invite, StatusCode::RINGING, "bob", &[BOB, ALLOW]);
    stage.events();
    stage.give_text(&within(&invite, "UPDATE", 1, SDP));
    assert_eq!(stage.response().status(), StatusCode::REQUEST_PENDING);
    // Without an offer it is only heard.
    stage.give_text(&within(&invite, "UPDATE", 2, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert!(stage.events().is_empty());
    stage.answer(&invite, StatusCode::OK, "bob", &[BOB, ALLOW]);
    stage.sent();
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    assert_eq!(stage.request().method(), Method::Invite);
    stage.give_text(&within(&invite, "UPDATE", 3, SDP));
    assert_eq!(stage.response().status(), StatusCode::REQUEST_PENDING);
    stage.give_text(&within(&invite, "UPDATE", 4, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
}

#[test]
fn an_offer_before_we_answered_the_last_one_is_500_for_a_while() {
    // tests rfc3311 §5.2, rfc3261 §14.2
    let mut stage = Stage::with(|settings| settings.answer_reinvites = false);
    let talk = stage.talk();
    stage.give_text(&talk.request("UPDATE", 1, SDP));
    let call = talk.call;
    assert_eq!(stage.events(), [AgentEvent::Reinvited { call, body: sdp("change"), answer_due: true }]);
    for (method, cseq, more) in [("UPDATE", 2, SDP), ("UPDATE", 3, ""), ("INVITE", 4, SDP)] {
        stage.give_text(&talk.request(method, cseq, more));
        is_500_with_a_time(&stage.response());
    }
    stage.agent.answer(stage.now, call, sdp("changed"));
    let ok = stage.response();
    assert_eq!((ok.status(), ok.cseq().number, ok.body()), (StatusCode::OK, 1, &b"changed"[..]));
    assert!(ok.contains(HeaderName::Contact));
    // And while we are asked by a re-INVITE.
    stage.give_text(&talk.request("INVITE", 5, SDP));
    stage.give_text(&talk.request("UPDATE", 6, SDP));
    is_500_with_a_time(&stage.response());
}

#[test]
fn a_caller_that_changes_its_mind_before_our_answer_is_500_for_a_while() {
    // tests rfc3311 §5.2
    let mut stage = Stage::new();
    stage.give_text(&from_bob("INVITE", 1, "", SDP));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.ring(stage.now, call);
    let tag = format!(";tag={}", text(stage.response().to_tag().unwrap()));
    stage.give_text(&from_bob("UPDATE", 2, &tag, SDP));
    is_500_with_a_time(&stage.response());
    // There is no offer of ours that it could be about, either.
    stage.agent.answer(stage.now, call, sdp("answer"));
    stage.sent();
    stage.give_text(&from_bob("UPDATE", 3, &tag, SDP));
    assert_eq!(stage.response().status(), StatusCode::OK);
}

#[test]
fn one_without_a_description_moves_the_target() {
    // tests rfc3311 §5.1, §5.2, rfc3261 §12.2.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let moved = talk.request("UPDATE", 1, "").replace("sip:bob@192.0.2.2", "sip:bob@192.0.2.77");
    stage.give_text(&moved);
    assert_eq!(stage.response().status(), StatusCode::OK);
    stage.agent.hang_up(stage.now, talk.call);
    let bye = stage.request();
    assert_eq!(bye.uri().to_string(), "sip:bob@192.0.2.77");
    stage.give_text(&talk.request("UPDATE", 2, ""));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    assert!(stage.events().is_empty());
}

#[test]
fn one_of_a_type_we_do_not_take_is_415() {
    // tests rfc3261 §8.2.3
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("UPDATE", 1, "Content-Type: text/html\n\nx"));
    assert_eq!(stage.response().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[test]
fn a_peer_that_does_not_take_it_is_not_sent_one() {
    // tests rfc3311 §4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    let reliable = [(HeaderName::Require, "100rel"), (HeaderName::RSeq, "1"), BOB];
    let mut progress = invite.reply(StatusCode::SESSION_PROGRESS);
    progress.set_to_tag("bob");
    reliable.iter().for_each(|(name, value)| progress.add(*name, value));
    progress.set_body("application/sdp", "answer");
    stage.give(progress.to_bytes());
    stage.sent();
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    assert!(stage.sent().is_empty());
}

#[test]
fn nor_is_a_caller_that_does_not_take_it() {
    // tests rfc3311 §4
    for (allow, sent) in [("Allow: INVITE, UPDATE\n", 1), ("Allow: INVITE\n", 0), ("", 0)] {
        let mut stage = Stage::new();
        stage.give_text(&from_bob("INVITE", 1, "", &format!("Supported: 100rel\n{allow}{SDP}")));
        let told = stage.events();
        let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
        stage.agent.progress(stage.now, call, StatusCode::SESSION_PROGRESS, sdp("answer"));
        let progress = stage.response();
        let tag = format!(";tag={}", text(progress.to_tag().unwrap()));
        let rseq = text(progress.raw(HeaderName::RSeq).next().unwrap());
        stage.give_text(&from_bob("PRACK", 2, &tag, &format!("RAck: {rseq} 1 INVITE\n")));
        stage.sent();
        stage.agent.modify(stage.now, call, Body::sdp("hold"));
        assert_eq!(stage.sent().len(), sent, "{allow}");
    }
}

#[test]
fn a_glare_is_tried_again_and_a_challenge_answered() {
    // tests rfc3311 §5.3, rfc3261 §22.2
    let mut stage = Stage::new();
    let (call, _) = early(&mut stage);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let update = stage.request();
    assert_eq!((update.method(), update.body()), (Method::Update, &b"hold"[..]));
    assert!(update.contains(HeaderName::Contact) && update.contains(HeaderName::Allow));
    stage.challenge(&update, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let again = stage.request();
    assert_eq!((again.method(), again.cseq().number), (Method::Update, update.cseq().number + 1));
    stage.answer(&again, StatusCode::REQUEST_PENDING, "", &[]);
    stage.run(Duration::from_millis(2_090));
    assert!(stage.sent().is_empty(), "the owner of the Call-ID waits longer");
    let third = next(&mut stage);
    assert_eq!((third.method(), third.body()), (Method::Update, &b"hold"[..]));
    stage.answer(&third, StatusCode::SERVER_INTERNAL_ERROR, "", &[(HeaderName::RetryAfter, "7")]);
    stage.run(Duration::from_millis(6_999));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_millis(1));
    let fourth = stage.request();
    stage.answer(&fourth, StatusCode::NOT_ACCEPTABLE_HERE, "", &[]);
    let status = StatusCode::NOT_ACCEPTABLE_HERE;
    assert_eq!(stage.events(), [AgentEvent::NotModified { call, status }]);
}

#[test]
fn a_peer_that_knows_no_such_dialog_ends_the_call() {
    // tests rfc3311 §5.3
    let mut stage = Stage::new();
    let (call, invite) = early(&mut stage);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let update = stage.request();
    stage.answer(&update, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    let cancel = stage.request();
    assert_eq!(cancel.method(), Method::Cancel);
    stage.answer(&cancel, StatusCode::OK, "x", &[]);
    stage.answer(&invite, StatusCode::REQUEST_TERMINATED, "bob", &[]);
    let reason = EndReason::Failed(Failure::Refused(StatusCode::CALL_DOES_NOT_EXIST));
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason }]);
    stage.run(Duration::from_secs(100));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn what_still_waits_when_the_call_is_answered_goes_out_then() {
    // tests rfc3311 §5.1, §5.3, rfc5407 §3.3.2
    let mut stage = Stage::new();
    let (call, invite) = early(&mut stage);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let update = stage.request();
    stage.answer(&update, StatusCode::REQUEST_PENDING, "", &[]);
    stage.answer(&invite, StatusCode::OK, "bob", &[BOB]);
    assert_eq!(stage.request().method(), Method::Ack);
    let again = next(&mut stage);
    assert_eq!((again.method(), again.body()), (Method::Update, &b"hold"[..]));
    // A re-INVITE of the peer waits for it.
    stage.give_text(&within(&invite, "INVITE", 1, SDP));
    assert!(
        matches!(&stage.sent()[..], [Message::Response(glare)] if glare.status() == StatusCode::REQUEST_PENDING)
    );
    stage.events();
    // And so does one of ours.
    stage.agent.modify(stage.now, call, Body::sdp("resume"));
    assert!(stage.sent().is_empty());
    let mut ok = again.reply(StatusCode::OK);
    ok.set_body("application/sdp", "held");
    stage.give(ok.to_bytes());
    assert_eq!(stage.events(), [AgentEvent::Modified { call, body: sdp("held") }]);
    let change = stage.request();
    assert_eq!((change.method(), change.body()), (Method::Invite, &b"resume"[..]));
}

#[test]
fn one_whose_time_has_come_waits_for_our_user_without_a_deadline() {
    // tests rfc3311 §5.1
    let mut stage = Stage::with(|settings| settings.answer_reinvites = false);
    let (call, invite) = early(&mut stage);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let update = stage.request();
    stage.answer(&update, StatusCode::REQUEST_PENDING, "", &[]);
    stage.give_text(&within(&invite, "UPDATE", 2, SDP));
    // Longer than any glare, and shorter than our user may think.
    stage.now = stage.now + Duration::from_secs(5);
    stage.agent.tick(stage.now);
    assert!(stage.agent.poll_deadline().unwrap() > stage.now);
    stage.agent.answer(stage.now, call, sdp("changed"));
    let sent: Vec<_> = stage.sent().iter().map(|message| matches!(message, Message::Request(_))).collect();
    assert_eq!(sent, [false, false, true], "100 and its answer, and then ours");
}

#[test]
fn one_that_waits_for_our_user_is_answered_when_there_will_be_no_call() {
    // tests rfc3311 §5.2
    let ends: [fn(&mut Stage, CallKey, &Request); 5] = [
        |stage, _, invite| stage.answer(invite, StatusCode::BUSY_HERE, "bob", &[]),
        |stage, call, _| stage.agent.hang_up(stage.now, call),
        |stage, _, invite| stage.give_text(&within(invite, "BYE", 3, "")),
        |stage, _, invite| {
            stage.challenge(invite, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
        },
        |stage, _, invite| {
            stage.answer(invite, StatusCode::OK, "other", &[BOB]);
            stage.run(Duration::from_secs(40));
        },
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let mut stage = Stage::with(|settings| settings.answer_reinvites = false);
        let (call, invite) = early(&mut stage);
        stage.give_text(&within(&invite, "UPDATE", 2, SDP));
        end(&mut stage, call, &invite);
        let is_answer = |message: &Message| match message {
            Message::Response(response)
                if response.status().is_final() && response.cseq().method == b"UPDATE" =>
            {
                Some((response.cseq().number, response.status()))
            }
            _ => None,
        };
        let answers: Vec<_> = stage.sent().iter().filter_map(is_answer).collect();
        assert_eq!(answers, [(2, StatusCode::REQUEST_TERMINATED)], "{number}");
    }
}
