//! A call that the callee ends.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn callee_hangs_up() {
    // tests rfc3261 §15.1.1, rfc3261 §12.2.1.1
    let mut stage = Stage::registered();
    let (_, call) = stage.talk();
    stage.hang_up(stage.bob, call);
    assert_eq!(stage.ended(stage.alice), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(stage.bob), EndReason::HungUp);
    stage.expect(
        "callee_hangs_up",
        "The callee hangs up",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | b→s BYE | s→a BYE | a→s 200 BYE |
         s→b 200 BYE",
    );
}
