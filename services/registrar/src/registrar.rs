//! The registrar of all workers: REGISTERs of one address-of-record one at a time, in the order received,
//! each whole or not at all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_admission::{AddressOfRecord, Admitted, Identity, Ourselves};
use ruf_message::{Entropy, Flow, Tick, UriRef};
use ruf_registrar_core::{
    Asked, Binding, Bindings, Change, Gruu, Gruus, Reject, Rules, address_of_record, answer, apply, changes,
};

use crate::durable::{Durable, Undo};
use crate::registered::Registered;
use crate::table::Table;

/// A phone that finds the table full comes back after so many seconds, and up to as many more, so
/// that they do not all come at once.
const RETRY_AFTER_SECS: u32 = 30;

/// Parts of the table. Two of up to 64 workers seldom want the same one.
pub(crate) const SHARDS: usize = 64;

/// In [`Shared::soonest`]: nothing expires.
const NEVER: u64 = u64::MAX;

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bindings of all addresses-of-record. A REGISTER that adds one more gets a 503.
    pub bindings_max: usize,
    /// Durations granted, and the bounds of one address-of-record.
    pub address: ruf_registrar_core::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bindings_max: 1_000_000, address: ruf_registrar_core::Limits::default() }
    }
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// REGISTERs answered with 200.
    pub accepted: u64,
    /// REGISTERs answered otherwise.
    pub refused: u64,
    /// Bindings added.
    pub added: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// Bindings removed by a REGISTER.
    pub removed: u64,
    /// Bindings that nobody refreshed in time.
    pub expired: u64,
}

impl Counters {
    fn add(&mut self, other: &Counters) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.added += other.added;
        self.refreshed += other.refreshed;
        self.removed += other.removed;
        self.expired += other.expired;
    }
}

/// Who is where: a handle on one bounded table of bindings by address-of-record. Its clones are handles
/// on the same, one for each worker; all are told one and the same time.
///
/// The table is in parts by the hash of the address-of-record, each behind a lock. A lock is held for one
/// request and never while anything is waited for.
#[derive(Clone, Debug)]
pub struct Registrar {
    pub(crate) shared: Arc<Shared>,
    /// `None`: RAM is all there is.
    pub(crate) durable: Option<Durable>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    limits: Limits,
    gruus: Gruus,
    shards: Box<[Mutex<Shard>]>,
    /// Bindings in all shards: whoever adds has made room here before.
    pub(crate) held: AtomicUsize,
    /// No shard has a deadline before this one, in microseconds.
    soonest: AtomicU64,
    /// Spreads the phones that find it full.
    spread: Mutex<Entropy>,
}

#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) table: Table,
    pub(crate) counters: Counters,
    /// In the order of the tickets; empty where nothing is durable.
    pub(crate) undo: VecDeque<Undo>,
}

/// Why a REGISTER was not done.
enum Stopped {
    /// For good.
    Refused(Reject),
    /// The table is full; it may help to forget what has expired elsewhere.
    Full,
}

impl From<Reject> for Stopped {
    fn from(reject: Reject) -> Self {
        Stopped::Refused(reject)
    }
}

impl Registrar {
    /// An empty table. `gruus` outlive a restart as their key does; `entropy` spreads the phones that find
    /// the table full.
    #[must_use]
    pub fn new(limits: Limits, gruus: Gruus, entropy: Entropy) -> Self {
        Self::with(limits, gruus, entropy, None)
    }

    pub(crate) fn with(limits: Limits, gruus: Gruus, entropy: Entropy, durable: Option<Durable>) -> Self {
        let shared = Shared {
            limits,
            gruus,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            held: AtomicUsize::new(0),
            soonest: AtomicU64::new(NEVER),
            spread: Mutex::new(entropy),
        };
        Self { shared: Arc::new(shared), durable }
    }

    /// Does what an admitted REGISTER asks, and answers it with this To tag.
    // rfc3261 §10.3-4, §10.3-5, §10.3-6: in the order received, atomically, each on its own
    pub fn register(
        &self,
        now: Tick,
        admitted: &Admitted,
        ourselves: &Ourselves,
        to_tag: &str,
    ) -> Registered {
        let address = match address_of_record(admitted) {
            Ok(address) => address,
            Err(reject) => return self.refuse(0, to_tag, reject),
        };
        let asked = Asked { request: admitted.request(), flow: admitted.flow(), address, to_tag, now };
        let shard = self.shared.index(address);
        let mut done = self.try_register(shard, &asked, ourselves);
        if matches!(done, Err(Stopped::Full)) {
            // Others may have expired since the last tick.
            self.tick(now);
            done = self.try_register(shard, &asked, ourselves);
        }
        match done {
            Ok(registered) => registered,
            Err(Stopped::Refused(reject)) => self.refuse(shard, to_tag, reject),
            Err(Stopped::Full) => self.refuse(shard, to_tag, self.overloaded(admitted.identity())),
        }
    }

    /// What `copy` makes of each live binding of an address-of-record, in the order of their first
    /// registration, without contacts that are no SIP URIs: where requests for it may go. A shard is
    /// locked meanwhile: `copy` asks nothing of the registrar.
    pub fn locate<T>(&self, now: Tick, address: &AddressOfRecord, copy: impl FnMut(&Binding) -> T) -> Vec<T> {
        let shard = self.shared.lock(self.shared.index(address));
        let bindings = shard.table.get(address).iter();
        bindings.filter(|binding| binding.is_live(now) && binding.is_target()).map(copy).collect()
    }

    /// A phone whose connection was gone was reached by another: its bindings lead there from now on, for
    /// all workers. It is not written to the disk: after a restart no connection is left anyway.
    pub fn reconnected(&self, address: &AddressOfRecord, before: &Flow, after: &Flow) {
        let mut shard = self.shared.lock(self.shared.index(address));
        let place = shard.table.place(address);
        if shard.table.at(place).iter().all(|binding| binding.flow() != *before) {
            return;
        }
        shard.table.update(address, place, |bindings| {
            for binding in bindings.iter_mut().filter(|binding| binding.flow() == *before) {
                *binding = binding.by_flow(after);
            }
        });
    }

    /// What a URI with the parameter `gr` says; `None`: it is no GRUU of ours.
    // rfc5627 §6.1
    #[must_use]
    pub fn gruu(&self, uri: UriRef<'_>, ourselves: &Ourselves) -> Option<Gruu> {
        self.shared.gruus.read(uri, ourselves)
    }

    /// What `copy` makes of each live binding and its address-of-record, at most `max`. The order is that
    /// of the shards, and within one that of the requests: a simulation sees the same each time. A shard
    /// is locked meanwhile: `copy` asks nothing of the registrar.
    pub fn list<T>(
        &self,
        now: Tick,
        max: usize,
        mut copy: impl FnMut(&AddressOfRecord, &Binding) -> T,
    ) -> Vec<T> {
        let mut copied = Vec::new();
        for shard in self.shared.shards() {
            let live = shard.table.iter().filter(|(_, binding)| binding.is_live(now));
            let room = max - copied.len();
            copied.extend(live.take(room).map(|(address, binding)| copy(address, binding)));
        }
        copied
    }

    /// Forgets every binding of an address-of-record, as when its account is removed; returns how
    /// many there were.
    pub fn remove_all(&self, address: &AddressOfRecord) -> usize {
        let mut shard = self.shared.lock(self.shared.index(address));
        let removed = shard.table.remove(address);
        self.shared.held.fetch_sub(removed, Ordering::Relaxed);
        if let Some(durable) = self.durable.as_ref().filter(|_| removed > 0) {
            durable.append_removal(address);
        }
        removed
    }

    /// Forgets what has expired. Whoever of several workers comes first does it for all.
    pub fn tick(&self, now: Tick) {
        let shared = &self.shared;
        if shared.soonest.load(Ordering::Acquire) > now.as_micros() {
            return;
        }
        // A shard that changes from here on says so itself, and one that has changed before is looked at
        // below: no deadline is lost between the two.
        shared.soonest.store(NEVER, Ordering::Release);
        for mut shard in shared.shards() {
            let expired = shard.table.expire(now, &mut |address| {
                if let Some(durable) = &self.durable {
                    durable.append_lapse(address);
                }
            });
            shared.count_expired(&mut shard, expired);
            shared.note_deadline(&shard);
        }
    }

    /// When to call [`Registrar::tick`] next; early or late does no harm.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        let soonest = self.shared.soonest.load(Ordering::Acquire);
        (soonest != NEVER).then_some(Tick::from_micros(soonest))
    }

    /// Bindings held, with those that have expired since the last tick.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.held.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Addresses-of-record that have bindings.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.shared.shards().map(|shard| shard.table.addresses()).sum()
    }

    /// What happened since the start, or since it was last forgotten.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        self.shared.shards().for_each(|shard| all.add(&shard.counters));
        all
    }

    /// Counts from zero again: the built-in test at the start counts for nothing.
    pub fn forget_counters(&self) {
        self.shared.shards().for_each(|mut shard| shard.counters = Counters::default());
    }

    /// The answer to a REGISTER whose change the disk did not take.
    pub fn not_stored(&self, to_tag: &str) -> Registered {
        Registered::refused(Reject::NotStored { retry_after_secs: self.spread_secs() }, to_tag)
    }

    fn refuse(&self, shard: usize, to_tag: &str, reject: Reject) -> Registered {
        self.shared.lock(shard).counters.refused += 1;
        Registered::refused(reject, to_tag)
    }

    fn spread_secs(&self) -> u32 {
        RETRY_AFTER_SECS + lock(&self.shared.spread).u32() % RETRY_AFTER_SECS
    }

    // rfc3261 §21.5.4
    fn overloaded(&self, identity: &Identity) -> Reject {
        let retry_after_secs = match identity {
            Identity::Account(_) => Some(self.spread_secs()),
            Identity::Peer(_) | Identity::Dialog(_) | Identity::Guest => None,
        };
        Reject::Overloaded { retry_after_secs }
    }

    fn try_register(
        &self,
        shard: usize,
        asked: &Asked<'_>,
        ourselves: &Ourselves,
    ) -> Result<Registered, Stopped> {
        let shared = &*self.shared;
        let (address, now) = (asked.address, asked.now);
        let shard = &mut *shared.lock(shard);
        // What has expired is gone, whether or not the timer was first.
        let (mut place, expired) = shard.table.live(address, now);
        shared.count_expired(shard, expired);
        let rules = Rules { ourselves, limits: &shared.limits.address, gruus: &shared.gruus };
        let changes = changes(asked, shard.table.at(place), &rules)?;
        let count = Count::of(&changes);
        if !shared.make_room(&count) {
            return Err(Stopped::Full);
        }
        let mut ticket = None;
        // What lists, or rests on, what the disk does not have yet waits for it as well: it is appended again.
        if !changes.is_empty() || shard.is_waiting(address) {
            let before = self.durable.is_some().then(|| Bindings::from(shard.table.at(place)));
            place = shard.table.update(address, place, |bindings| apply(changes, bindings));
            if let (Some(durable), Some(before)) = (&self.durable, before) {
                match durable.append(address, shard.table.at(place)) {
                    Ok(appended) => {
                        shard.remember(appended, address, before);
                        ticket = Some(appended);
                    }
                    Err(ruf_store::Busy) => {
                        shard.table.update(address, place, |bindings| *bindings = before);
                        shared.take_back(&count);
                        let retry_after_secs = self.spread_secs();
                        return Err(Reject::NotStored { retry_after_secs }.into());
                    }
                }
            }
            shared.note_deadline(shard);
        }
        let counters = &mut shard.counters;
        counters.accepted += 1;
        counters.added += count.added as u64;
        counters.refreshed += count.refreshed as u64;
        counters.removed += count.removed as u64;
        let bindings = shard.table.at(place);
        let is_translated = bindings.iter().any(Binding::is_translated);
        let lasts_secs = bindings.iter().map(|binding| binding.remaining_secs(now)).max();
        Ok(Registered { reply: answer(asked, bindings, &rules), ticket, is_translated, lasts_secs })
    }
}

impl Shared {
    pub(crate) fn index(&self, address: &AddressOfRecord) -> usize {
        // FNV-1a. Nobody gains by choosing a shard: each name of it is an account of ours.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for octet in address.as_str().bytes() {
            hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
        usize::try_from(hash >> 32).unwrap_or_default() % self.shards.len().max(1)
    }

    /// A shard by an index from [`Shared::index`], or the first one.
    pub(crate) fn lock(&self, index: usize) -> MutexGuard<'_, Shard> {
        // The index is a remainder of the number of shards.
        #[allow(clippy::indexing_slicing)]
        lock(&self.shards[index])
    }

    /// Each shard in turn, locked while it is looked at.
    pub(crate) fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock)
    }

    /// Counts what is added before it is there; what is removed makes room first.
    fn make_room(&self, count: &Count) -> bool {
        let Some(more) = count.added.checked_sub(count.removed) else {
            self.held.fetch_sub(count.removed - count.added, Ordering::Relaxed);
            return true;
        };
        let max = self.limits.bindings_max;
        let room = |held: usize| held.checked_add(more).filter(|held| more == 0 || *held <= max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    /// What [`Shared::make_room`] counted did not come about.
    fn take_back(&self, count: &Count) {
        self.held.fetch_add(count.removed, Ordering::Relaxed);
        self.held.fetch_sub(count.added, Ordering::Relaxed);
    }

    fn count_expired(&self, shard: &mut Shard, expired: usize) {
        shard.counters.expired += expired as u64;
        self.held.fetch_sub(expired, Ordering::Relaxed);
    }

    pub(crate) fn note_deadline(&self, shard: &Shard) {
        if let Some(deadline) = shard.table.deadline() {
            self.soonest.fetch_min(deadline.as_micros(), Ordering::AcqRel);
        }
    }
}

/// Whoever panicked left the table whole: it is changed by one call that does not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy, Default)]
struct Count {
    added: usize,
    refreshed: usize,
    removed: usize,
}

impl Count {
    fn of(changes: &[Change]) -> Self {
        let mut count = Self::default();
        for change in changes {
            match change {
                Change::Add(_) => count.added += 1,
                Change::Refresh(..) => count.refreshed += 1,
                Change::Remove(_) => count.removed += 1,
            }
        }
        count
    }
}
