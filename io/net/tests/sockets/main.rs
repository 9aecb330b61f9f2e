//! A worker against real sockets on loopback. Every wait is for a state, with a deadline.

mod bounds;
mod connections;
mod stage;
mod workers;
