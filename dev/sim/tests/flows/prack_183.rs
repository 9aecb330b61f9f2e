//! An answer before the call is answered, and known to have arrived (RFC 3262): early media.

use ruf_message::StatusCode;

use crate::stage::{Stage, sdp};

#[test]
fn prack_183() {
    // tests rfc3262 §3, rfc3262 §4, rfc3262 §5
    let mut stage = Stage::registered();
    let alice = stage.dial("bob");
    let bob = stage.rings();
    stage.phone(stage.bob, |agent, now| {
        agent.progress(now, bob, StatusCode::SESSION_PROGRESS, Some(sdp("bob")));
    });
    stage.is_confirmed(stage.bob);
    stage.answer(bob);
    stage.talks();
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "prack_183",
        "Heard before the call is answered
        Bob's phone sends its description with the 183, and again until Alice's confirms it.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | b→s 183 |
         s→a 180 | s→a 183 | a→s PRACK | s→b PRACK | b→s 200 PRACK | b→s 200 INVITE |
         s→a 200 PRACK | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
