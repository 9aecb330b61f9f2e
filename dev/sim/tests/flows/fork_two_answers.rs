//! Two phones of one user are answered in the same moment: the caller keeps one.

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn fork_two_answers() {
    // tests rfc3261 §16.7 step 5, rfc3261 §16.7 step 9
    let (mut stage, tablet) = Stage::with_tablet();
    let call = stage.dial("bob");
    let bob = stage.rings();
    let other = stage.rings_at(tablet);
    stage.hears_ringing();
    stage.answer_at(tablet, other);
    stage.answer_at(stage.bob, bob);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(tablet), EndReason::RemoteHungUp);
    stage.expect(
        "fork_two_answers",
        "Two phones are answered at once
        Both answers are passed on. The caller acknowledges both, keeps the first, and hangs up the other.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→t INVITE | s→b INVITE | b→s 180 |
         t→s 180 | s→a 180 | s→a 180 | t→s 200 INVITE | b→s 200 INVITE | s→a 200 INVITE | s→b CANCEL
         | s→a 200 INVITE | a→s ACK | b→s 200 CANCEL | a→s ACK | a→s BYE | s→t ACK | s→b ACK | s→b
         BYE | b→s 200 BYE | a→s BYE | s→a 200 BYE | s→t BYE | t→s 200 BYE | s→a 200 BYE",
    );
}
