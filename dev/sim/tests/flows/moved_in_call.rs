//! The callee gets another address during a call (RFC 3665 section 3.7).

use crate::stage::{Stage, sdp};

#[test]
fn moved_in_call() {
    // tests rfc3665 §3.7, rfc3261 §12.2.2
    let mut stage = Stage::with_device();
    for phone in [stage.alice, stage.bob] {
        stage.register(phone);
    }
    let (alice, bob) = stage.talk();
    stage.begin();
    stage.sim.move_phone(stage.bob, "203.0.113.99:5060");
    stage.phone(stage.bob, |agent, now| {
        agent.register(now, 3600);
        agent.modify(now, bob, sdp("elsewhere"));
    });
    stage.is_modified(stage.bob);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "moved_in_call",
        "Another address during a call
        Bob's phone changes networks. It registers anew, and says by a re-INVITE where its sound comes from now. Its
        Contact is a GRUU, which finds the new address: Alice's BYE goes there.",
        "b→s REGISTER | b→s INVITE | s→b 401 | s→b 100 | s→a INVITE | b→s REGISTER | a→s 200 INVITE |
         s→b 200 REGISTER | s→b 200 INVITE | b→s ACK | s→a ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
