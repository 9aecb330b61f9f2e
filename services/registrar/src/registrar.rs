//! The registrar of a node: one REGISTER at a time, in the order received, each whole or not at all.

use ruf_admission::{AddressOfRecord, Admitted, Identity, Ourselves};
use ruf_message::{Entropy, Response, Tick, UriRef};
use ruf_registrar_core::{
    Asked, Binding, Change, Gruu, Gruus, Reject, Rules, address_of_record, answer, apply, changes,
};

use crate::table::Table;

/// A phone that finds the table full comes back after so many seconds, and up to as many more, so
/// that they do not all come at once.
const RETRY_AFTER_SECS: u32 = 30;

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

/// Who is where: a bounded table of bindings by address-of-record.
#[derive(Debug)]
pub struct Registrar {
    limits: Limits,
    gruus: Gruus,
    entropy: Entropy,
    table: Table,
    counters: Counters,
}

impl Registrar {
    /// An empty table. `gruus` outlive a restart as their key does; `entropy` spreads the phones that find
    /// the table full.
    #[must_use]
    pub fn new(limits: Limits, gruus: Gruus, entropy: Entropy) -> Self {
        Self { limits, gruus, entropy, table: Table::default(), counters: Counters::default() }
    }

    /// Does what an admitted REGISTER asks, and answers it. The To of the answer still needs its tag,
    /// which is the gate's to give.
    // rfc3261 §10.3-4, §10.3-5, §10.3-6: in the order received, atomically, each on its own
    pub fn register(&mut self, now: Tick, admitted: &Admitted, ourselves: &Ourselves) -> Response {
        match self.try_register(now, admitted, ourselves) {
            Ok(response) => {
                self.counters.accepted += 1;
                response
            }
            Err(reject) => {
                self.counters.refused += 1;
                reject.into_response(admitted.request())
            }
        }
    }

    /// Where requests for an address-of-record may go: its live bindings, in the order of their first
    /// registration, without contacts that are no SIP URIs.
    pub fn locate(&self, now: Tick, address: &AddressOfRecord) -> impl Iterator<Item = &Binding> {
        self.table.get(address).iter().filter(move |binding| binding.is_live(now) && binding.is_target())
    }

    /// What a URI with the parameter `gr` says; `None`: it is no GRUU of ours.
    // rfc5627 §6.1
    #[must_use]
    pub fn gruu(&self, uri: UriRef<'_>, ourselves: &Ourselves) -> Option<Gruu> {
        self.gruus.read(uri, ourselves)
    }

    /// All live bindings, each with its address-of-record. The order is that of the requests, not of
    /// a hash: a simulation sees the same each time.
    pub fn iter(&self, now: Tick) -> impl Iterator<Item = (&AddressOfRecord, &Binding)> {
        self.table.iter().filter(move |(_, binding)| binding.is_live(now))
    }

    /// Forgets every binding of an address-of-record, as when its account is removed; returns how
    /// many there were.
    pub fn remove_all(&mut self, address: &AddressOfRecord) -> usize {
        self.table.remove(address)
    }

    /// Forgets what has expired.
    pub fn tick(&mut self, now: Tick) {
        self.counters.expired += self.table.expire(now);
    }

    /// When to call [`Registrar::tick`] next; early or late does no harm.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.table.deadline()
    }

    /// Bindings held, with those that have expired since the last tick.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.bindings()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Addresses-of-record that have bindings.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.table.addresses()
    }

    /// What happened since the start, or since it was last forgotten.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Counts from zero again: the built-in test at the start counts for nothing.
    pub fn forget_counters(&mut self) {
        self.counters = Counters::default();
    }

    fn try_register(
        &mut self,
        now: Tick,
        admitted: &Admitted,
        ourselves: &Ourselves,
    ) -> Result<Response, Reject> {
        let address = address_of_record(admitted, ourselves)?;
        // What has expired is gone, whether or not the timer was first.
        let (mut place, expired) = self.table.live(&address, now);
        self.counters.expired += expired;
        let asked = Asked { request: admitted.request(), flow: admitted.flow(), address: &address, now };
        let rules = Rules { ourselves, limits: &self.limits.address, gruus: &self.gruus };
        let changes = changes(&asked, self.table.at(place), &rules)?;
        let count = Count::of(&changes);
        if !self.has_room(&count) {
            // Others may have expired since the last tick; this address has not changed by that.
            self.tick(now);
            if !self.has_room(&count) {
                return Err(self.overloaded(admitted.identity()));
            }
        }
        if !changes.is_empty() {
            place = self.table.update(&address, place, |bindings| apply(changes, bindings));
        }
        self.counters.added += count.added as u64;
        self.counters.refreshed += count.refreshed as u64;
        self.counters.removed += count.removed as u64;
        let rules = Rules { ourselves, limits: &self.limits.address, gruus: &self.gruus };
        Ok(answer(&asked, self.table.at(place), &rules))
    }

    fn has_room(&self, count: &Count) -> bool {
        // What is removed was counted, so this does not go below zero.
        self.table.bindings() + count.added - count.removed <= self.limits.bindings_max
    }

    // rfc3261 §21.5.4
    fn overloaded(&mut self, identity: &Identity) -> Reject {
        let retry_after_secs = match identity {
            Identity::Account(_) => Some(RETRY_AFTER_SECS + self.entropy.u32() % RETRY_AFTER_SECS),
            Identity::Peer(_) | Identity::Dialog(_) | Identity::Guest => None,
        };
        Reject::Overloaded { retry_after_secs }
    }
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
