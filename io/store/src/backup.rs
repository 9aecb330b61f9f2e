//! One file that holds a whole data directory, written while a server has it, and the way back.
//!
//! A backup is a database with a table more: the files of the directories that are kept beside it
//! (keys, certificates). It is read by a connection of its own, in one transaction, so that it is what
//! was committed at one moment, the log included; whoever writes meanwhile does not wait.
//!
//! The way back has two halves. All is made and proved in a directory within the data directory; then
//! the old files are moved aside and the new ones in. A crash between the two is seen at the next start,
//! which refuses until the restore was run again.
//!
//! Not here: which directories belong to the data, and who is allowed to ask.

use std::fs::{self, File};
use std::io;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use crate::directory::{self, DATABASE, Ownership};
use crate::schema::{self, identify};
use crate::sqlite::copy;
use crate::{Error, VALUE_BYTES_MAX};

/// Where a restore makes what it will move in.
const MAKING: &str = "restore.making";
/// Its name once it is whole: the old files are being moved aside.
const MOVING: &str = "restore.moving";
/// What the old files are moved to, followed by a number.
const ASIDE: &str = "before-restore";

/// Writes what the data directory `dir` holds now, with the files of the directories `beside` in it, into
/// the new file `file` (0600), synced. A server may run on it meanwhile.
///
/// # Errors
/// When `dir` has no database, or `file` exists or cannot be written: then there is no such file.
pub fn back_up(dir: &Path, beside: &[&str], file: &Path) -> Result<(), Error> {
    let path = dir.join(DATABASE);
    if file.exists() {
        let taken = io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name");
        return Err(Error::unreadable(file)(taken));
    }
    let connection = open_read_only(&path)?;
    if identify(&connection, &path, schema::STEPS)? == 0 {
        return Err(Error::NotADatabase { path });
    }
    let unfinished = file.with_added_extension("unfinished");
    remove(&unfinished)?;
    copy(&connection, &unfinished)?;
    let done = add_files(dir, beside, &unfinished).and_then(|()| {
        fs::rename(&unfinished, file).map_err(Error::unreadable(file))?;
        sync(file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    });
    if done.is_err() {
        // Half a backup is worse than none; that it cannot be removed adds nothing to the cause.
        drop(fs::remove_file(&unfinished));
    }
    done
}

/// Replaces what the data directory `dir` holds by what the backup `file` holds, and says where the old
/// files are now, if there were any. The directories `beside` are replaced whole.
///
/// # Errors
/// [`Error::Locked`] while a server has `dir`; [`Error::NotADatabase`], [`Error::NotABackup`],
/// [`Error::Damaged`] and [`Error::Newer`] for a file that will not do. Then nothing has changed.
pub fn restore(file: &Path, beside: &[&str], dir: &Path) -> Result<Option<PathBuf>, Error> {
    drop(open_read_only(file)?);
    directory::prepare(dir)?;
    let _ownership = Ownership::take(dir)?;
    let (making, moving) = (dir.join(MAKING), dir.join(MOVING));
    if making.exists() {
        fs::remove_dir_all(&making).map_err(Error::unreadable(&making))?;
    }
    directory::prepare(&making)?;
    if let Err(error) = make(file, beside, &making) {
        // The cause is said; what is left of the attempt is removed by the next one at the latest.
        drop(fs::remove_dir_all(&making));
        return Err(error);
    }
    if moving.exists() {
        fs::remove_dir_all(&moving).map_err(Error::unreadable(&moving))?;
    }
    fs::rename(&making, &moving).map_err(Error::unreadable(&moving))?;
    sync(dir)?;
    let aside = move_aside(dir, beside)?;
    // The database last: with it, a start finds everything.
    for name in beside.iter().copied().chain([DATABASE]) {
        let from = moving.join(name);
        if from.exists() {
            fs::rename(&from, dir.join(name)).map_err(Error::unreadable(&from))?;
        }
    }
    sync(dir)?;
    fs::remove_dir_all(&moving).map_err(Error::unreadable(&moving))?;
    sync(dir)?;
    Ok(aside)
}

/// Refuses a directory in which a restore was cut short.
pub(crate) fn check_whole(dir: &Path) -> Result<(), Error> {
    if dir.join(MOVING).exists() {
        return Err(Error::HalfRestored { path: dir.to_owned() });
    }
    Ok(())
}

/// Makes in `making` what will be moved in, and proves it.
fn make(file: &Path, beside: &[&str], making: &Path) -> Result<(), Error> {
    let path = making.join(DATABASE);
    let mut from = File::open(file).map_err(Error::unreadable(file))?;
    let mut to = directory::private_new(&path)?;
    io::copy(&mut from, &mut to).map_err(Error::unreadable(&path))?;
    drop(to);
    // What is wrong is wrong with the file that the person named.
    let failed = Error::sqlite(file);
    let connection =
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    if identify(&connection, file, schema::STEPS)? == 0 {
        return Err(Error::NotADatabase { path: file.to_owned() });
    }
    let verdict: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).map_err(&failed)?;
    if verdict != "ok" {
        return Err(Error::Damaged { path: file.to_owned(), cause: verdict.replace('\n', "; ") });
    }
    let has_files: bool = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'backed_up_file'", [], |row| row.get(0))
        .map_err(&failed)?;
    if !has_files {
        return Err(Error::NotABackup { path: file.to_owned() });
    }
    write_files(&connection, beside, making, file)?;
    // The keys are files again: nothing of them stays in the database.
    connection
        .execute_batch("PRAGMA secure_delete = ON; DROP TABLE backed_up_file; VACUUM")
        .map_err(&failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(Error::unreadable(&path))?;
    sync(making)
}

fn write_files(connection: &Connection, beside: &[&str], making: &Path, file: &Path) -> Result<(), Error> {
    let failed = Error::sqlite(file);
    let mut select = connection.prepare("SELECT name, octets FROM backed_up_file").map_err(&failed)?;
    let mut rows = select.query([]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let (name, octets): (String, Vec<u8>) =
            row.get(0).and_then(|name| Ok((name, row.get(1)?))).map_err(&failed)?;
        // A name leads to a file of one of these directories, and nowhere else.
        let inside: Vec<Component<'_>> = Path::new(&name).components().collect();
        let [Component::Normal(folder), Component::Normal(_)] = inside.as_slice() else {
            return Err(Error::NotABackup { path: file.to_owned() });
        };
        if !beside.iter().any(|one| folder == one) {
            return Err(Error::NotABackup { path: file.to_owned() });
        }
        directory::prepare(&making.join(folder))?;
        let path = making.join(&name);
        let mut kept = directory::private_new(&path)?;
        kept.write_all(&octets).and_then(|()| kept.sync_all()).map_err(Error::unreadable(&path))?;
    }
    beside.iter().map(|one| making.join(one)).filter(|one| one.exists()).try_for_each(|one| sync(&one))
}

/// Puts the files of the directories into the copy, and syncs it.
fn add_files(dir: &Path, beside: &[&str], backup: &Path) -> Result<(), Error> {
    let failed = Error::sqlite(backup);
    let mut connection =
        Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    let transaction = connection.transaction().map_err(&failed)?;
    transaction
        .execute_batch("CREATE TABLE backed_up_file (name TEXT PRIMARY KEY, octets BLOB NOT NULL) STRICT")
        .map_err(&failed)?;
    for folder in beside.iter().filter(|folder| dir.join(folder).is_dir()) {
        let path = dir.join(folder);
        for entry in fs::read_dir(&path).map_err(Error::unreadable(&path))? {
            let path = entry.map_err(Error::unreadable(&path))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file())
            else {
                continue;
            };
            let octets = fs::read(&path).map_err(Error::unreadable(&path))?;
            if octets.len() > VALUE_BYTES_MAX {
                return Err(Error::TooLarge { key_bytes: name.len(), value_bytes: octets.len() });
            }
            transaction
                .execute(
                    "INSERT INTO backed_up_file (name, octets) VALUES (?1, ?2)",
                    params![format!("{folder}/{name}"), octets],
                )
                .map_err(&failed)?;
        }
    }
    transaction.commit().map_err(&failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    File::open(backup).and_then(|file| file.sync_all()).map_err(Error::unreadable(backup))
}

/// Moves what the directory holds into a directory of its own within it.
fn move_aside(dir: &Path, beside: &[&str]) -> Result<Option<PathBuf>, Error> {
    let log = |ending: &str| format!("{DATABASE}-{ending}");
    // The log with its database: neither means anything without the other.
    let names = [DATABASE.to_owned(), log("wal"), log("shm")].into_iter();
    let names = names.chain(beside.iter().map(|&one| one.to_owned()));
    let old: Vec<String> = names.filter(|name| dir.join(name).exists()).collect();
    if old.is_empty() {
        return Ok(None);
    }
    let free = (1..=u32::MAX).map(|number| dir.join(format!("{ASIDE}-{number}"))).find(|one| !one.exists());
    let aside = free.unwrap_or_else(|| dir.join(ASIDE));
    directory::prepare(&aside)?;
    for name in old {
        let from = dir.join(&name);
        fs::rename(&from, aside.join(&name)).map_err(Error::unreadable(&from))?;
    }
    sync(&aside)?;
    Ok(Some(aside))
}

/// The log of a database is read with it, whether or not a server has it open.
fn open_read_only(path: &Path) -> Result<Connection, Error> {
    // SQLite says no more than that it cannot open a file.
    drop(File::open(path).map_err(Error::unreadable(path))?);
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(Error::sqlite(path))?;
    connection.busy_timeout(crate::sqlite::BUSY_MAX).map_err(Error::sqlite(path))?;
    Ok(connection)
}

fn sync(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::unreadable(dir))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::unreadable(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::{Space, Store};

    const WORDS: Space = Space::new("words");

    #[test]
    fn a_name_that_leads_out_of_the_directory_is_refused() {
        let (dir, other) = (Scratch::new("out-of"), Scratch::new("out-of-other"));
        Store::open(&dir).unwrap().put(WORDS, b"a", b"ant").unwrap();
        let file = dir.join("backup");
        back_up(&dir, &["tls"], &file).unwrap();
        for name in ["../escaped", "/etc/escaped", "tls/../escaped", "escaped", "other/escaped"] {
            let connection = Connection::open(&file).unwrap();
            connection.execute("DELETE FROM backed_up_file", []).unwrap();
            connection.execute("INSERT INTO backed_up_file VALUES (?1, x'00')", [name]).unwrap();
            drop(connection);
            let refused = restore(&file, &["tls"], &other).unwrap_err();
            assert!(matches!(refused, Error::NotABackup { .. }), "{name}: {refused}");
            assert!(!other.join(DATABASE).exists());
        }
    }

    #[test]
    fn a_restore_that_was_cut_short_is_seen_and_may_be_run_again() {
        let dir = Scratch::new("cut-short");
        Store::open(&dir).unwrap().put(WORDS, b"a", b"ant").unwrap();
        let file = dir.join("backup");
        back_up(&dir, &[], &file).unwrap();
        fs::create_dir(dir.join(MOVING)).unwrap();
        let refused = Store::open(&dir).unwrap_err();
        assert!(refused.to_string().contains("run `ruf restore` again"), "{refused}");
        let aside = restore(&file, &[], &dir).unwrap().unwrap();
        assert!(aside.join(DATABASE).exists());
        let store = Store::open(&dir).unwrap();
        assert_eq!(store.get(WORDS, b"a").unwrap().unwrap(), b"ant");
    }

    #[test]
    fn a_database_that_is_no_backup_is_refused() {
        let (dir, other) = (Scratch::new("no-backup"), Scratch::new("no-backup-other"));
        drop(Store::open(&dir).unwrap());
        let refused = restore(&dir.join(DATABASE), &[], &other).unwrap_err();
        assert!(matches!(refused, Error::NotABackup { .. }), "{refused}");
    }
}
