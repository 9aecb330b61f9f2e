//! The caller gives up before anything came back: the CANCEL waits for a provisional response.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn cancel_before_provisional() {
    // tests rfc3261 §9.1
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    stage.pass_ms(25); // the INVITE with credentials is on its way
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.alice), EndReason::Cancelled);
    stage.expect(
        "cancel_before_provisional",
        "Cancelled at once
        Alice gives up before the 100 is there. Her CANCEL leaves when it comes, and so does the
        server's when Bob's phone has rung.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | a→s CANCEL |
         s→a 200 CANCEL | b→s 100 | s→b CANCEL | b→s 200 CANCEL | b→s 487 | s→b ACK | s→a 487 |
         a→s ACK",
    );
}
