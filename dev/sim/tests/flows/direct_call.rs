//! Two phones without a server (RFC 3665 section 3.1).

use crate::stage::{Stage, sdp};

#[test]
fn direct_call() {
    // tests rfc3665 §3.1
    let mut stage = Stage::alone();
    stage.dial_at(&Stage::at_bob(), Some(sdp("alice")));
    let bob = stage.rings();
    stage.hears_ringing();
    stage.answer(bob);
    stage.talks();
    stage.hang_up(stage.bob, bob);
    stage.ended(stage.alice);
    stage.expect(
        "direct_call",
        "Without a server
        Alice calls Bob where he is.",
        "a→b INVITE | b→a 180 | b→a 200 INVITE | a→b ACK | b→a BYE | a→b 200 BYE",
    );
}
