//! The embedded backend: one SQLite file, write-ahead log, `synchronous=FULL`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::directory::{self, DATABASE, Ownership};
use crate::fold::{Fold, Gathered};
use crate::schema::{self, Step};
use crate::{Error, Limits, Space, Visit, Write};

/// How long a person's `sqlite3` shell may hold the file before we give up.
pub(crate) const BUSY_MAX: Duration = Duration::from_secs(1);

/// Which files are open: device and inode of the database and of its log, while they have their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Files {
    database: Option<(u64, u64)>,
    log: Option<(u64, u64)>,
}

impl Files {
    fn named(path: &Path) -> Files {
        let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        Files { database: identity(path), log: identity(&beside(path, "-wal")) }
    }
}

/// Fields drop in order: the file is closed before the directory is released.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    limits: Limits,
    files: Files,
    _ownership: Ownership,
}

impl Sqlite {
    pub(crate) fn open(dir: &Path, limits: Limits, steps: &[Step]) -> Result<Self, Error> {
        directory::prepare(dir)?;
        let ownership = Ownership::take(dir)?;
        crate::backup::check_whole(dir)?;
        let path = dir.join(DATABASE);
        // SQLite gives its log and index files the mode of the database.
        directory::private(&path)?;
        let failed = Error::sqlite(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY_MAX).map_err(&failed)?;
        let version = schema::identify(&connection, &path, steps)?;
        log_ahead(&connection).map_err(&failed)?;
        schema::migrate(&mut connection, &path, version, steps)?;
        bound(&connection, limits).map_err(&failed)?;
        drop(failed);
        let files = Files::named(&path);
        Ok(Self { connection, path, limits, files, _ownership: ownership })
    }

    /// Before each change. A file that was removed lives on while it is open, and a sync of it is in vain:
    /// what it holds is written anew under its name, and the change is refused once, so that it is heard
    /// of. A file that somebody put in its place is not touched.
    fn hold(&mut self) -> Result<(), Error> {
        let named = Files::named(&self.path);
        // The log gets its name with the first change.
        self.files.log = self.files.log.or(named.log);
        if named == self.files {
            return Ok(());
        }
        if named.database.is_some() && named.database != self.files.database {
            return Err(Error::Replaced { path: self.path.clone() });
        }
        self.write_anew()?;
        Err(Error::Removed { path: self.path.clone() })
    }

    fn write_anew(&mut self) -> Result<(), Error> {
        let path = self.path.clone();
        let anew = path.with_added_extension("anew");
        for stale in [anew.clone(), beside(&path, "-wal"), beside(&path, "-shm")] {
            match fs::remove_file(&stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::unreadable(&stale)(error));
                }
                _ => {}
            }
        }
        copy(&self.connection, &anew)?;
        fs::rename(&anew, &path).map_err(Error::unreadable(&path))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(Error::unreadable(directory))?;
        let failed = Error::sqlite(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY_MAX).map_err(&failed)?;
        log_ahead(&connection).map_err(&failed)?;
        bound(&connection, self.limits).map_err(&failed)?;
        // The old one closes without a trace: SQLite sees that its file has no name any more.
        self.connection = connection;
        self.files = Files::named(&path);
        Ok(())
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.connection
            .prepare_cached("SELECT value FROM entry WHERE space = ?1 AND key = ?2")
            .and_then(|mut select| select.query_row(params![space.name(), key], |row| row.get(0)).optional())
            .map_err(Error::sqlite(&self.path))
    }

    pub(crate) fn scan(&self, space: Space, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        let failed = Error::sqlite(&self.path);
        let mut select = self
            .connection
            .prepare_cached("SELECT key, value FROM entry WHERE space = ?1 AND key >= ?2 ORDER BY key")
            .map_err(&failed)?;
        let mut rows = select.query(params![space.name(), prefix]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let damaged = |error| failed(rusqlite::Error::from(error));
            let key = row.get_ref(0).map_err(&failed)?.as_blob().map_err(damaged)?;
            let value = row.get_ref(1).map_err(&failed)?.as_blob().map_err(damaged)?;
            if !key.starts_with(prefix) || visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, writes: &[Write]) -> Result<(), Error> {
        self.hold()?;
        let failed = Error::sqlite(&self.path);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        {
            let mut put = transaction
                .prepare_cached(
                    "INSERT INTO entry (space, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
                )
                .map_err(&failed)?;
            let mut delete = transaction
                .prepare_cached("DELETE FROM entry WHERE space = ?1 AND key = ?2")
                .map_err(&failed)?;
            for Write { space, key, value } in writes {
                match value {
                    Some(value) => put.execute(params![space.name(), key, value]),
                    None => delete.execute(params![space.name(), key]),
                }
                .map_err(&failed)?;
            }
        }
        transaction.commit().map_err(&failed)
    }

    pub(crate) fn append(&mut self, space: Space, frames: &[u8]) -> Result<(), Error> {
        self.hold()?;
        // One statement is one transaction, and is synced when it returns.
        self.connection
            .prepare_cached("INSERT INTO journal (space, frames) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![space.name(), frames]))
            .map(|_| ())
            .map_err(Error::sqlite(&self.path))
    }

    /// Every frame of the fold and then every row of the journal.
    pub(crate) fn replay(&self, space: Space, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self.each_blob("SELECT 0, frame FROM folded WHERE space = ?1", space, &mut |_, frame| visit(frame))?;
        self.each_blob(ROWS, space, &mut |_, frames| visit(frames))
    }

    pub(crate) fn journal_bytes(&self, space: Space) -> Result<u64, Error> {
        let sum = "SELECT coalesce(sum(length(frames)), 0) FROM journal WHERE space = ?1";
        self.connection
            .query_row(sum, [space.name()], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(Error::sqlite(&self.path))
    }

    pub(crate) fn begin_fold(&self, space: Space) -> Result<Fold, Error> {
        let mut gathered = Gathered::default();
        self.each_blob(ROWS, space, &mut |row, frames| gathered.row(row, frames))?;
        Ok(gathered.fold(space))
    }

    /// `true`: it is done.
    pub(crate) fn fold(&mut self, fold: &mut Fold, max: u32) -> Result<bool, Error> {
        self.hold()?;
        let (space, keys) = (fold.space.name(), fold.next(max));
        let failed = Error::sqlite(&self.path);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let step = || -> rusqlite::Result<bool> {
            let mut put = transaction.prepare_cached(
                "INSERT INTO folded (space, key, frame) VALUES (?1, ?2, ?3)
                 ON CONFLICT (space, key) DO UPDATE SET frame = excluded.frame",
            )?;
            let mut delete =
                transaction.prepare_cached("DELETE FROM folded WHERE space = ?1 AND key = ?2")?;
            for (key, frame) in &keys {
                match frame {
                    Some(frame) => put.execute(params![space, key, frame])?,
                    None => delete.execute(params![space, key])?,
                };
            }
            if !keys.is_empty() {
                return Ok(false);
            }
            let mut forget = transaction.prepare_cached(
                "DELETE FROM journal WHERE row IN
                 (SELECT row FROM journal WHERE space = ?1 AND row <= ?2 ORDER BY row LIMIT ?3)",
            )?;
            let forgotten = forget.execute(params![space, fold.upto_row, max])?;
            Ok(forgotten < max as usize)
        };
        let is_done = step().map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(is_done)
    }

    /// Shows number and blob of each row of a query about a space.
    fn each_blob(&self, query: &str, space: Space, visit: &mut dyn FnMut(i64, &[u8])) -> Result<(), Error> {
        let failed = Error::sqlite(&self.path);
        let mut select = self.connection.prepare_cached(query).map_err(&failed)?;
        let mut rows = select.query([space.name()]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let blob = row.get_ref(1).map_err(&failed)?.as_blob();
            visit(row.get(0).map_err(&failed)?, blob.map_err(|error| failed(rusqlite::Error::from(error)))?);
        }
        Ok(())
    }

    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), Error> {
        copy(&self.connection, path)
    }
}

/// The rows of a journal, oldest first.
const ROWS: &str = "SELECT row, frames FROM journal WHERE space = ?1 ORDER BY row";

/// A whole, compact copy in the new file `path`, synced before this returns.
pub(crate) fn copy(connection: &Connection, path: &Path) -> Result<(), Error> {
    let file = directory::private_new(path)?;
    // SQLite fills an empty file, which keeps its mode.
    let copied = path
        .to_str()
        .ok_or_else(|| Error::unreadable(path)(io::Error::other("the file's name is not UTF-8")))
        .and_then(|name| connection.execute("VACUUM INTO ?1", params![name]).map_err(Error::sqlite(path)))
        .and_then(|_| file.sync_all().map_err(Error::unreadable(path)));
    if copied.is_err() {
        // Half a copy is worse than none; that it cannot be removed adds nothing to the cause.
        drop(fs::remove_file(path));
    }
    copied
}

/// A file of SQLite's beside the database.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
}

fn bound(connection: &Connection, limits: Limits) -> rusqlite::Result<()> {
    let Some(file_bytes_max) = limits.file_bytes_max else {
        return Ok(());
    };
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages_max = u32::try_from(file_bytes_max / u64::from(page_bytes.max(1))).unwrap_or(u32::MAX);
    connection.pragma_update_and_check(None, "max_page_count", pages_max.max(1), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn the_log_is_synced_at_every_commit() {
        let dir = Scratch::new("synced");
        let store = Sqlite::open(&dir, Limits::default(), schema::STEPS).unwrap();
        let pragma = |name| {
            store
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into(), "FULL");
    }

    const WORDS: Space = Space::new("words");

    fn put(store: &mut Sqlite, key: &str) -> Result<(), Error> {
        store.write(crate::Batch::new().put(WORDS, key.as_bytes(), b"x").writes.as_slice())
    }

    #[test]
    fn what_was_removed_under_us_is_written_anew() {
        for endings in [&["", "-wal", "-shm"][..], &[""], &["-wal"]] {
            let dir = Scratch::new("removed");
            let mut store = Sqlite::open(&dir, Limits::default(), schema::STEPS).unwrap();
            put(&mut store, "before").unwrap();
            for ending in endings {
                fs::remove_file(beside(&dir.join(DATABASE), ending)).unwrap();
            }
            let refused = put(&mut store, "refused").unwrap_err();
            assert!(matches!(refused, Error::Removed { .. }), "{endings:?}: {refused}");
            put(&mut store, "after").unwrap();
            // As a kill would leave it.
            let other = Scratch::new("removed-copy");
            directory::prepare(&other).unwrap();
            for ending in ["", "-wal"] {
                let name = format!("{DATABASE}{ending}");
                fs::copy(dir.join(&name), other.join(&name)).unwrap();
            }
            let left = Sqlite::open(&other, Limits::default(), schema::STEPS).unwrap();
            let has = |key: &str| left.get(WORDS, key.as_bytes()).unwrap().is_some();
            assert_eq!(["before", "refused", "after"].map(has), [true, false, true], "{endings:?}");
        }
    }

    #[test]
    fn a_file_that_was_put_in_its_place_is_not_touched() {
        let dir = Scratch::new("replaced");
        let mut store = Sqlite::open(&dir, Limits::default(), schema::STEPS).unwrap();
        put(&mut store, "before").unwrap();
        let (path, away) = (dir.join(DATABASE), dir.join("away"));
        fs::rename(&path, &away).unwrap();
        fs::write(&path, b"another").unwrap();
        assert!(matches!(put(&mut store, "after"), Err(Error::Replaced { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"another");
        fs::rename(&away, &path).unwrap();
        put(&mut store, "after").unwrap();
    }
}
