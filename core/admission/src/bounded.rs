//! A table that forgets: so many entries at most, each for a fixed time; when it is full, the oldest
//! makes room. What an attacker can fill is held in one of these, so that filling it costs the
//! defence a little memory of the past and never the service.

use ruf_message::Tick;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The order may hold so many places per entry, dead ones included, before it is cleared of those.
const PLACES_PER_ENTRY: usize = 5;

/// The table. A `BTreeMap` inside: no key that somebody else chooses makes it slow.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    /// In the order of `until`. A place whose `until` is not the entry's any more was renewed.
    order: VecDeque<(Tick, K)>,
    capacity: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: Tick,
}

impl<K: Ord + Clone, V> Bounded<K, V> {
    /// A table of at most `capacity` entries that live for `lifetime`.
    pub(crate) fn new(capacity: usize, lifetime: Duration) -> Self {
        Bounded { entries: BTreeMap::new(), order: VecDeque::new(), capacity: capacity.max(1), lifetime }
    }

    /// The entry of a key, if it is still alive.
    pub(crate) fn get(&self, now: Tick, key: &K) -> Option<&V> {
        self.entries.get(key).filter(|entry| entry.until > now).map(|entry| &entry.value)
    }

    /// The same, to change it. Its life gets no longer.
    pub(crate) fn get_mut(&mut self, now: Tick, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).filter(|entry| entry.until > now).map(|entry| &mut entry.value)
    }

    /// Puts an entry, for a whole lifetime from now, give or take a quarter: its place in the order is
    /// written anew only when that much has passed.
    pub(crate) fn put(&mut self, now: Tick, key: K, value: V) {
        self.expire(now);
        let until = now + self.lifetime;
        if self.order.len() > self.capacity.saturating_mul(PLACES_PER_ENTRY) {
            let entries = &self.entries;
            self.order.retain(|(until, key)| entries.get(key).is_some_and(|entry| entry.until == *until));
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.value = value;
            if until.saturating_sub(entry.until) < self.lifetime / 4 {
                return;
            }
        } else {
            while self.entries.len() >= self.capacity && self.forget_oldest() {}
            self.entries.insert(key.clone(), Entry { value, until });
            self.order.push_back((until, key));
            return;
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.until = until;
            self.order.push_back((until, key));
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Forgets what is over.
    pub(crate) fn expire(&mut self, now: Tick) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    /// When [`Bounded::expire`] next has something to do.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.order.front().map(|(until, _)| *until)
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the place at the front, and its entry unless that was renewed. False if there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some((until, key)) = self.order.pop_front() else { return false };
        if self.entries.get(&key).is_some_and(|entry| entry.until == until) {
            self.entries.remove(&key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    #[test]
    fn an_entry_lives_for_its_time_and_no_longer() {
        let mut table = Bounded::new(10, Duration::from_secs(100));
        table.put(at(0), 'a', 1);
        assert_eq!(table.get(at(99), &'a'), Some(&1));
        assert_eq!(table.get(at(100), &'a'), None);
        assert_eq!(table.get_mut(at(100), &'a'), None);
        assert_eq!(table.deadline(), Some(at(100)));
        table.expire(at(100));
        assert_eq!((table.len(), table.deadline()), (0, None));
    }

    #[test]
    fn a_full_table_forgets_the_oldest() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        for (secs, key) in [(0, 'a'), (1, 'b'), (40, 'a'), (41, 'c')] {
            table.put(at(secs), key, secs);
        }
        assert_eq!(
            (table.get(at(41), &'a'), table.get(at(41), &'b'), table.get(at(41), &'c')),
            (Some(&40), None, Some(&41))
        );
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn renewing_without_end_does_not_make_the_order_grow() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        for secs in 0..10_000 {
            table.put(at(secs), 'a', secs);
        }
        assert!(table.order.len() <= 5);
        assert_eq!(table.get(at(10_000), &'a'), Some(&9_999));
        table.remove(&'a');
        table.expire(at(20_000));
        assert_eq!((table.len(), table.order.len()), (0, 0));
    }

    #[test]
    fn removing_and_putting_without_end_does_not_make_the_order_grow() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        for micros in 0..10_000 {
            table.put(Tick::from_micros(micros), 'a', micros);
            table.remove(&'a');
        }
        assert!(table.order.len() <= 2 * PLACES_PER_ENTRY + 1);
    }

    #[test]
    fn what_is_alive_keeps_its_place_when_the_order_is_cleared() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        table.put(at(0), 'b', 0);
        for micros in 0..100 {
            table.put(Tick::from_micros(micros), 'a', micros);
            table.remove(&'a');
        }
        assert_eq!(table.get(at(99), &'b'), Some(&0));
        table.expire(at(101));
        assert_eq!((table.len(), table.order.len()), (0, 0));
    }

    #[test]
    fn a_place_is_written_anew_after_a_quarter_of_a_lifetime() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        table.put(at(0), 'a', 1);
        table.put(at(24), 'a', 2);
        assert_eq!(table.deadline(), Some(at(100)));
        assert_eq!(table.get(at(100), &'a'), None);
        table.put(at(25), 'a', 3);
        assert_eq!(table.get(at(124), &'a'), Some(&3));
    }

    #[test]
    fn an_entry_removed_and_put_again_is_not_forgotten_with_its_old_place() {
        let mut table = Bounded::new(2, Duration::from_secs(100));
        table.put(at(0), 'a', 1);
        table.remove(&'a');
        table.put(at(50), 'a', 2);
        table.expire(at(100));
        assert_eq!(table.get(at(149), &'a'), Some(&2));
    }
}
