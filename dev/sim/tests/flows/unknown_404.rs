//! Nobody has this name.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn unknown_404() {
    // tests rfc3261 §16.5
    let mut stage = Stage::registered();
    stage.dial("nobody");
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::NOT_FOUND)));
    stage.expect(
        "unknown_404",
        "An unknown name",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 404 | a→s ACK",
    );
}
