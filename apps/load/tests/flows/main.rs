//! The machine before a server that the test plays: time is the test's, datagrams are lost as it says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod calls;
mod connection;
mod digest;
mod loss;
mod pace;
mod run_end;
mod single;
mod stage;
mod subscriptions;
mod wrong;
