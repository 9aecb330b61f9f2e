//! The server has more to do than it can: a new call is refused, and the one that goes on is not hurt.

use std::time::Duration;

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

/// A look of a worker.
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn overload_503() {
    // tests rfc7339 §5.10.1, §5.10.2
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    let bobs = stage.rings();
    stage.hears_ringing();
    let server = stage.server;
    for node in stage.sim.server(server).nodes() {
        (0..100).for_each(|_| node.busy(LOOK, LOOK, 10 * LOOK));
    }
    stage.dial("carol");
    let unavailable = EndReason::Failed(Failure::Refused(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(stage.ended(stage.alice), unavailable);
    stage.answer(bobs);
    stage.talks();
    stage.hang_up(stage.alice, call);
    stage.ended(stage.alice);
    stage.ended(stage.bob);
    for node in stage.sim.server(server).nodes() {
        node.busy(Duration::ZERO, Duration::from_secs(5), Duration::ZERO);
    }
    stage.dial("carol");
    let away = EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(stage.ended(stage.alice), away, "it is taken again");
    assert_eq!(stage.sim.server(server).figure("refused for overload"), 1);
    stage.expect(
        "overload_503",
        "The server has too much to do
        A new call is refused before anything is asked; the one that rings is answered and ended as ever, and
        when the server rests again so is a new call.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         a→s INVITE | s→a 503 | a→s ACK |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE |
         a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 480 | a→s ACK",
    );
}
