//! The server is told to stop while it rings: what goes on goes on, and no new call begins.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn drain_while_ringing() {
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    let bobs = stage.rings();
    stage.hears_ringing();
    let server = stage.server;
    stage.sim.server(server).nodes().iter_mut().for_each(ruf_node::Node::drain);
    assert!(!stage.sim.server(server).is_drained(), "somebody waits for an answer");
    stage.dial("carol");
    let unavailable = EndReason::Failed(Failure::Refused(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(stage.ended(stage.alice), unavailable);
    stage.answer(bobs);
    stage.hears_answer();
    assert!(!stage.sim.server(server).is_drained(), "an ACK is on its way");
    stage.is_acknowledged();
    assert!(stage.sim.server(server).is_drained());
    stage.hang_up(stage.alice, call);
    stage.ended(stage.bob);
    stage.expect(
        "drain_while_ringing",
        "The server drains while it rings
        A new call is refused; the one that rings is answered and ended as ever.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 503 | a→s ACK |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
