//! Transactions by the flow they send on, so that a broken connection finds its own without a walk
//! over the table.
//!
//! Not here: what a machine does then (its `unreachable`).

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use ruf_message::Flow;
use smallvec::SmallVec;

use crate::matching::{Keyed, SPARSE};
use crate::slab::Id;

/// The seat of a transaction that was told that its flow is gone.
pub(crate) const STANDING: u32 = u32::MAX;

/// A flow, hashed by what tells nearly all flows apart.
#[derive(Debug, PartialEq, Eq)]
struct Way(Flow);

impl Hash for Way {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Way(flow) = self;
        match flow.remote.ip() {
            IpAddr::V4(v4) => hasher.write_u64(u64::from(v4.to_bits()) << 16 | u64::from(flow.remote.port())),
            IpAddr::V6(v6) => {
                hasher.write_u128(v6.to_bits());
                hasher.write_u16(flow.remote.port());
            }
        }
        hasher.write_u64(flow.connection);
    }
}

#[derive(Debug)]
pub(crate) struct ByFlow {
    ids: HashMap<Way, SmallVec<[Id; 4]>, Keyed>,
}

impl ByFlow {
    pub(crate) fn new(keyed: Keyed) -> Self {
        ByFlow { ids: HashMap::with_hasher(keyed) }
    }

    /// Takes all of a flow: they stand up, and have [`STANDING`] for a seat from now on.
    pub(crate) fn take(&mut self, flow: &Flow) -> SmallVec<[Id; 4]> {
        self.ids.remove(&Way(*flow)).unwrap_or_default()
    }

    /// Gives `id` a seat among those of its flow.
    pub(crate) fn insert(&mut self, flow: Flow, id: Id) -> u32 {
        let ids = self.ids.entry(Way(flow)).or_default();
        ids.push(id);
        ids.len() as u32 - 1
    }

    /// Frees a seat. Returns who sits there now and must be told: the last one moved up.
    pub(crate) fn remove(&mut self, flow: &Flow, seat: u32) -> Option<Id> {
        let ids = self.ids.get_mut(&Way(*flow))?;
        let seat = seat as usize;
        if seat < ids.len() {
            ids.swap_remove(seat);
        }
        let moved = ids.get(seat).copied();
        if ids.is_empty() {
            self.ids.remove(&Way(*flow));
            if self.ids.len() < self.ids.capacity() / SPARSE {
                self.ids.shrink_to(2 * self.ids.len());
            }
        } else if ids.len() < ids.capacity() / SPARSE {
            // What a busy hour took is given back.
            ids.shrink_to_fit();
        }
        moved
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::flow;
    use ruf_message::{Entropy, Transport};

    #[test]
    fn who_leaves_gives_its_seat_to_the_last() {
        let mut by_flow = ByFlow::new(Keyed::new(&mut Entropy::from_seed([1; 32])));
        let flow = flow(Transport::Tcp);
        let ids = [1, 2, 3].map(|index| Id { index, generation: 0 });
        assert_eq!(ids.map(|id| by_flow.insert(flow, id)), [0, 1, 2]);
        assert_eq!(by_flow.remove(&flow, 0), Some(ids[2]));
        assert_eq!(by_flow.remove(&flow, 2), None, "nobody sits there");
        assert_eq!(by_flow.remove(&flow, STANDING), None);
        assert_eq!(by_flow.remove(&flow, 1), None);
        assert!(!by_flow.is_empty());
        assert_eq!(by_flow.remove(&flow, 0), None);
        assert!(by_flow.is_empty() && by_flow.take(&flow).is_empty());
        by_flow.insert(flow, ids[0]);
        assert_eq!(by_flow.take(&flow).as_slice(), [ids[0]]);
        assert!(by_flow.is_empty());
    }
}
