//! The used nonces of all workers: a phone's requests may reach any of them, and what one has seen spent
//! no other takes again.
//!
//! In parts, each behind a lock that is held for one look-up: two workers seldom want the same one. When the next one is
//! over is asked each turn, and noted beside the locks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_admission::{Limits, Nonce, NonceTable, Stale, UsedNonces};
use ruf_message::Tick;

const PARTS: usize = 16;
/// No nonce is used.
const NEVER: u64 = u64::MAX;

/// A handle on the one table; its clones are handles on the same.
#[derive(Clone, Debug)]
pub struct SharedNonces {
    parts: Arc<[Mutex<NonceTable>]>,
    /// In microseconds: before then, none is over.
    soonest: Arc<AtomicU64>,
}

impl SharedNonces {
    /// An empty table within these limits.
    pub fn new(limits: &Limits) -> SharedNonces {
        let part_max = limits.used_nonces_max.div_ceil(PARTS);
        let part = || Mutex::new(NonceTable::new(limits.nonce_lifetime, part_max));
        SharedNonces { parts: (0..PARTS).map(|_| part()).collect(), soonest: Arc::new(AtomicU64::new(NEVER)) }
    }

    /// Notes when the first of a part is over, while the part is held.
    fn note(&self, part: &NonceTable) {
        let first = part.deadline().map_or(NEVER, Tick::as_micros);
        self.soonest.fetch_min(first, Ordering::AcqRel);
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
        let mut part = self.part(nonce).ok_or(Stale)?;
        let spent = part.spend(now, nonce, count);
        self.note(&part);
        spent
    }

    fn expire(&mut self, now: Tick) {
        if self.deadline().is_none_or(|soonest| soonest > now) {
            return;
        }
        // What another worker spends in a part that was looked at already it notes itself, after this.
        self.soonest.store(NEVER, Ordering::Release);
        for mut part in self.parts() {
            part.expire(now);
            self.note(&part);
        }
    }

    fn deadline(&self) -> Option<Tick> {
        let soonest = self.soonest.load(Ordering::Acquire);
        (soonest != NEVER).then_some(Tick::from_micros(soonest))
    }

    fn len(&self) -> usize {
        self.parts().map(|part| part.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_over_is_known_without_a_look_at_all_and_goes_when_it_is() {
        let limits = Limits::default();
        let over = |issued: Tick| issued + limits.nonce_lifetime;
        let mut nonces = SharedNonces::new(&limits);
        assert_eq!(nonces.deadline(), None);
        let [early, late] = [1_000, 2_000].map(Tick::from_micros);
        for (random, issued) in [(1, late), (2, early), (3, late)] {
            assert_eq!(nonces.clone().spend(late, Nonce::new(issued, random), Some(1)), Ok(()));
        }
        assert_eq!((nonces.deadline(), nonces.len()), (Some(over(early)), 3));
        nonces.expire(Tick::from_micros(over(early).as_micros() - 1));
        assert_eq!(nonces.len(), 3, "none is over");
        nonces.expire(over(early));
        assert_eq!((nonces.deadline(), nonces.len()), (Some(over(late)), 2));
        nonces.expire(over(late));
        assert_eq!((nonces.deadline(), nonces.len()), (None, 0));
    }
}
