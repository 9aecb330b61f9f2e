//! Alice does not say who she is (RFC 3323): the server knows, Bob does not.

use ruf_agent::AgentEvent;

use crate::stage::{Stage, sdp, uri};

#[test]
fn anonymous_call() {
    // tests rfc3323 §4.1.1.3
    let mut stage = Stage::registered();
    stage.phone(stage.alice, |agent, now| {
        agent.call_anonymously(now, &uri("bob"), Some(sdp("nobody"))).expect("room")
    });
    let (bob, from, asserted) = stage.until(stage.bob, |event| match event {
        AgentEvent::Incoming { call, from, asserted, .. } => {
            Some((*call, from.to_string(), asserted.clone()))
        }
        _ => None,
    });
    assert_eq!((from.as_str(), asserted), ("sip:anonymous@anonymous.invalid", None));
    stage.answer(bob);
    stage.talks();
    stage.hang_up(stage.bob, bob);
    stage.ended(stage.alice);
    stage.expect(
        "anonymous_call",
        "Somebody calls
        The server asks Alice for her password, and tells Bob nothing of her.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 200 INVITE |
         s→a 200 INVITE | a→s ACK | s→b ACK | b→s BYE | s→a BYE | a→s 200 BYE | s→b 200 BYE",
    );
}
