//! A change of the session and another one (RFC 3261 section 14): the proxy passes bodies through.

use ruf_agent::AgentEvent;

use crate::stage::{Stage, sdp};

#[test]
fn hold_resume() {
    // tests rfc3261 §14.1, rfc3261 §14.2
    let mut stage = Stage::registered();
    let (alice, _) = stage.talk();
    for description in ["held", "resumed"] {
        stage.modify(stage.alice, alice, description);
        let seen = stage.until(stage.bob, |event| match event {
            AgentEvent::Reinvited { body, .. } => Some(body.clone()),
            _ => None,
        });
        assert_eq!(seen, Some(sdp(description)), "not an octet is changed on the way");
        stage.is_modified(stage.alice);
    }
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "hold_resume",
        "Held and resumed",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s INVITE | s→a 100 | s→b INVITE |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | a→s INVITE | s→b ACK | s→a 100 | s→b INVITE |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | a→s BYE | s→b ACK | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
