//! Calls on a network that loses nothing.

use std::time::Duration;

use ruf_load::mix::Kind;
use ruf_load::tally::{Outcome, Span};
use ruf_message::{Message, Method, StatusCode};

use crate::stage::{CALLEE, Fate, SERVER, Stage, is, plan};

#[test]
fn a_call_is_answered_held_and_ended() {
    // tests rfc3261 §13.2.2.4, §15.1.1, §12.1.2
    let mut stage = Stage::new(plan());
    stage.begin();
    let tally = stage.finish();
    assert_eq!((tally.good(Some(Kind::Call)), tally.resent, tally.strays), (1, 0, 0));
    let took = |span| tally.spanned(span).unwrap().max();
    assert_eq!(took(Span::InviteToRinging), Duration::from_millis(40));
    assert_eq!(took(Span::InviteToAnswer), Duration::from_millis(40));
    assert_eq!(took(Span::Bye), Duration::from_millis(40));
    let callees = tally.answered;
    assert_eq!((callees.calls, callees.acknowledged, callees.ended), (1, 1, 1));
    stage.expect_ladder(
        "a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | b→s 200 INVITE | s→a 200 INVITE |
         a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn what_follows_the_answer_goes_to_the_contact_by_the_recorded_routes_in_reverse() {
    // tests rfc3261 §12.1.2, §12.2.1.1
    let mut stage = Stage::new(plan());
    let (sender, inside) = std::sync::mpsc::channel();
    stage.begin_with(move |message| {
        if let Message::Request(request) = message
            && matches!(request.method(), Method::Ack | Method::Bye)
        {
            sender.send(request.clone()).unwrap();
        }
        Fate::Pass
    });
    stage.finish();
    let inside: Vec<_> = inside.try_iter().collect();
    assert_eq!(inside.len(), 2);
    for request in inside {
        assert_eq!(request.uri().as_bytes(), format!("sip:{CALLEE}").as_bytes());
        let routes: Vec<String> = request.routes().map(|route| route.uri().to_string()).collect();
        assert_eq!(routes, ["sip:first.example;lr".to_owned(), format!("sip:{SERVER};lr")]);
        assert!(request.to_tag().is_some());
    }
}

#[test]
fn a_callee_rings_as_long_as_it_was_told() {
    let mut stage = Stage::new(ruf_load::Plan { ring: Duration::from_secs(3), ..plan() });
    stage.begin();
    let tally = stage.finish();
    assert_eq!(tally.good(None), 1);
    assert_eq!(tally.spanned(Span::InviteToRinging).unwrap().max(), Duration::from_millis(40));
    assert_eq!(tally.spanned(Span::InviteToAnswer).unwrap().max(), Duration::from_millis(3_040));
}

#[test]
fn a_refusal_is_acknowledged_and_counted_by_its_code() {
    // tests rfc3261 §17.1.1.3
    let mut stage = Stage::new(plan());
    stage.begin_with(|message| {
        if is(message, Method::Invite) { Fate::Answer(StatusCode::BUSY_HERE) } else { Fate::Lost }
    });
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Refused(Method::Invite, 486));
    stage.expect_ladder("a→s INVITE | s→a 486 INVITE | a→s ACK ✗");
}

#[test]
fn a_call_that_rings_too_long_is_withdrawn_and_counts_as_silence() {
    // tests rfc3261 §9.1, §9.2
    let mut stage = Stage::new(plan());
    stage.begin_with(|message| match message {
        Message::Response(response)
            if response.status() == StatusCode::OK && message.cseq().method == b"INVITE" =>
        {
            Fate::Lost
        }
        _ => Fate::Pass,
    });
    // The answer never comes through, the ringing did.
    let tally = stage.finish();
    assert_eq!(tally.answered.calls, 1);
    assert_eq!(stage.failure(), Outcome::Silence(Method::Invite));
}

#[test]
fn what_is_withdrawn_in_time_is_answered_487() {
    // tests rfc3261 §9.1, §9.2, §15.1.2
    let mut stage = Stage::new(ruf_load::Plan { ring: Duration::from_secs(100), ..plan() });
    stage.begin();
    stage.pass(Duration::from_secs(1));
    stage.load.wind_down(stage.now);
    stage.take();
    let tally = stage.finish();
    assert_eq!((tally.answered.cancelled, tally.answered.calls), (1, 0));
    assert_eq!(stage.failure(), Outcome::Cut);
    stage.expect_ladder(
        "a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | a→s CANCEL | s→b CANCEL |
         b→s 200 CANCEL | s→a 200 CANCEL | b→s 487 INVITE | s→a 487 INVITE | a→s ACK | s→b ACK",
    );
}

#[test]
fn a_server_that_says_nothing_is_silence_after_32_seconds() {
    // tests rfc3261 §17.1.1.2
    let mut stage = Stage::new(plan());
    stage.begin_with(|_| Fate::Lost);
    let resent = stage.finish().resent;
    assert_eq!(stage.failure(), Outcome::Silence(Method::Invite));
    assert_eq!(stage.lasted(), Duration::from_secs(32));
    assert_eq!(resent, 6, "after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s");
}
