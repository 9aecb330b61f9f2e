//! The INVITE comes again while its answer is on the way (RFC 5407 section 3.1.1).

use crate::stage::{Stage, sdp};

#[test]
fn invite_crosses_200() {
    // tests rfc5407 §3.1.1
    let mut stage = Stage::alone();
    let alice = stage.dial_at(&Stage::at_bob(), Some(sdp("alice")));
    stage.sim.lose("b→a 180", 1);
    stage.sim.lose("b→a 100", 1);
    let bob = stage.rings();
    // The INVITE has left again by then.
    stage.pass_ms(495);
    stage.answer(bob);
    stage.talks();
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "invite_crosses_200",
        "The call comes again while it is answered
        Alice's phone has heard nothing and calls again, when Bob's has just answered. That is the same call.",
        "a→b INVITE | b→a 180✗ | a→b INVITE | b→a 200 INVITE | a→b ACK | a→b BYE | b→a 200 BYE",
    );
}
