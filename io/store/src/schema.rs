//! The version of the file, and the way forward from each older one.
//!
//! One number covers the layout of the tables and the encoding of every value: who changes either
//! appends a [`Step`]. A step works on rows and bytes; it never calls a service's present code,
//! which will have moved on when an old file meets it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::Error;
use crate::sqlite::copy;

/// The schema version this program writes.
pub const SCHEMA: u32 = STEPS.len() as u32;

/// Marks a database as ours (`PRAGMA application_id`): "Ruf!".
const APPLICATION_ID: i32 = 0x5275_6621;

/// Takes the file from the version that is its index in [`STEPS`] to the next one.
pub(crate) type Step = fn(&Transaction<'_>) -> rusqlite::Result<()>;

pub(crate) const STEPS: &[Step] = &[create, add_journal];

/// 0 -> 1: an empty file becomes a store.
fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE entry (
            space TEXT NOT NULL,
            key   BLOB NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (space, key)
        ) STRICT, WITHOUT ROWID",
    )
}

/// 1 -> 2: what is written often goes to a journal first.
fn add_journal(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE journal (
            row    INTEGER PRIMARY KEY,
            space  TEXT NOT NULL,
            frames BLOB NOT NULL
        ) STRICT;
        CREATE TABLE folded (
            space TEXT NOT NULL,
            key   BLOB NOT NULL,
            frame BLOB NOT NULL,
            PRIMARY KEY (space, key)
        ) STRICT, WITHOUT ROWID",
    )
}

/// The version of the open file `path` (0: empty), without changing it.
///
/// # Errors
/// [`Error::NotADatabase`] for another program's file, [`Error::Newer`] for one that these `steps`
/// do not reach.
pub(crate) fn identify(connection: &Connection, path: &Path, steps: &[Step]) -> Result<u32, Error> {
    let failed = Error::sqlite(path);
    let application_id: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(&failed)?;
    let found: u32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&failed)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&failed)?;

    if application_id == 0 && found == 0 && tables == 0 {
        return Ok(0);
    }
    if application_id != APPLICATION_ID || found == 0 {
        return Err(Error::NotADatabase { path: path.to_owned() });
    }
    let known = newest(steps);
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// Brings the open file `path` from `version` to the newest of `steps`.
///
/// A file older than that is first copied to `ruf.db.schema-N` beside it, N being its version. All
/// steps are one transaction: a crash between them leaves the old file.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    version: u32,
    steps: &[Step],
) -> Result<(), Error> {
    if version == newest(steps) {
        return Ok(());
    }
    if version > 0 {
        copy_before(connection, path, version)?;
    }
    let failed = Error::sqlite(path);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    for step in steps.iter().skip(version as usize) {
        step(&transaction).map_err(&failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
    transaction.pragma_update(None, "user_version", newest(steps)).map_err(&failed)?;
    transaction.commit().map_err(&failed)
}

fn newest(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

/// The copy that a migration leaves beside the file.
pub(crate) fn copy_path(path: &Path, version: u32) -> PathBuf {
    path.with_added_extension(format!("schema-{version}"))
}

/// Under another name until it is whole, so that a crash never leaves half a copy under the right one.
fn copy_before(connection: &Connection, path: &Path, version: u32) -> Result<(), Error> {
    let (unfinished, finished) = (path.with_added_extension("copying"), copy_path(path, version));
    if unfinished.exists() {
        fs::remove_file(&unfinished).map_err(Error::unreadable(&unfinished))?;
    }
    copy(connection, &unfinished)?;
    fs::rename(&unfinished, &finished).map_err(Error::unreadable(&finished))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::sqlite::Sqlite;
    use crate::{Limits, Space};

    const WORDS: Space = Space::new("words");

    /// 1 -> 2: what a later version might do to every value.
    fn shout(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute_batch("UPDATE entry SET value = CAST(upper(value) AS BLOB)")
    }

    fn break_off(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute_batch("DELETE FROM entry")?;
        Err(rusqlite::Error::InvalidQuery)
    }

    fn open(dir: &Path, steps: &[Step]) -> Result<Sqlite, Error> {
        Sqlite::open(dir, Limits::default(), steps)
    }

    fn with_a_word(dir: &Path) {
        let mut store = open(dir, &[create]).unwrap();
        store.write(crate::Batch::new().put(WORDS, b"a", b"ant").writes.as_slice()).unwrap();
    }

    #[test]
    fn an_older_file_is_copied_and_brought_forward() {
        let dir = Scratch::new("forward");
        with_a_word(&dir);
        let store = open(&dir, &[create, shout]).unwrap();
        assert_eq!(store.get(WORDS, b"a").unwrap().unwrap(), b"ANT");
        drop(store);

        let copy = copy_path(&dir.join("ruf.db"), 1);
        let elsewhere = Scratch::new("forward-copy");
        directory_with(&elsewhere, &copy);
        let before = open(&elsewhere, &[create]).unwrap();
        assert_eq!(before.get(WORDS, b"a").unwrap().unwrap(), b"ant");
    }

    #[test]
    fn a_migration_that_fails_leaves_the_old_file() {
        let dir = Scratch::new("fails");
        with_a_word(&dir);
        assert!(open(&dir, &[create, shout, break_off]).is_err());
        let store = open(&dir, &[create]).unwrap();
        assert_eq!(store.get(WORDS, b"a").unwrap().unwrap(), b"ant");
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let dir = Scratch::new("newer");
        drop(open(&dir, &[create, shout]).unwrap());
        let before = fs::read(dir.join("ruf.db")).unwrap();
        let error = open(&dir, &[create]).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("newer ruf"), "{error}");
        assert_eq!(fs::read(dir.join("ruf.db")).unwrap(), before);
    }

    #[test]
    fn a_copy_left_unfinished_by_a_crash_is_replaced() {
        let dir = Scratch::new("unfinished");
        with_a_word(&dir);
        fs::write(dir.join("ruf.db.copying"), b"half").unwrap();
        drop(open(&dir, &[create, shout]).unwrap());
        assert!(!dir.join("ruf.db.copying").exists());
        assert!(copy_path(&dir.join("ruf.db"), 1).exists());
    }

    fn directory_with(dir: &Path, database: &Path) {
        crate::prepare_directory(dir).unwrap();
        fs::copy(database, dir.join("ruf.db")).unwrap();
    }
}
