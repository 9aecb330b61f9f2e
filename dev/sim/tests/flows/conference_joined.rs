//! A third joins a call (RFC 5359 section 2.11).

use ruf_agent::AgentEvent;

use crate::stage::{Stage, sdp, uri};

#[test]
fn conference_joined() {
    // tests rfc5359 §2.11, rfc3911 §4
    let (mut stage, carol) = Stage::with_mixer();
    let (alice, bob) = stage.talk();
    let talk = stage.dialog_of_callee();
    stage.begin();
    stage.phone(carol, |agent, now| {
        agent.call_joining(now, &uri("bob"), &talk, Some(sdp("carol"))).expect("room")
    });
    let joining = stage.until(stage.bob, |event| match event {
        AgentEvent::Incoming { call, joins, .. } if *joins == Some(bob) => Some(*call),
        _ => None,
    });
    stage.phone(stage.bob, |agent, now| {
        agent.ring(now, joining);
        agent.modify(now, bob, sdp("mixed"));
    });
    stage.is_modified(stage.bob);
    stage.answer(joining);
    stage.hears_answer_at(carol);
    stage.is_acknowledged();
    stage.hang_up(stage.bob, joining);
    stage.ended(carol);
    stage.hang_up(stage.alice, alice);
    stage.ended(stage.alice);
    stage.expect(
        "conference_joined",
        "Joined by a third
        Carol's phone names the call of Bob's that it wants to be mixed into; he lets her.",
        "c→s INVITE | s→c 407 | c→s ACK | c→s INVITE | s→c 100 | s→b INVITE | b→s 180 | b→s INVITE |
         s→c 180 | s→b 100 | s→a INVITE | a→s 200 INVITE | s→b 200 INVITE | b→s ACK | b→s 200 INVITE |
         s→a ACK | s→c 200 INVITE | c→s ACK | s→b ACK | b→s BYE | s→c BYE | c→s 200 BYE | a→s BYE |
         s→b 200 BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
