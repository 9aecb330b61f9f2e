//! A session that is changed before the call is answered (RFC 3311 section 8).

use ruf_message::StatusCode;

use crate::stage::{Stage, sdp};

#[test]
fn update_200() {
    // tests rfc3311 §5.1, rfc3311 §5.2
    let mut stage = Stage::registered();
    let alice = stage.dial("bob");
    let bob = stage.rings();
    stage.phone(stage.bob, |agent, now| {
        agent.progress(now, bob, StatusCode::SESSION_PROGRESS, Some(sdp("bob")));
    });
    stage.is_confirmed(stage.bob);
    for (phone, call, description) in [(stage.alice, alice, "held"), (stage.bob, bob, "another codec")] {
        stage.modify(phone, call, description);
        stage.is_modified(phone);
    }
    stage.answer(bob);
    stage.talks();
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "update_200",
        "Changed before it is answered
        Each side changes the session that the 183 began; then Bob picks up.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | b→s 183 |
         s→a 180 | s→a 183 | a→s PRACK | s→b PRACK | b→s 200 PRACK | a→s UPDATE | s→a 200 PRACK |
         s→b UPDATE | b→s 200 UPDATE | s→a 200 UPDATE | b→s UPDATE | s→a UPDATE |
         a→s 200 UPDATE | s→b 200 UPDATE | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK |
         a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
