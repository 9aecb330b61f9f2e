//! Two phones of one user ring, and one answers: the other is told to stop.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn fork_answered_elsewhere() {
    // tests rfc3261 §16.7 step 10, rfc3326 §2
    let (mut stage, tablet) = Stage::with_tablet();
    let call = stage.dial("bob");
    let bob = stage.rings();
    let other = stage.rings_at(tablet);
    stage.hears_ringing();
    let _ = (bob, stage.pass_ms(2_000));
    stage.answer_at(tablet, other);
    stage.hears_answer();
    stage.is_taken_elsewhere(stage.bob);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteCancelled);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(tablet), EndReason::RemoteHungUp);
    stage.expect(
        "fork_answered_elsewhere",
        "Two phones ring, one answers
        The INVITE goes to both at once. With the first 200 the other is cancelled.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→t INVITE | s→b INVITE | b→s 180 |
         t→s 180 | s→a 180 | s→a 180 | t→s 200 INVITE | s→a 200 INVITE | s→b CANCEL | a→s ACK | b→s
         200 CANCEL | b→s 487 | a→s BYE | s→t ACK | s→b ACK | s→t BYE | t→s 200 BYE | s→a 200 BYE",
    );
}
