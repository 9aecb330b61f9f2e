//! Several workers on one table: bounds are kept to the last binding, and each REGISTER is whole.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod desk;

use std::sync::Barrier;
use std::thread;

use desk::{Desk, listed, status};
use ruf_admission::Domain;
use ruf_registrar::Limits;

const WORKERS: usize = 4;
const PHONES: usize = 400;

/// What became of `lines` where every worker sends them for each of its phones at once.
fn all_at_once(desks: &mut [Desk], cseq: u32, lines: impl Fn(usize, usize) -> String + Sync) -> [usize; 2] {
    let barrier = Barrier::new(desks.len());
    let outcomes: Vec<[usize; 2]> = thread::scope(|scope| {
        let work = |(worker, desk): (usize, &mut Desk)| {
            let (barrier, lines) = (&barrier, &lines);
            let mut outcome = [0; 2];
            barrier.wait();
            for phone in 0..PHONES {
                let call_id = format!("{worker}.{phone}");
                let answer = desk.register(&format!("u{phone}"), &call_id, cseq, &lines(worker, phone));
                match status(&answer) {
                    200 => outcome[0] += 1,
                    503 => outcome[1] += 1,
                    other => panic!("{other}"),
                }
            }
            outcome
        };
        let threads: Vec<_> =
            desks.iter_mut().enumerate().map(|each| scope.spawn(move || work(each))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    outcomes.into_iter().fold([0; 2], |[fine, full], [more, fuller]| [fine + more, full + fuller])
}

fn desks(limits: Limits) -> Vec<Desk> {
    let users: Vec<String> = (0..PHONES).map(|phone| format!("u{phone}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut desks: Vec<Desk> =
        (0..WORKERS).map(|_| Desk::serving(Domain::open("a.example"), &users, limits)).collect();
    let shared = desks[0].registrar.clone();
    desks.iter_mut().for_each(|desk| desk.registrar = shared.clone());
    desks
}

fn contact(worker: usize, phone: usize) -> String {
    format!("Contact: <sip:{phone}@192.0.2.{worker}:5070>")
}

#[test]
fn the_bound_holds_to_the_last_binding_whoever_adds_it() {
    let mut desks = desks(Limits { bindings_max: 1_000, ..Limits::default() });
    assert_eq!(all_at_once(&mut desks, 1, contact), [1_000, WORKERS * PHONES - 1_000]);
    assert_eq!(desks[0].registrar.len(), 1_000);
    let removed = all_at_once(&mut desks, 2, |worker, phone| contact(worker, phone) + ";expires=0");
    assert_eq!((removed, desks[0].registrar.len()), ([WORKERS * PHONES, 0], 0));
}

#[test]
fn what_one_worker_binds_all_see() {
    let mut desks = desks(Limits::default());
    assert_eq!(all_at_once(&mut desks, 1, contact), [WORKERS * PHONES, 0]);
    for desk in &mut desks {
        assert_eq!(desk.registrar.len(), WORKERS * PHONES);
        assert_eq!(desk.located("u7").len(), WORKERS);
        assert_eq!(listed(&desk.register("u9", "asks", 1, "")).len(), WORKERS);
    }
    assert_eq!(desks[1].registrar.counters().added, (WORKERS * PHONES) as u64);
}

#[test]
fn whoever_ticks_first_ticks_for_all() {
    let mut desks = desks(Limits::default());
    all_at_once(&mut desks, 1, contact);
    for desk in &mut desks {
        desk.after(3_600);
    }
    let due = desks[3].registrar.deadline();
    assert_eq!(due, Some(desks[3].now));
    thread::scope(|scope| {
        for desk in &desks {
            let (registrar, now) = (desk.registrar.clone(), desk.now);
            scope.spawn(move || registrar.tick(now));
        }
    });
    assert!(desks[0].registrar.is_empty());
    assert_eq!(desks[0].registrar.counters().expired, (WORKERS * PHONES) as u64);
    assert_eq!(desks[2].registrar.deadline(), None);
}
