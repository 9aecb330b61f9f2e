//! The ACK with the answer is lost, and the caller changes the session (RFC 5407 section 3.1.5).

use crate::stage::{Stage, sdp, uri};

#[test]
fn ack_lost_offer_in_200() {
    // tests rfc5407 §3.1.5, rfc3261 §14.2
    let mut stage = Stage::registered();
    let alice = stage.phone(stage.alice, |agent, now| agent.call(now, &uri("bob"), None).expect("room"));
    let bob = stage.rings();
    stage.hears_ringing();
    stage.sim.lose("a→s ACK", 1);
    stage.answer(bob);
    stage.hears_answer();
    stage.phone(stage.alice, |agent, now| {
        agent.answer(now, alice, Some(sdp("alice")));
        agent.modify(now, alice, sdp("held"));
    });
    stage.is_acknowledged();
    stage.is_modified(stage.alice);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.bob);
    stage.expect(
        "ack_lost_offer_in_200",
        "Changed before the offer is answered
        Bob's phone made the offer, and the ACK with Alice's answer is lost. What she wants changed has to wait for
        that.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK✗ | a→s INVITE | s→a 100 | s→b INVITE | b→s 491 |
         s→b ACK | s→a 491 | a→s ACK | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK |
         a→s INVITE | s→a 100 | s→b INVITE | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | a→s BYE |
         s→b ACK | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
