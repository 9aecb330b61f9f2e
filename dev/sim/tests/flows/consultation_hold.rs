//! One is held while another is asked (RFC 5359 section 2.2).

use ruf_agent::AgentEvent;

use crate::stage::{Stage, sdp, uri};

#[test]
fn consultation_hold() {
    // tests rfc5359 §2.2
    let (mut stage, carol) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    stage.begin();
    let modified = |event: &AgentEvent| matches!(event, AgentEvent::Modified { .. }).then_some(());
    stage.phone(stage.bob, |agent, now| agent.modify(now, bob, sdp("held")));
    stage.until(stage.bob, modified);
    let asked =
        stage.phone(stage.bob, |agent, now| agent.call(now, &uri("carol"), Some(sdp("bob"))).expect("room"));
    let there = stage.rings_at(carol);
    stage.answer_at(carol, there);
    stage.until(carol, |event| matches!(event, AgentEvent::Acknowledged { .. }).then_some(()));
    stage.hang_up(stage.bob, asked);
    stage.ended(carol);
    stage.phone(stage.bob, |agent, now| agent.modify(now, bob, sdp("resumed")));
    stage.until(stage.bob, modified);
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
