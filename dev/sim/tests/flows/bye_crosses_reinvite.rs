//! One hangs up while the other changes the session (RFC 5407 section 3.2.2).

use crate::stage::Stage;

#[test]
fn bye_crosses_reinvite() {
    // tests rfc5407 §3.2.2
    let mut stage = Stage::registered();
    let (alice, bob) = stage.talk();
    stage.begin();
    stage.hang_up(stage.alice, alice);
    stage.modify(stage.bob, bob, "held");
    stage.ended(stage.bob);
    stage.ended(stage.alice);
    stage.expect(
        "bye_crosses_reinvite",
        "Hung up while the other holds
        For Alice the call is over: what Bob wants changed is refused. The BYE ends it for him, too.",
        "a→s BYE | b→s INVITE | s→b BYE | s→b 100 | s→a INVITE | b→s 200 BYE | b→s CANCEL | a→s 481 |
         s→a 200 BYE | s→b 200 CANCEL | s→a ACK | s→b 481 | b→s ACK",
    );
}
