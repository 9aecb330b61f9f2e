//! A call that asks to be mixed into another one (RFC 3911).

use crate::stage::{Stage, invite};
use ruf_agent::AgentEvent;
use ruf_message::StatusCode;

fn mixes() -> Stage {
    Stage::with(|settings| settings.joins = true)
}

#[test]
fn the_user_is_told_which_call_and_may_refuse() {
    // tests rfc3911 §4, §7.2
    let mut stage = mixes();
    let talk = stage.talk();
    stage.give_text(&invite("1", &format!("Require: join\nJoin: {}\n", talk.name("bob"))));
    let told = stage.events();
    let [AgentEvent::Incoming { call, joins: Some(joined), replaces: None, .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(joined, talk.call);
    stage.agent.answer(stage.now, call, None);
    let answer = stage.response();
    assert!(answer.supported().any(|tag| tag == "join"));
    // The other call stands.
    stage.agent.hang_up(stage.now, talk.call);
    assert_eq!(stage.request().to_tag(), Some(&b"bob"[..]));
}

#[test]
fn an_early_dialog_may_be_joined_whoever_opened_it() {
    // tests rfc3911 §4
    let mut stage = mixes();
    stage.give_text(&invite("old", ""));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.ring(stage.now, call);
    let tag = String::from_utf8_lossy(stage.response().to_tag().unwrap()).into_owned();
    let new =
        invite("new", &format!("Join: old;to-tag={tag};from-tag=c\n")).replace("tag=c\nTo", "tag=d\nTo");
    stage.give_text(&new);
    assert!(
        matches!(stage.events()[..], [AgentEvent::Incoming { joins: Some(joined), .. }] if joined == call)
    );
}

#[test]
fn what_names_no_dialog_is_481_an_ended_one_603_and_what_is_broken_400() {
    // tests rfc3911 §4
    let mut stage = mixes();
    let talk = stage.talk();
    let name = talk.name("bob");
    let mut status = |branch, more: String| {
        stage.give_text(&invite(branch, &more));
        stage.response().status()
    };
    assert_eq!(status("1", "Join: x;to-tag=y;from-tag=z\n".into()), StatusCode::CALL_DOES_NOT_EXIST);
    assert_eq!(status("2", format!("Join: {}\n", talk.name("other"))), StatusCode::CALL_DOES_NOT_EXIST);
    assert_eq!(status("3", format!("Join: {name}\nJoin: {name}\n")), StatusCode::BAD_REQUEST);
    assert_eq!(status("4", "Join: x;to-tag=y\n".into()), StatusCode::BAD_REQUEST);
    stage.agent.hang_up(stage.now, talk.call);
    stage.sent();
    stage.give_text(&invite("5", &format!("Join: {name}\n")));
    assert_eq!(stage.response().status(), StatusCode::DECLINE);
    stage.give_text(&invite("6", &format!("Join: {name}\n")).replace("INVITE", "OPTIONS"));
    assert_eq!(stage.response().status(), StatusCode::BAD_REQUEST);
}

#[test]
fn who_cannot_mix_has_not_heard_of_it() {
    // tests rfc3911 §7.2, rfc3261 §8.2.2.3
    let mut stage = Stage::new();
    let talk = stage.talk();
    stage.give_text(&invite("1", &format!("Require: join\nJoin: {}\n", talk.name("bob"))));
    assert_eq!(stage.response().status(), StatusCode::BAD_EXTENSION);
    stage.give_text(&invite("2", "Join: x;to-tag=y;from-tag=z\n"));
    assert!(matches!(stage.events()[..], [AgentEvent::Incoming { joins: None, .. }]));
}
