//! What SIP is carried by, between a phone and the server.

/// A transport that phones of the harness use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Datagrams.
    Udp,
    /// A stream that anybody can read.
    Tcp,
}

impl Transport {
    /// Its name in a URI, in `--listen` and in the line `ready`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}
