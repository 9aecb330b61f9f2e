//! What belongs to no call is sent on as a call is (RFC 3261 §8.1.3.4), and within a subscription goes where it is
//! addressed to (§12.2.1.1).

use crate::pair::flow;
use crate::stage::Stage;
use crate::watch_notify::document;
use ruf_agent::{AgentEvent, Answer, Body, Failure, WayQuestion};
use ruf_events::{Ending, PRESENCE, PublicationEvent, SubscriberEvent};
use ruf_message::{HeaderName, Message, Method, Request, StatusCode, Uri};
use std::time::Duration;

const MOVED: StatusCode = StatusCode::MOVED_TEMPORARILY;

fn bob() -> Uri {
    "sip:bob@example.org".parse().unwrap()
}

fn hello() -> Body {
    Body { content_type: "text/plain".into(), content: "Hello".into() }
}

fn contact(value: &str) -> [(HeaderName, &str); 1] {
    [(HeaderName::Contact, value)]
}

/// The same request at another place.
#[track_caller]
fn follows(stage: &mut Stage, first: &Request, to: &str) -> Request {
    let next = stage.request();
    assert_eq!((next.method(), next.uri().to_string().as_str()), (first.method(), to));
    assert_eq!((next.call_id(), next.body()), (first.call_id(), first.body()));
    assert_eq!(next.cseq().number, first.cseq().number + 1);
    next
}

#[test]
fn a_message_is_sent_where_it_is_sent_on_to() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::new();
    let request = stage.agent.message(stage.now, &bob(), hello()).unwrap();
    let first = stage.request();
    stage.answer(
        &first,
        MOVED,
        "bob",
        &contact("<sip:desk@example.org;method=INVITE?x=y>, <sip:home@example.org>;q=0.5"),
    );
    let second = follows(&mut stage, &first, "sip:desk@example.org");
    // Nobody there, and the way back leads in a circle.
    stage.answer(&second, StatusCode::NOT_FOUND, "desk", &[]);
    let third = follows(&mut stage, &second, "sip:home@example.org");
    stage.answer(&third, MOVED, "home", &contact("<sip:bob@example.org>, <sip:desk@example.org>"));
    let answer = Answer::Final { status: MOVED, reason: MOVED.reason().to_owned() };
    assert_eq!(stage.events(), [AgentEvent::MessageAnswered { request, answer }]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn silence_is_followed_by_the_next_place_and_no_more_than_five_are_tried() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::new();
    let request = stage.agent.options(stage.now, &bob()).unwrap();
    let first = stage.request();
    let places: Vec<String> = (0..8).map(|place| format!("<sip:{place}@example.org>")).collect();
    stage.answer(&first, StatusCode::MULTIPLE_CHOICES, "bob", &contact(&places.join(", ")));
    let mut last = follows(&mut stage, &first, "sip:0@example.org");
    stage.run(Duration::from_secs(33));
    let sent = stage.sent();
    let Some(Message::Request(next)) = sent.last() else { panic!("{sent:?}") };
    assert_eq!(next.uri().to_string(), "sip:1@example.org");
    last.clone_from(next);
    for place in 2..5 {
        stage.answer(&last, StatusCode::NOT_FOUND, "x", &[]);
        last = follows(&mut stage, &last, &format!("sip:{place}@example.org"));
    }
    stage.answer(&last, StatusCode::NOT_FOUND, "x", &[]);
    let told = stage.events();
    let [AgentEvent::OptionsAnswered { request: of, answer: Answer::Final { status, .. } }] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((*of, *status), (request, StatusCode::NOT_FOUND));
}

#[test]
fn a_subscription_and_a_publication_follow_too() {
    // tests rfc3261 §8.1.3.4, rfc6665 §4.1.2.1
    let mut stage = Stage::new();
    stage.agent.watch(stage.now, &bob(), PRESENCE, 600).unwrap();
    let first = stage.request();
    stage.answer(&first, MOVED, "bob", &contact("<sip:presence@example.org>"));
    let second = follows(&mut stage, &first, "sip:presence@example.org");
    stage.answer(&second, StatusCode::FORBIDDEN, "presence", &[]);
    let told = stage.events();
    let [AgentEvent::Watch { event: SubscriberEvent::Over { why: Ending::Failed(failure) }, .. }] = told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(failure, Failure::Refused(StatusCode::FORBIDDEN));
    stage.agent.publish(stage.now, document("one"));
    let first = stage.request();
    stage.answer(&first, MOVED, "alice", &contact("<sip:state@example.org>"));
    let second = follows(&mut stage, &first, "sip:state@example.org");
    stage.answer(
        &second,
        StatusCode::OK,
        "state",
        &[(HeaderName::SipETag, "1"), (HeaderName::Expires, "600")],
    );
    let published = AgentEvent::Publication(PublicationEvent::Published { expires_secs: 600 });
    assert_eq!(stage.events(), [published]);
}

#[test]
fn without_a_server_it_goes_where_it_is_sent_on_to() {
    // tests rfc3261 §8.1.2, §8.1.3.4
    for way in [Some(flow("192.0.2.1:5060", "192.0.2.3:5060")), None] {
        let mut stage = Stage::with(|settings| settings.has_server = false);
        stage.agent.message(stage.now, &bob(), hello()).unwrap();
        let first = stage.request();
        stage.answer(&first, MOVED, "bob", &contact("<sip:carol@carol.example>"));
        let WayQuestion { key, hop, failed, .. } = stage.agent.poll_question().expect("a question");
        assert_eq!((hop.unwrap().host.to_string().as_str(), failed.len()), ("carol.example", 0));
        stage.agent.found(stage.now, key, way);
        let told = stage.events();
        match (stage.agent.poll_transmit(), way) {
            (Some(sent), Some(way)) => assert_eq!((sent.flow, told.len()), (way, 0)),
            (None, None) => {
                let answered = matches!(
                    told[..],
                    [AgentEvent::MessageAnswered { answer: Answer::None(Failure::Unreachable), .. }]
                );
                assert!(answered, "{told:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Nor does it wait for ever.
    let mut stage = Stage::with(|settings| settings.has_server = false);
    stage.agent.message(stage.now, &bob(), hello()).unwrap();
    let first = stage.request();
    stage.answer(&first, MOVED, "bob", &contact("<sip:carol@carol.example>"));
    assert!(stage.agent.poll_question().is_some() && !stage.agent.is_idle());
    while let Some(due) = stage.agent.poll_deadline() {
        stage.now = due;
        stage.agent.tick(due);
    }
    assert!(stage.agent.is_idle() && stage.events().len() == 1, "{:?}", stage.agent.counts());
}

#[test]
fn where_no_way_leads_the_next_place_is_tried() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::with(|settings| settings.has_server = false);
    let request = stage.agent.message(stage.now, &bob(), hello()).unwrap();
    let first = stage.request();
    let places = "<sip:carol@one.example>, <sip:carol@two.example>;q=0.5, <sip:carol@three.example>;q=0.2";
    stage.answer(&first, MOVED, "bob", &contact(places));
    // No answer to the first question, a bad one to the second.
    let WayQuestion { hop, .. } = stage.agent.poll_question().expect("a question");
    assert_eq!(hop.unwrap().host.to_string(), "one.example");
    let end = stage.now + Duration::from_secs(32);
    while let Some(due) = stage.agent.poll_deadline().filter(|due| *due <= end) {
        stage.now = due;
        stage.agent.tick(due);
    }
    let WayQuestion { key, hop, .. } = stage.agent.poll_question().expect("another question");
    assert_eq!((hop.unwrap().host.to_string().as_str(), stage.events().len()), ("two.example", 0));
    stage.agent.found(stage.now, key, None);
    let WayQuestion { key, hop, .. } = stage.agent.poll_question().expect("a third question");
    assert_eq!(hop.unwrap().host.to_string(), "three.example");
    let way = flow("192.0.2.1:5060", "192.0.2.7:5060");
    stage.agent.found(stage.now, key, Some(way));
    let sent = stage.agent.poll_transmit().expect("the message");
    let Ok(Message::Request(last)) = Message::parse(sent.bytes.clone()) else { panic!("{sent:?}") };
    assert_eq!((last.uri().to_string().as_str(), sent.flow), ("sip:carol@three.example", way));
    assert_eq!((last.body(), last.call_id()), (first.body(), first.call_id()));
    stage.answer(&last, StatusCode::OK, "carol", &[]);
    let answer = Answer::Final { status: StatusCode::OK, reason: StatusCode::OK.reason().to_owned() };
    assert_eq!(stage.events(), [AgentEvent::MessageAnswered { request, answer }]);
    stage.run(Duration::from_secs(40));
    assert!(stage.agent.is_idle(), "{:?}", stage.agent.counts());
}

#[test]
fn where_no_way_leads_to_any_place_it_fails_once() {
    // tests rfc3261 §8.1.3.4
    let mut stage = Stage::with(|settings| settings.has_server = false);
    stage.agent.watch(stage.now, &bob(), PRESENCE, 600).unwrap();
    let first = stage.request();
    let places: Vec<String> = (0..12).map(|place| format!("<sip:{place}@{place}.example>")).collect();
    stage.answer(&first, MOVED, "bob", &contact(&places.join(", ")));
    for place in 0..5 {
        let WayQuestion { key, hop, .. } = stage.agent.poll_question().expect("a question");
        assert_eq!(hop.unwrap().host.to_string(), format!("{place}.example"));
        stage.agent.found(stage.now, key, None);
    }
    assert_eq!(stage.agent.poll_question(), None);
    let told = stage.events();
    let [AgentEvent::Watch { event: SubscriberEvent::Interrupted { why, .. }, .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(why, Ending::Failed(Failure::Unreachable));
}

#[test]
fn what_is_told_to_a_watcher_goes_to_where_it_is() {
    // tests rfc3261 §12.2.1.1
    let mut stage = Stage::with(|settings| settings.has_server = false);
    stage.agent.show(stage.now, Some(document("one")));
    stage.give_text(concat!(
        "SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKs\n",
        "Max-Forwards: 70\nFrom: <sip:bob@example.org>;tag=b\nTo: <sip:alice@example.org>\nCall-ID: s\n",
        "CSeq: 1 SUBSCRIBE\nContact: <sip:bob@bob.example>\nEvent: presence\n\n"
    ));
    let WayQuestion { key, hop, .. } = stage.agent.poll_question().expect("a question");
    assert_eq!(hop.unwrap().host.to_string(), "bob.example");
    let way = flow("192.0.2.1:5060", "192.0.2.7:5060");
    stage.agent.found(stage.now, key, Some(way));
    let sent: Vec<_> = std::iter::from_fn(|| stage.agent.poll_transmit()).collect();
    let notify = sent.last().expect("a NOTIFY");
    let Ok(Message::Request(request)) = Message::parse(notify.bytes.clone()) else { panic!("{notify:?}") };
    assert_eq!((request.method(), notify.flow), (Method::Notify, way));
}

#[test]
fn a_watch_that_is_sent_on_says_where_it_is_told_from_there() {
    // tests rfc3261 §8.1.1.8, §8.1.3.4
    let mut stage = Stage::with(|settings| settings.has_server = false);
    stage.agent.watch(stage.now, &bob(), PRESENCE, 600).unwrap();
    let first = stage.request();
    stage.answer(&first, MOVED, "bob", &contact("<sip:carol@carol.example>"));
    let WayQuestion { key, .. } = stage.agent.poll_question().expect("a question");
    stage.agent.found(stage.now, key, Some(flow("192.0.2.77:5077", "192.0.2.3:5060")));
    let second = follows(&mut stage, &first, "sip:carol@carol.example");
    let contacts: Vec<&[u8]> = second.raw(HeaderName::Contact).collect();
    assert_eq!(contacts, [&b"<sip:alice@192.0.2.77:5077>"[..]]);
}
