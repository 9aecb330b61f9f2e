//! Something for the application within a call (RFC 6086): the keys of old phones.

use crate::pair::{Pair, Side, sdp};
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Body, EndReason, Failure};
use ruf_message::{HeaderName, Message, Method, StatusCode};
use std::time::Duration;

fn key(digit: char) -> Body {
    let content = format!("Signal={digit}\r\nDuration=160\r\n").into();
    Body { content_type: "application/dtmf-relay".into(), content }
}

fn keys(pair: &Pair, side: Side) -> Vec<Body> {
    let body = |event: &AgentEvent| match event {
        AgentEvent::Info { body, .. } => Some(body.clone()),
        _ => None,
    };
    pair.told(side).into_iter().filter_map(body).collect()
}

#[test]
fn keys_come_in_order_whatever_is_lost() {
    // tests rfc6086 §4.2.1, §4.2.2, §4.4
    let mut pair = Pair::new(1);
    let (call, _) = pair.connected();
    pair.lose("a→b INFO");
    for digit in ['1', '2', '3'] {
        pair.a.info(pair.now, call, key(digit));
    }
    pair.run_ms(2_000);
    assert_eq!(keys(&pair, Side::B), ['1', '2', '3'].map(key));
    pair.a.hang_up(pair.now, call);
    pair.settle();
    let one = "a→b INFO | b→a 200 INFO";
    pair.expect_ladder(&format!("a→x b INFO | {one} | {one} | {one} | a→b BYE | b→a 200 BYE"));
}

#[test]
fn keys_are_heard_before_the_call_is_answered() {
    // tests rfc6086 §4.2.1
    let mut pair = Pair::new(2);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.a.info(pair.now, call, key('0'));
    pair.b.ring(pair.now, incoming);
    pair.until(Side::A, |event| matches!(event, AgentEvent::Ringing { .. }));
    pair.a.info(pair.now, call, key('1'));
    pair.b.info(pair.now, incoming, key('2'));
    pair.run_ms(500);
    assert_eq!((keys(&pair, Side::A), keys(&pair, Side::B)), (vec![key('2')], vec![key('1')]));
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn one_that_is_refused_is_told_and_the_next_goes_out() {
    // tests rfc6086 §4.2.1, rfc3261 §22.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    let call = talk.call;
    stage.agent.info(stage.now, call, key('1'));
    stage.agent.info(stage.now, call, key('2'));
    let info = stage.request();
    assert_eq!((info.method(), info.body()), (Method::Info, &key('1').content[..]));
    assert!(!info.contains(HeaderName::InfoPackage) && !info.contains(HeaderName::RecvInfo));
    stage.challenge(&info, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n", false);
    let again = stage.request();
    assert_eq!((again.body(), again.cseq().number), (info.body(), info.cseq().number + 1));
    stage.answer(&again, StatusCode::UNSUPPORTED_MEDIA_TYPE, "", &[]);
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    assert_eq!(stage.events(), [AgentEvent::InfoRefused { call, status }]);
    let next = stage.request();
    assert_eq!(next.body(), key('2').content);
    stage.agent.info(stage.now, call, key('3'));
    stage.answer(&next, StatusCode::CALL_DOES_NOT_EXIST, "", &[]);
    let bye = stage.request();
    assert_eq!(bye.method(), Method::Bye);
    stage.answer(&bye, StatusCode::OK, "", &[]);
    let status = StatusCode::CALL_DOES_NOT_EXIST;
    let reason = EndReason::Failed(Failure::Refused(status));
    assert_eq!(
        stage.events(),
        [AgentEvent::InfoRefused { call, status }, AgentEvent::Ended { call, reason }]
    );
    stage.agent.info(stage.now, call, key('4'));
    stage.run(Duration::from_secs(64));
    assert!(stage.sent().is_empty() && stage.agent.is_idle());
}

#[test]
fn a_peer_that_is_silent_keeps_no_more_than_may_wait() {
    // tests rfc6086 §4.4
    let mut stage = Stage::new();
    let talk = stage.talk();
    for _ in 0..100 {
        stage.agent.info(stage.now, talk.call, key('1'));
    }
    let mut sent = 0;
    while let Some(Message::Request(info)) = stage.sent().pop() {
        sent += 1;
        stage.answer(&info, StatusCode::OK, "", &[]);
    }
    assert_eq!(sent, 1 + 32);
}

#[test]
fn packages_are_not_taken_and_what_has_no_body_is_no_news() {
    // tests rfc6086 §4.2.2
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&talk.request("INFO", 1, "Info-Package: infoDtmf\nContent-Type: x/y\n\n1"));
    let refused = stage.response();
    assert_eq!(refused.status(), StatusCode::BAD_INFO_PACKAGE);
    assert_eq!(refused.raw(HeaderName::RecvInfo).next(), Some(&b""[..]));
    stage.give_text(&talk.request("INFO", 2, ""));
    assert_eq!(stage.response().status(), StatusCode::OK);
    assert!(stage.events().is_empty());
    stage.give_text(&talk.request("INFO", 3, "Content-Type: application/dtmf\n\n5"));
    assert_eq!(stage.response().status(), StatusCode::OK);
    let body = Body { content_type: "application/dtmf".into(), content: "5".into() };
    assert_eq!(stage.events(), [AgentEvent::Info { call: talk.call, body }]);
    stage.agent.hang_up(stage.now, talk.call);
    stage.sent();
    stage.give_text(&talk.request("INFO", 4, ""));
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
}
