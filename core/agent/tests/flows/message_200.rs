//! A message, sent and received.

use crate::pair::{Pair, Side};
use ruf_agent::{AgentEvent, Answer, Body};
use ruf_message::StatusCode;

#[test]
fn a_message_is_delivered_once_and_answered_200() {
    // tests rfc3428 §4, §7
    let mut pair = Pair::new(1);
    pair.lose("b→a 200 MESSAGE");
    let hello = Body { content_type: "text/plain".into(), content: "Hello".into() };
    let request = pair.a.message(pair.now, &"sip:bob@example.org".parse().unwrap(), hello.clone()).unwrap();
    pair.settle();
    pair.expect_ladder("a→b MESSAGE | b→x a 200 MESSAGE | a→b MESSAGE | b→a 200 MESSAGE");
    let from = "sip:alice@example.org".parse().unwrap();
    assert_eq!(pair.told(Side::B), [&AgentEvent::Message { call: None, from, body: hello }]);
    let reason = "OK".to_owned();
    assert_eq!(
        pair.told(Side::A),
        [&AgentEvent::MessageAnswered { request, answer: Answer::Final { status: StatusCode::OK, reason } }]
    );
}

#[test]
fn a_message_of_a_type_we_do_not_take_is_415() {
    // tests rfc3261 §8.2.3, rfc3428 §7
    let mut pair = Pair::new(2);
    let odd = Body { content_type: "image/png".into(), content: "x".into() };
    pair.a.message(pair.now, &"sip:bob@example.org".parse().unwrap(), odd).unwrap();
    pair.settle();
    pair.expect_ladder("a→b MESSAGE | b→a 415 MESSAGE");
    assert!(pair.told(Side::B).is_empty());
}
