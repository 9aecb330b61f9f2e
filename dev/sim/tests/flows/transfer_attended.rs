//! Alice has asked Carol first, and hands Bob over to her (RFC 5359 section 2.5, RFC 5589 section 7.3).

use crate::stage::Stage;

#[test]
fn transfer_attended() {
    // tests rfc3891 §3, rfc5359 §2.5, rfc5589 §7.3
    let (mut stage, carol) = Stage::with_carol();
    let (with_bob, bob) = stage.talk();
    let with_carol = stage.dial("carol");
    let asked = stage.rings_at(carol);
    stage.answer_at(carol, asked);
    stage.hears_answer();
    stage.is_acknowledged_at(carol);
    stage.begin();
    stage.phone(stage.alice, |agent, now| agent.transfer_attended(now, with_bob, with_carol));
    stage.is_referred(stage.bob);
    stage.follows(stage.bob, bob, "bob");
    let new = stage.is_replacing(carol, asked);
    stage.answer_at(carol, new);
    stage.is_transferred(stage.alice);
    stage.hang_up(stage.alice, with_bob);
    stage.ended(stage.bob);
    stage.hang_up(carol, new);
    stage.ended(stage.bob);
    stage.expect(
        "transfer_attended",
        "Handed over after a word with the third
        Alice talks to Bob and to Carol. Bob's phone calls Carol's in the place of Alice, whose calls end.",
        "a→s REFER | s→b REFER | b→s 202 REFER | b→s NOTIFY | b→s INVITE | s→a 202 REFER |
         s→a NOTIFY | s→b 407 | a→s 200 NOTIFY | b→s ACK | b→s INVITE | s→b 200 NOTIFY |
         s→b 100 | s→c INVITE | c→s 200 INVITE | c→s BYE | s→b 200 INVITE | s→a BYE | b→s ACK |
         b→s NOTIFY | a→s 200 BYE | s→c ACK | s→a NOTIFY | s→c 200 BYE | a→s 200 NOTIFY |
         a→s BYE | s→b 200 NOTIFY | s→b BYE | b→s 200 BYE | c→s BYE | s→a 200 BYE | s→b BYE |
         b→s 200 BYE | s→c 200 BYE",
    );
}
