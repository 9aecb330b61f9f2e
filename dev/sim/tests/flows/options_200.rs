//! OPTIONS to the server itself: is anybody there?

use ruf_agent::{AgentEvent, Answer};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn options_200() {
    // tests rfc3261 §11.2
    let mut stage = Stage::new();
    let server = "sip:example.org".parse().expect("a URI");
    stage.phone(stage.alice, |agent, now| agent.options(now, &server).expect("room"));
    let status = stage.until(stage.alice, |event| match event {
        AgentEvent::OptionsAnswered { answer: Answer::Final { status, .. }, .. } => Some(*status),
        _ => None,
    });
    assert_eq!(status, StatusCode::OK);
    stage.expect("options_200", "Is anybody there?", "a→s OPTIONS | s→a 200 OPTIONS");
}
