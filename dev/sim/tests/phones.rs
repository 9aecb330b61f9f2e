//! Two restless phones for each of some seeds: nothing is left, everything was tried, and planted faults are
//! noticed. The long run is `make sim`.

use std::collections::BTreeMap;

use ruf_agent::Mutant;
use ruf_message::HeaderName;
use ruf_sim::phones::run;
use ruf_sim::verdict::{Fault, Settings, Verdict};
use ruf_sim::{Sim, ladder};

fn settings(fault: Option<Fault>) -> Settings {
    Settings { loss_percent: 5, fault, workers: 1 }
}

/// Counts what was sent in vain or not: methods, statuses, and requests that replace a call.
fn count(sim: &Sim, seen: &mut BTreeMap<String, u32>) {
    for (sight, message) in sim.trace().messages() {
        *seen.entry(message.title()).or_default() += 1;
        let replaces = HeaderName::Replaces.as_str().as_bytes();
        if sight.bytes.windows(replaces.len()).any(|window| window == replaces) {
            *seen.entry("Replaces".to_owned()).or_default() += 1;
        }
    }
}

#[test]
fn whatever_two_phones_do_nothing_is_left() {
    let mut seen = BTreeMap::new();
    for seed in 0..150 {
        let run = run(seed, settings(None));
        if let Verdict::Bad { failures } = &run.verdict {
            panic!("seed {seed}, {}: {failures:?}\n{}", run.plan, ladder::drawing(&run.sim, 0));
        }
        count(&run.sim, &mut seen);
    }
    for wanted in [
        "INVITE",
        "ACK",
        "CANCEL",
        "BYE",
        "PRACK",
        "UPDATE",
        "INFO",
        "REFER",
        "NOTIFY",
        "MESSAGE",
        "OPTIONS",
        "Replaces",
        "183",
        "200 INVITE",
        "200 UPDATE",
        "302",
        "481",
        "486",
        "487",
        "491",
        "500",
    ] {
        let count = seen.get(wanted).copied().unwrap_or_default();
        assert!(count > 20, "{wanted}: {count} in {seen:?}");
    }
}

#[test]
fn planted_faults_are_noticed() {
    let transactions = [
        ruf_transaction::Mutant::AckDropped,
        ruf_transaction::Mutant::CancelIgnored,
        ruf_transaction::Mutant::TimerLOff,
    ];
    let others = [Mutant::CallKept, Mutant::SilenceUntold, Mutant::WitnessKept, Mutant::DeadlineMissed];
    for mutant in transactions.map(Mutant::Transactions).into_iter().chain(others) {
        let settings = settings(Some(Fault::Phones(mutant)));
        let is_caught = (0..100).any(|seed| matches!(run(seed, settings).verdict, Verdict::Bad { .. }));
        assert!(is_caught, "{mutant:?}");
    }
}

#[test]
fn a_seed_replays() {
    for seed in 0..3 {
        let line = || ladder::line(&run(seed, settings(None)).sim, 0);
        assert_eq!(line(), line());
    }
}
