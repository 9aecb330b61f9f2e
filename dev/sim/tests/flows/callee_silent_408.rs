//! The callee's phone is dead (RFC 3665 section 3.10): Timer B of the server, 408 to the caller.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn callee_silent_408() {
    // tests rfc3261 §17.1.1.2, rfc3261 §16.8
    let mut stage = Stage::registered();
    stage.sim.crash(stage.bob);
    stage.dial("bob");
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::REQUEST_TIMEOUT)));
    stage.expect(
        "callee_silent_408",
        "The phone is dead
        The server sends the INVITE seven times. After 32 seconds it tells Alice.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE✗ | s→b INVITE✗ |
         s→b INVITE✗ | s→b INVITE✗ | s→b INVITE✗ | s→b INVITE✗ | s→b INVITE✗ | s→a 408 | a→s ACK",
    );
}
