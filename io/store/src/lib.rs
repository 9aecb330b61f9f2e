//! The embedded store: a few verbs on `(space, key) -> bytes`, kept by SQLite or in memory.
//!
//! This crate knows no domain type. A service writes its repository once, on these verbs, and the
//! same conformance suite (`tests/conformance.rs`) runs over every backend. What a key or a value
//! means, and how it is encoded, lives with the service that owns the space.
//!
//! ```
//! use ruf_store::{Batch, Space, Store};
//!
//! const COLOURS: Space = Space::new("colours");
//!
//! let mut store = Store::memory();
//! store.put(COLOURS, b"sky", b"blue")?;
//! store.batch(Batch::new().put(COLOURS, b"grass", b"green").delete(COLOURS, b"sky"))?;
//! assert_eq!(store.get(COLOURS, b"grass")?.as_deref(), Some(&b"green"[..]));
//! # Ok::<(), ruf_store::Error>(())
//! ```
//!
//! - Durable: when a writing verb of [`Store::open`] returns, the change survives `kill -9` and a
//!   power cut (write-ahead log, `synchronous=FULL`).
//! - Owned: one process at a time holds a data directory; a second one gets [`Error::Locked`].
//! - Versioned: the file carries [`SCHEMA`]; an older file is copied and then migrated forward, a
//!   newer one is refused.
//! - Private: the directory is 0700 and every file in it 0600.
//!
//! - Journalled: what is written often is appended by [`Journal`], grouped, and made durable by the one
//!   thread of a [`Writer`], with one sync for each group; a journal that has grown is folded.
//!
//! Not here: who waits for an [`Outcome`], and what it means to them.

#![forbid(unsafe_code)]

mod backup;
mod directory;
mod error;
mod fold;
mod frame;
mod memory;
mod queue;
mod schema;
#[cfg(test)]
#[path = "../tests/scratch/mod.rs"]
mod scratch;
mod sqlite;
mod writer;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use backup::{back_up, restore};
pub use directory::prepare as prepare_directory;
pub use error::Error;
pub use fold::Fold;
pub use queue::{Busy, Group, Journal, Outcome, QueueLimits, Ticket};
pub use schema::SCHEMA;
pub use writer::{Writer, WriterLimits};

use memory::Memory;
use sqlite::Sqlite;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// The longest value, in bytes. Longer things (recordings) are files of their own.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A named set of keys. Each belongs to exactly one service, which declares it as a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(&'static str);

impl Space {
    /// Names a space. The name is written into the file: it never changes once released.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as it stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// How much a store on disk may hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The largest database file, in bytes (rounded down to whole pages); `None`: what the disk has.
    pub file_bytes_max: Option<u64>,
}

/// Writes that happen together or not at all, in the order they were added.
#[derive(Debug, Default)]
#[must_use]
pub struct Batch {
    writes: Vec<Write>,
}

/// What a scan shows its rows to.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

#[derive(Debug)]
pub(crate) struct Write {
    space: Space,
    key: Box<[u8]>,
    /// `None` deletes.
    value: Option<Box<[u8]>>,
}

impl Batch {
    /// No writes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`, whether or not it was there.
    pub fn put(mut self, space: Space, key: &[u8], value: &[u8]) -> Self {
        self.push_put(space, key, value);
        self
    }

    /// Removes `key`; one that is not there is no error.
    pub fn delete(mut self, space: Space, key: &[u8]) -> Self {
        self.push_delete(space, key);
        self
    }

    /// As [`Batch::put`], for a loop.
    pub fn push_put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.writes.push(Write { space, key: key.into(), value: Some(value.into()) });
    }

    /// As [`Batch::delete`], for a loop.
    pub fn push_delete(&mut self, space: Space, key: &[u8]) {
        self.writes.push(Write { space, key: key.into(), value: None });
    }

    /// How many writes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// Bytes by `(space, key)`: a handle, whose clones are handles on the same. One verb runs at a time. It
/// blocks while the disk works: a shell owns it, never a machine.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Arc<Mutex<Backend>>,
}

/// A record of a journal as it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The key has this value from here on.
    Put(&'a [u8], &'a [u8]),
    /// The key is removed.
    Removed(&'a [u8]),
    /// So many octets made no sense, and were skipped.
    Damaged(usize),
}

#[derive(Debug)]
enum Backend {
    Memory(Memory),
    Sqlite(Sqlite),
}

impl Store {
    /// A store that lives and dies with this value.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Backend::Memory(Memory::default()))
    }

    /// Opens the data directory `dir`, making it and the database where they are missing.
    ///
    /// # Errors
    /// [`Error`] names the cause and, when printed, the cure.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_bounded(dir, Limits::default())
    }

    /// As [`Store::open`], with a bound on the size of the file.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_bounded(dir: &Path, limits: Limits) -> Result<Self, Error> {
        Ok(Self::new(Backend::Sqlite(Sqlite::open(dir, limits, schema::STEPS)?)))
    }

    fn new(backend: Backend) -> Self {
        Self { backend: Arc::new(Mutex::new(backend)) }
    }

    /// Whoever panicked left it whole: a verb is one transaction.
    fn lock(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `key`, or `None`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match &*self.lock() {
            Backend::Memory(memory) => Ok(memory.get(space, key)),
            Backend::Sqlite(sqlite) => sqlite.get(space, key),
        }
    }

    /// Shows every `(key, value)` whose key begins with `prefix` to `visit`, in the order of the
    /// keys' bytes, until it breaks. An empty prefix is the whole space.
    ///
    /// # Errors
    /// When the file cannot be read; what was shown until then is right.
    pub fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        match &*self.lock() {
            Backend::Memory(memory) => {
                memory.scan(space, prefix, &mut visit);
                Ok(())
            }
            Backend::Sqlite(sqlite) => sqlite.scan(space, prefix, &mut visit),
        }
    }

    /// Sets `key` to `value`; durable on return.
    ///
    /// # Errors
    /// When it could not be written: then nothing has changed.
    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.batch(Batch::new().put(space, key, value))
    }

    /// Removes `key`; durable on return. One that is not there is no error.
    ///
    /// # Errors
    /// When it could not be written: then nothing has changed.
    pub fn delete(&mut self, space: Space, key: &[u8]) -> Result<(), Error> {
        self.batch(Batch::new().delete(space, key))
    }

    /// Does all of `batch` or nothing; durable on return, with one sync for all of it.
    ///
    /// # Errors
    /// When it could not be written: then nothing has changed.
    pub fn batch(&mut self, batch: Batch) -> Result<(), Error> {
        for write in &batch.writes {
            let value_bytes = write.value.as_ref().map_or(0, |value| value.len());
            if write.key.len() > KEY_BYTES_MAX || value_bytes > VALUE_BYTES_MAX {
                return Err(Error::TooLarge { key_bytes: write.key.len(), value_bytes });
            }
        }
        match &mut *self.lock() {
            Backend::Memory(memory) => {
                memory.write(batch.writes);
                Ok(())
            }
            Backend::Sqlite(sqlite) => sqlite.write(&batch.writes),
        }
    }

    /// Appends a group to the journal of a space; durable on return, with one sync.
    ///
    /// # Errors
    /// When it could not be written: then nothing of it was.
    pub fn append(&mut self, space: Space, group: &Group) -> Result<(), Error> {
        match &mut *self.lock() {
            Backend::Memory(memory) => {
                memory.append(space, &group.frames);
                Ok(())
            }
            Backend::Sqlite(sqlite) => sqlite.append(space, &group.frames),
        }
    }

    /// Shows every record of the journal of a space to `visit`, oldest first; of what was folded, one for
    /// each key.
    ///
    /// # Errors
    /// When the file cannot be read; what was shown until then is right.
    pub fn replay(&self, space: Space, mut visit: impl FnMut(Record<'_>)) -> Result<(), Error> {
        let mut frames = |bytes: &[u8]| {
            let damaged = frame::read(bytes, |framed| match framed.value {
                Some(value) => visit(Record::Put(framed.key, value)),
                None => visit(Record::Removed(framed.key)),
            });
            if damaged > 0 {
                visit(Record::Damaged(damaged));
            }
        };
        match &*self.lock() {
            Backend::Memory(memory) => {
                memory.replay(space, &mut frames);
                Ok(())
            }
            Backend::Sqlite(sqlite) => sqlite.replay(space, &mut frames),
        }
    }

    /// Octets in the journal of a space that have not been folded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn journal_bytes(&self, space: Space) -> Result<u64, Error> {
        match &*self.lock() {
            Backend::Memory(memory) => Ok(memory.journal_bytes(space)),
            Backend::Sqlite(sqlite) => sqlite.journal_bytes(space),
        }
    }

    /// Begins to fold what the journal of a space holds now. Nobody folds the same one meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn begin_fold(&self, space: Space) -> Result<Fold, Error> {
        match &*self.lock() {
            Backend::Memory(memory) => Ok(memory.begin_fold(space)),
            Backend::Sqlite(sqlite) => sqlite.begin_fold(space),
        }
    }

    /// Folds at most `max` records more; `true`: it is done, and the journal is as much shorter.
    ///
    /// # Errors
    /// When it could not be written: then the journal stands, and a new fold may be begun.
    pub fn fold(&mut self, fold: &mut Fold, max: u32) -> Result<bool, Error> {
        match &mut *self.lock() {
            Backend::Memory(memory) => Ok(memory.fold(fold, max)),
            Backend::Sqlite(sqlite) => sqlite.fold(fold, max),
        }
    }

    /// Writes the whole store, as it is now, into the new file `path` (0600), synced.
    ///
    /// # Errors
    /// When `path` cannot be written. A store in memory has nothing worth keeping: it writes nothing.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        match &*self.lock() {
            Backend::Memory(_) => Ok(()),
            Backend::Sqlite(sqlite) => sqlite.copy_to(path),
        }
    }
}
