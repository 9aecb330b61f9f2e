//! How a connection comes to be open: connecting, the handshakes of TLS and of WebSocket
//! (RFC 3261 §18.1, §26.2.1; RFC 5922; RFC 7118 §4.1).
//!
//! Each opening is a future that the connection polls until it has a [`Link`]; how long it may take is the
//! table's to say. Certificates are asked for at each handshake, so a reload holds for the next one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use ruf_message::limits::MESSAGE_BYTES_MAX;
use ruf_message::{Place, Transport};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::frames::Followed;
use super::link::{Link, Octets};
use crate::reach::Unreachable;
use crate::tls::{self, Certificates};

/// The subprotocol of SIP.
// rfc7118 §4.1
const SUBPROTOCOL: &str = "sip";
/// A WebSocket reads into a buffer of its own; it is there as long as the connection is.
const WEBSOCKET_BUFFER_BYTES: usize = 2_048;
/// The system itself asks a silent peer whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long the system repeats what a peer does not acknowledge.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A connection that is not open yet.
pub(crate) type Opening = Pin<Box<dyn Future<Output = io::Result<Link>> + Send>>;

/// What an accepted connection is: open at once, or after its handshakes.
pub(crate) enum Accepted {
    Link(Link),
    Opening(Opening),
}

/// Takes an accepted connection as what its listener speaks; `None` where we have no certificate to show.
pub(crate) fn accepted(
    transport: Transport,
    stream: TcpStream,
    certificates: Option<&Certificates>,
) -> Option<Accepted> {
    settle_in(&stream);
    match transport {
        // A UDP socket accepts nothing.
        Transport::Udp => None,
        Transport::Tcp => Some(Accepted::Link(Link::stream(Octets::Plain(stream)))),
        Transport::Tls => {
            let secure = secure(stream, certificates?.clone());
            Some(Accepted::Opening(Box::pin(async { Ok(Link::stream(secure.await?)) })))
        }
        Transport::Ws => Some(Accepted::Opening(Box::pin(async {
            spoken(&stream).await?;
            Box::pin(websocket(Octets::Plain(stream))).await
        }))),
        Transport::Wss => {
            let secure = secure(stream, certificates?.clone());
            Some(Accepted::Opening(Box::pin(async { Box::pin(websocket(secure.await?)).await })))
        }
    }
}

/// TLS as the server.
async fn secure(stream: TcpStream, certificates: Certificates) -> io::Result<Octets> {
    // One that says nothing costs no TLS state: it is not made before the first octet, and then in a place
    // of its own, since a future is as large as whatever it may come to hold.
    spoken(&stream).await?;
    let stream = Box::pin(TlsAcceptor::from(certificates.acceptor()).accept(stream)).await?;
    Ok(Octets::Tls(Box::new(TlsStream::Server(stream))))
}

/// Waits for the first octet. A fresh socket says that it is readable when it is not, so it is looked.
async fn spoken(stream: &TcpStream) -> io::Result<()> {
    stream.peek(&mut [0]).await.map(drop)
}

/// WebSocket as the server, at any path, from any origin.
async fn websocket(octets: Octets) -> io::Result<Link> {
    let config = WebSocketConfig::default()
        .read_buffer_size(WEBSOCKET_BUFFER_BYTES)
        .write_buffer_size(WEBSOCKET_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let octets = Followed::new(octets);
    let mut socket: WebSocketStream<Followed> =
        accept_hdr_async_with_config(octets, subprotocol, Some(config))
            .await
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    socket.get_mut().begin();
    Ok(Link::WebSocket(Box::new(socket)))
}

/// The client must offer the subprotocol, and is told that it was chosen.
// rfc7118 §4.1
// The library asks for an error of this size.
#[allow(clippy::result_large_err)]
fn subprotocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offers
        .iter()
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .any(|offer| offer.trim().eq_ignore_ascii_case(SUBPROTOCOL));
    if !offered {
        let mut refusal = ErrorResponse::new(Some("the subprotocol `sip` must be offered\n".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    }
    let chosen = HeaderValue::from_static(SUBPROTOCOL);
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    Ok(response)
}

/// Opens a connection to a place, from this address of ours.
pub(crate) fn open_to(
    place: &Place,
    local: IpAddr,
    certificates: Option<&Certificates>,
) -> Result<Opening, Unreachable> {
    let remote = place.address;
    match place.transport {
        Transport::Tcp => Ok(Box::pin(async move {
            let stream = connect(local, remote).await?;
            Ok(Link::stream(Octets::Plain(stream)))
        })),
        Transport::Tls => {
            // rfc5922 §7.3: the name is that of the URI, before any look-up
            let name = tls::server_name(&place.host).ok_or(Unreachable::Refused)?;
            let certificates = certificates.ok_or(Unreachable::NoListener)?.clone();
            Ok(Box::pin(async move {
                let stream = connect(local, remote).await?;
                let connector = TlsConnector::from(certificates.connector());
                let stream = connector.connect(name, stream).await?;
                Ok(Link::stream(Octets::Tls(Box::new(TlsStream::Client(stream)))))
            }))
        }
        // A WebSocket client is found by the connection that it opened, and by nothing else.
        // rfc7118 §4.1
        Transport::Udp | Transport::Ws | Transport::Wss => Err(Unreachable::NoListener),
    }
}

async fn connect(local: IpAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(local, 0))?;
    let stream = socket.connect(remote).await?;
    settle_in(&stream);
    Ok(stream)
}

/// What every socket is told. None of it is worth refusing a connection for.
fn settle_in(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn no_handshake_begins_before_the_first_octet() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let here = listener.local_addr().expect("an address");
        let mut peer = std::net::TcpStream::connect(here).expect("connects");
        let (stream, _) = listener.accept().await.expect("accepts");
        let mut spoken = pin!(spoken(&stream));
        for _ in 0..3 {
            let polled = poll_fn(|cx| Poll::Ready(spoken.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
        peer.write_all(b"x").expect("writes");
        spoken.await.expect("it spoke");
    }

    #[test]
    fn one_that_has_not_spoken_is_small() {
        fn bytes_of<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
            size_of::<F>()
        }
        assert!(bytes_of(secure) < 512, "{}", bytes_of(secure));
    }
}
