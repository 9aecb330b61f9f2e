//! A phone that nobody answers sends the caller on (RFC 5359 section 2.9).

use ruf_agent::DiversionReason;

use crate::stage::{Stage, uri};

#[test]
fn forward_no_answer() {
    // tests rfc5359 §2.9, rfc3261 §21.3.3
    let (mut stage, carol) = Stage::with_carol();
    let alice = stage.dial("bob");
    let bob = stage.rings();
    stage.pass_ms(15_000);
    stage.sends_on(stage.bob, bob, &uri("carol"), DiversionReason::NoAnswer);
    let (there, diverted) = stage.rings_for(carol);
    assert_eq!(diverted, (uri("bob"), DiversionReason::NoAnswer));
    stage.answer_at(carol, there);
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.alice, alice);
    stage.ended(carol);
    stage.expect(
        "forward_no_answer",
        "Forwarded when nobody answers
        It rings at Bob's for a quarter of a minute; then his phone sends Alice on to Carol.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 302 | s→b ACK | s→a 302 | a→s ACK | a→s INVITE | s→a 100 | s→c INVITE | c→s 180 |
         c→s 200 INVITE | s→a 180 | s→a 200 INVITE | a→s ACK | s→c ACK | a→s BYE | s→c BYE |
         c→s 200 BYE | s→a 200 BYE",
    );
}
