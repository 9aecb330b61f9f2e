//! Which requests came already: the branches of the last ones, as hashes, a bounded number
//! (RFC 3261 §17.2.3).

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;

/// A memory of the last branches.
pub(crate) struct Recent {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
    most: usize,
}

impl Recent {
    pub(crate) fn new(most: usize) -> Recent {
        Recent {
            hasher: RandomState::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
            most: most.max(1),
        }
    }

    /// Whether this branch was not seen lately; from now on it was.
    pub(crate) fn is_new(&mut self, branch: &[u8]) -> bool {
        let hash = self.hasher.hash_one(branch);
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_new_once_until_it_is_forgotten() {
        let mut recent = Recent::new(2);
        assert!(recent.is_new(b"a") && !recent.is_new(b"a"));
        assert!(recent.is_new(b"b") && recent.is_new(b"c"));
        assert!(recent.is_new(b"a"), "the oldest went");
        assert!(!recent.is_new(b"c"));
    }
}
