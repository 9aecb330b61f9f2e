//! A call that goes on is refreshed at half its time (RFC 4028); keys of old phones on the way (RFC 6086).

use ruf_agent::{AgentEvent, Body};

use crate::stage::Stage;

#[test]
fn session_refreshed() {
    // tests rfc4028 §7.2, rfc4028 §10, rfc6086 §4.2.1
    let mut stage = Stage::registered();
    let (alice, _) = stage.talk();
    let key = Body { content_type: "application/dtmf-relay".into(), content: "Signal=5\r\n".into() };
    stage.phone(stage.alice, |agent, now| agent.info(now, alice, key.clone()));
    let heard = stage.until(stage.bob, |event| match event {
        AgentEvent::Info { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(heard, key);
    stage.pass_ms(901_000);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "session_refreshed",
        "A key, and a call that goes on
        After a quarter of an hour Alice's phone says that the call goes on. Without that both would end it after
        half an hour, as if the other had vanished.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s INFO | s→b INFO |
         b→s 200 INFO | s→a 200 INFO | a→s UPDATE | s→b UPDATE | b→s 200 UPDATE |
         s→a 200 UPDATE | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
