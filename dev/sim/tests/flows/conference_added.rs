//! A third is called into a call (RFC 5359 section 2.10).

use crate::stage::Stage;

#[test]
fn conference_added() {
    // tests rfc5359 §2.10
    let (mut stage, carol) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    stage.begin();
    stage.modify(stage.bob, bob, "mixed");
    stage.is_modified(stage.bob);
    let second = stage.calls(stage.bob, "carol", "mixed");
    let there = stage.rings_at(carol);
    stage.answer_at(carol, there);
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.bob, second);
    stage.ended(carol);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.alice);
    stage.expect(
        "conference_added",
        "Three talk
        Bob's phone mixes. He calls Carol into the call with Alice, and each of the two has a call with him.",
        "b→s INVITE | s→b 100 | s→a INVITE | a→s 200 INVITE | s→b 200 INVITE | b→s ACK | b→s INVITE |
         s→a ACK | s→b 407 | b→s ACK | b→s INVITE | s→b 100 | s→c INVITE | c→s 180 | c→s 200 INVITE |
         s→b 180 | s→b 200 INVITE | b→s ACK | s→c ACK | b→s BYE | s→c BYE | c→s 200 BYE | a→s BYE |
         s→b 200 BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
