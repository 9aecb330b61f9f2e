//! The nonces that were used, and with which counts (RFC 7616 §3.4): what makes a recorded answer worthless.
//!
//! An entry holds the highest `nc` and a window of those below it. The same `nc` a second time is a replay.
//!
//! A full table makes room by taking the entry of the oldest nonce away, and from then on no nonce that
//! was issued so early is taken any more: nothing can be replayed through a gap, a newcomer always gets
//! in, and whoever held an old nonce is told `stale=true` and comes back with a new one.
//!
//! [`UsedNonces`] is what the gate asks. A server of one worker has a [`NonceTable`]; where several workers
//! serve, they share one, since a phone's requests may reach any of them. Not here: how it is shared (the
//! node's), and how a nonce is made and known again (`nonce`).

use crate::nonce::{Nonce, Stale};
use ruf_message::Tick;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Which nonces were used.
pub trait UsedNonces: fmt::Debug + Send {
    /// Whether a nonce was issued so early that it is not taken any more.
    fn is_past(&self, nonce: Nonce) -> bool;

    /// Uses a nonce, with its count (`None`: the client sends none, so it may use it once). To be called
    /// when the password was proven, and only then.
    ///
    /// # Errors
    /// It was used with this count before, or could have been.
    // rfc7616 §3.4: the same nc twice is a replay
    fn spend(&mut self, now: Tick, nonce: Nonce, count: Option<u32>) -> Result<(), Stale>;

    /// Forgets what nobody could use again.
    fn expire(&mut self, now: Tick);

    /// When [`UsedNonces::expire`] next has something to do.
    fn deadline(&self) -> Option<Tick>;

    /// Entries held.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A bounded table of used nonces.
#[derive(Debug)]
pub struct NonceTable {
    lifetime: Duration,
    used: BTreeMap<Nonce, Window>,
    used_max: usize,
    /// Nothing issued at or before this is taken.
    floor: Option<Tick>,
}

impl NonceTable {
    /// For at most `used_max` nonces, each good for `lifetime` from its issue.
    pub fn new(lifetime: Duration, used_max: usize) -> Self {
        NonceTable { lifetime, used: BTreeMap::new(), used_max: used_max.max(1), floor: None }
    }
}

impl UsedNonces for NonceTable {
    fn is_past(&self, nonce: Nonce) -> bool {
        self.floor.is_some_and(|floor| nonce.issued <= floor)
    }

    fn spend(&mut self, now: Tick, nonce: Nonce, count: Option<u32>) -> Result<(), Stale> {
        self.expire(now);
        let count = count.unwrap_or(0);
        if let Some(window) = self.used.get_mut(&nonce) {
            return window.take(count);
        }
        while self.used.len() >= self.used_max
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.floor = Some(oldest.issued);
        }
        if self.is_past(nonce) {
            return Err(Stale); // the table is full of younger ones
        }
        self.used.insert(nonce, Window { highest: count, seen: 1 });
        Ok(())
    }

    fn expire(&mut self, now: Tick) {
        while let Some(oldest) = self.used.first_entry()
            && oldest.key().issued + self.lifetime <= now
        {
            oldest.remove();
        }
    }

    fn deadline(&self) -> Option<Tick> {
        self.used.first_key_value().map(|(oldest, _)| oldest.issued + self.lifetime)
    }

    fn len(&self) -> usize {
        self.used.len()
    }
}

/// Which counts were seen: the highest, and the 64 from it downwards. UDP may deliver out of order.
#[derive(Clone, Copy, Debug)]
struct Window {
    highest: u32,
    /// Bit n: highest - n was seen.
    seen: u64,
}

impl Window {
    fn take(&mut self, count: u32) -> Result<(), Stale> {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return Ok(());
        }
        let bit = 1u64.checked_shl(self.highest - count).unwrap_or(0);
        if bit == 0 || self.seen & bit != 0 {
            return Err(Stale);
        }
        self.seen |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_empty_until_a_nonce_was_used_and_when_it_is_over() {
        let mut table = NonceTable::new(Duration::from_secs(300), 2);
        assert!(table.is_empty());
        let nonce = Nonce { issued: Tick::ZERO, random: 1 };
        assert_eq!(table.spend(Tick::ZERO, nonce, Some(1)), Ok(()));
        assert!(!table.is_empty());
        table.expire(Tick::from_micros(300_000_000));
        assert!(table.is_empty());
    }
}
