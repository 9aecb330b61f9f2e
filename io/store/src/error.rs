//! What can go wrong with a store: always the environment, never the peer. Each error says what
//! happened and what to do about it, in one line.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a store did not open, or did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The data directory or a file in it cannot be made, read or written.
    Unreadable {
        /// What was tried.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory is open to other users and holds things that are not ours, so we neither use
    /// it nor change its mode.
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no database, or the database of another program.
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database is ours, and was not written as a backup.
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// The open file was removed. What it held was written anew under its name; the change was not made.
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// Another file has its name.
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A restore into the directory was cut short.
    HalfRestored {
        /// The directory.
        path: PathBuf,
    },
    /// The file was written by a newer Ruf.
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema version in the file.
        found: u32,
        /// The newest version this program knows: [`crate::SCHEMA`].
        known: u32,
    },
    /// Another process holds it.
    Locked {
        /// The directory or file.
        path: PathBuf,
        /// The process, where it left its number.
        pid: Option<u32>,
    },
    /// The disk, or the bound on the file, is used up.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A key or value longer than [`crate::KEY_BYTES_MAX`] or [`crate::VALUE_BYTES_MAX`].
    TooLarge {
        /// The key's length.
        key_bytes: usize,
        /// The value's length.
        value_bytes: usize,
    },
    /// SQLite found the file damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: String,
    },
    /// Reading or writing failed under it.
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: String,
    },
}

impl Error {
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Unreadable { path: path.to_owned(), source }
    }

    /// Sorts SQLite's errors by what a person can do about them.
    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        move |error| {
            let path = path.to_owned();
            match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path, pid: None },
                Some(ErrorCode::DiskFull) => Self::Full { path },
                Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                    Self::Unreadable { path, source: io::Error::other(error) }
                }
                Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, cause: error.to_string() },
                _ => Self::Failed { path, cause: error.to_string() },
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(
                    f,
                    "cannot use {}: {source}; choose a directory this user may write to",
                    path.display()
                )
            }
            Self::Exposed { path, mode } => write!(
                f,
                "{} is open to other users (mode {mode:04o}) and holds other files; choose a new or empty directory",
                path.display()
            ),
            Self::NotADatabase { path } => {
                write!(
                    f,
                    "{} is not a Ruf database; move it away or choose another directory",
                    path.display()
                )
            }
            Self::NotABackup { path } => {
                write!(f, "{} is no backup; `ruf backup FILE` makes one", path.display())
            }
            Self::Removed { path } => write!(
                f,
                "{} was removed while it was in use; it is there again with all that it held: try again, and find out who removes it",
                path.display()
            ),
            Self::Replaced { path } => write!(
                f,
                "{} is not the file that was opened; put that one back, or stop the server before you replace it",
                path.display()
            ),
            Self::HalfRestored { path } => write!(
                f,
                "a restore into {} was cut short; run `ruf restore` again (the old files are in its before-restore-N)",
                path.display()
            ),
            Self::Newer { path, found, known } => write!(
                f,
                "{} was written by a newer ruf (schema {found}, this one knows {known}); run that one, or restore the copy it made",
                path.display()
            ),
            Self::Locked { path, pid: Some(pid) } => {
                write!(
                    f,
                    "{} is in use by process {pid}; stop it or choose another directory",
                    path.display()
                )
            }
            Self::Locked { path, pid: None } => {
                write!(
                    f,
                    "{} is in use by another process; stop it or choose another directory",
                    path.display()
                )
            }
            Self::Full { path } => write!(f, "no room left to write {}; free some space", path.display()),
            Self::TooLarge { key_bytes, value_bytes } => write!(
                f,
                "a key of {key_bytes} and a value of {value_bytes} bytes is too large (at most {} and {})",
                crate::KEY_BYTES_MAX,
                crate::VALUE_BYTES_MAX
            ),
            Self::Damaged { path, cause } => {
                write!(f, "{} is damaged ({cause}); restore a backup", path.display())
            }
            Self::Failed { path, cause } => {
                write!(f, "cannot read or write {}: {cause}; look at the disk", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Exposed { .. }
            | Self::NotADatabase { .. }
            | Self::NotABackup { .. }
            | Self::Removed { .. }
            | Self::Replaced { .. }
            | Self::HalfRestored { .. }
            | Self::Newer { .. }
            | Self::Locked { .. }
            | Self::Full { .. }
            | Self::TooLarge { .. }
            | Self::Damaged { .. }
            | Self::Failed { .. } => None,
        }
    }
}
