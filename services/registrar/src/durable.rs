//! Bindings that outlive the process: what is read at the start, what is appended with each change, and
//! what is undone when a change could not be written (DESIGN section 5).
//!
//! RAM is first: a change is there at once, for look-ups and for the next REGISTER, and its answer waits
//! for the disk. One record is the whole of what an address-of-record has then; its order among others is
//! that of the shard's lock. What RAM had before is kept until the disk has the change; a change that
//! fails is undone, with all that were made after it, before anybody makes another.
//!
//! Not here: the queue, the thread and the disk (io/store), who waits for the answer (apps/node).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use ruf_admission::AddressOfRecord;
use ruf_message::{Entropy, Tick};
use ruf_registrar_core::{Binding, Bindings, Epoch, Gruus, decode, encode};
use ruf_store::{Busy, Error, Journal, Outcome, Record, Space, Store, Ticket};

use crate::registrar::{Limits, Registrar, Shard};

/// The journal of the bindings in the store.
pub const BINDINGS: Space = Space::new("bindings");

/// Where changes go.
#[derive(Clone, Debug)]
pub(crate) struct Durable {
    journal: Journal,
    epoch: Epoch,
}

/// What an address-of-record had before a change that is not on the disk yet.
#[derive(Debug)]
pub(crate) struct Undo {
    ticket: Ticket,
    address: AddressOfRecord,
    before: Bindings,
}

/// What was found at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Bindings that are live.
    pub bindings: usize,
    /// Addresses-of-record of which nothing is live any more.
    pub lapsed: usize,
    /// Records that could not be read and were skipped.
    pub unreadable: usize,
    /// Octets between records that made no sense.
    pub damaged_bytes: usize,
}

impl Durable {
    /// Appends what an address-of-record has now.
    pub(crate) fn append(&self, address: &AddressOfRecord, bindings: &[Binding]) -> Result<Ticket, Busy> {
        let key = address.as_str().as_bytes();
        if bindings.is_empty() {
            self.journal.remove(key)
        } else {
            self.journal.put(key, |out| encode(bindings, self.epoch, out))
        }
    }

    /// It has none any more, and that cannot be refused.
    pub(crate) fn append_removal(&self, address: &AddressOfRecord) {
        self.journal.remove_always(address.as_str().as_bytes());
    }

    /// It has none any more, which a start would find out by itself.
    pub(crate) fn append_lapse(&self, address: &AddressOfRecord) {
        // A queue that is full has better things to write.
        let _ = self.journal.remove(address.as_str().as_bytes());
    }
}

impl Registrar {
    /// What the journal of `store` holds, and from here on every change is appended to `journal`, whose
    /// outcomes must reach [`Registrar::settle`]. `epoch` says what the ticks of this run mean. A record
    /// that cannot be read costs no other.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(
        limits: Limits,
        gruus: Gruus,
        entropy: Entropy,
        (store, journal): (&Store, Journal),
        (epoch, now): (Epoch, Tick),
    ) -> Result<(Self, Loaded), Error> {
        let durable = Durable { journal, epoch };
        let registrar = Self::with(limits, gruus, entropy, Some(durable.clone()));
        let (mut loaded, mut lapsed) = (Loaded::default(), BTreeSet::new());
        store.replay(BINDINGS, |record| match record {
            Record::Damaged(bytes) => loaded.damaged_bytes += bytes,
            Record::Removed(key) => match address_of(key) {
                Some(address) => {
                    lapsed.remove(&address);
                    registrar.replace(&address, Bindings::new());
                }
                None => loaded.unreadable += 1,
            },
            Record::Put(key, value) => match (address_of(key), decode(value, epoch, now)) {
                (Some(address), Ok(bindings)) => {
                    if bindings.is_empty() {
                        lapsed.insert(address.clone());
                    } else {
                        lapsed.remove(&address);
                    }
                    registrar.replace(&address, bindings);
                }
                (None, _) | (_, Err(_)) => loaded.unreadable += 1,
            },
        })?;
        // Not before all is read: a later record may say that there is more.
        lapsed.iter().for_each(|address| durable.append_lapse(address));
        loaded.lapsed = lapsed.len();
        loaded.bindings = registrar.len();
        Ok((registrar, loaded))
    }

    /// The handle of one of several workers, numbered 0 to 63: the outcome of what it appends is told to
    /// that number.
    #[must_use]
    pub fn of_worker(&self, worker: u8) -> Self {
        let mut handle = self.clone();
        if let Some(durable) = &mut handle.durable {
            durable.journal = durable.journal.of(worker);
        }
        handle
    }

    /// The disk has spoken: changes up to a ticket are durable, or are undone here. Nobody makes another
    /// meanwhile, since the queue refuses until this returns; the workers are told after it.
    pub fn settle(&self, outcome: &Outcome) {
        for mut shard in self.shared.shards() {
            if outcome.is_durable {
                while shard.undo.front().is_some_and(|undo| undo.ticket <= outcome.upto) {
                    shard.undo.pop_front();
                }
            } else {
                self.undo(&mut shard, outcome.upto);
            }
            if shard.undo.is_empty() {
                // What a busy moment took is given back.
                shard.undo.shrink_to(SHARD_UNDO_KEPT);
            }
        }
    }

    /// The latest first: what remains is what was there before the earliest.
    fn undo(&self, shard: &mut Shard, upto: Ticket) {
        while let Some(undo) = shard.undo.pop_back_if(|undo| undo.ticket <= upto) {
            self.shared.set(shard, &undo.address, undo.before);
            shard.counters.accepted -= 1;
            shard.counters.refused += 1;
        }
        self.shared.note_deadline(shard);
    }

    fn replace(&self, address: &AddressOfRecord, bindings: Bindings) {
        let mut shard = self.shared.lock(self.shared.index(address));
        self.shared.set(&mut shard, address, bindings);
        self.shared.note_deadline(&shard);
    }
}

/// Places for undoing that a shard keeps when nothing is to be undone.
const SHARD_UNDO_KEPT: usize = 64;

impl Shard {
    /// Whether a change of this address-of-record is not on the disk yet.
    pub(crate) fn is_waiting(&self, address: &AddressOfRecord) -> bool {
        self.undo.iter().any(|undo| undo.address == *address)
    }

    pub(crate) fn remember(&mut self, ticket: Ticket, address: &AddressOfRecord, before: Bindings) {
        self.undo.push_back(Undo { ticket, address: address.clone(), before });
    }
}

impl crate::registrar::Shared {
    /// An address-of-record has these bindings, whatever it had.
    fn set(&self, shard: &mut Shard, address: &AddressOfRecord, bindings: Bindings) {
        let removed = shard.table.remove(address);
        let added = bindings.len();
        if added > 0 {
            shard.table.update(address, None, |place| *place = bindings);
        }
        self.held.fetch_add(added, Ordering::Relaxed);
        self.held.fetch_sub(removed, Ordering::Relaxed);
    }
}

fn address_of(key: &[u8]) -> Option<AddressOfRecord> {
    let (user, domain) = str::from_utf8(key).ok()?.rsplit_once('@')?;
    Some(AddressOfRecord::new(user, domain))
}
