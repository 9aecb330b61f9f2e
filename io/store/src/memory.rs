//! The backend that forgets: a sorted map. For tests, simulations and `durability = "memory"`.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{Space, Visit, Write};

type Entries = BTreeMap<Box<[u8]>, Box<[u8]>>;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    spaces: BTreeMap<Space, Entries>,
}

impl Memory {
    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Option<Vec<u8>> {
        self.spaces.get(&space)?.get(key).map(|value| value.to_vec())
    }

    pub(crate) fn scan(&self, space: Space, prefix: &[u8], visit: &mut Visit<'_>) {
        let Some(entries) = self.spaces.get(&space) else {
            return;
        };
        let from = (Bound::Included(prefix), Bound::Unbounded);
        for (key, value) in entries.range::<[u8], _>(from) {
            if !key.starts_with(prefix) || visit(key, value).is_break() {
                return;
            }
        }
    }

    pub(crate) fn write(&mut self, writes: Vec<Write>) {
        for Write { space, key, value } in writes {
            let entries = self.spaces.entry(space).or_default();
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
    }
}
