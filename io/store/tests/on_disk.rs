//! What only a store on disk does: it lasts, it is private, and it says what is wrong.

#![allow(clippy::unwrap_used)]

mod scratch;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ruf_store::{Batch, Error, Limits, Space, Store};
use scratch::Scratch;

const A: Space = Space::new("a");

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let dir = Scratch::new("reopen");
    let mut store = Store::open(&dir).unwrap();
    store.put(A, b"k", b"v").unwrap();
    drop(store);
    assert_eq!(Store::open(&dir).unwrap().get(A, b"k").unwrap().unwrap(), b"v");
}

#[test]
fn what_was_written_is_in_the_files_before_the_verb_returns() {
    let (dir, after_the_crash) = (Scratch::new("crash"), Scratch::new("crash-copy"));
    let mut store = Store::open(&dir).unwrap();
    store.put(A, b"k", b"v").unwrap();
    // The process has not closed anything yet: take the files as a kill would leave them.
    ruf_store::prepare_directory(&after_the_crash).unwrap();
    for name in ["ruf.db", "ruf.db-wal"] {
        fs::copy(dir.join(name), after_the_crash.join(name)).unwrap();
    }
    assert_eq!(Store::open(&after_the_crash).unwrap().get(A, b"k").unwrap().unwrap(), b"v");
}

#[test]
fn directory_and_files_are_private() {
    let scratch = Scratch::new("private");
    let dir = scratch.join("deeper");
    let mut store = Store::open(&dir).unwrap();
    store.put(A, b"k", b"v").unwrap();
    store.copy_to(&dir.join("copy")).unwrap();
    assert_eq!(mode(&dir), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "database, log, lock and copy");
}

#[test]
fn an_open_directory_is_closed_when_it_is_empty_or_ours() {
    let dir = Scratch::new("closing");
    fs::create_dir(&*dir).unwrap();
    fs::set_permissions(&*dir, Permissions::from_mode(0o755)).unwrap();
    drop(Store::open(&dir).unwrap());
    assert_eq!(mode(&dir), 0o700);

    fs::set_permissions(&*dir, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.join("ruf.db"), Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(&dir).unwrap());
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("ruf.db")), 0o600);
}

#[test]
fn an_open_directory_with_other_files_is_refused_and_left_alone() {
    let dir = Scratch::new("exposed");
    fs::create_dir(&*dir).unwrap();
    fs::set_permissions(&*dir, Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.join("letter.txt"), b"dear").unwrap();
    let error = Store::open(&dir).unwrap_err();
    assert!(matches!(error, Error::Exposed { mode: 0o755, .. }), "{error}");
    assert_eq!(mode(&dir), 0o755);
    assert!(!dir.join("ruf.db").exists());

    fs::set_permissions(&*dir, Permissions::from_mode(0o700)).unwrap();
    Store::open(&dir).expect("a private one with other files is fine");
}

#[test]
fn a_path_that_is_no_directory_is_unreadable() {
    let file = Scratch::new("file");
    fs::write(&*file, b"not a directory").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    let error = Store::open(&file.join("below")).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("choose a directory"), "{error}");
}

#[test]
fn a_file_of_something_else_is_not_a_database_and_stays_as_it_is() {
    let dir = Scratch::new("text");
    ruf_store::prepare_directory(&dir).unwrap();
    let text = b"# a configuration that somebody put here by mistake\n".repeat(100);
    fs::write(dir.join("ruf.db"), &text).unwrap();
    let error = Store::open(&dir).unwrap_err();
    assert!(matches!(error, Error::NotADatabase { .. }), "{error}");
    assert_eq!(fs::read(dir.join("ruf.db")).unwrap(), text);
}

#[test]
fn another_programs_database_is_refused_and_stays_as_it_is() {
    let dir = Scratch::new("foreign");
    ruf_store::prepare_directory(&dir).unwrap();
    let path = dir.join("ruf.db");
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE places (url TEXT); PRAGMA user_version = 1").unwrap();
    drop(foreign);
    let before = fs::read(&path).unwrap();
    let error = Store::open(&dir).unwrap_err();
    assert!(matches!(error, Error::NotADatabase { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_file_is_refused() {
    let dir = Scratch::new("newer");
    drop(Store::open(&dir).unwrap());
    let newer = rusqlite::Connection::open(dir.join("ruf.db")).unwrap();
    newer.pragma_update(None, "user_version", ruf_store::SCHEMA + 1).unwrap();
    drop(newer);
    let error = Store::open(&dir).unwrap_err();
    assert!(matches!(error, Error::Newer { found, known, .. } if found == known + 1), "{error}");
}

#[test]
fn a_second_owner_is_told_who_the_first_is() {
    let dir = Scratch::new("locked");
    let first = Store::open(&dir).unwrap();
    let error = Store::open(&dir).unwrap_err();
    assert!(matches!(error, Error::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    drop(first);
    Store::open(&dir).expect("released with its owner");
}

#[test]
fn a_full_file_says_so_and_changes_nothing() {
    let dir = Scratch::new("full");
    let limits = Limits { file_bytes_max: Some(128 * 1024) };
    let mut store = Store::open_bounded(&dir, limits).unwrap();
    store.put(A, b"first", b"v").unwrap();
    let mut batch = Batch::new();
    for n in 0_u32..1_000 {
        batch.push_put(A, &n.to_be_bytes(), &[0x55; 1_000]);
    }
    let error = store.batch(batch).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!(store.get(A, &0_u32.to_be_bytes()).unwrap(), None);
    assert_eq!(store.get(A, b"first").unwrap().unwrap(), b"v");
    store.put(A, b"second", b"v").expect("there is room for a small one still");
}

#[test]
fn a_damaged_file_is_an_error_not_a_crash() {
    let dir = Scratch::new("damaged");
    let mut store = Store::open(&dir).unwrap();
    let mut batch = Batch::new();
    for n in 0_u32..1_000 {
        batch.push_put(A, &n.to_be_bytes(), &[0x55; 500]);
    }
    store.batch(batch).unwrap();
    drop(store);
    let path = dir.join("ruf.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    let broken = Store::open(&dir).and_then(|store| store.get(A, &500_u32.to_be_bytes()));
    let error = broken.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn a_copy_holds_everything_and_never_overwrites() {
    let (dir, copied) = (Scratch::new("copy"), Scratch::new("copy-of"));
    let mut store = Store::open(&dir).unwrap();
    store.put(A, b"k", b"v").unwrap();
    ruf_store::prepare_directory(&copied).unwrap();
    store.copy_to(&copied.join("ruf.db")).unwrap();
    let error = store.copy_to(&copied.join("ruf.db")).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert_eq!(Store::open(&copied).unwrap().get(A, b"k").unwrap().unwrap(), b"v");
}

/// Made by the first version, with `ruf user add alice --alias 100`.
const SCHEMA_1: &[u8] = include_bytes!("data/schema-1.db");

#[test]
fn a_file_of_the_first_version_is_copied_and_serves_on() {
    let dir = Scratch::new("schema-1");
    ruf_store::prepare_directory(&dir).unwrap();
    std::fs::write(dir.join("ruf.db"), SCHEMA_1).unwrap();
    let mut store = Store::open(&dir).unwrap();
    let accounts = Space::new("accounts");
    let alice = store.get(accounts, b"alice@ruf.internal").unwrap().unwrap();
    assert!(String::from_utf8(alice).unwrap().contains("\"aliases\":[\"100\"]"));
    let journal = ruf_store::Journal::new(ruf_store::QueueLimits::default());
    journal.put(b"k", |out| out.push(1)).unwrap();
    store.append(accounts, &journal.take().unwrap()).unwrap();
    assert!(store.journal_bytes(accounts).unwrap() > 0);
    drop(store);
    assert!(!std::fs::read(dir.join("ruf.db.schema-1")).unwrap().is_empty());
    assert!(Store::open(&dir).is_ok());
}
