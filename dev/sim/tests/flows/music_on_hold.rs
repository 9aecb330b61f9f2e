//! Alice is held and hears music meanwhile, from a server that takes Bob's place (RFC 5359 section 2.3).

use crate::stage::{Stage, sdp, uri};

#[test]
fn music_on_hold() {
    // tests rfc5359 §2.3, rfc3891 §3
    let (mut stage, music) = Stage::with_carol();
    let (alice, bob) = stage.talk();
    let to_music = stage.calls(stage.bob, "carol", "bob");
    let asked = stage.rings_at(music);
    stage.answer_at(music, asked);
    stage.hears_answer_at(stage.bob);
    stage.is_acknowledged_at(music);
    stage.begin();
    stage.modify(stage.bob, bob, "held");
    stage.is_modified(stage.bob);
    // Bob's phone has the music server call Alice's, in the place of Bob.
    stage.phone(stage.bob, |agent, now| agent.transfer_attended(now, to_music, bob));
    stage.is_referred(music);
    stage.follows(music, asked, "music");
    let heard = stage.is_replacing(stage.alice, alice);
    stage.answer_at(stage.alice, heard);
    stage.ended(stage.bob);
    stage.is_transferred(stage.bob);
    let playing = stage.dialog_of_callee();
    stage.hang_up(stage.bob, to_music);
    stage.ended(stage.bob);
    // He takes her back.
    stage.phone(stage.bob, |agent, now| {
        agent.call_replacing(now, &uri("alice"), &playing, false, Some(sdp("bob"))).expect("room")
    });
    let back = stage.is_replacing(stage.alice, heard);
    stage.answer_at(stage.alice, back);
    stage.ended(music);
    stage.hears_answer_at(stage.bob);
    stage.hang_up(stage.alice, back);
    stage.ended(stage.bob);
    stage.expect(
        "music_on_hold",
        "Held, with music
        Bob holds Alice and refers the music server, which Carol's phone plays, to her: it takes his place. When he
        comes back, he takes its place.",
        "b→s INVITE | s→b 100 | s→a INVITE | a→s 200 INVITE | s→b 200 INVITE | b→s ACK |
         b→s REFER | s→a ACK | s→c REFER | c→s 202 REFER | c→s NOTIFY | c→s INVITE |
         s→b 202 REFER | s→b NOTIFY | s→c 407 | b→s 200 NOTIFY | c→s ACK | c→s INVITE |
         s→c 200 NOTIFY | s→c 100 | s→a INVITE | a→s 200 INVITE | a→s BYE | s→c 200 INVITE |
         s→b BYE | c→s ACK | c→s NOTIFY | b→s 200 BYE | s→a ACK | s→b NOTIFY | s→a 200 BYE |
         b→s 200 NOTIFY | b→s BYE | s→c 200 NOTIFY | s→c BYE | c→s 200 BYE | s→b 200 BYE |
         b→s INVITE | s→b 407 | b→s ACK | b→s INVITE | s→b 100 | s→a INVITE | a→s 200 INVITE |
         a→s BYE | s→b 200 INVITE | s→c BYE | b→s ACK | c→s 200 BYE | s→a ACK | s→a 200 BYE |
         a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}
