//! A phone that is busy sends the caller on (RFC 5359 sections 2.7 and 2.8).

use ruf_agent::DiversionReason;

use crate::stage::{Stage, uri};

#[test]
fn forward_busy() {
    // tests rfc5359 §2.8, rfc3261 §21.3.3
    let (mut stage, carol) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    stage.begin();
    let second = stage.dial("bob");
    let asked = stage.is_called(stage.bob);
    assert_ne!(asked, bob);
    stage.sends_on(stage.bob, asked, &uri("carol"), DiversionReason::Busy);
    let (there, diverted) = stage.rings_for(carol);
    assert_eq!(diverted, (uri("bob"), DiversionReason::Busy));
    stage.answer_at(carol, there);
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.alice, second);
    stage.ended(carol);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.alice);
    stage.expect(
        "forward_busy",
        "Forwarded when busy
        Bob talks already. His phone sends the second call on to Carol; the first one goes on.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 302 | s→b ACK |
         s→a 302 | a→s ACK | a→s INVITE | s→a 100 | s→c INVITE | c→s 180 | c→s 200 INVITE | s→a 180 |
         s→a 200 INVITE | a→s ACK | s→c ACK | a→s BYE | s→c BYE | c→s 200 BYE | a→s BYE | s→a 200 BYE |
         s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
