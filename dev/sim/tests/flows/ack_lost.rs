//! The ACK is lost: the callee sends its 200 again, end to end.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn ack_lost() {
    // tests rfc3261 §13.3.1.4, rfc6026 §7.1, rfc6026 §7.2
    let mut stage = Stage::registered();
    stage.sim.lose("s→b ACK", 2);
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.expect(
        "ack_lost",
        "The ACK is lost
        Bob's phone sends its 200 again until the ACK comes. The server passes each on, and each ACK:
        its transactions stay for that, as RFC 6026 asks.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK✗ | b→s 200 INVITE | s→a 200 INVITE |
         a→s ACK | s→b ACK✗ | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE |
         s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
