//! Both change the session at once (RFC 5407 section 3.3.1): 491 to both, then one after the other.

use crate::stage::Stage;

#[test]
fn glare_491() {
    // tests rfc3261 §14.1, rfc3261 §14.2, rfc5407 §3.3.1
    let mut stage = Stage::registered();
    let (alice, bob) = stage.talk();
    stage.modify(stage.alice, alice, "alice's");
    stage.modify(stage.bob, bob, "bob's");
    for phone in [stage.alice, stage.bob] {
        stage.is_modified(phone);
    }
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "glare_491",
        "Both change the session at once
        Each refuses the other's with 491 and tries again after its own time: the owner of the
        Call-ID waits longer.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s INVITE | b→s INVITE | s→a 100 |
         s→b INVITE | s→b 100 | s→a INVITE | b→s 491 | a→s 491 | s→b ACK | s→a 491 | s→a ACK |
         s→b 491 | a→s ACK | b→s ACK | b→s INVITE | s→b 100 | s→a INVITE | a→s 200 INVITE |
         s→b 200 INVITE | b→s ACK | s→a ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 200 INVITE |
         s→a 200 INVITE | a→s ACK | a→s BYE | s→b ACK | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
