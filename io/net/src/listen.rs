//! What to listen on, as people write it (`tls:0.0.0.0:5061`), and opening it.
//!
//! `[::]` is IPv6 only: one listener, one family. Port 0 lets the kernel choose. Accepting connections
//! is in `crate::connections`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::str::FromStr;

use ruf_message::Transport;
use socket2::{Domain, Protocol, Socket, Type};

use crate::batch;

/// Octets the kernel may queue for one of our UDP sockets: a storm of 10,000 messages of 800 octets.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// Connections the kernel may hold for us until they are accepted: a storm of phones that come back.
const BACKLOG: i32 = 4_096;

/// What is spoken at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// SIP over a transport.
    Sip(Transport),
    /// Metrics and health over HTTP; no SIP.
    Http,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Sip(transport) => f.write_str(transport.as_param()),
            Service::Http => f.write_str("http"),
        }
    }
}

/// One place to listen: a service and an address. Written `udp:IP:PORT`, IPv6 in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenSpec {
    /// What is spoken there.
    pub service: Service,
    /// The address and port; port 0 is the kernel's choice.
    pub address: SocketAddr,
}

/// Why a text is no [`ListenSpec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenSpecError {
    /// No transport before the first colon, or one that does not exist.
    Transport(String),
    /// What follows the transport is no `IP:PORT`.
    Address(String),
}

impl fmt::Display for ListenSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(text) => {
                write!(
                    f,
                    "`{text}` does not begin with udp:, tcp:, tls:, ws:, wss: or http:; write for example \
                     udp:0.0.0.0:5060"
                )
            }
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
        let (service, address) =
            text.split_once(':').ok_or_else(|| ListenSpecError::Transport(text.to_owned()))?;
        let service = Transport::ALL
            .into_iter()
            .find(|transport| transport.as_param() == service)
            .map(Service::Sip)
            .or_else(|| (service == "http").then_some(Service::Http))
            .ok_or_else(|| ListenSpecError::Transport(text.to_owned()))?;
        let address = address.parse().map_err(|_| ListenSpecError::Address(address.to_owned()))?;
        Ok(ListenSpec { service, address })
    }
}

impl fmt::Display for ListenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.address)
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

/// Who else may have the same place.
#[derive(Clone, Copy)]
enum Sharing {
    Alone,
    AmongWorkers,
}

impl Sharing {
    fn settle(self, socket: &Socket) -> io::Result<()> {
        match self {
            Sharing::Alone => Ok(()),
            Sharing::AmongWorkers => socket.set_reuse_port(true),
        }
    }
}

/// An open place where SIP is spoken.
#[derive(Debug)]
pub enum Listener {
    /// Datagrams.
    Datagrams(UdpListener),
    /// Connections.
    Connections(StreamListener),
}

impl Listener {
    /// Opens it. Fails when the place is taken: it is never shared with another program.
    pub fn open(transport: Transport, address: SocketAddr) -> Result<Listener, BindError> {
        Listener::bind(transport, address, Sharing::Alone)
    }

    /// Opens it once for each of so many workers; the system spreads what comes by its source. Fails when
    /// the place is taken, as [`Listener::open`] does.
    pub fn open_for(
        workers: u8,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<Vec<Listener>, BindError> {
        let alone = Listener::open(transport, address)?;
        if workers <= 1 {
            return Ok(vec![alone]);
        }
        // Nobody else had the place. Sockets that are to share it must say so before they are bound.
        let address = alone.local();
        drop(alone);
        (0..workers).map(|_| Listener::bind(transport, address, Sharing::AmongWorkers)).collect()
    }

    fn bind(transport: Transport, address: SocketAddr, sharing: Sharing) -> Result<Listener, BindError> {
        let opened = match transport {
            Transport::Udp => UdpListener::bind(address, sharing).map(Listener::Datagrams),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                StreamListener::bind(transport, address, sharing).map(Listener::Connections)
            }
        };
        let spec = ListenSpec { service: Service::Sip(transport), address };
        opened.map_err(|error| BindError { spec, error })
    }

    /// What is spoken there.
    pub fn transport(&self) -> Transport {
        match self {
            Listener::Datagrams(_) => Transport::Udp,
            Listener::Connections(listener) => listener.transport,
        }
    }

    /// The real address, the port resolved.
    pub fn local(&self) -> SocketAddr {
        match self {
            Listener::Datagrams(listener) => listener.local,
            Listener::Connections(listener) => listener.local,
        }
    }
}

/// An open UDP socket that does not block.
#[derive(Debug)]
pub struct UdpListener {
    socket: UdpSocket,
    local: SocketAddr,
}

impl UdpListener {
    fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<UdpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        sharing.settle(&socket)?;
        socket.set_nonblocking(true)?;
        // The kernel caps these at its own maximum, silently; a smaller buffer is no reason to stop.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        batch::report_local_address(&socket, address.is_ipv4())?;
        batch::report_errors(&socket, address.is_ipv4())?;
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

/// An open TCP socket that accepts connections and does not block.
#[derive(Debug)]
pub struct StreamListener {
    socket: TcpListener,
    local: SocketAddr,
    transport: Transport,
}

impl StreamListener {
    fn bind(transport: Transport, address: SocketAddr, sharing: Sharing) -> io::Result<StreamListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // Connections of an earlier run that linger do not keep the port; another listener does.
        socket.set_reuse_address(true)?;
        sharing.settle(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let local = socket.local_addr()?;
        Ok(StreamListener { socket, local, transport })
    }

    /// What is spoken there.
    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    /// The socket, to be put under a runtime's watch.
    pub(crate) fn into_socket(self) -> TcpListener {
        self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(spec: &str) -> Result<Listener, BindError> {
        let spec: ListenSpec = spec.parse().expect("a spec");
        match spec.service {
            Service::Sip(transport) => Listener::open(transport, spec.address),
            Service::Http => panic!("no SIP is spoken there"),
        }
    }

    #[test]
    fn a_spec_is_read_as_people_write_it() {
        for text in
            ["udp:0.0.0.0:5060", "tcp:[::1]:0", "tls:192.0.2.1:5061", "ws:[::]:80", "wss:0.0.0.0:7443"]
        {
            let spec: ListenSpec = text.parse().expect("a spec");
            assert_eq!(spec.to_string(), text);
            assert!(matches!(spec.service, Service::Sip(_)));
        }
        let metrics: ListenSpec = "http:127.0.0.1:9090".parse().expect("a spec");
        assert_eq!((metrics.service, metrics.to_string()), (Service::Http, "http:127.0.0.1:9090".into()));
        for text in ["0.0.0.0:5060", "sctp:0.0.0.0:5060", "UDP:0.0.0.0:5060", "5060"] {
            assert_eq!(text.parse::<ListenSpec>(), Err(ListenSpecError::Transport(text.into())));
        }
        assert_eq!("udp:host:5060".parse::<ListenSpec>(), Err(ListenSpecError::Address("host:5060".into())));
    }

    #[test]
    fn a_taken_port_is_refused_and_says_so() {
        for transport in ["udp", "tcp"] {
            let first = open(&format!("{transport}:127.0.0.1:0")).expect("opens");
            let error = open(&format!("{transport}:{}", first.local())).unwrap_err();
            assert!(error.is_taken());
            assert!(error.to_string().contains("--listen"), "{error}");
        }
    }

    #[test]
    fn both_families_have_the_same_port_side_by_side() {
        for transport in ["udp", "tcp"] {
            let v4 = open(&format!("{transport}:0.0.0.0:0")).expect("opens");
            open(&format!("{transport}:[::]:{}", v4.local().port())).expect("[::] is IPv6 only");
        }
    }

    #[test]
    fn the_workers_share_a_place_that_nobody_else_has() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let open =
                Listener::open_for(3, transport, "127.0.0.1:0".parse().expect("an address")).expect("opens");
            assert_eq!(open.len(), 3);
            let place = open[0].local();
            assert!(open.iter().all(|listener| listener.local() == place));
            assert!(Listener::open_for(3, transport, place).is_err_and(|error| error.is_taken()));
        }
    }
}
