//! Accounts: who may use this server, and how they prove it.
//!
//! [`Accounts`] is the repository of [`ruf_admission::Account`] on the verbs of the store, and what
//! the gate asks: [`Accounts::read`] gives a [`ruf_admission::Accounts`] in RAM, so that no request waits
//! for a disk. All workers share them; each has a handle. Of a secret only H(A1) is kept, per algorithm and realm (RFC 7616 §5.6).
//!
//! - `name.rs`, `secret.rs`: what may be a name, an alias, a number, a secret.
//! - `import.rs`: reading a list of accounts from a file.
//! - `record.rs`: an account as bytes. `book.rs`: accounts in RAM.
//!
//! Not here: who may do what (core/admission), where an account's phones are (services/registrar),
//! which number leads to which account (services/routing).

#![forbid(unsafe_code)]

mod accounts;
mod book;
mod error;
pub mod import;
mod name;
mod record;
mod secret;

pub use accounts::{Accounts, Imported, Limits, Listed, Origin, Reading};
pub use error::Error;
pub use name::{NAME_BYTES_MAX, NameError, canonical_alias, check_name};
pub use secret::{SECRET_BYTES_MAX, check_secret, random_secret};
