//! The bounds of connections, by name. Those of messages are in `ruf_message::limits`.

use std::time::Duration;

/// How many connections, how much for each, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, in both directions. One that comes when there are so many takes the place of
    /// the oldest that never said anything; if there is none, it is closed.
    pub connections_max: usize,
    /// Connections at once from one source, or to it: an IPv4 address, or an IPv6 network of 64 bits.
    pub connections_per_source_max: usize,
    /// Accepted connections that have not sent one whole message yet; the oldest goes first.
    pub silent_max: usize,
    /// Connections that we are opening at once.
    pub connecting_max: usize,
    /// The same to one source: phones say where they listen, and shall not use up what is there for all.
    pub connecting_per_source_max: usize,
    /// Octets that may wait for one peer to read them. A peer that lets more pile up is closed.
    pub queue_bytes_max: usize,
    /// How long opening a connection may take, its handshakes included.
    pub connect: Duration,
    /// How long the handshakes of a connection that we accepted may take.
    pub handshake: Duration,
    /// How long an accepted connection may live without one whole message.
    pub silent: Duration,
    /// How long a message may take from its first octet to its last.
    pub half_message: Duration,
    /// How long the answers may take that one still waits for when what it sends cannot be read further.
    pub owed: Duration,
    /// How long a connection may say nothing.
    pub idle: Duration,
    /// How long one may say nothing whose peer sends pings, if it sends them more often than that.
    pub idle_between_pings: Duration,
    /// How often a WebSocket peer is asked whether it is there.
    pub websocket_ping: Duration,
    /// How often the peer of a connection that we opened is sent an empty line, so that what is on the way keeps it
    /// open; `None`: never, as of a server.
    pub ping: Option<Duration>,
    /// A peer that has answered one such is gone when it has said nothing for so long after another.
    pub pong: Duration,
    /// How long one that ends is kept for its peer to read what is left.
    pub linger: Duration,
    /// How long no connection is accepted after the system had no file descriptor left for one.
    pub accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 100_000,
            connections_per_source_max: 10_000,
            silent_max: 10_000,
            connecting_max: 1_000,
            connecting_per_source_max: 100,
            queue_bytes_max: 256 << 10,
            connect: Duration::from_secs(2),
            handshake: Duration::from_secs(5),
            silent: Duration::from_secs(30),
            half_message: Duration::from_secs(30),
            owed: Duration::from_secs(3),
            idle: Duration::from_secs(3_600),
            idle_between_pings: Duration::from_secs(180),
            websocket_ping: Duration::from_secs(25),
            ping: None,
            pong: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            accept_pause: Duration::from_millis(200),
        }
    }
}
