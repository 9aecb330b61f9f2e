//! One end of the harness towards the server: a socket of datagrams, a connection, or a WebSocket.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::failure::{Outcome, ensure, fail};
use crate::transport::Transport;
use crate::wire::websocket;

/// How long the server may take to answer a handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A socket that talks to one server.
pub(crate) enum Plug {
    /// UDP.
    Datagrams(UdpSocket, SocketAddr),
    /// TCP.
    Stream(TcpStream),
    /// WebSocket.
    Messages(TcpStream),
}

impl Plug {
    /// A socket at `ip`: on `port` for datagrams, connected from a port of the kernel's choice else.
    pub(crate) fn open(transport: Transport, ip: Ipv4Addr, port: u16, server: SocketAddr) -> Outcome<Plug> {
        Ok(match transport {
            Transport::Udp => Plug::Datagrams(UdpSocket::bind((ip, port))?, server),
            Transport::Tcp => Plug::Stream(connect(ip, server)?),
            Transport::Ws => {
                let stream = connect(ip, server)?;
                shake_hands(&stream)?;
                Plug::Messages(stream)
            }
            Transport::Tls | Transport::Wss => fail!("the harness itself does not speak TLS"),
        })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> Outcome<SocketAddr> {
        Ok(match self {
            Plug::Datagrams(socket, _) => socket.local_addr()?,
            Plug::Stream(stream) | Plug::Messages(stream) => stream.local_addr()?,
        })
    }

    /// Sends a message.
    pub(crate) fn send(&self, octets: &[u8]) -> Outcome<()> {
        match self {
            Plug::Datagrams(socket, server) => {
                socket.send_to(octets, server)?;
            }
            Plug::Stream(stream) => {
                let mut stream = stream;
                stream.write_all(octets)?;
            }
            Plug::Messages(stream) => {
                let mut stream = stream;
                stream.write_all(&websocket::wrap(octets))?;
            }
        }
        Ok(())
    }

    /// Says nothing more.
    pub(crate) fn hush(&self) -> Outcome<()> {
        if let Plug::Stream(stream) = self {
            stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Waits until the server has closed the connection; what it still says is on the wire.
    pub(crate) fn wait_closed(&self, patience: Duration) -> Outcome<()> {
        let (Plug::Stream(stream) | Plug::Messages(stream)) = self else {
            fail!("a socket of datagrams is never closed")
        };
        let mut stream = stream;
        let deadline = Instant::now() + patience;
        let mut chunk = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "the connection is open after {} s", patience.as_secs());
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                // A reset closes too.
                Err(_) => return Ok(()),
            }
        }
    }
}

/// Becomes a WebSocket that speaks SIP.
pub(crate) fn shake_hands(mut stream: &TcpStream) -> Outcome<()> {
    stream.write_all(websocket::HANDSHAKE.as_bytes())?;
    stream.set_read_timeout(Some(HANDSHAKE))?;
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        head.extend(octet);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let fine = head.starts_with("http/1.1 101 ") && head.contains("\r\nsec-websocket-protocol: sip\r\n");
    ensure!(fine, "the handshake is answered {head:?}");
    Ok(())
}

/// Connects from an address of ours, by which the server knows us.
pub(crate) fn connect(ip: Ipv4Addr, server: SocketAddr) -> Outcome<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(ip), 0).into())?;
    socket.connect(&server.into())?;
    let stream: TcpStream = socket.into();
    stream.set_nodelay(true)?;
    Ok(stream)
}
