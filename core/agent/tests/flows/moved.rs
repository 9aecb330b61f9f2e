//! The way to the server changes: what goes on goes on by the new one.

use crate::pair::flow;
use crate::stage::Stage;
use ruf_agent::AgentEvent;
use ruf_message::{HeaderName, Method, StatusCode};

#[test]
fn a_call_and_the_registration_go_on_by_the_new_way() {
    // tests rfc5626 §4.4
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    let contact = (HeaderName::Contact, "<sip:bob@192.0.2.7>");
    stage.answer(&invite, StatusCode::OK, "bob", &[contact]);
    assert!(matches!(stage.events().as_slice(), [AgentEvent::Answered { .. }]));
    assert_eq!(stage.request().method(), Method::Ack);

    let new = flow("198.51.100.1:5070", "192.0.2.10:5060");
    stage.agent.move_to(new);
    stage.agent.register(stage.now, 600);
    let register = stage.agent.poll_transmit().unwrap();
    assert_eq!(register.flow, new);
    let text = String::from_utf8_lossy(&register.bytes).into_owned();
    assert!(text.contains("Contact: <sip:alice@198.51.100.1:5070>;expires=600\r\n"), "{text}");

    stage.agent.hang_up(stage.now, call);
    let bye = stage.agent.poll_transmit().unwrap();
    assert_eq!(bye.flow, new);
    assert!(bye.bytes.starts_with(b"BYE sip:bob@192.0.2.7 "));
}
