//! The callee does not want to be there (RFC 3665 section 3.11).

use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn unavailable_480() {
    // tests rfc3665 §3.11
    let mut stage = Stage::registered();
    stage.dial("bob");
    let bob = stage.rings();
    stage.hears_ringing();
    stage.refuse_at(stage.bob, bob, StatusCode::TEMPORARILY_UNAVAILABLE);
    stage.ended(stage.alice);
    stage.expect(
        "unavailable_480",
        "Not available
        It rings, and then Bob's phone says that he is not there.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 480 | s→b ACK | s→a 480 | a→s ACK",
    );
}
