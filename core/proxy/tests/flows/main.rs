//! Flows through the proxy, one file for each matter. See `net.rs` for the ladders.

// What clippy.toml allows in a test it does not see in the functions that tests share.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod net;

mod ack_is_forwarded_statelessly;
mod best_response;
mod cancel;
mod chaos;
mod failover;
mod fork;
mod instances;
mod invite_180_200_ack_bye;
mod loops;
mod max_breadth;
mod message_200;
mod overload;
mod phone;
mod questions;
mod reconnect;
mod refusals;
mod route_sets;
mod silence;
mod timer_c;
