//! The one thread that writes a journal: a group, a sync, the outcome; and when the journal has grown, a
//! few records of its fold between two groups.

use crate::fold::Fold;
use crate::queue::{Group, Journal, Outcome};
use crate::{Error, Space, Store};

/// When the journal is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterLimits {
    /// Octets of journal from which on it is folded. What a start reads again, and what a fold holds in
    /// memory, is not much more.
    pub journal_bytes_max: u64,
    /// Records folded in one transaction: what waits for the disk meanwhile waits so much longer.
    pub folded_at_once_max: u32,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self { journal_bytes_max: 64 << 20, folded_at_once_max: 500 }
    }
}

/// Makes what is queued durable.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    space: Space,
    journal: Journal,
    limits: WriterLimits,
}

impl Writer {
    /// Of the queue `journal` into the journal `space` of `store`.
    #[must_use]
    pub fn new(store: Store, space: Space, journal: Journal, limits: WriterLimits) -> Self {
        Self { store, space, journal, limits }
    }

    /// Writes until the queue is closed and empty: give it a thread of its own. What became of each group
    /// goes to `settle`, which makes RAM what the disk has, and then to `tell`. After a failure nothing is
    /// appended until `settle` has returned; whoever hears of it by `tell` may try again at once. What went
    /// wrong in a fold is told with a group that is durable.
    pub fn run(mut self, mut settle: impl FnMut(&Outcome), mut tell: impl FnMut(Outcome, Option<&Error>)) {
        let mut journal_bytes = self.store.journal_bytes(self.space).unwrap_or(0);
        let mut fold_at = self.limits.journal_bytes_max;
        let mut fold: Option<Fold> = None;
        loop {
            let group = match &fold {
                None => self.journal.wait(),
                Some(_) => self.journal.take(),
            };
            match group {
                Some(group) => {
                    journal_bytes += group.frames.len() as u64;
                    self.write(&group, &mut settle, &mut tell);
                }
                None if fold.is_none() => return,
                None => {}
            }
            if fold.is_none() && journal_bytes < fold_at {
                continue;
            }
            match self.fold_on(fold.take()) {
                Ok(Some(begun)) => fold = Some(begun),
                Ok(None) => {
                    journal_bytes = self.store.journal_bytes(self.space).unwrap_or(0);
                    fold_at = self.limits.journal_bytes_max;
                }
                // The journal is whole: it is folded later, when it has grown by as much again.
                Err(_) => fold_at = journal_bytes + self.limits.journal_bytes_max,
            }
        }
    }

    fn write(
        &mut self,
        group: &Group,
        settle: &mut impl FnMut(&Outcome),
        tell: &mut impl FnMut(Outcome, Option<&Error>),
    ) {
        match self.store.append(self.space, group) {
            Ok(()) => {
                let outcome = group.durable();
                settle(&outcome);
                tell(outcome, None);
            }
            Err(error) => {
                let outcome = self.journal.failed(group);
                settle(&outcome);
                self.journal.recovered();
                tell(outcome, Some(&error));
            }
        }
    }

    /// A step of a fold, or of a new one; `None`: it is done.
    fn fold_on(&mut self, fold: Option<Fold>) -> Result<Option<Fold>, Error> {
        let mut fold = match fold {
            Some(fold) => fold,
            None => self.store.begin_fold(self.space)?,
        };
        let is_done = self.store.fold(&mut fold, self.limits.folded_at_once_max)?;
        Ok((!is_done).then_some(fold))
    }
}
