//! The callee hangs up before the ACK is there (RFC 5407 section 3.2.4).

use crate::stage::Stage;

#[test]
fn bye_before_ack() {
    // tests rfc5407 §3.2.4, rfc3261 §15
    let mut stage = Stage::registered();
    stage.dial("bob");
    let bob = stage.rings();
    stage.hears_ringing();
    stage.answer(bob);
    stage.hears_answer();
    stage.hang_up(stage.bob, bob);
    stage.ended(stage.alice);
    stage.ended(stage.bob);
    stage.expect(
        "bye_before_ack",
        "Hung up by the callee before the ACK
        The user may hang up at any time; Bob's phone says so once the ACK is there, and the two never cross.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | b→s BYE | s→a BYE | a→s 200 BYE |
         s→b 200 BYE",
    );
}
