//! ICE (RFC 8445): which of the ways between two sides carries their packets. STUN (RFC 8489) asks, and says what a
//! port looks like from outside; TURN (RFC 8656) lends an address where nothing else leads through; RFC 7675 says
//! whether the far side still wants what is sent. Knows nothing of SDP, RTP or sockets.
//!
//! | module | what |
//! |---|---|
//! | `agent` | [`Agent`]: one stream, from outside |
//! | `candidate`, `credentials` | where a side may be reached, and how it is known |
//! | `checks`, `pair` | the checklist, and what is known of each way |
//! | `conclude`, `consent` | which way is the one, and whether it still is |
//! | `lookup`, `relay` | what STUN and TURN servers give |
//! | `message`, `attribute` | STUN, read and written |
//! | `retry`, `random` | when something is sent again; what nobody guesses |
//!
//! Not here: candidates in descriptions (core/sdp), ports (io/media), STUN on the ports of SIP (io/net).

#![forbid(unsafe_code)]

mod agent;
mod attribute;
mod candidate;
mod checks;
mod conclude;
mod consent;
mod credentials;
mod lookup;
mod message;
mod pair;
mod random;
mod relay;
mod retry;

#[cfg(test)]
mod flows;
#[cfg(test)]
mod stage;

pub use agent::{Agent, Event, Received, Remote, Server, Transmit};
pub use candidate::{Both, Candidate, Component, Kind};
pub use credentials::Credentials;
pub use pair::{Path, Via};
pub use relay::Login;
