//! INVITEs with Replaces that replace nothing (RFC 3891 §3).

use crate::pair::sdp;
use crate::stage::{Stage, invite};
use ruf_agent::{AgentEvent, CallKey};
use ruf_message::{HeaderName, StatusCode};
use std::time::Duration;

/// What the INVITE with this header is answered.
fn refused(stage: &mut Stage, branch: &str, more: &str) -> StatusCode {
    stage.give_text(&invite(branch, more));
    let status = stage.response().status();
    assert!(stage.events().is_empty());
    status
}

#[test]
fn what_names_no_dialog_is_481_and_what_is_broken_400() {
    // tests rfc3891 §3
    let mut stage = Stage::new();
    let name = stage.talk().name("bob");
    let mut status = |branch, more: String| refused(&mut stage, branch, &more);
    assert_eq!(status("1", "Replaces: x;to-tag=y;from-tag=z\n".into()), StatusCode::CALL_DOES_NOT_EXIST);
    let other = name.replace("from-tag=bob", "from-tag=other");
    assert_eq!(status("2", format!("Replaces: {other}\n")), StatusCode::CALL_DOES_NOT_EXIST);
    for (branch, more) in [
        ("3", format!("Replaces: {name}\nReplaces: {name}\n")),
        ("4", "Replaces: x;to-tag=y\n".to_owned()),
        ("5", format!("Replaces: {name}\nJoin: {name}\n")),
    ] {
        assert_eq!(status(branch, more.clone()), StatusCode::BAD_REQUEST, "{more}");
    }
    let options = invite("6", &format!("Replaces: {name}\n")).replace("INVITE", "OPTIONS");
    stage.give_text(&options);
    assert_eq!(stage.response().status(), StatusCode::BAD_REQUEST);
}

#[test]
fn a_confirmed_dialog_is_486_to_who_wants_an_early_one() {
    // tests rfc3891 §3
    let mut stage = Stage::new();
    let talk = stage.talk();
    let name = talk.name("bob");
    assert_eq!(refused(&mut stage, "1", &format!("Replaces: {name};early-only\n")), StatusCode::BUSY_HERE);
    stage.give_text(&invite("2", &format!("Require: replaces\nReplaces: {name}\n")));
    let told = stage.events();
    assert!(
        matches!(told[..], [AgentEvent::Incoming { replaces: Some(call), .. }] if call == talk.call),
        "{told:?}"
    );
}

#[test]
fn a_dialog_that_has_ended_is_603_and_one_long_ago_481() {
    // tests rfc3891 §3
    let mut stage = Stage::new();
    let talk = stage.talk();
    let name = talk.name("bob");
    stage.agent.hang_up(stage.now, talk.call);
    let bye = stage.request();
    assert_eq!(refused(&mut stage, "1", &format!("Replaces: {name}\n")), StatusCode::DECLINE);
    stage.answer(&bye, StatusCode::OK, "", &[]);
    stage.run(Duration::from_secs(64));
    stage.events();
    stage.sent();
    assert_eq!(refused(&mut stage, "2", &format!("Replaces: {name}\n")), StatusCode::DECLINE);
    let bob = "sip:bob@example.org".parse().unwrap();
    for _ in 0..64 {
        let call = stage.agent.call(stage.now, &bob, None).unwrap();
        let invite = stage.request();
        stage.answer(&invite, StatusCode::BUSY_HERE, "bob", &[]);
        assert!(matches!(stage.events()[..], [AgentEvent::Ended { call: ended, .. }] if ended == call));
        stage.sent();
    }
    assert_eq!(refused(&mut stage, "3", &format!("Replaces: {name}\n")), StatusCode::CALL_DOES_NOT_EXIST);
}

#[test]
fn an_early_dialog_that_somebody_else_opened_is_481() {
    // tests rfc3891 §3
    let mut stage = Stage::new();
    stage.give_text(&invite("old", ""));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.ring(stage.now, call);
    let tag = String::from_utf8_lossy(stage.response().to_tag().unwrap()).into_owned();
    let name = format!("old;to-tag={tag};from-tag=c");
    let new = invite("new", &format!("Replaces: {name}\n")).replace("tag=c\nTo", "tag=d\nTo");
    stage.give_text(&new);
    assert_eq!(stage.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    // Once it is answered it may be.
    stage.agent.answer(stage.now, call, sdp("answer"));
    stage.sent();
    stage.give_text(&new.replace("new", "newer"));
    assert!(matches!(stage.events()[..], [AgentEvent::Incoming { replaces: Some(_), .. }]));
}

#[test]
fn a_tag_of_0_is_none() {
    // tests rfc3891 §6.1
    let mut stage = Stage::new();
    stage.give_text(&invite("old", "").replace(";tag=c\nTo", "\nTo"));
    let told = stage.events();
    let [AgentEvent::Incoming { call, .. }] = told[..] else { panic!("{told:?}") };
    stage.agent.answer(stage.now, call, sdp("answer"));
    let tag = String::from_utf8_lossy(stage.response().to_tag().unwrap()).into_owned();
    stage.give_text(&invite("new", &format!("Replaces: old;to-tag={tag};from-tag=0\n")));
    assert!(matches!(stage.events()[..], [AgentEvent::Incoming { replaces: Some(_), .. }]));
}

/// A call of ours that rings at bob's; gives it and its name.
fn calling(stage: &mut Stage) -> (CallKey, String) {
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.2>")]);
    stage.events();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let name = format!("{};to-tag={};from-tag=bob", text(invite.call_id()), text(invite.from_tag().unwrap()));
    (call, name)
}

#[test]
fn a_call_that_is_being_cancelled_is_603() {
    // tests rfc3891 §3
    let mut stage = Stage::new();
    let (call, name) = calling(&mut stage);
    stage.agent.hang_up(stage.now, call);
    stage.sent();
    assert_eq!(refused(&mut stage, "1", &format!("Replaces: {name}\n")), StatusCode::DECLINE);
}
