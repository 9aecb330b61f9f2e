//! A caller without a server is sent on, and makes no offer (RFC 3665 section 3.6).

use ruf_agent::DiversionReason;

use crate::stage::{Stage, sdp};

#[test]
fn redirect_offer_in_ack() {
    // tests rfc3665 §3.6, rfc3261 §8.1.3.4, rfc3261 §13.2.1
    let mut stage = Stage::alone();
    let desk = stage.add_alone("desk", "198.51.100.7:5060");
    let at_desk = "sip:bob@198.51.100.7".parse().expect("a URI");
    let alice = stage.dial_at(&at_desk, None);
    let asked = stage.is_called(desk);
    stage.sends_on(desk, asked, &Stage::at_bob(), DiversionReason::Deflection);
    let bob = stage.rings();
    stage.hears_ringing();
    stage.answer(bob);
    stage.hears_answer();
    stage.phone(stage.alice, |agent, now| agent.answer(now, alice, Some(sdp("alice"))));
    stage.is_acknowledged();
    stage.hang_up(stage.bob, bob);
    stage.ended(stage.alice);
    stage.expect(
        "redirect_offer_in_ack",
        "Sent on to another host, with the offer in the answer
        Alice has no server: her phone follows the redirection to Bob's own address. She offers nothing, so his phone
        does, and her ACK brings the answer.",
        "a→d INVITE | d→a 302 | a→d ACK | a→b INVITE | b→a 180 | b→a 200 INVITE | a→b ACK | b→a BYE |
         a→b 200 BYE",
    );
}
