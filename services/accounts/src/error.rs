//! Why an account could not be made, changed or found.

use std::fmt;

use crate::name::NameError;

/// What stood in the way. Nothing has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The name or alias is none.
    Name(String, NameError),
    /// The secret is none; it is not shown.
    Secret(NameError),
    /// There is such an account already.
    Exists {
        /// `user@domain`.
        address: String,
    },
    /// There is no such account.
    Unknown {
        /// `user@domain`.
        address: String,
    },
    /// It is an account of this run, which is not stored.
    OfThisRun {
        /// `user@domain`.
        address: String,
    },
    /// Another account has that name or alias.
    Taken {
        /// The name.
        name: String,
        /// `user@domain` of the account that has it.
        by: String,
    },
    /// An account has too many aliases.
    TooManyAliases {
        /// As many are allowed: [`crate::Limits::aliases_per_account_max`].
        max: usize,
    },
    /// There is no room for another account.
    Full {
        /// As many are allowed: [`crate::Limits::accounts_max`].
        max: usize,
    },
    /// A row of the store is no account.
    Record {
        /// Its key.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A row of an imported file could not be taken.
    Line {
        /// Where it stands.
        line: usize,
        /// What is wrong with it.
        cause: Box<Error>,
    },
    /// The store failed.
    Store(ruf_store::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, error) => write!(f, "the name {name:?} {error}"),
            Self::Secret(error) => write!(f, "the secret {error}"),
            Self::Exists { address } => write!(f, "{address} exists already; passwd gives it a new secret"),
            Self::Unknown { address } => write!(f, "there is no account {address}"),
            Self::OfThisRun { address } => {
                write!(
                    f,
                    "{address} is not stored: it is given by --user, where it can be changed or left out"
                )
            }
            Self::Taken { name, by } => write!(f, "{name} is a name of {by} already"),
            Self::TooManyAliases { max } => write!(f, "an account has at most {max} aliases"),
            Self::Full { max } => write!(f, "there are {max} accounts, as many as are allowed"),
            Self::Record { key, cause } => {
                write!(f, "the stored account {key} cannot be read ({cause}); restore a backup")
            }
            Self::Line { line, cause } => write!(f, "line {line}: {cause}"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Line { cause, .. } => Some(cause),
            Self::Store(error) => Some(error),
            Self::Name(..)
            | Self::Secret(..)
            | Self::Exists { .. }
            | Self::Unknown { .. }
            | Self::OfThisRun { .. }
            | Self::Taken { .. }
            | Self::TooManyAliases { .. }
            | Self::Full { .. }
            | Self::Record { .. } => None,
        }
    }
}

impl From<ruf_store::Error> for Error {
    fn from(error: ruf_store::Error) -> Self {
        Self::Store(error)
    }
}
