//! A request within a call goes to the next place of its hop where the first finds nobody (RFC 3263 §4.3).

use crate::pair::{flow, sdp};
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Body, CallKey, EndReason, WayQuestion};
use ruf_message::{Flow, HeaderName, Message, Method, Request, StatusCode, Transport};
use std::time::Duration;

const US: &str = "192.0.2.1:5060";
const PLACES: [&str; 5] =
    ["192.0.2.21:5060", "192.0.2.22:5060", "192.0.2.23:5060", "192.0.2.24:5060", "192.0.2.25:5060"];

fn place(number: usize) -> Flow {
    flow(US, PLACES[number])
}

/// What went out, and by which flow; each question is answered by the first of so many places that has not failed.
fn gone(stage: &mut Stage, places: usize) -> Vec<(Request, Flow)> {
    let mut gone = Vec::new();
    loop {
        let before = gone.len();
        while let Some(WayQuestion { key, failed, .. }) = stage.agent.poll_question() {
            let next = (0..places).map(place).find(|place| !failed.contains(place));
            stage.agent.found(stage.now, key, next);
        }
        while let Some(transmit) = stage.agent.poll_transmit() {
            if let Message::Request(request) = Message::parse(transmit.bytes).unwrap() {
                gone.push((request, transmit.flow));
            }
        }
        if gone.len() == before {
            return gone;
        }
    }
}

/// Bob, who is at a name with so many places, answers a call of Alice's.
fn talk(stage: &mut Stage, places: usize) -> CallKey {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@home.example>")]);
    let sent = gone(stage, places);
    let [(ack, way)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ack.method(), *way), (Method::Ack, place(0)));
    stage.events();
    call
}

#[track_caller]
fn one(sent: Vec<(Request, Flow)>) -> (Request, Flow) {
    let [one] = <[_; 1]>::try_from(sent).unwrap();
    one
}

#[test]
fn a_503_is_followed_by_the_same_request_elsewhere() {
    // tests rfc3263 §4.3, rfc3261 §8.1.2
    let mut stage = Stage::new();
    let call = talk(&mut stage, 2);
    stage.agent.info(stage.now, call, Body { content_type: "text/plain".into(), content: "x".into() });
    let (first, way) = one(gone(&mut stage, 2));
    assert_eq!((first.method(), way), (Method::Info, place(0)));
    stage.answer(&first, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    let (second, way) = one(gone(&mut stage, 2));
    assert_eq!((way, stage.agent.flow(call)), (place(1), Some(place(1))));
    assert_ne!(second.via().branch(), first.via().branch());
    let numbers =
        |request: &Request| (request.cseq().number, request.call_id().to_vec(), request.body().to_vec());
    assert_eq!(numbers(&second), numbers(&first));
    stage.answer(&second, StatusCode::OK, "bob", &[]);
    // What follows goes there at once.
    stage.agent.hang_up(stage.now, call);
    let (bye, way) = one(gone(&mut stage, 2));
    assert_eq!((bye.method(), way), (Method::Bye, place(1)));
    stage.answer(&bye, StatusCode::OK, "bob", &[]);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn silence_and_a_closed_port_are_no_end_either_and_the_last_place_counts() {
    // tests rfc3263 §4.3
    let mut stage = Stage::new();
    let call = talk(&mut stage, 3);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let (_, way) = one(gone(&mut stage, 3));
    stage.agent.unreachable(stage.now, way);
    assert_eq!(one(gone(&mut stage, 3)).1, place(1));
    let end = stage.now + Duration::from_secs(33);
    while let Some(due) = stage.agent.poll_deadline().filter(|due| *due <= end) {
        stage.now = due;
        stage.agent.tick(due);
    }
    let sent = gone(&mut stage, 3);
    let (third, way) = sent.last().unwrap();
    assert_eq!((third.method(), *way), (Method::Invite, place(2)));
    assert_eq!(stage.events(), []);
    stage.answer(third, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    let acks: Vec<Method> = gone(&mut stage, 3).iter().map(|(request, _)| request.method()).collect();
    assert_eq!(acks, [Method::Ack]);
    assert_eq!(stage.events(), [AgentEvent::NotModified { call, status: StatusCode::SERVICE_UNAVAILABLE }]);
    stage.agent.hang_up(stage.now, call);
    let (bye, _) = one(gone(&mut stage, 3));
    stage.answer(&bye, StatusCode::OK, "bob", &[]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn where_there_is_one_place_or_were_four_it_fails_at_once() {
    // tests rfc3263 §4.3
    for (places, tried) in [(1, 1), (5, 4)] {
        let mut stage = Stage::new();
        let call = talk(&mut stage, places);
        stage.agent.info(stage.now, call, Body { content_type: "text/plain".into(), content: "x".into() });
        for number in 0..tried {
            let (info, way) = one(gone(&mut stage, places));
            assert_eq!(way, place(number));
            stage.answer(&info, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
        }
        assert!(gone(&mut stage, places).is_empty());
        let refused = AgentEvent::InfoRefused { call, status: StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(stage.events(), [refused], "{places}");
    }
}

#[test]
fn a_challenge_at_one_place_does_not_make_the_others_new() {
    // tests rfc3263 §4.3, rfc3261 §22.2
    let mut stage = Stage::new();
    let call = talk(&mut stage, 5);
    stage.agent.info(stage.now, call, Body { content_type: "text/plain".into(), content: "x".into() });
    let (info, _) = one(gone(&mut stage, 5));
    stage.answer(&info, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    let (info, way) = one(gone(&mut stage, 5));
    assert_eq!(way, place(1));
    stage.challenge(&info, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "n1", false);
    let (mut info, way) = one(gone(&mut stage, 5));
    assert_eq!((way, info.contains(HeaderName::ProxyAuthorization)), (place(1), true));
    for number in 2..4 {
        stage.answer(&info, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
        let next = one(gone(&mut stage, 5));
        assert_eq!(next.1, place(number));
        info = next.0;
    }
    stage.answer(&info, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    assert!(gone(&mut stage, 5).is_empty());
    let refused = AgentEvent::InfoRefused { call, status: StatusCode::SERVICE_UNAVAILABLE };
    assert_eq!(stage.events(), [refused]);
}

#[test]
fn another_connection_to_the_same_place_is_no_other_place() {
    // tests rfc3263 §4.3
    let by = |connection| Flow { transport: Transport::Tcp, connection, ..place(0) };
    let mut stage = Stage::with(|settings| settings.flow = by(1));
    let call = stage.agent.call(stage.now, &"sip:bob@home.example".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::OK, "bob", &[(HeaderName::Contact, "<sip:bob@home.example>")]);
    assert_eq!(one(gone(&mut stage, 0)).1, by(1));
    stage.events();
    stage.agent.info(stage.now, call, Body { content_type: "text/plain".into(), content: "x".into() });
    let (info, _) = one(gone(&mut stage, 0));
    stage.answer(&info, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    let question = stage.agent.poll_question().expect("a question");
    stage.agent.found(stage.now, question.key, Some(by(2)));
    assert!(gone(&mut stage, 0).is_empty());
    assert_eq!(stage.events(), [AgentEvent::InfoRefused { call, status: StatusCode::SERVICE_UNAVAILABLE }]);
}

#[test]
fn what_nobody_wants_any_more_is_not_tried_elsewhere() {
    // tests rfc3261 §15
    let mut stage = Stage::new();
    let call = talk(&mut stage, 2);
    stage.agent.modify(stage.now, call, Body::sdp("hold"));
    let (hold, _) = one(gone(&mut stage, 2));
    stage.agent.hang_up(stage.now, call);
    let (bye, _) = one(gone(&mut stage, 2));
    stage.answer(&bye, StatusCode::OK, "bob", &[]);
    stage.answer(&hold, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    let after: Vec<Method> = gone(&mut stage, 2).iter().map(|(request, _)| request.method()).collect();
    assert_eq!(after, [Method::Ack]);
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
}

#[test]
fn what_was_asked_in_a_call_that_ends_while_its_next_place_is_sought_goes_nowhere() {
    // tests rfc3261 §15, rfc3263 §4.3
    for is_change in [true, false] {
        let mut stage = Stage::new();
        let call = talk(&mut stage, 2);
        if is_change {
            stage.agent.modify(stage.now, call, Body::sdp("hold"));
        } else {
            let body = Body { content_type: "text/plain".into(), content: "x".into() };
            stage.agent.info(stage.now, call, body);
        }
        let (asked, _) = one(gone(&mut stage, 2));
        stage.answer(&asked, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
        let question = stage.agent.poll_question().expect("a question");
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap()).into_owned();
        stage.give_text(&format!(
            "BYE sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbye\nMax-Forwards: 70\n\
             From: <sip:bob@example.org>;tag=bob\nTo: <sip:alice@example.org>;tag={}\nCall-ID: {}\nCSeq: 1 BYE\n\n",
            text(asked.from_tag()),
            text(Some(asked.call_id())),
        ));
        stage.agent.found(stage.now, question.key, Some(place(1)));
        let mut after = gone(&mut stage, 2);
        after.retain(|(request, _)| request.method() != Method::Ack);
        assert!(after.is_empty(), "{after:?}");
        assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::RemoteHungUp }]);
        stage.run(Duration::from_secs(40));
        assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
    }
}

#[test]
fn a_bye_that_finds_nobody_anywhere_ends_the_call() {
    // tests rfc3261 §15.1.1, rfc3263 §4.3
    let mut stage = Stage::new();
    let call = talk(&mut stage, 2);
    stage.agent.hang_up(stage.now, call);
    for number in 0..2 {
        let (bye, way) = one(gone(&mut stage, 2));
        assert_eq!((bye.method(), way), (Method::Bye, place(number)));
        stage.agent.unreachable(stage.now, way);
    }
    assert!(gone(&mut stage, 2).is_empty());
    assert_eq!(stage.events(), [AgentEvent::Ended { call, reason: EndReason::HungUp }]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn an_address_is_one_place() {
    // tests rfc3263 §4.3
    let mut stage = Stage::new();
    let call = stage.talk().call;
    stage.agent.hang_up(stage.now, call);
    let bye = stage.request();
    stage.answer(&bye, StatusCode::SERVICE_UNAVAILABLE, "bob", &[]);
    assert_eq!(stage.agent.poll_question(), None);
    let told = stage.events();
    assert!(matches!(told[..], [AgentEvent::Ended { .. }]), "{told:?}");
}
