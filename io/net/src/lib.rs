//! The shell of a server: sockets, the clock and the loop of one worker.
//!
//! A [`Worker`] owns its sockets and one [`Node`], which is pure: datagrams, time and answers go
//! in, transmits and questions come out. Nothing here knows SIP beyond the words of
//! `ruf-message` (a [`ruf_message::Flow`] is where a message came from and where its answer goes).
//!
//! | module | what |
//! | --- | --- |
//! | [`listen`] | what to listen on (`udp:0.0.0.0:5060`), and opening it |
//! | [`worker`] | the loop: drain, hand over, flush, sleep |
//! | [`reach`] | from a next hop to a flow: which socket and which local address lead there |
//! | [`tls`] | certificates, and whom we believe as a client |
//! | `batch` | many datagrams per system call; the only unsafe code of the house |
//!
//! Not here: TCP, TLS, WebSocket and DNS (they join the same loop), and what is done with a message.

mod batch;
pub mod listen;
pub mod reach;
pub mod tls;
pub mod worker;

pub use listen::{BindError, ListenSpec, UdpListener};
pub use reach::{Unreachable, local_address_towards, local_addresses};
pub use tls::Certificates;
pub use worker::{Command, Commands, Node, Stop, Worker};
