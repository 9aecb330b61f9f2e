//! Both hang up at once (RFC 5407 section 3.2.1).

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn bye_crosses_bye() {
    // tests rfc3261 §15.1.2, rfc5407 §3.2.1
    let mut stage = Stage::registered();
    let (alice, bob) = stage.talk();
    stage.hang_up(stage.alice, alice);
    stage.hang_up(stage.bob, bob);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    assert_eq!(stage.ended(stage.bob), EndReason::HungUp);
    stage.expect(
        "bye_crosses_bye",
        "Both hang up at once",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | b→s BYE | s→b BYE |
         s→a BYE | b→s 200 BYE | a→s 200 BYE | s→a 200 BYE | s→b 200 BYE",
    );
}
