//! Nobody picks up: each side gives up by itself, and before that a callee says each minute that it
//! rings.

use crate::pair::{Pair, Side};
use crate::stage::{Stage, invite};
use ruf_agent::{AgentEvent, EndReason, Failure};
use ruf_message::{Method, StatusCode};
use std::time::Duration;

#[test]
fn the_callee_says_each_minute_that_it_rings_and_gives_up_with_480() {
    // tests rfc3261 §13.3.1.1
    let mut pair = Pair::new(1);
    pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    pair.settle();
    pair.expect_ladder(concat!(
        "a→b INVITE | b→a 180 INVITE | b→a 180 INVITE | b→a 180 INVITE",
        " | b→a 480 INVITE | a→b ACK"
    ));
    assert_eq!(pair.end(Side::A), EndReason::Failed(Failure::Refused(StatusCode::TEMPORARILY_UNAVAILABLE)));
    assert_eq!(pair.end(Side::B), EndReason::Unanswered);
}

#[test]
fn a_tick_too_early_repeats_nothing() {
    // tests rfc3261 §13.3.1.1
    let mut pair = Pair::new(2);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let incoming = pair.incoming(Side::B);
    pair.b.ring(pair.now, incoming);
    for _ in 0..5 {
        pair.run_ms(1_000);
        pair.a.tick(pair.now);
        pair.b.tick(pair.now);
    }
    pair.expect_ladder("a→b INVITE | b→a 180 INVITE");
    pair.a.hang_up(pair.now, call);
    pair.settle();
}

#[test]
fn an_invitation_that_expires_is_487() {
    // tests rfc3261 §13.3.1
    let mut stage = Stage::new();
    stage.give_text(&invite(
        "1",
        "Expires: 10
",
    ));
    stage.run(Duration::from_millis(9_999));
    assert_eq!(stage.response().status(), StatusCode::TRYING);
    stage.run(Duration::from_millis(1));
    assert_eq!(stage.response().status(), StatusCode::REQUEST_TERMINATED);
    let told = stage.events();
    assert!(matches!(told.last(), Some(AgentEvent::Ended { reason: EndReason::Unanswered, .. })), "{told:?}");
}

#[test]
fn a_caller_does_not_wait_for_ever_for_a_callee_that_fell_silent() {
    // tests rfc3261 §9.1
    let mut stage = Stage::new();
    let call = stage.agent.call(stage.now, &"sip:bob@example.org".parse().unwrap(), None).unwrap();
    let invite = stage.request();
    stage.answer(&invite, StatusCode::RINGING, "bob", &[]);
    stage.run(Duration::from_secs(100));
    stage.answer(&invite, StatusCode::RINGING, "bob", &[]);
    stage.run(Duration::from_millis(179_999));
    assert!(stage.sent().is_empty());
    stage.run(Duration::from_millis(1));
    let cancel = stage.request();
    assert_eq!(cancel.method(), Method::Cancel);
    stage.answer(&cancel, StatusCode::OK, "bob", &[]);
    stage.answer(&invite, StatusCode::REQUEST_TERMINATED, "bob", &[]);
    assert_eq!(stage.events().last(), Some(&AgentEvent::Ended { call, reason: EndReason::Unanswered }));
}
