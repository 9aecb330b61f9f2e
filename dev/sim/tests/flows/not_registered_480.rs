//! The callee has an account and no phone.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn not_registered_480() {
    // tests rfc3261 §16.5
    let mut stage = Stage::registered();
    stage.dial("carol");
    assert_eq!(
        stage.ended(stage.alice),
        EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE))
    );
    stage.expect(
        "not_registered_480",
        "Nobody is at home",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 480 | a→s ACK",
    );
}
