//! Two phones of one user ring, and both refuse: the caller gets one answer.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn fork_busy_486() {
    // tests rfc3261 §16.7 step 6
    let (mut stage, tablet) = Stage::with_tablet();
    let call = stage.dial("bob");
    let bob = stage.rings();
    let other = stage.rings_at(tablet);
    stage.hears_ringing();
    let _ = call;
    stage.refuse_at(stage.bob, bob, StatusCode::BUSY_HERE);
    stage.pass_ms(1_000);
    stage.refuse_at(tablet, other, StatusCode::TEMPORARILY_UNAVAILABLE);
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::BUSY_HERE)));
    stage.expect(
        "fork_busy_486",
        "Two phones ring, both refuse
        The first refusal is kept until the other phone has decided, too; then the best of both goes back.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→t INVITE | s→b INVITE | b→s 180 |
         t→s 180 | s→a 180 | s→a 180 | b→s 486 | s→b ACK | t→s 480 | s→t ACK | s→a 486 | a→s ACK",
    );
}
