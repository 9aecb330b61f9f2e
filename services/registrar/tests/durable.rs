//! Bindings over a restart: what was committed is there, what failed is undone, and nothing else changes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod desk;

use desk::{Desk, header, listed, status};
use ruf_admission::AddressOfRecord;
use ruf_message::{Entropy, HeaderName, Tick};
use ruf_registrar::{BINDINGS, Epoch, Gruus, Limits, Loaded, Registrar};
use ruf_store::{Journal, QueueLimits, Store};

const A: &str = "Contact: <sip:a@192.0.2.7:5070>";
const B: &str = "Contact: <sip:b@192.0.2.7:5070>";
const STAR: &str = "Contact: *\nExpires: 0";
const NOON: u64 = 1_790_000_000_000_000;

struct Site {
    desk: Desk,
    store: Store,
    journal: Journal,
}

fn registrar(
    store: &Store,
    limits: QueueLimits,
    zero_micros: u64,
    now: Tick,
) -> (Registrar, Loaded, Journal) {
    let journal = Journal::new(limits);
    let gruus = Gruus::new(&[1; 32]);
    let epoch = Epoch { zero_micros };
    let from = (store, journal.clone());
    let (registrar, loaded) =
        Registrar::load(Limits::default(), gruus, Entropy::from_seed([7; 32]), from, (epoch, now)).unwrap();
    (registrar, loaded, journal)
}

impl Site {
    fn new(queue: QueueLimits) -> Self {
        let mut desk = Desk::new(Limits::default());
        let store = Store::memory();
        let (registrar, _, journal) = registrar(&store, queue, NOON, desk.now);
        desk.registrar = registrar;
        Site { desk, store, journal }
    }

    /// The disk takes what is queued.
    fn commit(&mut self) {
        if let Some(group) = self.journal.take() {
            self.store.append(BINDINGS, &group).unwrap();
            self.desk.registrar.settle(&group.durable());
        }
    }

    /// The disk does not take it.
    fn fail(&mut self) {
        let group = self.journal.take().unwrap();
        let outcome = self.journal.failed(&group);
        self.desk.registrar.settle(&outcome);
        self.journal.recovered();
    }

    /// The process ends, and starts again so many seconds after it started, by a clock that is wrong by
    /// so many.
    fn restart(&mut self, after_secs: u64, wrong_secs: i64) -> Loaded {
        let zero = NOON.wrapping_add_signed(after_secs as i64 * 1_000_000 + wrong_secs * 1_000_000);
        let (registrar, loaded, journal) =
            registrar(&self.store, QueueLimits::default(), zero, Tick::from_micros(0));
        (self.desk.registrar, self.journal, self.desk.now) = (registrar, journal, Tick::from_micros(0));
        loaded
    }

    fn of(&mut self, user: &str) -> Vec<String> {
        listed(&self.desk.register(user, "asks", 1, ""))
    }
}

fn site() -> Site {
    Site::new(QueueLimits::default())
}

#[test]
fn what_was_committed_is_there_after_a_restart_and_what_was_not_is_not() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A};q=0.5;+x=1\n{B}\nExpires: 100"));
    site.desk.register("bob", "two", 1, A);
    site.commit();
    site.desk.register("carol", "three", 1, A);
    assert_eq!(site.desk.registrar.len(), 4);
    let loaded = site.restart(31, 0);
    assert_eq!(loaded, Loaded { bindings: 3, ..Loaded::default() });
    assert_eq!(
        site.of("alice"),
        ["<sip:a@192.0.2.7:5070>;+x=1;q=0.5;expires=70", "<sip:b@192.0.2.7:5070>;expires=70"]
    );
    assert_eq!(site.of("bob"), ["<sip:a@192.0.2.7:5070>;expires=3570"]);
    assert!(site.of("carol").is_empty());
    assert_eq!(status(&site.desk.register("bob", "two", 1, A)), 500, "the CSeq is remembered");
    assert_eq!(site.desk.registrar.deadline(), Some(Tick::from_micros(70_000_000)));
}

#[test]
fn what_was_removed_stays_removed() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A}\n{B}"));
    site.desk.register("bob", "two", 1, A);
    site.desk.register("carol", "three", 1, A);
    site.commit();
    site.desk.register("alice", "one", 2, &format!("{A};expires=0"));
    site.desk.register("bob", "two", 2, STAR);
    site.desk.registrar.remove_all(&AddressOfRecord::new("carol", "a.example"));
    site.commit();
    site.restart(60, 0);
    assert_eq!(site.of("alice"), ["<sip:b@192.0.2.7:5070>;expires=3541"]);
    assert_eq!(site.desk.registrar.len(), 1);
}

#[test]
fn only_what_changes_has_a_ticket() {
    let mut site = site();
    site.desk.register("alice", "one", 1, A);
    assert!(site.desk.ticket.is_some());
    site.commit();
    site.desk.register("alice", "one", 2, "");
    assert!(site.desk.ticket.is_none(), "asking");
    site.desk.register("bob", "two", 1, STAR);
    assert!(site.desk.ticket.is_none(), "removing nothing");
    site.desk.register("alice", "one", 1, A);
    assert!(site.desk.ticket.is_none(), "out of order");
    site.desk.register("alice", "one", 3, STAR);
    assert!(site.desk.ticket.is_some());
}

#[test]
fn what_rests_on_what_the_disk_has_not_waits_with_it() {
    let mut site = site();
    site.desk.register("alice", "one", 1, A);
    site.commit();
    site.desk.register("alice", "one", 2, STAR);
    site.desk.register("alice", "two", 1, STAR);
    assert!(site.desk.ticket.is_some(), "that there are none is not on the disk");
    site.desk.register("alice", "asks", 1, "");
    assert!(site.desk.ticket.is_some(), "and whoever asks is told so");
    site.desk.register("bob", "three", 1, STAR);
    assert!(site.desk.ticket.is_none(), "of another nothing is under way");
    site.fail();
    assert_eq!(site.of("alice").len(), 1);
    site.desk.register("alice", "one", 2, STAR);
    site.desk.register("alice", "two", 1, STAR);
    site.commit();
    site.restart(1, 0);
    assert!(site.of("alice").is_empty());
}

#[test]
fn what_fails_is_undone_with_all_that_was_built_on_it() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A};expires=100"));
    site.desk.register("bob", "two", 1, A);
    site.commit();
    let before = (site.of("alice"), site.of("bob"), site.desk.registrar.counters());
    site.desk.register("alice", "one", 2, &format!("{A};expires=900"));
    site.desk.register("alice", "one", 3, B);
    site.desk.register("bob", "two", 2, STAR);
    site.desk.register("carol", "three", 1, A);
    assert_eq!(site.desk.registrar.len(), 3);
    site.fail();
    let after = site.desk.registrar.counters();
    assert_eq!((site.of("alice"), site.of("bob")), (before.0, before.1));
    assert!(site.of("carol").is_empty());
    assert_eq!((site.desk.registrar.len(), after.refused), (2, before.2.refused + 4));
    // The same REGISTERs again, as the phones will send them.
    assert_eq!(status(&site.desk.register("alice", "one", 2, &format!("{A};expires=900"))), 200);
    site.commit();
    site.restart(1, 0);
    assert_eq!(site.of("alice"), ["<sip:a@192.0.2.7:5070>;expires=900"]);
    assert_eq!(site.of("bob"), ["<sip:a@192.0.2.7:5070>;expires=3600"]);
}

#[test]
fn what_the_disk_has_taken_is_not_undone_with_what_it_has_not() {
    let mut site = site();
    site.desk.register("alice", "one", 1, A);
    site.commit();
    site.desk.register("alice", "one", 2, B);
    site.commit();
    site.desk.register("alice", "one", 3, STAR);
    site.fail();
    assert_eq!(site.of("alice").len(), 2);
}

#[test]
fn a_queue_that_is_full_refuses_and_changes_nothing() {
    let mut site = Site::new(QueueLimits { queued_bytes_max: 1 });
    assert_eq!(status(&site.desk.register("alice", "one", 1, A)), 200);
    let refused = site.desk.register("alice", "one", 2, B);
    assert_eq!(status(&refused), 500);
    let retry_after: u32 = header(&refused, HeaderName::RetryAfter).unwrap().parse().unwrap();
    assert!((30..60).contains(&retry_after), "{retry_after}");
    assert_eq!(status(&site.desk.register("bob", "two", 1, A)), 500);
    assert_eq!(status(&site.desk.register("alice", "asks", 1, "")), 500, "the answer may yet be wrong");
    assert_eq!(site.desk.registrar.len(), 1);
    assert_eq!(status(&site.desk.register("bob", "two", 2, STAR)), 200, "it had nothing to remove");
    site.commit();
    assert_eq!(site.of("alice").len(), 1);
    assert_eq!(status(&site.desk.register("alice", "one", 2, B)), 200);
}

#[test]
fn an_account_is_removed_also_while_the_queue_is_full() {
    let mut site = Site::new(QueueLimits { queued_bytes_max: 1 });
    site.desk.register("alice", "one", 1, A);
    assert_eq!(site.desk.registrar.remove_all(&AddressOfRecord::new("alice", "a.example")), 1);
    site.commit();
    site.restart(1, 0);
    assert!(site.desk.registrar.is_empty());
}

#[test]
fn a_clock_that_was_set_back_prolongs_nothing_beyond_what_was_granted() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A};expires=600"));
    site.commit();
    site.restart(60, -86_400);
    assert_eq!(site.of("alice"), ["<sip:a@192.0.2.7:5070>;expires=600"]);
}

#[test]
fn what_has_lapsed_is_forgotten_on_the_disk_too() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A};expires=60"));
    site.desk.register("bob", "two", 1, &format!("{A};expires=60"));
    site.commit();
    site.desk.after(60);
    site.desk.registrar.tick(site.desk.now);
    site.commit();
    assert_eq!(site.restart(90, 0), Loaded::default(), "while it ran");
    site.desk.register("alice", "three", 1, &format!("{A};expires=60"));
    site.commit();
    assert_eq!(site.restart(3_600, 0), Loaded { lapsed: 1, ..Loaded::default() });
    site.commit();
    assert_eq!(site.restart(3_600, 0), Loaded::default(), "it was removed");
}

#[test]
fn what_had_lapsed_and_came_again_is_not_forgotten() {
    let mut site = site();
    site.desk.register("alice", "one", 1, &format!("{A};expires=60"));
    site.commit();
    site.desk.after(70);
    site.desk.register("alice", "one", 2, &format!("{A};expires=600"));
    site.commit();
    assert_eq!(site.restart(90, 0), Loaded { bindings: 1, ..Loaded::default() });
    site.commit();
    assert_eq!(site.restart(100, 0), Loaded { bindings: 1, ..Loaded::default() });
}

#[test]
fn a_record_that_cannot_be_read_costs_no_other() {
    let mut site = site();
    site.desk.register("alice", "one", 1, A);
    site.journal.put(b"bob@a.example", |out| out.extend_from_slice(b"no bindings")).unwrap();
    site.journal.put(b"\xff", |_| {}).unwrap();
    site.desk.register("carol", "three", 1, A);
    site.commit();
    assert_eq!(site.restart(1, 0), Loaded { bindings: 2, unreadable: 2, ..Loaded::default() });
    assert_eq!((site.of("alice").len(), site.of("carol").len()), (1, 1));
}
