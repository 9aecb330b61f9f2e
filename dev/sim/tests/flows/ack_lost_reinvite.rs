//! The ACK is lost, and the caller changes the session at once (RFC 5407 section 3.1.4).

use crate::stage::Stage;

#[test]
fn ack_lost_reinvite() {
    // tests rfc5407 §3.1.4, rfc3261 §14.2
    let mut stage = Stage::registered();
    let alice = stage.dial("bob");
    let bob = stage.rings();
    stage.hears_ringing();
    stage.sim.lose("a→s ACK", 1);
    stage.answer(bob);
    stage.hears_answer();
    stage.modify(stage.alice, alice, "held");
    stage.is_acknowledged();
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "ack_lost_reinvite",
        "Changed before the answer is confirmed
        Alice's ACK is lost, and she holds at once. Bob's phone has answered her offer, so there is nothing to wait
        for: it takes the change, and goes on to send its first answer until that is confirmed.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK✗ | a→s INVITE | s→a 100 | s→b INVITE |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
