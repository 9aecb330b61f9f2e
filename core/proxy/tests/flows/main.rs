//! Flows through the proxy, one file for each matter. See `net.rs` for the ladders.

mod net;

mod ack_is_forwarded_statelessly;
mod best_response;
mod cancel;
mod fork;
mod invite_180_200_ack_bye;
mod message_200;
mod overload;
mod questions;
mod refusals;
mod route_sets;
mod silence;
mod timer_c;
