//! Alice sends Bob on to Carol (RFC 5359 section 2.4, RFC 5589 section 6.2).

use crate::stage::{Stage, uri};

#[test]
fn transfer_blind() {
    // tests rfc3515 §2.4.2, §2.4.4, §2.4.5, §2.4.7, rfc5359 §2.4
    let (mut stage, carol) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    stage.phone(stage.alice, |agent, now| agent.transfer(now, alice, &uri("carol")));
    stage.is_referred(stage.bob);
    stage.follows(stage.bob, bob, "bob");
    let there = stage.rings_at(carol);
    stage.answer_at(carol, there);
    stage.is_transferred(stage.alice);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.hang_up(carol, there);
    stage.ended(stage.bob);
    stage.expect(
        "transfer_blind",
        "Sent on to somebody else
        Alice asks Bob's phone to call Carol, which it does when Bob consents; it reports how that call fares,
        and Alice leaves when it is answered.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s REFER | s→b REFER |
         b→s 202 REFER | b→s NOTIFY | b→s INVITE | s→a 202 REFER | s→a NOTIFY | s→b 407 |
         a→s 200 NOTIFY | b→s ACK | b→s INVITE | s→b 200 NOTIFY | s→b 100 | s→c INVITE |
         c→s 180 | c→s 200 INVITE | s→b 180 | s→b 200 INVITE | b→s ACK | b→s NOTIFY | s→c ACK |
         s→a NOTIFY | a→s 200 NOTIFY | a→s BYE | s→b 200 NOTIFY | s→b BYE | b→s 200 BYE |
         c→s BYE | s→a 200 BYE | s→b BYE | b→s 200 BYE | s→c 200 BYE",
    );
}
