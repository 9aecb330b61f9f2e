//! Where messages come from and go to: [`Transport`], [`Flow`], [`Hop`], [`Place`], [`Transmit`]
//! (RFC 3261 §18, RFC 5626 §2). Sockets that serve a flow live in io/net, finding a hop in
//! core/locate.

use crate::host::HostBuf;
use bytes::Bytes;
use memchr::memmem::Finder;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::LazyLock;

/// A transport as a Via names it (RFC 3261 §20.42, RFC 7118 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 5] =
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

    /// The token of a Via: `UDP`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of a URI's transport parameter: `udp`.
    pub const fn as_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// Reads a token in any case; `None` for a transport we do not have (SCTP, UNKNOWN).
    pub fn from_token(token: &[u8]) -> Option<Self> {
        Transport::ALL.into_iter().find(|transport| token.eq_ignore_ascii_case(transport.as_str().as_bytes()))
    }

    /// Nothing sent over it needs to be sent again (RFC 3261 §17.1.1.2).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Encrypted, as `sips:` asks (RFC 3261 §26.2.2).
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The port where none is written.
    // rfc3261 §18.2.2 and rfc7118 §8
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(token: &str) -> Result<Self, UnknownTransport> {
        Transport::from_token(token.as_bytes()).ok_or(UnknownTransport)
    }
}

/// The text names no transport of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTransport;

impl fmt::Display for UnknownTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one of udp, tcp, tls, ws, wss")
    }
}

impl std::error::Error for UnknownTransport {}

/// The way between one socket of ours and one peer. Two messages of one flow can answer each other;
/// for connections the number tells two connections between the same ends apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// How octets travel.
    pub transport: Transport,
    /// Which of our listeners, in the order of the configuration.
    pub listener: u16,
    /// Our end: the address that the peer sent to, never a wildcard.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Number of the connection; 0 for UDP.
    pub connection: u64,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.transport, self.remote, self.local)?;
        match self.connection {
            0 => Ok(()),
            number => write!(f, " #{number}"),
        }
    }
}

/// Where a request should go next, before there is a flow to it (RFC 3263 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Name or address.
    pub host: HostBuf,
    /// As written; `None` asks for SRV records or the default.
    pub port: Option<u16>,
    /// As written; `None` asks for NAPTR records or the default.
    pub transport: Option<Transport>,
    /// Its URI is a `sips:` one, or the request's is: nothing but TLS will do (RFC 3261 §26.2.2).
    pub secure: bool,
}

/// Where a hop was found: one transport at one address (RFC 3263 §4.1, §4.2). A hop may be found at
/// several places, which are tried in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// How octets travel.
    pub transport: Transport,
    /// The address and the port.
    pub address: SocketAddr,
    /// The host of the hop: over TLS, the peer's certificate must be valid for it (RFC 5922 §7.2).
    pub host: HostBuf,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.address)
    }
}

/// Octets to put on a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The way.
    pub flow: Flow,
    /// One whole message, or a keepalive.
    pub bytes: Bytes,
}

impl Transmit {
    /// The octets of the Call-ID, by a glance that reads nothing else (RFC 3261 §20.8). `None` where it is not
    /// written as most write it, and for what is no message: then the glance says nothing of what this belongs to.
    pub fn call_id(&self) -> Option<&[u8]> {
        static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\nCall-ID: "));
        let value = self.bytes.get(NAME.find(&self.bytes)? + NAME.needle().len()..)?;
        value.get(..memchr::memchr(b'\r', value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_reads_its_own_token_in_any_case() {
        for transport in Transport::ALL {
            assert_eq!(transport.to_string().parse(), Ok(transport));
            assert_eq!(Transport::from_token(transport.as_param().as_bytes()), Some(transport));
        }
        assert_eq!(Transport::from_token(b"SCTP"), None);
        assert_eq!("x".parse::<Transport>(), Err(UnknownTransport));
    }

    #[test]
    fn the_call_id_of_what_leaves_is_seen_at_a_glance() {
        let here = SocketAddr::from(([127, 0, 0, 1], 5060));
        let flow = Flow { transport: Transport::Udp, listener: 0, local: here, remote: here, connection: 0 };
        let seen = |text: &'static str| {
            let transmit = Transmit { flow, bytes: Bytes::from_static(text.as_bytes()) };
            transmit.call_id().map(|id| String::from_utf8_lossy(id).into_owned())
        };
        let bye = "BYE sip:a@b SIP/2.0\r\nCall-ID: 17@there\r\nCSeq: 2 BYE\r\n\r\n";
        assert_eq!(seen(bye).as_deref(), Some("17@there"));
        for unusual in ["BYE sip:a@b SIP/2.0\r\ni: 17@there\r\n\r\n", "\r\n\r\n", "x\nCall-ID: 17", ""] {
            assert_eq!(seen(unusual), None, "{unusual:?}");
        }
    }

    #[test]
    fn only_udp_is_unreliable_and_only_tls_is_secure() {
        let of =
            |test: fn(Transport) -> bool| Transport::ALL.into_iter().filter(|t| test(*t)).collect::<Vec<_>>();
        assert_eq!(of(|t| !t.is_reliable()), [Transport::Udp]);
        assert_eq!(of(Transport::is_secure), [Transport::Tls, Transport::Wss]);
    }
}
