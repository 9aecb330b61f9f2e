//! The table of bindings by address-of-record, and the order in which they expire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use ruf_admission::AddressOfRecord;
use ruf_message::Tick;
use ruf_registrar_core::{Binding, Bindings};

/// The order of expiry is kept lazily: an address-of-record is armed for its earliest expiry and
/// stays so when that binding is refreshed. What comes due is looked at, and armed again for the
/// earliest expiry there is then.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// By the hash of the address-of-record in their slots.
    places: HashTable<Place>,
    hasher: RandomState,
    slots: Slots,
    vacant: Vec<Place>,
    expiries: BinaryHeap<Reverse<(Tick, Place)>>,
    bindings: usize,
}

/// Where the bindings of an address-of-record stand, until they are all gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn numbered(number: u32) -> Self {
        Place(number)
    }
}

#[derive(Debug)]
struct Slot {
    /// `None`: vacant.
    address: Option<AddressOfRecord>,
    /// In the order of their first registration; as long as its allocation.
    bindings: Bindings,
    /// The one entry of `expiries` that counts for this slot, or [`NEVER`].
    armed: Tick,
}

/// All slots, in pages, so that a table that grows is never copied and has no more room than it needs.
#[derive(Debug, Default)]
struct Slots {
    pages: Vec<Vec<Slot>>,
}

/// Slots of one page.
const PAGE: usize = 32;

impl Slots {
    fn get(&self, Place(place): Place) -> Option<&Slot> {
        self.pages.get(place as usize / PAGE)?.get(place as usize % PAGE)
    }

    fn get_mut(&mut self, Place(place): Place) -> Option<&mut Slot> {
        self.pages.get_mut(place as usize / PAGE)?.get_mut(place as usize % PAGE)
    }

    fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.pages.iter().flatten()
    }

    /// One more, which is vacant.
    fn push(&mut self) -> Place {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let within = self.pages.last_mut().map_or(0, |page| {
            page.push(Slot::default());
            page.len() - 1
        });
        // Far fewer than 2**32 bindings fit into memory.
        Place(u32::try_from(before + within).unwrap_or(u32::MAX))
    }
}

/// Nothing is armed: no entry has this time, for it never comes.
const NEVER: Tick = Tick::from_micros(u64::MAX);

impl Slot {
    fn is_of(&self, address: &AddressOfRecord) -> bool {
        self.address.as_ref() == Some(address)
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self { address: None, bindings: Bindings::new(), armed: NEVER }
    }
}

/// Entries of `expiries` that no longer count are swept out when there are more of them than of
/// others, and than this.
const STALE_EXPIRIES_MAX: usize = 1_024;

impl Table {
    pub(crate) fn get(&self, address: &AddressOfRecord) -> &[Binding] {
        self.at(self.place(address))
    }

    /// Where the bindings of an address-of-record stand, expired ones among them.
    pub(crate) fn place(&self, address: &AddressOfRecord) -> Option<Place> {
        let is_it = |place: &Place| self.slots.get(*place).is_some_and(|slot| slot.is_of(address));
        self.places.find(self.hasher.hash_one(address), is_it).copied()
    }

    /// The bindings at a place that [`Table::live`] or [`Table::update`] gave.
    pub(crate) fn at(&self, place: Option<Place>) -> &[Binding] {
        let slot = place.and_then(|place| self.slots.get(place));
        slot.map_or(&[], |slot| &slot.bindings)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&AddressOfRecord, &Binding)> {
        let held = self.slots.iter().filter_map(|slot| Some((slot.address.as_ref()?, &slot.bindings)));
        held.flat_map(|(address, bindings)| bindings.iter().map(move |binding| (address, binding)))
    }

    pub(crate) fn addresses(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.expiries.peek().map(|Reverse((due, _))| *due)
    }

    /// The place of an address-of-record once everything that has expired there is gone, and how much
    /// that was.
    pub(crate) fn live(&mut self, address: &AddressOfRecord, now: Tick) -> (Option<Place>, usize) {
        let Some(place) = self.place(address) else { return (None, 0) };
        if self.at(Some(place)).iter().all(|binding| binding.is_live(now)) {
            return (Some(place), 0);
        }
        let expired = self.expire_place(place, now);
        let is_left = self.slots.get(place).is_some_and(|slot| slot.address.is_some());
        (is_left.then_some(place), expired)
    }

    /// Changes the bindings of an address-of-record that stand at `place`; `None`: it has none.
    pub(crate) fn update(
        &mut self,
        address: &AddressOfRecord,
        place: Option<Place>,
        change: impl FnOnce(&mut Bindings),
    ) -> Option<Place> {
        let place = place.unwrap_or_else(|| self.vacate(address));
        let slot = self.slots.get_mut(place)?;
        let before = slot.bindings.len();
        change(&mut slot.bindings);
        slot.bindings.shrink_to_fit();
        let after = slot.bindings.len();
        self.bindings = self.bindings + after - before;
        self.settle(place);
        (after > 0).then_some(place)
    }

    /// Removes an address-of-record; returns how many bindings it had.
    pub(crate) fn remove(&mut self, address: &AddressOfRecord) -> usize {
        let before = self.bindings;
        if let Some(place) = self.place(address) {
            self.update(address, Some(place), Bindings::clear);
        }
        before - self.bindings
    }

    /// Removes everything that has expired; returns how much. `gone` is told of each address-of-record that
    /// has nothing left.
    pub(crate) fn expire(&mut self, now: Tick, gone: &mut dyn FnMut(&AddressOfRecord)) -> usize {
        let mut expired = 0;
        while let Some(Reverse((due, place))) = self.expiries.peek().copied()
            && due <= now
        {
            self.expiries.pop();
            if let Some(slot) = self.slots.get_mut(place)
                && slot.armed == due
            {
                slot.armed = NEVER;
                let address = slot.address.clone();
                expired += self.expire_place(place, now);
                if let (true, Some(address)) = (self.at(Some(place)).is_empty(), address) {
                    gone(&address);
                }
            }
        }
        expired
    }

    fn expire_place(&mut self, place: Place, now: Tick) -> usize {
        let Some(slot) = self.slots.get_mut(place) else { return 0 };
        let before = slot.bindings.len();
        slot.bindings.retain(|binding| binding.is_live(now));
        let expired = before - slot.bindings.len();
        if expired > 0 {
            slot.bindings.shrink_to_fit();
            self.bindings -= expired;
        }
        self.settle(place);
        expired
    }

    /// A slot for a new address-of-record.
    fn vacate(&mut self, address: &AddressOfRecord) -> Place {
        let place = self.vacant.pop().unwrap_or_else(|| self.slots.push());
        if let Some(slot) = self.slots.get_mut(place) {
            slot.address = Some(address.clone());
        }
        let Self { places, hasher, slots, .. } = self;
        let hash_of = |place: &Place| {
            let address = slots.get(*place).and_then(|slot| slot.address.as_ref());
            address.map_or(0, |address| hasher.hash_one(address))
        };
        places.insert_unique(hasher.hash_one(address), place, hash_of);
        place
    }

    /// After a change: arms the slot for its earliest expiry, or gives it up if it is empty.
    fn settle(&mut self, place: Place) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        match slot.bindings.iter().map(Binding::expires).min() {
            None => {
                if let Some(address) = std::mem::take(slot).address {
                    let hash = self.hasher.hash_one(&address);
                    if let Ok(found) = self.places.find_entry(hash, |other| *other == place) {
                        found.remove();
                    }
                    self.vacant.push(place);
                }
            }
            Some(earliest) if earliest < slot.armed => {
                slot.armed = earliest;
                self.expiries.push(Reverse((earliest, place)));
            }
            Some(_) => {}
        }
        if self.expiries.len() > 2 * self.places.len() + STALE_EXPIRIES_MAX {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let slots = &self.slots;
        let counts = |due: &Tick, place: &Place| slots.get(*place).is_some_and(|slot| slot.armed == *due);
        self.expiries.retain(|Reverse((due, place))| counts(due, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{Flow, Transport, Uri};
    use ruf_registrar_core::Fresh;

    fn address(number: u32) -> AddressOfRecord {
        AddressOfRecord::new(&format!("user{number}"), "a.example")
    }

    fn binding(expires: u64) -> Binding {
        let uri: Uri = "sip:a@h".parse().unwrap();
        let ip = "192.0.2.1:5060".parse().unwrap();
        let flow = Flow { transport: Transport::Udp, listener: 0, local: ip, remote: ip, connection: 0 };
        let fresh = Fresh {
            contact: uri.as_ref(),
            flow,
            expires: Tick::from_micros(expires),
            granted_secs: 3_600,
            is_outbound: false,
            run: None,
            q: 1_000,
            call_id: b"1",
            cseq: 1,
            params: b"",
            user_agent: b"",
            path: b"",
        };
        Binding::new(&fresh, 100).unwrap()
    }

    impl Table {
        fn expire_all(&mut self, now: Tick) -> usize {
            self.expire(now, &mut |_| {})
        }
    }

    fn set(table: &mut Table, number: u32, expires: u64) {
        let place = table.live(&address(number), Tick::ZERO).0;
        table.update(&address(number), place, |bindings| *bindings = Bindings::from([binding(expires)]));
    }

    #[test]
    fn refreshing_arms_nothing_new() {
        let mut table = Table::default();
        for expires in 100..1_000 {
            set(&mut table, 1, expires);
        }
        assert_eq!(table.expiries.len(), 1);
        assert_eq!(table.expire_all(Tick::from_micros(500)), 0, "armed for 100, looked at, and armed again");
        assert_eq!((table.expiries.len(), table.deadline()), (1, Some(Tick::from_micros(999))));
        assert_eq!(table.expire_all(Tick::from_micros(999)), 1);
        assert!(table.expiries.is_empty());
    }

    #[test]
    fn an_entry_that_no_longer_counts_arms_nothing() {
        let mut table = Table::default();
        set(&mut table, 1, 200);
        set(&mut table, 1, 100);
        set(&mut table, 1, 1_000);
        assert_eq!(table.expiries.len(), 2);
        table.expire_all(Tick::from_micros(100));
        table.expire_all(Tick::from_micros(200));
        assert_eq!((table.expiries.len(), table.deadline()), (1, Some(Tick::from_micros(1_000))));
    }

    #[test]
    fn slots_are_used_again() {
        let mut table = Table::default();
        for number in 0..100 {
            set(&mut table, number, 100);
            assert_eq!(table.remove(&address(number)), 1);
        }
        assert_eq!((table.slots.iter().count(), table.addresses(), table.bindings), (1, 0, 0));
        set(&mut table, 7, 300);
        assert_eq!(table.expire_all(Tick::from_micros(100)), 0, "what was armed before does not touch it");
        assert_eq!(table.get(&address(7)).len(), 1);
    }

    #[test]
    fn entries_that_no_longer_count_are_swept_out() {
        let mut table = Table::default();
        set(&mut table, 1, 5_000_000);
        for round in 0..10_000 {
            set(&mut table, 2, 1_000_000 + round);
            table.remove(&address(2));
        }
        assert!(table.expiries.len() <= STALE_EXPIRIES_MAX + 4, "{}", table.expiries.len());
        assert_eq!(table.expire_all(Tick::from_micros(5_000_000)), 1);
    }
}
