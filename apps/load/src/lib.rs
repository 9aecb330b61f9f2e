//! `ruf load`: a load generator (RFC 3261, 3428, 6665). It plays callers and callees towards a server,
//! starts calls, registrations, messages and subscriptions as the clock says whatever the answers do, and
//! counts each once: as good, or by the reason why not.
//!
//! | module | what |
//! | --- | --- |
//! | [`plan`], [`mix`], [`schedule`] | what is to be done: whom we play, what the units are, when they start |
//! | [`load`] | the machine: messages and time in, messages out |
//! | `unit` | a call, a message, a subscription, from its start to its outcome |
//! | `answering` | the other side of calls and messages |
//! | `client`, `render`, `glance`, `ident` | a request until its answer; writing, reading, telling whose it is |
//! | [`tally`], [`histogram`] | outcomes and times |
//! | [`arguments`], `shell`, `report` | the command line, sockets and clock, the table at the end |
//!
//! The machine knows no socket, clock or randomness of its own, and needs no user agent: requests are
//! written from a few fixed lines, and of answers only those lines are read that matter, so that the
//! generator costs less than what it measures.

#![forbid(unsafe_code)]

mod answering;
pub mod arguments;
mod client;
mod glance;
pub mod histogram;
mod ident;
pub mod limits;
pub mod load;
pub mod mix;
pub mod plan;
mod render;
mod report;
pub mod schedule;
mod shell;
pub mod tally;
mod turn;
mod unit;
mod way;

pub use arguments::{LoadArgs, run};
pub use limits::Limits;
pub use load::{Load, Phase};
pub use plan::Plan;
pub use way::Link;
