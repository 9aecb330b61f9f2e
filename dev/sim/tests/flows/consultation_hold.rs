//! One is held while another is asked (RFC 5359 section 2.2).

use crate::stage::Stage;

#[test]
fn consultation_hold() {
    // tests rfc5359 §2.2
    let (mut stage, carol) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    stage.begin();
    stage.modify(stage.bob, bob, "held");
    stage.is_modified(stage.bob);
    let asked = stage.calls(stage.bob, "carol", "bob");
    let there = stage.rings_at(carol);
    stage.answer_at(carol, there);
    stage.is_acknowledged_at(carol);
    stage.hang_up(stage.bob, asked);
    stage.ended(carol);
    stage.modify(stage.bob, bob, "resumed");
    stage.is_modified(stage.bob);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.alice);
    stage.expect(
        "consultation_hold",
        "Held while another is asked
        Bob holds Alice, asks Carol something, and takes Alice back.",
        "b→s INVITE | s→b 100 | s→a INVITE | a→s 200 INVITE | s→b 200 INVITE | b→s ACK | b→s INVITE |
         s→a ACK | s→b 407 | b→s ACK | b→s INVITE | s→b 100 | s→c INVITE | c→s 180 | c→s 200 INVITE |
         s→b 180 | s→b 200 INVITE | b→s ACK | s→c ACK | b→s BYE | s→c BYE | c→s 200 BYE | b→s INVITE |
         s→b 200 BYE | s→b 100 | s→a INVITE | a→s 200 INVITE | s→b 200 INVITE | b→s ACK | s→a ACK |
         a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
