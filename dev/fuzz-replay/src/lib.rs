//! What the fuzz targets hold against any octets: one function for each target of `fuzz/`, which
//! panics when something does not hold. `cargo test -p ruf-fuzz-replay` runs them over the corpora,
//! so that what was once found stays found.

#![allow(clippy::panic)] // a panic is how a finding is told

mod events;
mod framing;
mod ice;
mod jitter;
mod message;
mod node;
mod pidf;
mod rtcp;
mod rtp;
mod sdp;
mod stun;
mod uri;
mod views;

pub use events::events;
pub use framing::framing;
pub use ice::ice;
pub use jitter::jitter;
pub use message::message;
pub use node::node;
pub use pidf::pidf;
pub use rtcp::rtcp;
pub use rtp::rtp;
pub use sdp::sdp;
pub use stun::stun;
pub use uri::uri;

/// What a target runs.
pub type Target = fn(&[u8]);

/// Every target: its name, which is that of its corpus, and what it runs.
pub const TARGETS: &[(&str, Target)] = &[
    ("message", message),
    ("framing", framing),
    ("uri", uri),
    ("node", node),
    ("stun", stun),
    ("ice", ice),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("events", events),
    ("jitter", jitter),
    ("sdp", sdp),
    ("pidf", pidf),
];
