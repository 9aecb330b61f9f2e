//! Registrations, messages and questions.

use std::time::Duration;

use ruf_load::Plan;
use ruf_load::mix::{Kind, Mix};
use ruf_load::tally::{Outcome, Span};
use ruf_message::{Method, StatusCode};

use crate::stage::{Fate, Stage, is, plan};

fn stage(kind: Kind) -> Stage {
    Stage::new(Plan { mix: Mix::only(kind), ..plan() })
}

#[test]
fn a_message_reaches_a_callee_and_is_answered() {
    // tests rfc3428 §4, §7
    let mut stage = stage(Kind::Message);
    stage.begin();
    let tally = stage.finish();
    assert_eq!((tally.good(None), tally.answered.messages), (1, 1));
    assert_eq!(tally.spanned(Span::Message).unwrap().max(), Duration::from_millis(40));
    stage.expect_ladder("a→s MESSAGE | s→b MESSAGE | b→s 200 MESSAGE | s→a 200 MESSAGE");
}

#[test]
fn a_registration_goes_the_way_by_which_calls_come() {
    let mut stage = stage(Kind::Register);
    stage.begin();
    assert_eq!(stage.finish().good(None), 1);
    stage.expect_ladder("b→s REGISTER | s→b 200 REGISTER");
}

#[test]
fn a_question_to_the_server_is_answered() {
    let mut stage = stage(Kind::Options);
    stage.begin();
    assert_eq!(stage.finish().good(None), 1);
    stage.expect_ladder("a→s OPTIONS | s→a 200 OPTIONS");
}

#[test]
fn only_those_who_are_called_are_registered_first() {
    for (kind, registered) in [(Kind::Call, 2), (Kind::Message, 2), (Kind::Register, 0), (Kind::Options, 0)] {
        let mut stage = stage(kind);
        stage.begin();
        assert_eq!(stage.load.registered(), registered, "{kind:?}");
    }
}

#[test]
fn what_is_not_answered_is_sent_again_at_most_every_four_seconds() {
    // tests rfc3261 §17.1.2.2
    let mut stage = stage(Kind::Options);
    stage.begin_with(|_| Fate::Lost);
    let resent = stage.finish().resent;
    assert_eq!(stage.failure(), Outcome::Silence(Method::Options));
    assert_eq!(resent, 10, "after 0.5, 1.5, 3.5, and then every 4 s");
}

#[test]
fn a_provisional_answer_slows_the_repetitions() {
    // tests rfc3261 §17.1.2.2
    let mut stage = stage(Kind::Options);
    stage.begin_with(|message| {
        if is(message, Method::Options) { Fate::Answer(StatusCode::TRYING) } else { Fate::Lost }
    });
    let resent = stage.finish().resent;
    assert_eq!(stage.failure(), Outcome::Silence(Method::Options));
    assert_eq!(resent, 8, "after 0.5 s, and then every 4 s");
}
