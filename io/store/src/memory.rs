//! The backend that forgets: a sorted map. For tests, simulations and `durability = "memory"`.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::fold::{Fold, Gathered};
use crate::{Space, Visit, Write};

type Entries = BTreeMap<Box<[u8]>, Box<[u8]>>;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    spaces: BTreeMap<Space, Entries>,
    /// Rows by number, and what was folded of them.
    journals: BTreeMap<Space, (BTreeMap<i64, Vec<u8>>, Entries)>,
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

    pub(crate) fn append(&mut self, space: Space, frames: &[u8]) {
        let (rows, _) = self.journals.entry(space).or_default();
        let row = rows.last_key_value().map_or(1, |(last, _)| last + 1);
        rows.insert(row, frames.to_vec());
    }

    /// Every frame of the fold and then every row of the journal.
    pub(crate) fn replay(&self, space: Space, visit: &mut dyn FnMut(&[u8])) {
        if let Some((rows, folded)) = self.journals.get(&space) {
            folded.values().for_each(|frame| visit(frame));
            rows.values().for_each(|frames| visit(frames));
        }
    }

    pub(crate) fn journal_bytes(&self, space: Space) -> u64 {
        let rows = self.journals.get(&space).into_iter().flat_map(|(rows, _)| rows.values());
        rows.map(|frames| frames.len() as u64).sum()
    }

    pub(crate) fn begin_fold(&self, space: Space) -> Fold {
        let mut gathered = Gathered::default();
        for (row, frames) in self.journals.get(&space).into_iter().flat_map(|(rows, _)| rows) {
            gathered.row(*row, frames);
        }
        gathered.fold(space)
    }

    /// `true`: it is done.
    pub(crate) fn fold(&mut self, fold: &mut Fold, max: u32) -> bool {
        let (rows, folded) = self.journals.entry(fold.space).or_default();
        let keys = fold.next(max);
        let is_done = keys.is_empty();
        for (key, frame) in keys {
            match frame {
                Some(frame) => drop(folded.insert(key, frame)),
                None => drop(folded.remove(&key)),
            }
        }
        if is_done {
            rows.retain(|row, _| *row > fold.upto_row);
        }
        is_done
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
