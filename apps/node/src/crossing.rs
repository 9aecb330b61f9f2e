//! Several workers: which of them a message belongs to, and how it gets there.
//!
//! All messages of one Call-ID have one owner, so both sides of a proxied call, its CANCEL, its ACKs and
//! its responses meet the same transactions. A message that was read elsewhere crosses over, parsed. What
//! is answered without any memory stays where it was read: what is malformed, and OPTIONS to the server
//! itself. A challenge is made by the owner: what the gate remembers of whom it asked belongs with the
//! answer, which has the same Call-ID.
//!
//! Not here: the queue between two threads and its bound (io/net), and what all workers share: bindings
//! (services/registrar) and the used nonces ([`SharedNonces`](crate::SharedNonces)).

use std::hash::{DefaultHasher, Hasher};

use ruf_message::{Entropy, Flow, Message, Place};

/// One worker's seat among all of them.
#[derive(Clone, Debug)]
pub struct Seat {
    keyed: DefaultHasher,
    me: u8,
    all: u8,
}

/// More workers than this cannot be named.
pub const WORKERS_MAX: u8 = 64;

impl Seat {
    /// The only worker.
    pub fn alone() -> Seat {
        Seat { keyed: DefaultHasher::new(), me: 0, all: 1 }
    }

    /// The seats of so many workers, 1 to [`WORKERS_MAX`]. Who owns a Call-ID follows from `entropy`, so
    /// that nobody can choose Call-IDs that all fall upon one worker.
    pub fn of_all(workers: u8, entropy: &mut Entropy) -> Vec<Seat> {
        let all = workers.clamp(1, WORKERS_MAX);
        let mut keyed = DefaultHasher::new();
        keyed.write_u64(entropy.u64());
        keyed.write_u64(entropy.u64());
        (0..all).map(|me| Seat { keyed: keyed.clone(), me, all }).collect()
    }

    /// Which worker this is, from 0.
    pub fn index(&self) -> u8 {
        self.me
    }

    /// Whether no other worker serves.
    pub(crate) fn is_alone(&self) -> bool {
        self.all == 1
    }

    /// All other workers.
    pub(crate) fn others(&self) -> impl Iterator<Item = u8> + use<> {
        let me = self.me;
        (0..self.all).filter(move |other| *other != me)
    }

    /// The other worker that owns this Call-ID; `None`: it is ours.
    pub(crate) fn owner_elsewhere(&self, call_id: &[u8]) -> Option<u8> {
        if self.is_alone() {
            return None;
        }
        let mut hasher = self.keyed.clone();
        hasher.write(call_id);
        // The remainder is below `all`.
        let owner = (hasher.finish() % u64::from(self.all)) as u8;
        (owner != self.me).then_some(owner)
    }
}

/// What one worker's node hands to another's.
#[derive(Debug)]
pub struct Crossing(pub(crate) Load);

/// What is handed over.
#[derive(Debug)]
pub(crate) enum Load {
    /// A message to its owner.
    Message(Box<Arrived>),
    /// A place that did not serve: nobody is to wait for it for a while.
    Failed(Place),
}

/// A message as it was read.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) flow: Flow,
    pub(crate) message: Message,
    /// Octets that were received.
    pub(crate) octets: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(workers: u8, seed: u8) -> Vec<Seat> {
        Seat::of_all(workers, &mut Entropy::from_seed([seed; 32]))
    }

    #[test]
    fn a_call_id_has_one_owner_whom_all_name_alike() {
        let seats = seats(4, 1);
        let mut owned = [0; 4];
        for number in 0..4_000 {
            let call_id = format!("{number}@phone");
            let named: Vec<Option<u8>> =
                seats.iter().map(|seat| seat.owner_elsewhere(call_id.as_bytes())).collect();
            let owner = named.iter().position(Option::is_none).unwrap();
            owned[owner] += 1;
            let others = named.iter().flatten();
            assert!(others.clone().count() == 3 && others.copied().all(|other| usize::from(other) == owner));
        }
        assert!(owned.iter().all(|share| (800..1_200).contains(share)), "{owned:?}");
    }

    #[test]
    fn who_owns_what_is_not_to_be_foreseen() {
        let of = |seat: &Seat| (0..64).map(|n: u8| seat.owner_elsewhere(&[n]).is_none()).collect::<Vec<_>>();
        assert_ne!(of(&seats(2, 1)[0]), of(&seats(2, 2)[0]));
    }

    #[test]
    fn the_only_worker_owns_everything() {
        assert_eq!(Seat::alone().owner_elsewhere(b"1@phone"), None);
        assert_eq!(seats(0, 1).len(), 1);
    }
}
