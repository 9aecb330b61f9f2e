//! Nobody answers, and the caller gives up (RFC 3665 section 3.8).

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn no_answer_cancel_487() {
    // tests rfc3261 §9.1, rfc3261 §9.2, rfc3261 §16.10
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    stage.rings();
    stage.hears_ringing();
    stage.pass_ms(10_000);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteCancelled);
    assert_eq!(stage.ended(stage.alice), EndReason::Cancelled);
    stage.expect(
        "no_answer_cancel_487",
        "Nobody answers
        Alice gives up while it rings. CANCEL is answered hop by hop, the INVITE with 487.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         a→s CANCEL | s→a 200 CANCEL | s→b CANCEL | b→s 200 CANCEL | b→s 487 | s→b ACK | s→a 487 |
         a→s ACK",
    );
}
