//! Two phones of one user ring, and one declines for all.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn fork_declined_603() {
    // tests rfc3261 §16.7 step 5, rfc3261 §16.7 step 10
    let (mut stage, tablet) = Stage::with_tablet();
    let call = stage.dial("bob");
    let bob = stage.rings();
    let other = stage.rings_at(tablet);
    stage.hears_ringing();
    let _ = (call, other);
    stage.refuse_at(stage.bob, bob, StatusCode::DECLINE);
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::DECLINE)));
    assert_eq!(stage.ended(tablet), EndReason::RemoteCancelled);
    stage.expect(
        "fork_declined_603",
        "Two phones ring, one declines for all
        A 6xx speaks for the callee: the other phone is cancelled, and when it has stopped the caller is told.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→t INVITE | s→b INVITE | b→s 180 |
         t→s 180 | s→a 180 | s→a 180 | b→s 603 | s→b ACK | s→t CANCEL | t→s 200 CANCEL | t→s 487 |
         s→t ACK | s→a 603 | a→s ACK",
    );
}
