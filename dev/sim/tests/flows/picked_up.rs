//! A call that rings elsewhere is picked up (RFC 5359 section 2.16).

use crate::stage::{Stage, sdp, uri};

#[test]
fn picked_up() {
    // tests rfc5359 §2.16, rfc3891 §3, rfc3326 §2
    let (mut stage, carol) = Stage::with_carol();
    let ringing = stage.dial("bob");
    stage.rings();
    stage.hears_ringing();
    let seen = stage.dialog_of_caller();
    stage.phone(carol, |agent, now| {
        let offer = Some(sdp("carol"));
        agent.call_replacing(now, &uri("alice"), &seen, true, offer).expect("room")
    });
    let new = stage.is_replacing(stage.alice, ringing);
    stage.answer_at(stage.alice, new);
    stage.is_taken_elsewhere(stage.bob);
    stage.ended(stage.bob);
    stage.hears_answer_at(carol);
    stage.hang_up(stage.alice, new);
    stage.ended(carol);
    stage.expect(
        "picked_up",
        "Picked up
        It rings at Bob's, and Carol, who watches his phone, takes the call: hers calls Alice's in the place of what
        rings there.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         c→s INVITE | s→c 407 | c→s ACK | c→s INVITE | s→c 100 | s→a INVITE | a→s 200 INVITE |
         a→s CANCEL | s→c 200 INVITE | s→a 200 CANCEL | s→b CANCEL | c→s ACK | b→s 200 CANCEL |
         b→s 487 | s→a ACK | s→b ACK | s→a 487 | a→s BYE | a→s ACK | s→c BYE | c→s 200 BYE |
         s→a 200 BYE",
    );
}
