//! Over a connection.

use std::time::Duration;

use ruf_load::schedule::{Pace, Spacing};
use ruf_load::tally::Outcome;
use ruf_load::{Phase, Plan};
use ruf_message::Transport;

use crate::stage::{CALLER, Fate, Stage, flow, plan};

#[test]
fn both_sides_of_a_call_share_the_connection() {
    let mut stage = Stage::connected(plan());
    stage.begin();
    let tally = stage.finish();
    assert_eq!((tally.good(None), tally.answered.ended, tally.answered.refused), (1, 1, 0));
    stage.expect_ladder(
        "a→s INVITE | s→a INVITE | a→s 180 INVITE | s→a 180 INVITE | a→s 200 INVITE | s→a 200 INVITE |
         a→s ACK | s→a ACK | a→s BYE | s→a BYE | a→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn nothing_is_repeated_over_a_connection() {
    // tests rfc3261 §17.1.1.2
    let mut stage = Stage::connected(plan());
    stage.begin_with(|_| Fate::Lost);
    assert_eq!(stage.finish().resent, 0);
}

#[test]
fn a_lost_connection_ends_what_is_under_way_and_is_opened_again() {
    let pace = Pace::Open { rate: 10.0, spacing: Spacing::Even };
    let mut stage = Stage::connected(Plan { pace, units_max: Some(40), ..plan() });
    stage.begin();
    stage.pass(Duration::from_millis(950));
    stage.load.unreachable(stage.now, flow(Transport::Tcp, 0, CALLER, 1));
    let tally = stage.finish();
    assert_eq!(
        (tally.started(), tally.failed(None)),
        (40, 20),
        "ten under way, and ten in the second without"
    );
    assert_eq!(stage.failure(), Outcome::Lost);
    assert_eq!(stage.reached, 2);
    assert_eq!(stage.load.registered(), 4, "both callees again, by the new connection");
}

#[test]
fn another_connection_that_ends_ends_nothing() {
    let mut stage = Stage::connected(plan());
    stage.begin();
    stage.load.unreachable(stage.now, flow(Transport::Tcp, 0, CALLER, 99));
    assert_eq!(stage.finish().good(None), 1);
}

#[test]
fn a_server_that_takes_no_connection_is_a_sentence() {
    let mut stage = Stage::connected(plan());
    stage.refuses = true;
    stage.until("failed", |stage| matches!(stage.load.phase(), Phase::Failed(_)));
    assert!(
        matches!(stage.load.phase(), Phase::Failed(why) if why.contains("nobody listens at tcp:192.0.2.9:5060"))
    );
}
