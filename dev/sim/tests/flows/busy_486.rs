//! The callee is busy (RFC 3665 section 3.9).

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn busy_486() {
    // tests rfc3261 §17.1.1.3, rfc3261 §16.7
    let mut stage = Stage::registered();
    stage.dial("bob");
    let call = stage.rings();
    stage.hears_ringing();
    stage.refuse_at(stage.bob, call, StatusCode::BUSY_HERE);
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::BUSY_HERE)));
    stage.expect(
        "busy_486",
        "Busy
        Each hop acknowledges the 486 itself.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 486 | s→b ACK | s→a 486 | a→s ACK",
    );
}
