//! Bob's phone sends Alice on to Carol (RFC 3261 section 21.3.3): the server passes it up, her phone calls there.

use ruf_agent::DiversionReason;

use crate::stage::{Stage, uri};

#[test]
fn redirect_302() {
    // tests rfc3261 §8.1.3.4, rfc3261 §21.3.3
    let (mut stage, carol) = Stage::with_carol();
    let call = stage.dial("bob");
    let forwarded = stage.is_called(stage.bob);
    stage.sends_on(stage.bob, forwarded, &uri("carol"), DiversionReason::Unconditional);
    let (there, diverted) = stage.rings_for(carol);
    assert_eq!(diverted, (uri("bob"), DiversionReason::Unconditional));
    stage.answer_at(carol, there);
    stage.hears_answer();
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.alice, call);
    stage.ended(carol);
    stage.expect(
        "redirect_302",
        "Forwarded by the phone
        Bob's phone answers with another address. The server passes that up, and Alice's phone calls there.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 302 | s→b ACK |
         s→a 302 | a→s ACK | a→s INVITE | s→a 100 | s→c INVITE | c→s 180 | c→s 200 INVITE |
         s→a 180 | s→a 200 INVITE | a→s ACK | s→c ACK | a→s BYE | s→c BYE | c→s 200 BYE |
         s→a 200 BYE",
    );
}
