//! Two phones of one user ring, and the caller gives up.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn fork_cancel_487() {
    // tests rfc3261 §16.10
    let (mut stage, tablet) = Stage::with_tablet();
    let call = stage.dial("bob");
    let bob = stage.rings();
    let other = stage.rings_at(tablet);
    stage.hears_ringing();
    let _ = (bob, other);
    stage.pass_ms(5_000);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteCancelled);
    assert_eq!(stage.ended(tablet), EndReason::RemoteCancelled);
    assert_eq!(stage.ended(stage.alice), EndReason::Cancelled);
    stage.expect(
        "fork_cancel_487",
        "Two phones ring, and the caller gives up
        Both are cancelled; the caller is told once, when both have stopped.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→t INVITE | s→b INVITE | b→s 180 |
         t→s 180 | s→a 180 | s→a 180 | a→s CANCEL | s→a 200 CANCEL | s→t CANCEL | s→b CANCEL | t→s
         200 CANCEL | t→s 487 | b→s 200 CANCEL | b→s 487 | s→t ACK | s→b ACK | s→a 487 | a→s ACK",
    );
}
