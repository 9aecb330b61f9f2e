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
    assert!(stage.lasted() < Duration::from_secs(1));
}

#[test]
fn callees_are_gone_from_the_server_when_the_run_is_over() {
    // tests rfc3261 §10.2.2
    let mut stage =
        Stage::new(Plan { mix: ruf_load::mix::Mix::only(ruf_load::mix::Kind::Message), ..plan() });
    stage.keeps_all = true;
    let (sender, removed) = std::sync::mpsc::channel();
    stage.begin_with(move |message| {
        if is(message, Method::Register) {
            sender.send(message.raw(ruf_message::HeaderName::Expires).next() == Some(b"0")).unwrap();
        }
        Fate::Pass
    });
    stage.finish();
    assert_eq!(removed.try_iter().collect::<Vec<_>>(), [true, true]);
    stage.expect_ladder(
        "a→s MESSAGE | s→b MESSAGE | b→s 200 MESSAGE | s→a 200 MESSAGE | b→s REGISTER | s→b 200 REGISTER |
         b→s REGISTER | s→b 200 REGISTER",
    );
}

#[test]
fn a_server_that_is_gone_is_not_waited_for_to_forget_the_callees() {
    let mut stage = Stage::new(plan());
    stage.begin_with(|message| if is(message, Method::Register) { Fate::Lost } else { Fate::Pass });
    let good = stage.finish().good(None);
    assert_eq!(good, 1);
    assert_eq!(
        stage.load.span().2.map(|ended| stage.now.saturating_sub(ended)),
        Some(Duration::from_secs(2))
    );
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
