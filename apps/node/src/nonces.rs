//! The used nonces of all workers: a phone's requests may reach any of them, and what one has seen spent
//! no other takes again.
//!
//! In parts, each behind a lock that is held for one look-up: two workers seldom want the same one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_admission::{Limits, Nonce, NonceTable, Stale, UsedNonces};
use ruf_message::Tick;

const PARTS: usize = 16;

/// A handle on the one table; its clones are handles on the same.
#[derive(Clone, Debug)]
pub struct SharedNonces {
    parts: Arc<[Mutex<NonceTable>]>,
}

impl SharedNonces {
    /// An empty table within these limits.
    pub fn new(limits: &Limits) -> SharedNonces {
        let part_max = limits.used_nonces_max.div_ceil(PARTS);
        let part = || Mutex::new(NonceTable::new(limits.nonce_lifetime, part_max));
        SharedNonces { parts: (0..PARTS).map(|_| part()).collect() }
    }

    fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, NonceTable>> {
        self.parts.iter().map(lock)
    }

    /// The part that a nonce belongs to. There is one: the remainder is below the number of parts.
    fn part(&self, nonce: Nonce) -> Option<MutexGuard<'_, NonceTable>> {
        let parts = u64::try_from(self.parts.len()).unwrap_or(1).max(1);
        let index = usize::try_from(nonce.spread() % parts).unwrap_or_default();
        self.parts.get(index).map(lock)
    }
}

/// A worker that panicked left the table whole: every change to it is one call.
fn lock(part: &Mutex<NonceTable>) -> MutexGuard<'_, NonceTable> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UsedNonces for SharedNonces {
    fn is_past(&self, nonce: Nonce) -> bool {
        self.part(nonce).is_none_or(|part| part.is_past(nonce))
    }

    fn spend(&mut self, now: Tick, nonce: Nonce, count: Option<u32>) -> Result<(), Stale> {
        self.part(nonce).ok_or(Stale)?.spend(now, nonce, count)
    }

    fn expire(&mut self, now: Tick) {
        self.parts().for_each(|mut part| part.expire(now));
    }

    fn deadline(&self) -> Option<Tick> {
        self.parts().filter_map(|part| part.deadline()).min()
    }

    fn len(&self) -> usize {
        self.parts().map(|part| part.len()).sum()
    }
}
