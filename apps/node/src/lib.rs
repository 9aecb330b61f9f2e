//! One worker's machines composed: bytes, time and answers in; transmits and questions out.
//!
//! A [`Node`] alone knows all services. It has no socket, no clock and no thread: `io/net` drives
//! it in production, `dev/sim` in tests, and fuzzing and instruction counts drive it directly.
//!
//! | module | what |
//! | --- | --- |
//! | [`node`] | the way of a datagram through the machines |
//! | `operation` | what an operator does to a running node: another configuration, draining |
//! | `own` | requests that are for the server itself: OPTIONS, and what it does not do |
//! | `table` | which service answers which other service's question |
//! | [`crossing`] | several workers: whose message it is |
//! | `nonces` | the used nonces of all workers |
//! | [`counters`] | what `ruf status` and metrics show |

#![forbid(unsafe_code)]

pub mod counters;
pub mod crossing;
pub mod node;
mod nonces;
mod operation;
mod own;
mod table;

pub use counters::Counters;
pub use crossing::{Crossing, Seat};
pub use node::{Node, Parts};
pub use nonces::SharedNonces;
