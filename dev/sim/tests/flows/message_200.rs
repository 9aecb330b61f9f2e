//! A MESSAGE through the server (RFC 3428).

use ruf_agent::{AgentEvent, Answer, Body};
use ruf_message::StatusCode;

use crate::stage::{Stage, uri};

#[test]
fn message_200() {
    // tests rfc3428 §4
    let mut stage = Stage::registered();
    let body = Body { content_type: "text/plain".to_owned(), content: "Watson, come here.".into() };
    let to = uri("bob");
    stage.phone(stage.alice, |agent, now| agent.message(now, &to, body.clone()).expect("room"));
    let read = stage.until(stage.bob, |event| match event {
        AgentEvent::Message { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(read, body);
    let status = stage.until(stage.alice, |event| match event {
        AgentEvent::MessageAnswered { answer: Answer::Final { status, .. }, .. } => Some(*status),
        _ => None,
    });
    assert_eq!(status, StatusCode::OK);
    stage.expect(
        "message_200",
        "A message",
        "a→s MESSAGE | s→a 407 | a→s MESSAGE | s→b MESSAGE | b→s 200 MESSAGE | s→a 200 MESSAGE",
    );
}
