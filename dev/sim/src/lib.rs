//! The virtual network and clock that drive apps/node in tests: the very thing that serves, between
//! phones made of core/agent, over a network whose every misfortune follows from a seed.
//!
//! | module | what |
//! |---|---|
//! | [`sim`] | [`Sim`]: hosts, clock, one event after another |
//! | [`network`] | loss, duplication, delay and with it reordering |
//! | [`nat`] | a translator between a phone and the world, and its rebinding |
//! | [`server`] | a node with its address; crash and restart |
//! | [`disk`] | what of a server's records outlives a crash |
//! | [`trace`] | every datagram that was sent, and what became of it |
//! | [`ladder`] | the trace in one line, and as a drawing |
//! | [`check`] | what must hold of every trace |
//! | [`excuse`] | whether the network alone explains a failure |
//! | [`scenario`] | one call, drawn from a seed |
//! | [`registrant`] | a client that only registers |
//! | `foreign` | a program of somebody else's, played by hand |
//! | [`kept`] | registrations and crashes, drawn from a seed |
//! | [`phones`] | two restless phones without a server, drawn from a seed |
//! | [`forked`] | one call to several phones, drawn from a seed |
//! | [`verdict`] | what becomes of a run |
//!
//! `cargo run -p ruf-sim -- --seeds 10000 --loss 5` runs all four for 10,000 seeds and then proves,
//! by planted faults, that it would have noticed. The flows in `tests/flows` are one file per ladder.
//! Not here: real sockets (io/net), real phones (interop).

#![forbid(unsafe_code)]

pub mod check;
pub mod disk;
pub mod excuse;
mod foreign;
pub mod forked;
pub mod kept;
pub mod ladder;
pub mod nat;
pub mod network;
pub mod phones;
pub mod registrant;
pub mod scenario;
pub mod server;
pub mod sim;
pub mod trace;
pub mod verdict;

pub use server::{Server, Site};
pub use sim::{HostId, Sim};
