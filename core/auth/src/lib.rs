//! Digest authentication, both sides (RFC 7616, RFC 8760).

#![forbid(unsafe_code)]

mod algorithm;
mod digest;
mod ha1;

pub use algorithm::{Algorithm, Hex, UnknownAlgorithm};
pub use digest::{Count, Digest, Protection};
pub use ha1::{Ha1, NotAnHa1, userhash};
