//! Lost datagrams are sent again, and are no failures.

use ruf_load::mix::Kind;
use ruf_load::mix::Mix;
use ruf_load::schedule::{Pace, Spacing};
use ruf_load::tally::Tally;
use ruf_load::{Phase, Plan};
use ruf_message::{Entropy, Message, Method, StatusCode};

use crate::stage::{Fate, Stage, answers, is, plan};

/// Loses the first message that is so.
fn losing(lost: impl Fn(&Message) -> bool + 'static) -> Stage {
    let mut stage = Stage::new(plan());
    let mut is_lost = false;
    stage.begin_with(move |message| {
        if !is_lost && lost(message) {
            is_lost = true;
            return Fate::Lost;
        }
        Fate::Pass
    });
    stage
}

fn expect_one_good_call(tally: &Tally) {
    assert_eq!((tally.good(Some(Kind::Call)), tally.failed(None)), (1, 0));
    assert!(tally.resent > 0);
    assert_eq!((tally.answered.calls, tally.answered.acknowledged, tally.answered.ended), (1, 1, 1));
}

#[test]
fn a_lost_invite_is_sent_again() {
    // tests rfc3261 §17.1.1.2
    let mut stage = losing(|message| is(message, Method::Invite));
    expect_one_good_call(stage.finish());
    stage.expect_ladder(
        "a→s INVITE ✗ | a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | b→s 200 INVITE |
         s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn a_lost_answer_is_repeated_by_the_callee() {
    // tests rfc3261 §13.3.1.4
    let mut stage = losing(|message| answers(message, StatusCode::OK, Method::Invite));
    expect_one_good_call(stage.finish());
    stage.expect_ladder(
        "a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | b→s 200 INVITE ✗ | b→s 200 INVITE |
         s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn a_lost_ack_is_sent_again_for_the_repeated_answer() {
    // tests rfc3261 §13.2.2.4
    let mut stage = losing(|message| is(message, Method::Ack));
    expect_one_good_call(stage.finish());
    stage.expect_ladder(
        "a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | b→s 200 INVITE | s→a 200 INVITE |
         a→s ACK ✗ | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE |
         s→a 200 BYE",
    );
}

#[test]
fn a_lost_answer_to_bye_is_given_again_and_the_call_ends_once() {
    // tests rfc3261 §17.1.2.2
    let mut stage = losing(|message| answers(message, StatusCode::OK, Method::Bye));
    expect_one_good_call(stage.finish());
    stage.expect_ladder(
        "a→s INVITE | s→b INVITE | b→s 180 INVITE | s→a 180 INVITE | b→s 200 INVITE | s→a 200 INVITE |
         a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE ✗ | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn a_refusal_that_comes_again_is_acknowledged_again_when_its_call_is_long_over() {
    // tests rfc3261 §17.1.1.2, §17.1.1.3
    let mut stage = Stage::new(plan());
    stage.begin_with(|message| match message {
        Message::Request(request) if request.method() == Method::Invite => {
            let mut busy = request.reply(StatusCode::BUSY_HERE);
            busy.set_to_tag("server");
            Fate::Say(vec![busy.clone(), busy])
        }
        _ => Fate::Lost,
    });
    stage.finish();
    stage.pass(std::time::Duration::from_secs(1));
    stage.expect_ladder("a→s INVITE | s→a 486 INVITE | s→a 486 INVITE | a→s ACK ✗ | a→s ACK ✗");
}

#[test]
fn on_a_network_that_loses_a_tenth_every_unit_has_one_outcome_and_messages_are_counted_once() {
    for seed in 0..20 {
        let mut stage = Stage::new(Plan {
            mix: "call=3,register=1,message=1,options=1".parse::<Mix>().unwrap(),
            pace: Pace::Open { rate: 50.0, spacing: Spacing::Poisson },
            units_max: Some(120),
            ..plan()
        });
        let mut entropy = Entropy::from_seed([seed; 32]);
        stage.begin_with(move |_| if entropy.u32().is_multiple_of(10) { Fate::Lost } else { Fate::Pass });
        let tally = stage.finish();
        assert_eq!(
            (tally.started(), tally.failed(None)),
            (120, 0),
            "{:?}",
            tally.failures().collect::<Vec<_>>()
        );
        assert_eq!(
            (tally.answered.calls, tally.answered.ended, tally.answered.messages),
            (60, 60, 20),
            "{seed}"
        );
        assert_eq!(*stage.load.phase(), Phase::Over);
    }
}
