//! A server's disk: what is synced stays, and what is not is gone with a crash, or partly there.
//!
//! It takes a group of records at a time, as the writer of io/store does: while one is being synced the
//! next one gathers. How long a sync takes, whether it fails, and what a crash leaves of a group that was
//! being written are drawn. The store behind it holds what a restart finds.
//!
//! Not here: who waits for it (`server.rs`), what is promised (`kept.rs`), SQLite (io/store).

use std::ops::RangeInclusive;
use std::time::Duration;

use ruf_message::{Entropy, Tick};
use ruf_registrar::BINDINGS;
use ruf_store::{Group, Journal, Outcome, QueueLimits, Record, Store};

/// How a disk does its work.
#[derive(Debug, Clone)]
pub struct Speed {
    /// How long a sync takes, in milliseconds; 0: nobody ever waits for it.
    pub sync_ms: RangeInclusive<u64>,
    /// Of 100 syncs, so many fail.
    pub fails_percent: u64,
    /// A fault to plant: it says that it has what it has yet to write.
    pub is_hasty: bool,
}

impl Speed {
    /// It is done at once, and never fails.
    pub fn instant() -> Self {
        Speed { sync_ms: 0..=0, fails_percent: 0, is_hasty: false }
    }
}

/// The disk. It outlives the processes that use it.
pub(crate) struct Disk {
    speed: Speed,
    entropy: Entropy,
    store: Store,
    journal: Journal,
    writing: Option<Writing>,
    /// Syncs that failed.
    failed: u64,
}

/// A group on its way.
struct Writing {
    group: Group,
    done: Tick,
    fails: bool,
}

impl Disk {
    pub(crate) fn new(speed: Speed, entropy: Entropy) -> Self {
        let (store, journal) = (Store::memory(), Journal::new(QueueLimits::default()));
        Disk { speed, entropy, store, journal, writing: None, failed: 0 }
    }

    /// For a process that starts: what it finds, and where it appends.
    pub(crate) fn open(&mut self) -> (&Store, Journal) {
        self.journal = Journal::new(QueueLimits::default());
        (&self.store, self.journal.clone())
    }

    /// How many syncs failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// When a sync is done.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.writing.as_ref().map(|writing| writing.done)
    }

    /// What became of records by now. Whoever is told of a failure restores RAM, and calls
    /// [`Disk::recovered`].
    pub(crate) fn poll(&mut self, now: Tick) -> Option<Outcome> {
        loop {
            if let Some(writing) = self.writing.take_if(|writing| writing.done <= now) {
                if writing.fails {
                    self.failed += 1;
                    return Some(self.journal.failed(&writing.group));
                }
                self.append(&writing.group);
                if !self.speed.is_hasty {
                    return Some(writing.group.durable());
                }
            }
            let group = if self.writing.is_none() { self.journal.take() } else { None }?;
            let outcome = group.durable();
            let sync = Duration::from_millis(self.draw(self.speed.sync_ms.clone()));
            let fails = !self.speed.is_hasty && self.draw(0..=99) < self.speed.fails_percent;
            self.writing = Some(Writing { group, done: now + sync, fails });
            if self.speed.is_hasty {
                return Some(outcome);
            }
        }
    }

    /// RAM is again what the disk has.
    pub(crate) fn recovered(&self) {
        self.journal.recovered();
    }

    /// The process, or the power, is gone. Of what was being written all is there, or nothing, or what
    /// came first of it.
    pub(crate) fn crash(&mut self) {
        let Some(Writing { group, fails: false, .. }) = self.writing.take() else { return };
        match self.draw(0..=2) {
            0 => {}
            1 => self.append(&group),
            _ => {
                if let Some(first) = self.first_of(&group) {
                    self.append(&first);
                }
            }
        }
    }

    /// So many of the first records of a group, none perhaps.
    fn first_of(&mut self, group: &Group) -> Option<Group> {
        let (mut whole, first) = (Store::memory(), Journal::new(QueueLimits::default()));
        let mut records = 0;
        whole.append(BINDINGS, group).expect("memory fails never");
        whole.replay(BINDINGS, |_| records += 1).expect("memory fails never");
        let mut room = self.draw(0..=records);
        let mut copy = |record: Record<'_>| {
            if room > 0 {
                room -= 1;
                let copied = match record {
                    Record::Put(key, value) => first.put(key, |out| out.extend_from_slice(value)),
                    Record::Removed(key) => first.remove(key),
                    Record::Damaged(_) => unreachable!("a group is whole"),
                };
                copied.expect("there is room for what had room before");
            }
        };
        whole.replay(BINDINGS, &mut copy).expect("memory fails never");
        first.take()
    }

    fn append(&mut self, group: &Group) {
        self.store.append(BINDINGS, group).expect("memory fails never");
    }

    fn draw(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (first, last) = range.into_inner();
        first + self.entropy.u64() % (last - first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(seed: u8) -> Disk {
        let speed = Speed { sync_ms: 10..=10, ..Speed::instant() };
        Disk::new(speed, Entropy::from_seed([seed; 32]))
    }

    fn keys(disk: &Disk) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let keep = |record: Record<'_>| match record {
            Record::Put(key, _) | Record::Removed(key) => keys.push(key.to_vec()),
            Record::Damaged(_) => unreachable!("nothing is damaged"),
        };
        disk.store.replay(BINDINGS, keep).unwrap();
        keys
    }

    #[test]
    fn what_is_synced_stays_and_of_the_rest_only_a_beginning_does() {
        let mut left = [0; 3];
        for seed in 0..100 {
            let mut disk = disk(seed);
            disk.journal.remove(b"synced").unwrap();
            assert_eq!(disk.poll(Tick::from_micros(0)), None, "it takes its time");
            disk.journal.remove(b"a").unwrap();
            disk.journal.remove(b"b").unwrap();
            assert!(disk.poll(Tick::from_micros(10_000)).unwrap().is_durable);
            assert_eq!(disk.poll(Tick::from_micros(10_000)), None);
            disk.journal.remove(b"queued").unwrap();
            disk.crash();
            drop(disk.open());
            assert_eq!(disk.poll(Tick::from_micros(90_000)), None, "the queue is gone");
            let keys = keys(&disk);
            assert!(
                [&b"synced"[..], b"a", b"b"].starts_with(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>())
            );
            left[keys.len() - 1] += 1;
        }
        assert!(left.iter().all(|count| *count > 5), "{left:?}");
    }
}
