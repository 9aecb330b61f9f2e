//! A phone removes its binding (RFC 3665 section 2.4), and is not found any more.

use ruf_agent::{AgentEvent, EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn unregister() {
    // tests rfc3261 §10.2.2
    let mut stage = Stage::registered();
    stage.phone(stage.bob, |agent, now| agent.unregister(now));
    stage.until(stage.bob, |event| matches!(event, AgentEvent::Unregistered).then_some(()));
    assert_eq!(stage.sim.server(stage.server).bindings(), 1);
    stage.dial("bob");
    assert_eq!(
        stage.ended(stage.alice),
        EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE))
    );
    stage.expect(
        "unregister",
        "A phone goes away
        Bob's phone removes its binding; a call to him is answered 480.",
        "b→s REGISTER | s→b 200 REGISTER | a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 480 |
         a→s ACK",
    );
}
