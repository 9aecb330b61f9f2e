//! What SIP is carried by, between a phone and the server.

/// A transport that phones of the harness use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Datagrams.
    Udp,
    /// A stream that anybody can read.
    Tcp,
    /// A stream that the two ends alone can read: its SIP is known from the traces of the phones.
    Tls,
    /// WebSocket, as browsers speak it.
    Ws,
    /// WebSocket in TLS.
    Wss,
}

impl Transport {
    /// Its name in a URI, in `--listen` and in the line `ready`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// Its name in Via (RFC 3261 section 25.1).
    pub(crate) fn via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// Are messages cut out of it by Content-Length?
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
    }
}
