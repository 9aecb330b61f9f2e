//! A phone with two flows rings once; when the flow it was called by is dead, the other is tried.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn two_reg_ids_one_rings() {
    // tests rfc5626 §7
    let (mut stage, second) = Stage::with_two_flows();
    stage.register(stage.alice);
    stage.register(second);
    stage.register(stage.bob);
    stage.begin();
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    // The program at the first flow is gone, and its host says so.
    stage.sim.quit(stage.bob);
    stage.bob = second;
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.expect(
        "two_reg_ids_one_rings",
        "A phone with two flows
        Both have one instance and each a reg-id of its own. A call goes by the flow that was registered
        last, and by the other one when that fails.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         a→s INVITE | s→a 200 BYE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE |
         s→w INVITE | w→s 180 | s→a 180 | w→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→w ACK |
         a→s BYE | s→w BYE | w→s 200 BYE | s→a 200 BYE",
    );
}
