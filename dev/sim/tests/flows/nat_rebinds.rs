//! The translator forgets its mapping: the phone is lost until it registers again.

use ruf_agent::{EndReason, Failure};
use ruf_message::StatusCode;

use crate::stage::Stage;

#[test]
fn nat_rebinds() {
    let mut stage = Stage::behind_nat();
    stage.register(stage.alice);
    stage.register(stage.bob);
    stage.sim.rebind(stage.bob);
    stage.begin();
    stage.dial("bob");
    assert_eq!(stage.ended(stage.alice), EndReason::Failed(Failure::Refused(StatusCode::REQUEST_TIMEOUT)));
    stage.register(stage.bob);
    let (call, _) = stage.talk();
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    assert_eq!(stage.sim.server(stage.server).bindings(), 2, "the new flow replaced the old one");
    stage.expect(
        "nat_rebinds",
        "The translator forgets
        Calls to the old port are lost. After the next REGISTER the same binding has the new flow.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→? INVITE✗ | s→? INVITE✗ |
         s→? INVITE✗ | s→? INVITE✗ | s→? INVITE✗ | s→? INVITE✗ | s→? INVITE✗ | s→a 408 | a→s ACK |
         b→s REGISTER | s→b 200 REGISTER | a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 |
         s→b INVITE | b→s 180 | s→a 180 | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK |
         a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
