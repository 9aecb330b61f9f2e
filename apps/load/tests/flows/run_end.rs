//! How a run ends before its time.

use std::time::Duration;

use ruf_load::schedule::{Pace, Spacing};
use ruf_load::tally::Outcome;
use ruf_load::{Phase, Plan};
use ruf_message::{Method, StatusCode, Transport};

use crate::stage::{CALLER, Fate, Stage, flow, is, plan};

fn calls() -> Plan {
    let pace = Pace::Open { rate: 10.0, spacing: Spacing::Even };
    Plan { pace, units_max: Some(100), hold: Duration::from_secs(100), ..plan() }
}

#[test]
fn winding_down_hangs_up_what_is_answered_and_starts_nothing() {
    let mut stage = Stage::new(calls());
    stage.begin();
    stage.pass(Duration::from_millis(950));
    stage.load.wind_down(stage.now);
    stage.take();
    let tally = stage.finish();
    assert_eq!((tally.started(), tally.good(None), tally.answered.ended), (10, 10, 10));
    assert!(stage.now.as_micros() < 2_000_000);
}

#[test]
fn cutting_counts_what_is_under_way_as_cut_and_sends_nothing() {
    let mut stage = Stage::new(calls());
    stage.begin();
    stage.pass(Duration::from_millis(950));
    stage.load.cut(stage.now);
    assert!(stage.load.poll_transmit().is_none());
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Cut);
    assert_eq!(stage.load.tally().failed(None), 10);
}

#[test]
fn a_callee_that_cannot_be_registered_ends_it_with_a_sentence() {
    let mut stage = Stage::new(calls());
    stage.script(|_, message| {
        if is(message, Method::Register) { Fate::Answer(StatusCode::FORBIDDEN) } else { Fate::Pass }
    });
    stage.until("failed", |stage| matches!(stage.load.phase(), Phase::Failed(_)));
    let Phase::Failed(why) = stage.load.phase() else { panic!("not failed") };
    assert!(why.contains("REGISTER 403 Forbidden; look at --password"), "{why}");
}

#[test]
fn a_port_where_nobody_listens_ends_it_at_once_but_not_when_somebody_did() {
    // tests rfc3261 §18.4
    let caller = flow(Transport::Udp, 0, CALLER, 0);
    let mut stage = Stage::new(calls());
    stage.load.unreachable(stage.now, caller);
    assert!(
        matches!(stage.load.phase(), Phase::Failed(why) if why.contains("nobody listens at udp:192.0.2.9:5060"))
    );

    let mut stage = Stage::new(calls());
    stage.begin();
    stage.pass(Duration::from_secs(1));
    stage.load.unreachable(stage.now, caller);
    assert_eq!(stage.finish().good(None), 100, "the server came back in time");
}
