//! Digest authentication, both sides (RFC 7616, RFC 8760, RFC 3261 §22).
//!
//! | module | what |
//! |---|---|
//! | `algorithm` | [`Algorithm`] and its results, [`Hex`] |
//! | `ha1` | [`Ha1`]: what is stored of a password |
//! | `digest` | [`Digest`]: the arithmetic |
//! | `credentials` | [`Credentials`]: an answer, read and proved by a server |
//! | `challenge` | [`Asking`], written by a server; [`Challenge`], read by a client |
//! | `keyring`, `session` | [`Keyring`]: a client's passwords, and the challenges it answers with them |
//!
//! Nonces, replays and who may do what are not here: that is the gate, core/admission.

#![forbid(unsafe_code)]

mod algorithm;
mod challenge;
mod credentials;
mod digest;
mod ha1;
mod keyring;
mod session;

pub use algorithm::{Algorithm, Hex, UnknownAlgorithm};
pub use challenge::{Asking, Challenge, ChallengeError, Offered};
pub use credentials::{Credentials, CredentialsError, Qop, Username};
pub use digest::{Count, Digest, Protection};
pub use ha1::{Ha1, NotAnHa1, userhash};
pub use keyring::{Keyring, Unanswerable};
