//! The queue before the journal: records of many requests become one group, with one sync.
//!
//! Whoever appends does not wait: it gets a [`Ticket`] and hears later, by [`Outcome`], what became of
//! it. A [`Writer`](crate::Writer) takes what is queued, makes it durable, and says so; while it works,
//! the next group gathers. The queue is bounded, and a full one refuses.
//!
//! Not here: the thread and the disk (`writer.rs`), what a record means (its service).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::frame;

/// How much may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Octets that may be queued behind the group that is being written. An append to a full queue is
    /// refused.
    pub queued_bytes_max: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { queued_bytes_max: 8 << 20 }
    }
}

/// The place of a record in the order of all records since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Nothing was appended: the queue is full, or the disk has just failed and RAM is being restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// What became of records: all that were appended up to a ticket and had not been told of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The last of them.
    pub upto: Ticket,
    /// Whether they are durable. If not, none of them is.
    pub is_durable: bool,
    /// Who appended any: bit `n` for number `n` of [`Journal::of`].
    pub owners: u64,
}

/// Records to be written with one sync.
#[derive(Debug)]
pub struct Group {
    pub(crate) frames: Vec<u8>,
    upto: Ticket,
    owners: u64,
}

/// The appending end of a queue; its clones are ends of the same queue.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    owner: u8,
}

#[derive(Debug)]
struct Shared {
    limits: QueueLimits,
    queue: Mutex<Queue>,
    /// Told when there is something to write, or nothing ever will be.
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<u8>,
    last: Ticket,
    owners: u64,
    /// A group failed: nothing is appended until RAM is what the disk has.
    is_failing: bool,
    is_closed: bool,
}

impl Journal {
    /// An empty queue. Somebody must take its groups: a [`Writer`](crate::Writer), or a simulation.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        let shared = Shared { limits, queue: Mutex::default(), filled: Condvar::new() };
        Self { shared: Arc::new(shared), owner: 0 }
    }

    /// The end for one of several owners, numbered 0 to 63: who is to hear of the outcome.
    #[must_use]
    pub fn of(&self, owner: u8) -> Self {
        Self { shared: Arc::clone(&self.shared), owner: owner % 64 }
    }

    /// Appends: `key` has the value that `write` writes. It does not wait for the disk.
    ///
    /// # Errors
    /// [`Busy`], and nothing is appended. `write` is not called then.
    pub fn put(&self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Result<Ticket, Busy> {
        let mut queue = self.lock();
        if queue.is_failing || queue.frames.len() >= self.shared.limits.queued_bytes_max {
            return Err(Busy);
        }
        frame::put(key, write, &mut queue.frames);
        Ok(self.ticket(queue))
    }

    /// Appends: `key` is removed.
    ///
    /// # Errors
    /// As [`Journal::put`].
    pub fn remove(&self, key: &[u8]) -> Result<Ticket, Busy> {
        let queue = self.lock();
        if queue.is_failing || queue.frames.len() >= self.shared.limits.queued_bytes_max {
            return Err(Busy);
        }
        Ok(self.removed(key, queue))
    }

    /// As [`Journal::remove`], for what cannot be refused: it may pass the bound.
    pub fn remove_always(&self, key: &[u8]) -> Ticket {
        self.removed(key, self.lock())
    }

    /// Octets that wait.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.lock().frames.len()
    }

    /// What is queued, if anything is.
    #[must_use]
    pub fn take(&self) -> Option<Group> {
        taken(&mut self.lock())
    }

    /// Waits until something is queued, and takes it; `None`: the queue was closed and is empty.
    pub(crate) fn wait(&self) -> Option<Group> {
        let mut queue = self.lock();
        loop {
            if let Some(group) = taken(&mut queue) {
                return Some(group);
            }
            if queue.is_closed {
                return None;
            }
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The group could not be written. What was queued behind it fails with it, since it may build upon
    /// it, and nothing more is appended until [`Journal::recovered`].
    pub fn failed(&self, group: &Group) -> Outcome {
        let mut queue = self.lock();
        queue.is_failing = true;
        let behind = taken(&mut queue);
        let (upto, more) = behind.map_or((group.upto, 0), |behind| (behind.upto, behind.owners));
        Outcome { upto, is_durable: false, owners: group.owners | more }
    }

    /// RAM is again what the disk has.
    pub fn recovered(&self) {
        self.lock().is_failing = false;
    }

    /// Nothing more will be appended: the writer ends when it has written what is queued.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.shared.filled.notify_all();
    }

    fn removed(&self, key: &[u8], mut queue: MutexGuard<'_, Queue>) -> Ticket {
        frame::remove(key, &mut queue.frames);
        self.ticket(queue)
    }

    fn ticket(&self, mut queue: MutexGuard<'_, Queue>) -> Ticket {
        queue.last.0 += 1;
        queue.owners |= 1 << self.owner;
        let ticket = queue.last;
        drop(queue);
        self.shared.filled.notify_one();
        ticket
    }

    /// Whoever panicked left a whole frame or part of the last one, which a reader skips.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn taken(queue: &mut Queue) -> Option<Group> {
    if queue.frames.is_empty() {
        return None;
    }
    let frames = std::mem::take(&mut queue.frames);
    Some(Group { frames, upto: queue.last, owners: std::mem::take(&mut queue.owners) })
}

impl Group {
    /// The outcome once it is durable.
    #[must_use]
    pub fn durable(&self) -> Outcome {
        Outcome { upto: self.upto, is_durable: true, owners: self.owners }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(journal: &Journal, key: &str) -> Result<Ticket, Busy> {
        journal.put(key.as_bytes(), |out| out.extend_from_slice(b"value"))
    }

    #[test]
    fn what_gathers_while_the_disk_works_is_the_next_group() {
        let journal = Journal::new(QueueLimits::default());
        put(&journal.of(0), "a").unwrap();
        put(&journal.of(5), "b").unwrap();
        let first = journal.take().unwrap();
        assert!(journal.take().is_none());
        let ticket = put(&journal.of(1), "c").unwrap();
        assert_eq!(first.durable(), Outcome { upto: Ticket(2), is_durable: true, owners: 0b10_0001 });
        let second = journal.take().unwrap();
        assert_eq!(second.durable(), Outcome { upto: ticket, is_durable: true, owners: 0b10 });
    }

    #[test]
    fn a_full_queue_refuses_and_has_room_again_when_it_was_taken() {
        let journal = Journal::new(QueueLimits { queued_bytes_max: 30 });
        put(&journal, "a").unwrap();
        put(&journal, "b").unwrap();
        assert_eq!(put(&journal, "c"), Err(Busy));
        assert_eq!(journal.remove(b"a"), Err(Busy));
        journal.remove_always(b"a");
        assert!(journal.take().is_some());
        assert!(put(&journal, "c").is_ok());
    }

    #[test]
    fn what_was_queued_behind_a_failure_fails_with_it() {
        let journal = Journal::new(QueueLimits::default());
        put(&journal.of(1), "a").unwrap();
        let group = journal.take().unwrap();
        let behind = put(&journal.of(2), "b").unwrap();
        let outcome = journal.failed(&group);
        assert_eq!(outcome, Outcome { upto: behind, is_durable: false, owners: 0b110 });
        assert_eq!(put(&journal, "c"), Err(Busy), "RAM is not yet what the disk has");
        journal.recovered();
        assert!(put(&journal, "c").is_ok());
    }

    #[test]
    fn a_closed_queue_is_written_out_and_ends() {
        let journal = Journal::new(QueueLimits::default());
        put(&journal, "a").unwrap();
        journal.close();
        assert!(journal.wait().is_some());
        assert!(journal.wait().is_none());
    }
}
