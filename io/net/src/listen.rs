//! What to listen on, as people write it (`udp:0.0.0.0:5060`), and opening it.
//!
//! `[::]` is IPv6 only: one listener, one family. Port 0 lets the kernel choose.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::str::FromStr;

use ruf_message::Transport;
use socket2::{Domain, Protocol, Socket, Type};

use crate::batch;

/// Octets the kernel may queue for one of our UDP sockets: a storm of 10,000 messages of 800 octets.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// One place to listen: a transport and an address. Written `udp:IP:PORT`, IPv6 in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenSpec {
    /// Which transport is spoken there.
    pub transport: Transport,
    /// The address and port; port 0 is the kernel's choice.
    pub address: SocketAddr,
}

/// Why a text is no [`ListenSpec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenSpecError {
    /// No transport before the first colon, or one that does not exist.
    Transport(String),
    /// A transport that this version does not serve yet.
    NotYet(String),
    /// What follows the transport is no `IP:PORT`.
    Address(String),
}

impl fmt::Display for ListenSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(text) => {
                write!(f, "`{text}` does not begin with a transport; write for example udp:0.0.0.0:5060")
            }
            Self::NotYet(name) => write!(f, "{name} is not served by this version; udp is"),
            Self::Address(text) => {
                write!(f, "`{text}` is no IP:PORT; write for example 0.0.0.0:5060 or [::]:5060")
            }
        }
    }
}

impl std::error::Error for ListenSpecError {}

impl FromStr for ListenSpec {
    type Err = ListenSpecError;

    fn from_str(text: &str) -> Result<ListenSpec, ListenSpecError> {
        let (transport, address) =
            text.split_once(':').ok_or_else(|| ListenSpecError::Transport(text.to_owned()))?;
        match transport {
            "udp" => {}
            "tcp" | "tls" | "ws" | "wss" | "http" => {
                return Err(ListenSpecError::NotYet(transport.to_owned()));
            }
            _ => return Err(ListenSpecError::Transport(text.to_owned())),
        }
        let address = address.parse().map_err(|_| ListenSpecError::Address(address.to_owned()))?;
        Ok(ListenSpec { transport: Transport::Udp, address })
    }
}

impl fmt::Display for ListenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.to_string().to_ascii_lowercase(), self.address)
    }
}

/// A place that could not be opened.
#[derive(Debug)]
pub struct BindError {
    /// What was asked for.
    pub spec: ListenSpec,
    /// What the kernel said.
    pub error: io::Error,
}

impl BindError {
    /// Someone else listens there.
    pub fn is_taken(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }

    /// This machine does not have that address family at all.
    pub fn is_family_missing(&self) -> bool {
        self.error.raw_os_error() == Some(libc::EAFNOSUPPORT)
            || self.error.kind() == io::ErrorKind::AddrNotAvailable && self.spec.address.is_ipv6()
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "{} is taken by another program; stop it or choose another place with --listen",
                self.spec
            ),
            io::ErrorKind::PermissionDenied => {
                write!(f, "{} may not be opened by this user; ports below 1024 need a privilege", self.spec)
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "{} is no address of this machine", self.spec)
            }
            _ => write!(f, "{} cannot be opened: {}", self.spec, self.error),
        }
    }
}

impl std::error::Error for BindError {}

/// An open UDP socket that does not block.
#[derive(Debug)]
pub struct UdpListener {
    socket: UdpSocket,
    local: SocketAddr,
}

impl UdpListener {
    /// Opens it. Fails when the place is taken: it is never shared with another program.
    pub fn open(spec: &ListenSpec) -> Result<UdpListener, BindError> {
        Self::bind(spec.address).map_err(|error| BindError { spec: *spec, error })
    }

    fn bind(address: SocketAddr) -> io::Result<UdpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // The kernel caps these at its own maximum, silently; a smaller buffer is no reason to stop.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        batch::report_local_address(&socket, address.is_ipv4())?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let local = socket.local_addr()?;
        Ok(UdpListener { socket, local })
    }

    /// The real address, the port resolved.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

impl AsRawFd for UdpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_read_as_people_write_it() {
        let v4: ListenSpec = "udp:0.0.0.0:5060".parse().expect("a spec");
        assert_eq!(v4.to_string(), "udp:0.0.0.0:5060");
        let v6: ListenSpec = "udp:[::1]:0".parse().expect("a spec");
        assert_eq!(v6.address, "[::1]:0".parse().expect("an address"));
        assert_eq!(
            "0.0.0.0:5060".parse::<ListenSpec>(),
            Err(ListenSpecError::Transport("0.0.0.0:5060".into()))
        );
        assert_eq!("udp:host:5060".parse::<ListenSpec>(), Err(ListenSpecError::Address("host:5060".into())));
        assert_eq!("tls:0.0.0.0:5061".parse::<ListenSpec>(), Err(ListenSpecError::NotYet("tls".into())));
    }

    #[test]
    fn a_taken_port_is_refused_and_says_so() {
        let first = UdpListener::open(&"udp:127.0.0.1:0".parse().expect("a spec")).expect("opens");
        let again = ListenSpec { transport: Transport::Udp, address: first.local() };
        let error = UdpListener::open(&again).unwrap_err();
        assert!(error.is_taken());
        assert!(error.to_string().contains("--listen"), "{error}");
    }

    #[test]
    fn both_families_have_the_same_port_side_by_side() {
        let v4 = UdpListener::open(&"udp:0.0.0.0:0".parse().expect("a spec")).expect("opens");
        let v6 = ListenSpec {
            transport: Transport::Udp,
            address: format!("[::]:{}", v4.local().port()).parse().expect("an address"),
        };
        UdpListener::open(&v6).expect("[::] is IPv6 only");
    }
}
