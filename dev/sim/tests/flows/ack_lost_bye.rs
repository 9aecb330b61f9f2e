//! The ACK is lost, and the caller hangs up at once (RFC 5407 section 3.1.6).

use crate::stage::Stage;

#[test]
fn ack_lost_bye() {
    // tests rfc5407 §3.1.6
    let mut stage = Stage::registered();
    let alice = stage.dial("bob");
    let bob = stage.rings();
    stage.hears_ringing();
    stage.sim.lose("a→s ACK", 1);
    stage.answer(bob);
    stage.hears_answer();
    // Until Bob's phone sends its answer again.
    stage.pass_ms(475);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "ack_lost_bye",
        "Hung up before the answer is confirmed
        Alice's ACK is lost, and her BYE crosses the answer that Bob's phone sends again. The BYE ends both.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK✗ | a→s BYE | b→s 200 INVITE | s→b BYE |
         s→a 200 INVITE | b→s 200 BYE | a→s ACK | s→a 200 BYE | s→b ACK",
    );
}
