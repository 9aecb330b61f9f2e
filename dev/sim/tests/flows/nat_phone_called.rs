//! A phone behind a translator is called: reached by the flow of its REGISTER, not by its Contact.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn nat_phone_called() {
    // tests rfc3581 §4, rfc3261 §18.2.2
    let mut stage = Stage::behind_nat();
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.begin();
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "nat_phone_called",
        "A phone behind a translator
        Bob's Contact is a private address. The server sends to where his REGISTER came from, and the
        token in its Record-Route lets ACK and BYE find him, too.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
