//! The data directory: private (0700, files 0600) and owned by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::Error;

/// The database's name within the directory.
pub(crate) const DATABASE: &str = "ruf.db";
/// Locked by the process that owns the directory; holds its number.
const LOCK: &str = "ruf.lock";

const OTHERS: u32 = 0o077;

/// Makes `dir` with mode 0700, or makes sure that an existing one is private.
///
/// One that is open to others is closed if it is empty or already ours; otherwise it is somebody
/// else's (`/tmp`, a home directory) and is refused, not changed.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Exposed`].
pub fn prepare(dir: &Path) -> Result<(), Error> {
    match fs::metadata(dir) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::unreadable(dir))
        }
        Err(error) => Err(Error::unreadable(dir)(error)),
        Ok(metadata) => {
            let first = fs::read_dir(dir).map_err(Error::unreadable(dir))?.next();
            let mode = metadata.permissions().mode() & 0o7777;
            if mode & OTHERS == 0 {
                return Ok(());
            }
            if first.is_some() && !dir.join(DATABASE).exists() {
                return Err(Error::Exposed { path: dir.to_owned(), mode });
            }
            fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(Error::unreadable(dir))
        }
    }
}

/// Held while the directory is ours; the system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Ownership {
    _lock: File,
}

impl Ownership {
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(LOCK);
        let mut lock = private(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let pid = lock.read_to_string(&mut owner).ok().and_then(|_| owner.trim().parse().ok());
                return Err(Error::Locked { path: dir.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(Error::unreadable(&path)(error)),
        }
        // The number is for people: a directory that is full does not stop us here.
        let noted = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        drop(noted);
        Ok(Self { _lock: lock })
    }
}

/// Opens or makes a file that only its owner may read, and closes one that was open to others.
pub(crate) fn private(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(Error::unreadable(path))?;
    let metadata = file.metadata().map_err(Error::unreadable(path))?;
    if metadata.permissions().mode() & OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(Error::unreadable(path))?;
    }
    Ok(file)
}

/// Makes a file that only its owner may read; one that exists is an error.
pub(crate) fn private_new(path: &Path) -> Result<File, Error> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(Error::unreadable(path))
}
