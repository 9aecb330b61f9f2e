//! `ruf user`: accounts from the command line.
//!
//! While a server runs on the data directory, it is asked over its control socket and knows the
//! change at once; otherwise the store is opened here. Both ways end in [`perform`].

use std::io::{BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ruf_accounts::Accounts;
use ruf_message::Entropy;
use ruf_store::Store;
use serde::{Deserialize, Serialize};

use crate::control::{self, Answer, Question};
use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK, Place, first_run, keys, settings};

/// Accounts sent to a running server at once.
const IMPORT_CHUNK: usize = 500;
/// Letters and digits in a secret that is made here.
const SECRET_LENGTH: usize = 20;

/// The verbs of `ruf user`.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account. Without a secret one is made and printed.
    Add {
        /// NAME or NAME@DOMAIN.
        name: String,
        /// Read the secret from a file, or from standard input with `-`.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Another name or number of the account (repeatable).
        #[arg(long, value_name = "NAME")]
        alias: Vec<String>,
    },
    /// List the accounts.
    List,
    /// Give an account a new secret. Without one given, it is made and printed.
    Passwd {
        /// NAME or NAME@DOMAIN.
        name: String,
        /// Read the secret from a file, or from standard input with `-`.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Remove an account, and whatever is registered for it.
    Remove {
        /// NAME or NAME@DOMAIN.
        name: String,
    },
    /// Add accounts from a file of lines `user,secret` or `user@domain,secret,alias...`.
    Import {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

/// A change of accounts, or a question about them, as it crosses the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// Add one.
    Add(Entry),
    /// Add many, or none of them.
    Import {
        /// The accounts.
        entries: Vec<Entry>,
    },
    /// List all.
    List,
    /// A new secret for one.
    Passwd(Entry),
    /// Remove one.
    Remove {
        /// NAME or NAME@DOMAIN.
        name: String,
    },
}

/// One account on its way in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    name: String,
    secret: String,
    #[serde(default)]
    aliases: Vec<String>,
}

impl std::fmt::Debug for Entry {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("aliases", &self.aliases).finish_non_exhaustive()
    }
}

/// What came of a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub(crate) enum Done {
    /// It was done, to so many accounts.
    Changed {
        /// How many.
        count: usize,
    },
    /// The accounts, `name@domain` and aliases.
    Listed {
        /// One for each.
        accounts: Vec<(String, Vec<String>)>,
    },
}

fn place_of<'a>(name: &'a str, default_domain: &'a str) -> (&'a str, &'a str) {
    name.rsplit_once('@').unwrap_or((name, default_domain))
}
