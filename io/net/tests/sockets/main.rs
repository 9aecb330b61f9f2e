//! A worker against real sockets on loopback. Every wait is for a state, with a deadline.

mod bounds;
mod connections;
mod datagrams;
// The directory of one test, used by the tests of certificates too.
#[path = "../scratch/mod.rs"]
mod scratch;
mod secure;
mod stage;
mod websocket;
mod workers;
