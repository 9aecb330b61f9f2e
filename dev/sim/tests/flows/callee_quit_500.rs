//! The callee's program has ended, and its machine says so: the server need not wait for Timer B.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn callee_quit_500() {
    // tests rfc3261 §17.1.4, rfc3261 §16.9, rfc3261 §16.7
    let mut stage = Stage::registered();
    stage.sim.quit(stage.bob);
    stage.dial("bob");
    assert_eq!(
        stage.ended(stage.alice),
        EndReason::Failed(Failure::Refused(StatusCode::SERVER_INTERNAL_ERROR))
    );
    stage.expect(
        "callee_quit_500",
        "The program has ended
        An ICMP error says that nobody listens at Bob's port. That counts as a 503 from there, and a
        proxy passes a 503 on as 500.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | s→a 500 | a→s ACK",
    );
}
