//! The shell of a server: sockets, the clock and the loop of one worker.
//!
//! A [`Worker`] owns its sockets and one [`Node`], which is pure: messages, time and answers go
//! in, transmits and questions come out. Nothing here knows SIP beyond the words of
//! `ruf-message` (a [`ruf_message::Flow`] is where a message came from and where its answer goes).
//!
//! | module | what |
//! | --- | --- |
//! | [`listen`] | what to listen on (`udp:0.0.0.0:5060`), and opening it |
//! | [`worker`] | the loop: drain, hand over, flush, sleep |
//! | `datagrams` | the UDP sockets of a worker |
//! | `trains` | which of their datagrams leave as one |
//! | `connections` | its connections: accepted, opened, read, written, ended |
//! | `ready` | which connections have something to do |
//! | `neighbours` | what goes between the workers of one server |
//! | `occupancy` | how much of its time a worker works |
//! | [`dns`] | questions to the DNS, each a task with a deadline |
//! | [`limits`] | how many connections, how much for each, for how long |
//! | [`reach`] | from a place to a flow: which socket and which local address lead there |
//! | [`stun`] | the keepalive of phones over UDP |
//! | [`tls`] | certificates, and whom we believe as a client |
//! | `batch` | many datagrams per system call; the only unsafe code of the house |
//!
//! Not here: what is done with a message.

mod batch;
mod clock;
mod connections;
mod datagrams;
pub mod dns;
pub mod limits;
pub mod listen;
mod neighbours;
mod occupancy;
pub mod reach;
mod ready;
mod rest;
pub mod stun;
pub mod tls;
mod trains;
pub mod worker;

pub use clock::Clock;
pub use connections::ConnectionFigures;
pub use dns::Dns;
pub use limits::Limits;
pub use listen::{BindError, ListenSpec, Listener, Service, StreamListener, UdpListener};
pub use reach::{Unreachable, local_address_towards, local_addresses};
pub use tls::Certificates;
pub use worker::{Berth, Command, Commands, Node, Stop, Worker};
