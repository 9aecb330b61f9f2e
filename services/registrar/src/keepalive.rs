//! Pings to phones behind a translator: a mapping of UDP may be forgotten after as little as 30 seconds in
//! which nothing passes (RFC 5626 §4.4.2), and then nobody can call.
//!
//! Who is reached over UDP, and not where its Contact says it is, gets an empty line now and then; a phone
//! that stands in the open, or keeps a connection, does not. There is no answer to it and none is waited
//! for. An empty line is what phones have always been sent by servers; where RFC 5626 asks for STUN over UDP
//! (§4.4.1), it speaks of pings that come *from* phones, which io/net answers.
//!
//! An entry is one registration (address-of-record and Call-ID), in eight octets: there may be as many as
//! phones. One that comes due without a binding that needs it is dropped, so nothing is told when bindings
//! end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use ruf_admission::AddressOfRecord;
use ruf_message::{Deadlines, Flow, Tick, Transmit};
use ruf_registrar_core::Binding;

use crate::registrar::{Registrar, SHARDS};
use crate::table::Place;

/// An empty line, twice: what RFC 5626 calls a ping on a connection.
const PING: Bytes = Bytes::from_static(b"\r\n\r\n");

/// How often, and for how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepaliveLimits {
    /// The time between two pings.
    pub every: Duration,
    /// Registrations that are pinged. One more is not: its own traffic must keep its mapping.
    pub registrations_max: usize,
    /// Registrations that are looked at in one turn, so that nothing else waits long for them.
    pub per_turn_max: usize,
}

impl Default for KeepaliveLimits {
    fn default() -> Self {
        Self { every: Duration::from_secs(25), registrations_max: 1_000_000, per_turn_max: 256 }
    }
}

/// Who is pinged by this worker, and when.
#[derive(Debug)]
pub struct Keepalive {
    limits: KeepaliveLimits,
    due: Deadlines<Registration>,
    armed: HashSet<Registration>,
    sent: u64,
}

/// The bindings of an address-of-record that were made under one Call-ID, which stands here as its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Registration {
    stand: Stand,
    call_id: u32,
}

/// Where the bindings of an address-of-record stand: the shard, in the highest bits, and the place in its
/// table. When it has none any more, another address-of-record may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stand(u32);

const PLACE_BITS: u32 = u32::BITS - SHARDS.ilog2();
const _: () = assert!(SHARDS.is_power_of_two());

impl Stand {
    /// `None`: it has no bindings, or stands too far away.
    fn of(registrar: &Registrar, address: &AddressOfRecord) -> Option<Self> {
        let shard = registrar.shared.index(address);
        let place = registrar.shared.lock(shard).table.place(address)?.number();
        (place >> PLACE_BITS == 0).then_some(Stand((shard as u32) << PLACE_BITS | place))
    }

    /// What `copy` makes of each live binding there.
    fn locate<T>(self, registrar: &Registrar, now: Tick, copy: impl FnMut(&Binding) -> T) -> Vec<T> {
        let Stand(stand) = self;
        let place = Place::numbered(stand & ((1 << PLACE_BITS) - 1));
        let shard = registrar.shared.lock((stand >> PLACE_BITS) as usize);
        shard.table.at(Some(place)).iter().filter(|binding| binding.is_live(now)).map(copy).collect()
    }
}

impl Registration {
    fn new(stand: Stand, call_id: &[u8]) -> Self {
        // Two Call-IDs of one address with one hash would share their pings: no harm is done.
        let mut hasher = DefaultHasher::new();
        hasher.write(call_id);
        Self { stand, call_id: hasher.finish() as u32 }
    }

    /// Whether a binding that stands there is one of it and needs pings.
    fn needs(&self, binding: &Binding) -> bool {
        binding.is_translated() && binding.is_target() && Self::new(self.stand, binding.call_id()) == *self
    }
}

impl Keepalive {
    /// Nobody is pinged yet.
    #[must_use]
    pub fn new(limits: KeepaliveLimits) -> Self {
        Self { limits, due: Deadlines::new(&[limits.every]), armed: HashSet::new(), sent: 0 }
    }

    /// Bindings of this address-of-record were registered under this Call-ID.
    pub fn note(&mut self, now: Tick, registrar: &Registrar, address: &AddressOfRecord, call_id: &[u8]) {
        let Some(stand) = Stand::of(registrar, address) else { return };
        let registration = Registration::new(stand, call_id);
        if self.armed.len() >= self.limits.registrations_max || self.armed.contains(&registration) {
            return;
        }
        if stand.locate(registrar, now, |binding| registration.needs(binding)).contains(&true) {
            self.armed.insert(registration);
            self.due.arm(now, self.limits.every, registration);
        }
    }

    /// Notes the bindings that there are already, as after a restart: those of them whose Call-ID is `mine`.
    // rfc5626 §4.4.2: a translator does not know of our restart, and forgets as before
    pub fn resume(&mut self, now: Tick, registrar: &Registrar, mine: impl Fn(&[u8]) -> bool) {
        let registration = |address: &AddressOfRecord, binding: &Binding| {
            let call_id = binding.call_id();
            (binding.is_translated() && mine(call_id)).then(|| (address.clone(), call_id.to_vec()))
        };
        for (address, call_id) in registrar.list(now, usize::MAX, registration).into_iter().flatten() {
            self.note(now, registrar, &address, &call_id);
        }
    }

    /// Pings whoever is due.
    pub fn tick(&mut self, now: Tick, registrar: &Registrar, send: &mut impl Extend<Transmit>) {
        for _ in 0..self.limits.per_turn_max {
            let Some(registration) = self.due.pop_due(now) else { return };
            let flow = |binding: &Binding| registration.needs(binding).then(|| binding.flow());
            let found = registration.stand.locate(registrar, now, flow);
            let flows: Vec<Flow> = found.into_iter().flatten().collect();
            if flows.is_empty() {
                self.armed.remove(&registration);
                continue;
            }
            self.sent += flows.len() as u64;
            send.extend(flows.into_iter().map(|flow| Transmit { flow, bytes: PING }));
            self.due.arm(now, self.limits.every, registration);
        }
    }

    /// When [`Keepalive::tick`] has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.due.next()
    }

    /// Pings sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Registrations that are pinged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.armed.len()
    }

    /// Nobody is pinged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }
}
