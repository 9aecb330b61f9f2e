//! The INVITE, its 100 and its 200 are lost on the way: each hop sends again what is its own.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn invite_answer_lost() {
    // tests rfc3261 §17.1.1.2, rfc3261 §17.2.1, rfc6026 §7.1
    let mut stage = Stage::registered();
    stage.sim.lose("s→a 100", 1);
    stage.sim.lose("s→b INVITE", 1);
    stage.sim.lose("s→a 200 INVITE", 1);
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.expect(
        "invite_answer_lost",
        "A lossy line
        The 100 to Alice, the INVITE to Bob and the 200 to Alice are lost once each. Alice's INVITE,
        sent again, is absorbed by the server and answered with what it said last.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100✗ | s→b INVITE✗ | a→s INVITE |
         s→a 100 | s→b INVITE | b→s 180 | s→a 180 | b→s 200 INVITE | s→a 200 INVITE✗ |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
