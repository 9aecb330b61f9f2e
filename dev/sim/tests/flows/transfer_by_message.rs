//! A call is offered to another by a message (RFC 5359 section 2.6).

use ruf_agent::{AgentEvent, Body};

use crate::stage::{Stage, sdp, uri};

#[test]
fn transfer_by_message() {
    // tests rfc5359 §2.6, rfc3891 §4
    let (mut stage, carol) = Stage::with_carol();
    let (with_bob, _) = stage.talk();
    let talk = stage.dialog_of_caller();
    stage.begin();
    let text = Body { content_type: "text/plain".into(), content: "Take alice, please".into() };
    stage.phone(stage.bob, |agent, now| agent.message(now, &uri("carol"), text).expect("room"));
    stage.until(carol, |event| matches!(event, AgentEvent::Message { .. }).then_some(()));
    stage.phone(carol, |agent, now| {
        let offer = Some(sdp("carol"));
        agent.call_replacing(now, &uri("alice"), &talk, false, offer).expect("room")
    });
    let new = stage.is_replacing(stage.alice, with_bob);
    stage.answer_at(stage.alice, new);
    stage.ended(stage.bob);
    stage.hears_answer_at(carol);
    stage.hang_up(stage.alice, new);
    stage.ended(carol);
    stage.expect(
        "transfer_by_message",
        "Handed over by a message
        Bob writes to Carol, who calls Alice in his place.",
        "b→s MESSAGE | s→b 407 | b→s MESSAGE | s→c MESSAGE | c→s 200 MESSAGE | c→s INVITE |
         s→b 200 MESSAGE | s→c 407 | c→s ACK | c→s INVITE | s→c 100 | s→a INVITE | a→s 200 INVITE |
         a→s BYE | s→c 200 INVITE | s→b BYE | c→s ACK | b→s 200 BYE | s→a ACK | s→a 200 BYE | a→s BYE |
         s→c BYE | c→s 200 BYE | s→a 200 BYE",
    );
}
