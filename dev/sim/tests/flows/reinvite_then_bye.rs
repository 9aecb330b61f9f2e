//! Who changed the session hangs up before that is answered (RFC 5407 section 3.2.3).

use crate::stage::Stage;

#[test]
fn reinvite_then_bye() {
    // tests rfc5407 §3.2.3
    let mut stage = Stage::registered();
    let (_, bob) = stage.talk();
    stage.begin();
    stage.modify(stage.bob, bob, "held");
    stage.pass_ms(15);
    stage.hang_up(stage.bob, bob);
    stage.ended(stage.alice);
    stage.ended(stage.bob);
    stage.expect(
        "reinvite_then_bye",
        "Held, and hung up before the answer
        Bob's BYE crosses the 200 of Alice's phone, which is confirmed all the same.",
        "b→s INVITE | s→b 100 | s→a INVITE | b→s BYE | b→s CANCEL | a→s 200 INVITE | s→a BYE |
         s→b 200 CANCEL | s→b 200 INVITE | a→s 200 BYE | b→s ACK | s→b 200 BYE | s→a ACK",
    );
}
