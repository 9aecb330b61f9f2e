//! The fold of a journal: what its records come to, by key, so that it may be forgotten.
//!
//! It goes in steps, each a transaction. Until the last one the journal stands, and read again behind a
//! half-written fold it says the same.

use std::collections::BTreeMap;
use std::collections::btree_map::IntoIter;

use crate::Space;
use crate::frame;

/// A key, and the frame of its value or `None` where it is removed.
pub(crate) type Newest = (Box<[u8]>, Option<Box<[u8]>>);

/// A fold under way.
#[derive(Debug)]
pub struct Fold {
    pub(crate) space: Space,
    /// The last row of the journal that it covers.
    pub(crate) upto_row: i64,
    /// In the order of the keys: neighbours in the table are written together.
    rest: IntoIter<Box<[u8]>, Option<Box<[u8]>>>,
}

/// The newest state of every key in some rows of a journal.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The frame of its value, or `None` for a key that is removed.
    newest: BTreeMap<Box<[u8]>, Option<Box<[u8]>>>,
    upto_row: i64,
}

impl Gathered {
    /// The next row. What is damaged is not carried on: it was told when it was read at the start.
    pub(crate) fn row(&mut self, row: i64, frames: &[u8]) {
        self.upto_row = row;
        frame::read(frames, |framed| {
            let kept = framed.value.map(|_| framed.frame.into());
            match self.newest.get_mut(framed.key) {
                Some(newest) => *newest = kept,
                None => drop(self.newest.insert(framed.key.into(), kept)),
            }
        });
    }

    pub(crate) fn fold(self, space: Space) -> Fold {
        Fold { space, upto_row: self.upto_row, rest: self.newest.into_iter() }
    }
}

impl Fold {
    /// The next keys, at most so many; none: only the journal's rows are
    /// left to be forgotten.
    pub(crate) fn next(&mut self, max: u32) -> Vec<Newest> {
        self.rest.by_ref().take(max as usize).collect()
    }
}
