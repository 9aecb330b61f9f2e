//! The CANCEL crosses the answer (RFC 5407 section 3.1.2).

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn cancel_crosses_200() {
    // tests rfc3261 §9.1, rfc3261 §15.1.1, rfc5407 §3.1.2
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    let answered = stage.rings();
    stage.hears_ringing();
    stage.answer(answered);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    stage.ended(stage.alice);
    stage.expect(
        "cancel_crosses_200",
        "A CANCEL crosses the answer
        Bob answers in the moment in which Alice gives up. The 200 wins: it is acknowledged, and a
        BYE ends what it began.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | a→s CANCEL | s→a 200 INVITE | s→a 200 CANCEL | a→s ACK | a→s BYE |
         s→b ACK | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
