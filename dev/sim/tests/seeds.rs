//! One call for each of some seeds, judged; and the planted faults, which must be noticed. The long
//! run is `make sim`.

use ruf_sim::scenario::run;
use ruf_sim::verdict::{Fault, Run, Settings, Verdict};
use ruf_sim::{forked, kept, ladder};
use ruf_transaction::Mutant;

fn settings(loss_percent: u64) -> Settings {
    Settings { loss_percent, fault: None, workers: 1 }
}

fn is_caught_by(run: fn(u64, Settings) -> Run, fault: Fault) -> bool {
    let settings = Settings { fault: Some(fault), ..settings(5) };
    (0..100).any(|seed| matches!(run(seed, settings).verdict, Verdict::Bad { .. }))
}

fn is_caught(mutant: Mutant) -> bool {
    let fault = Fault::Transactions(mutant);
    is_caught_by(run, fault) && is_caught_by(forked::run, fault)
}

#[test]
fn three_hundred_calls_go_as_planned_or_the_network_is_to_blame() {
    for loss in [0, 5, 30] {
        for seed in 0..100 {
            let run = run(seed, settings(loss));
            if let Verdict::Bad { failures } = &run.verdict {
                let drawing = ladder::drawing(&run.sim, 0);
                assert!(failures.is_empty(), "seed {seed}, {loss}%: {failures:?}\n{drawing}");
            }
        }
    }
}

#[test]
fn three_hundred_forked_calls_go_as_planned_or_the_network_is_to_blame() {
    // tests rfc3261 §16.7 step 5, §16.7 step 10
    for loss in [0, 5, 30] {
        for seed in 0..100 {
            let run = forked::run(seed, settings(loss));
            if let Verdict::Bad { failures } = &run.verdict {
                let drawing = ladder::drawing(&run.sim, 0);
                assert!(failures.is_empty(), "seed {seed}, {loss}%: {failures:?}\n{}\n{drawing}", run.plan);
            }
        }
    }
}

#[test]
fn calls_go_as_planned_among_several_workers_and_their_messages_cross() {
    for workers in [2, 4] {
        let mut crossed = 0;
        for (seed, run) in (0..50).flat_map(|seed| [(seed, run as fn(_, _) -> _), (seed, forked::run)]) {
            let Run { sim, verdict, .. } = run(seed, Settings { workers, ..settings(5) });
            if let Verdict::Bad { failures } = &verdict {
                assert!(failures.is_empty(), "seed {seed}, {workers} workers: {failures:?}");
            }
            crossed += sim.servers().map(|server| server.figure("crossed to another worker")).sum::<u64>();
        }
        assert!(crossed > 500, "{workers} workers: {crossed} messages crossed in a hundred calls");
    }
}

#[test]
fn without_loss_no_excuse_is_needed() {
    for seed in 0..100 {
        assert!(matches!(run(seed, settings(0)).verdict, Verdict::Good), "seed {seed}");
    }
}

#[test]
fn where_nothing_gets_through_the_network_is_to_blame() {
    let run = run(1, settings(100));
    assert!(matches!(run.verdict, Verdict::Excused { .. }), "{:?}", run.verdict);
}

#[test]
fn a_seed_replays() {
    for seed in 0..10 {
        let [first, second] = [(); 2].map(|()| ladder::drawing(&run(seed, settings(20)).sim, 0));
        assert_eq!(first, second);
        assert_ne!(first, ladder::drawing(&run(seed + 1, settings(20)).sim, 0));
    }
}

#[test]
fn a_dropped_ack_is_noticed() {
    assert!(is_caught(Mutant::AckDropped));
}

#[test]
fn an_ignored_cancel_is_noticed() {
    assert!(is_caught(Mutant::CancelIgnored));
}

#[test]
fn a_phone_that_is_not_told_to_stop_is_noticed() {
    assert!(is_caught(Mutant::CancelUnsent));
}

#[test]
fn a_timer_l_that_never_fires_is_noticed() {
    assert!(is_caught(Mutant::TimerLOff));
}

#[test]
fn what_clients_were_told_is_what_a_restart_finds() {
    // tests rfc3261 §10.3-4
    is_kept(&[(1, 0), (1, 5), (1, 30)]);
}

#[test]
fn several_workers_keep_what_clients_were_told() {
    is_kept(&[(2, 5), (4, 5)]);
}

/// With so many workers, and so many percent lost.
fn is_kept(conditions: &[(u8, u64)]) {
    for &(workers, loss) in conditions {
        for seed in 0..50 {
            let run = kept::run(seed, Settings { workers, ..settings(loss) });
            if let Verdict::Bad { failures } = &run.verdict {
                let drawing = ladder::drawing(&run.sim, 0);
                assert!(failures.is_empty(), "seed {seed}, {workers} workers: {failures:#?}\n{drawing}");
            }
        }
    }
}

#[test]
fn an_answer_that_leaves_before_the_sync_is_noticed() {
    assert!(is_caught_by(kept::run, Fault::HastyDisk));
}
