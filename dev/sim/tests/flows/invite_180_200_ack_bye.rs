//! A call that is answered, and ended by the caller (RFC 3665 section 3.2).

use ruf_agent::EndReason;

use crate::stage::Stage;

#[test]
fn invite_180_200_ack_bye() {
    // tests rfc3261 §13.2.1, rfc3261 §13.2.2.4, rfc3261 §15.1.1, rfc3261 §16.7
    let mut stage = Stage::registered();
    let (call, _) = stage.talk();
    stage.pass_ms(5_000);
    stage.hang_up(stage.alice, call);
    assert_eq!(stage.ended(stage.bob), EndReason::RemoteHungUp);
    assert_eq!(stage.ended(stage.alice), EndReason::HungUp);
    stage.expect(
        "invite_180_200_ack_bye",
        "A call
        Alice calls Bob. The server asks for her password first, then says 100 at once and looks for
        Bob. The ACK and the BYE follow the route that the server recorded.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}
