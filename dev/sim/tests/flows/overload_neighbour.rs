//! A server has more to do than it can and says so; the one before it sends the next call elsewhere.

use std::time::Duration;

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

/// A look of a worker.
const LOOK: Duration = Duration::from_millis(50);
/// So many without rest leave a little more than the least that a server takes.
const LOOKS: usize = 17;

#[test]
fn overload_neighbour() {
    // tests rfc7339 §5.1, §5.2, §5.5, §5.10
    // Each worker hears what answers to its own requests say.
    let (mut stage, first) = Stage::far_away_of(1, false);
    for node in stage.sim.server(first).nodes() {
        (0..LOOKS).for_each(|_| node.busy(LOOK, LOOK, 10 * LOOK));
    }
    // Carol is not registered at the first server; what it answers says how busy it is.
    stage.dial_uri(&"sip:carol@far.example".parse().expect("a URI"));
    let away = EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(stage.ended(stage.alice), away, "a neighbour that takes part is not refused");
    let server = stage.server;
    assert!(stage.sim.server(server).figure("neighbours that ask for less") > 0);
    stage.talk_to_carol();
    stage.expect(
        "overload_neighbour",
        "A neighbour asks for less
        The first server of a domain has too much to do. It is a configured neighbour, so it says in the Via of its
        answer by how much it wants less (`oc`), and the next call goes to the second server at once.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→f INVITE | f→s 480 | s→f ACK | s→a 480 | a→s ACK |
         a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→g INVITE | g→s 100 | g→c INVITE | c→g 180 |
         g→s 180 | s→a 180 | c→g 200 INVITE | g→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→g ACK | g→c ACK |
         c→g BYE | g→s BYE | s→a BYE | a→s 200 BYE | s→g 200 BYE | g→c 200 BYE",
    );
}
