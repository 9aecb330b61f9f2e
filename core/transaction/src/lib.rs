//! The four transaction machines of RFC 3261 section 17, with the corrections of RFC 6026 and
//! RFC 4320.
//!
//! | file | what |
//! |---|---|
//! | `transactions.rs`, `receive.rs` | [`Transactions`]: the user's verbs; a message finds its transaction |
//! | `table.rs` | how an entry is opened, takes its turn, is cleared away |
//! | `invite_client.rs`, `non_invite_client.rs`, `invite_server.rs`, `non_invite_server.rs` | the four machines, each under its figure |
//! | `completed.rs` | non-INVITE server transactions that only wait for Timer J |
//! | `turn.rs` | what a machine may do to the world during one transition |
//! | `entry.rs` | one line of the table: a machine and what is true of it in any state |
//! | `matching.rs` | which server transaction a request belongs to (17.2.3) |
//! | `branch.rs` | our own branches: a response finds its slot without a look-up |
//! | `mark.rs` | their second part, by which a loop is found (RFC 5393) |
//! | `reply.rs` | `received`, `rport` and where a response goes (18.2, RFC 3581) |
//! | `out.rs` | what comes out: [`Out`], [`Received`], [`Heard`], [`Event`] |
//!
//! Not here: who may open a transaction (`ruf-admission`), what is done with a request
//! (`ruf-proxy`, `ruf-agent`), the retransmission of a 2xx and its ACK (the transaction user's
//! own duty, 13.2.2.4 and 13.3.1.4), sockets (`ruf-net`).
//!
//! # What a transaction user owes, and what it is owed
//!
//! - Every [`ClientId`] ends with **exactly one** of [`Event::ClientEnded`] (a final response was
//!   delivered before), [`Event::Timeout`] or [`Event::Unreachable`]. Free what you keep for it
//!   there and nowhere else, and nothing leaks.
//! - Every [`ServerId`] ends with **exactly one** [`Event::ServerEnded`]; `ServerTimedOut` and
//!   `ServerUnreachable` only tell, the end still follows. A request that was answered at once
//!   ([`Transactions::answer`]) has no id, and nobody is told.
//! - A user owes an INVITE a final response: in `Proceeding` no timer runs (17.2.1). Any other
//!   request that is never answered ends by itself after 64*T1 + T4.
//! - An id that has ended is stale: calls with it do nothing. Slots are reused with a new
//!   generation, so a stale id never reaches a stranger.
//! - [`Transactions::receive`] and the other verbs may write events into `out` for the very
//!   message they return: act on the returned value first, then drain `out.events`.

#![forbid(unsafe_code)]

mod branch;
mod by_flow;
mod completed;
mod entry;
mod invite_client;
mod invite_server;
mod limits;
mod mark;
mod matching;
#[cfg(feature = "mutants")]
mod mutant;
mod non_invite_client;
mod non_invite_server;
mod out;
mod receive;
mod reply;
#[cfg(test)]
mod rig;
mod silent;
mod slab;
mod table;
mod transactions;
mod turn;

pub use limits::{Limits, Timers};
pub use mark::{Mark, OurVia};
pub use matching::Fingerprint;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use out::{Counts, Event, Full, Heard, Out, Received};
pub use reply::{reply_to, reply_to_via, source_to_say, stamp};
pub use slab::{ClientId, ServerId};
pub use transactions::Transactions;
