//! The server crashes while it rings: the call is lost, and nobody waits for ever.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn server_restarts_while_ringing() {
    // tests rfc3261 §9.1
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    stage.rings();
    stage.hears_ringing();
    stage.sim.crash(stage.server);
    stage.pass_ms(1_000);
    stage.sim.restart(stage.server);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.alice), EndReason::Cancelled);
    let reason = stage.ended(stage.bob);
    assert_eq!(reason, EndReason::Unanswered);
    stage.expect(
        "server_restarts_while_ringing",
        "The server restarts while it rings
        The CANCEL finds nothing. Alice's phone considers the call cancelled 32 seconds later, Bob's
        stops ringing by itself.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         a→s CANCEL | s→a 481 | b→s 180 | b→s 180 | b→s 480 | b→s 480 | b→s 480 | b→s 480 | b→s 480
         | b→s 480 | b→s 480 | b→s 480 | b→s 480 | b→s 480 | b→s 480",
    );
}
