//! What the fuzz targets hold against any octets: one function for each target of `fuzz/`, which
//! panics when something does not hold. `cargo test -p ruf-fuzz-replay` runs them over the corpora,
//! so that what was once found stays found.

#![allow(clippy::panic)] // a panic is how a finding is told

mod framing;
mod message;
mod node;
mod stun;
mod uri;
mod views;

pub use framing::framing;
pub use message::message;
pub use node::node;
pub use stun::stun;
pub use uri::uri;

/// What a target runs.
pub type Target = fn(&[u8]);

/// Every target: its name, which is that of its corpus, and what it runs.
pub const TARGETS: &[(&str, Target)] =
    &[("message", message), ("framing", framing), ("uri", uri), ("node", node), ("stun", stun)];
