//! When units start, and what their times count from.

use std::time::Duration;

use ruf_auth::{Algorithm, Asking};
use ruf_load::mix::{Kind, Mix};
use ruf_load::plan::Users;
use ruf_load::schedule::{Pace, Spacing};
use ruf_load::tally::{Outcome, Span, Tally};
use ruf_load::{Limits, Plan};
use ruf_message::{HeaderName, Message, Method, StatusCode, Tick};

use crate::stage::{Fate, Stage, plan};

fn asking(rate: f64, secs: u64) -> Plan {
    Plan {
        mix: Mix::only(Kind::Options),
        pace: Pace::Open { rate, spacing: Spacing::Even },
        duration: Some(Duration::from_secs(secs)),
        units_max: None,
        ..plan()
    }
}

#[test]
fn a_server_that_stalls_is_charged_for_all_that_came_meanwhile() {
    let mut stage = Stage::new(asking(100.0, 10));
    // From second 5 on it does nothing for two seconds, then it does everything at once.
    stage.script(|now, _| {
        let micros = now.as_micros();
        if (5_000_000..7_000_000).contains(&micros) {
            Fate::Late(Duration::from_micros(7_000_000 - micros))
        } else {
            Fate::Pass
        }
    });
    stage.begin();
    let tally = stage.finish();
    assert_eq!((tally.started(), tally.good(None)), (1_000, 1_000), "the clock alone starts them");
    let took = tally.spanned(Span::Options).unwrap();
    assert!(took.quantile(0.5) <= Duration::from_millis(21), "{:?}", took.quantile(0.5));
    // 200 of 1000 came while it stalled, and waited for 1 s in the mean.
    let longer = took.quantile(0.9);
    assert!((0.95..1.1).contains(&longer.as_secs_f64()), "{longer:?}");
    assert!((1.95..2.1).contains(&took.max().as_secs_f64()), "{:?}", took.max());
    assert_eq!(tally.behind, 0, "the generator itself was never late");
}

#[test]
fn a_generator_that_was_late_says_so_and_counts_from_the_intended_start() {
    let mut stage = Stage::new(asking(100.0, 2));
    stage.begin();
    // Nobody lets the machine do anything for a second.
    stage.now = Tick::from_micros(1_000_000);
    let tally = stage.finish();
    assert_eq!((tally.started(), tally.good(None)), (200, 200));
    assert_eq!(tally.behind, 98, "all that were due but the first and those of the last 10 ms");
    let took = tally.spanned(Span::Options).unwrap().max();
    assert!((1.0..1.1).contains(&took.as_secs_f64()), "{took:?}");
    assert!(tally.spanned(Span::Behind).unwrap().max() > Duration::from_millis(980));
}

/// What a run's spans are, in milliseconds, where each message takes 23 ms to the other side and all of ours rest.
fn spans(plan: Plan, spans: &[Span]) -> Vec<Vec<u128>> {
    let mut stage = Stage::new(Plan { grain: Duration::from_millis(5), ..plan });
    stage.latency = Duration::from_micros(11_500);
    stage.begin_with(|message| match message {
        Message::Request(request)
            if request.method() == Method::Register && !request.contains(HeaderName::Authorization) =>
        {
            let asking = Asking { realm: "example.org", nonce: "n", algorithm: Algorithm::Md5, stale: false };
            let mut response = request.reply(StatusCode::UNAUTHORIZED);
            response.add(HeaderName::WwwAuthenticate, asking.to_value());
            Fate::Say(vec![response])
        }
        _ => Fate::Pass,
    });
    let tally = stage.finish();
    let of = |span: &Span| {
        let took = tally.spanned(*span).expect("measured");
        [took.quantile(0.01), took.max()].map(|took| took.as_millis()).to_vec()
    };
    spans.iter().map(of).collect()
}

#[test]
fn what_waits_for_us_while_we_rest_is_not_charged_to_the_server() {
    // Three starts in ten milliseconds, which are never whole numbers of a grain.
    let often = |kind| Plan { mix: Mix::only(kind), duration: None, units_max: Some(30), ..asking(300.0, 1) };
    assert_eq!(spans(often(Kind::Options), &[Span::Options]), [[23, 23]]);
    assert_eq!(spans(often(Kind::Message), &[Span::Message]), [[46, 46]]);
    let call = [Span::InviteToRinging, Span::InviteToAnswer, Span::Bye];
    assert_eq!(spans(often(Kind::Call), &call), [[46, 46]; 3]);
    let ringing = Plan { ring: Duration::from_millis(7), ..often(Kind::Call) };
    assert_eq!(spans(ringing, &call), [[46, 46], [53, 53], [46, 46]]);
    // Asked for a password, and asked again.
    let users = Users { password: Some("secret".to_owned()), ..plan().users };
    assert_eq!(spans(Plan { users, ..often(Kind::Register) }, &[Span::Register]), [[46, 46]]);
}

#[test]
fn what_is_later_than_a_grain_is_charged() {
    let mut stage = Stage::new(Plan { grain: Duration::from_millis(5), ..asking(100.0, 1) });
    stage.begin();
    stage.now = Tick::from_micros(42_000);
    let tally = stage.finish();
    // Due at 10 ms, started at 45.
    assert_eq!(tally.spanned(Span::Options).expect("measured").max().as_millis(), 20 + 35 - 5);
    assert_eq!(tally.spanned(Span::Behind).expect("measured").max().as_millis(), 35 - 5);
}

#[test]
fn a_closed_loop_keeps_as_many_under_way_as_it_was_told() {
    let pace = Pace::Closed { in_flight: 7 };
    let mut stage = Stage::new(Plan { pace, units_max: Some(70), duration: None, ..asking(1.0, 1) });
    stage.begin();
    while stage.load.in_flight() == 7 {
        stage.pass(Duration::from_millis(1));
    }
    let tally: &Tally = stage.finish();
    assert_eq!(tally.good(None), 70);
    assert_eq!(stage.lasted(), Duration::from_millis(200), "ten rounds of 20 ms");
}

#[test]
fn a_closed_loop_ends_with_its_time() {
    let pace = Pace::Closed { in_flight: 2 };
    let mut stage = Stage::new(Plan { pace, ..asking(1.0, 1) });
    stage.begin();
    assert_eq!(stage.finish().good(None), 100);
}

#[test]
fn what_has_no_room_counts_as_not_sent() {
    let limits = Limits { in_flight_max: 3, ..Limits::default() };
    let mut stage = Stage::limited(Plan { units_max: Some(5), duration: None, ..asking(100.0, 1) }, limits);
    stage.begin_with(|_| Fate::Lost);
    let tally = stage.finish();
    let failures: Vec<_> = tally.failures().collect();
    assert_eq!(
        failures,
        [(Kind::Options, Outcome::Silence(Method::Options), 3), (Kind::Options, Outcome::Unsent, 2)]
    );
}
