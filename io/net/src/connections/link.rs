//! What a connection is made of: octets, plain or through TLS, and how messages are cut out of them, as a
//! stream or as WebSocket messages (RFC 3261 §18.3, RFC 7118 §4.2, §5). How a link comes to be is in
//! [`super::opening`].

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use ruf_message::{Frame, FrameError, Framer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::frames::Followed;

/// Pieces given to the system in one call.
const SLICES_MAX: usize = 32;
/// What a queued piece costs beside its octets.
const PIECE_BYTES: usize = 64;

/// Octets both ways.
pub(crate) enum Octets {
    /// As they are.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Octets and the messages in them.
pub(crate) enum Link {
    /// Cut by Content-Length.
    Stream { octets: Octets, framer: Framer },
    /// One SIP message in each WebSocket message.
    // rfc7118 §5
    WebSocket(Box<WebSocketStream<Followed>>),
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// Octets, which [`Link::next_frame`] cuts.
    Octets,
    /// One whole message.
    Message(Bytes),
    /// A sign of life.
    Keepalive,
    /// Nothing will come any more.
    End,
}

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Queue {
    pieces: VecDeque<Bytes>,
    /// So many of them, from the front, share no memory with others.
    own: usize,
    bytes: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len() + PIECE_BYTES;
        self.pieces.push_back(piece);
    }

    /// What is left has to wait: it is copied out of the memory that it shares with what has left, so that no more
    /// is held for it than [`Queue::bytes`] says.
    pub(crate) fn wait(&mut self) {
        for piece in self.pieces.iter_mut().skip(self.own) {
            *piece = Bytes::copy_from_slice(piece);
        }
        self.own = self.pieces.len();
    }

    /// Octets that wait, with what their pieces cost.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// So many octets have left.
    fn advance(&mut self, mut written: usize) {
        while let Some(piece) = self.pieces.front_mut().filter(|_| written > 0) {
            let taken = written.min(piece.len());
            piece.advance(taken);
            written -= taken;
            self.bytes = self.bytes.saturating_sub(taken);
            if piece.is_empty() {
                self.pop();
            }
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.own = self.own.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(piece.len() + PIECE_BYTES);
        if self.pieces.is_empty() {
            // One that waits for nothing keeps no memory.
            *self = Queue::default();
        }
        Some(piece)
    }
}

impl Link {
    /// SIP on a stream.
    pub(crate) fn stream(octets: Octets) -> Link {
        Link::Stream { octets, framer: Framer::new() }
    }

    /// Reads once; what belongs to a stream goes through `scratch` to the framer.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<Came>> {
        match self {
            Link::Stream { octets, framer } => {
                let mut buffer = ReadBuf::new(scratch);
                match ready!(Pin::new(octets).poll_read(cx, &mut buffer)) {
                    Ok(()) if buffer.filled().is_empty() => Poll::Ready(Ok(Came::End)),
                    Ok(()) => {
                        framer.push(buffer.filled());
                        Poll::Ready(Ok(Came::Octets))
                    }
                    // TLS that ends without saying so: a message that was not whole is dropped anyway.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(Came::End)),
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            Link::WebSocket(socket) => {
                Poll::Ready(match ready!(Pin::new(socket.as_mut()).poll_next(cx)) {
                    Some(Ok(Message::Text(text))) => Ok(Came::Message(text.into())),
                    Some(Ok(Message::Binary(bytes))) => Ok(Came::Message(bytes)),
                    // The library answers a ping itself, with the next read or write.
                    // rfc7118 §6
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Came::Keepalive),
                    Some(Ok(Message::Close(_))) | None => Ok(Came::End),
                    Some(Err(error)) => Err(of_websocket(error)),
                })
            }
        }
    }

    /// The next piece of a stream.
    pub(crate) fn next_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        match self {
            Link::Stream { framer, .. } => framer.next_frame(),
            Link::WebSocket(_) => None,
        }
    }

    /// What could not be cut.
    pub(crate) fn take_refused(&mut self) -> Bytes {
        match self {
            Link::Stream { framer, .. } => framer.take_refused(),
            Link::WebSocket(_) => Bytes::new(),
        }
    }

    /// Whether part of a message is there. What holds nothing keeps no buffer.
    pub(crate) fn is_half(&mut self) -> bool {
        match self {
            Link::Stream { framer, .. } if framer.buffered() > 0 => true,
            Link::Stream { framer, .. } => {
                *framer = Framer::new();
                false
            }
            Link::WebSocket(socket) => socket.get_ref().is_half(),
        }
    }

    /// Asks whether the peer is there, where the transport has a way to ask.
    // rfc7118 §6
    pub(crate) fn ping(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Link::WebSocket(socket) = self else { return Ok(()) };
        let mut socket = Pin::new(socket.as_mut());
        if socket.as_mut().poll_ready(cx).map_err(of_websocket)?.is_ready() {
            socket.as_mut().start_send(Message::Ping(Bytes::new())).map_err(of_websocket)?;
            let _ = socket.poll_flush(cx).map_err(of_websocket)?;
        }
        Ok(())
    }

    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self, Link::WebSocket(_))
    }

    /// Writes what is queued, as far as the peer takes it.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, queue: &mut Queue) -> Poll<io::Result<()>> {
        match self {
            Link::Stream { octets, .. } => {
                while !queue.is_empty() {
                    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                    let pieces = slices.iter_mut().zip(&queue.pieces);
                    let count = pieces.map(|(slice, piece)| *slice = IoSlice::new(piece)).count();
                    let slices = slices.get(..count).unwrap_or_default();
                    match ready!(Pin::new(&mut *octets).poll_write_vectored(cx, slices))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        written => queue.advance(written),
                    }
                }
                Pin::new(octets).poll_flush(cx)
            }
            Link::WebSocket(socket) => {
                let mut socket = Pin::new(socket.as_mut());
                while !queue.is_empty() {
                    ready!(socket.as_mut().poll_ready(cx)).map_err(of_websocket)?;
                    let Some(piece) = queue.pop() else { break };
                    socket.as_mut().start_send(as_message(piece)).map_err(of_websocket)?;
                }
                socket.poll_flush(cx).map_err(of_websocket)
            }
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Link::Stream { octets, .. } => Pin::new(octets).poll_shutdown(cx),
            Link::WebSocket(socket) => Pin::new(socket.as_mut()).poll_close(cx).map_err(of_websocket),
        }
    }

    /// Forgets what was not whole.
    pub(crate) fn forget(&mut self) {
        if let Link::Stream { framer, .. } = self {
            *framer = Framer::new();
        }
    }

    /// Reads and throws away: whether more may come.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<bool> {
        let octets = match self {
            Link::Stream { octets, .. } => octets,
            Link::WebSocket(socket) => socket.get_mut().octets(),
        };
        let mut buffer = ReadBuf::new(scratch);
        let read = ready!(Pin::new(octets).poll_read(cx, &mut buffer));
        Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
    }
}

/// A SIP message as a WebSocket message: text where it is text.
// rfc7118 §4.2
fn as_message(piece: Bytes) -> Message {
    match Utf8Bytes::try_from(piece.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(piece),
    }
}

fn of_websocket(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl AsyncRead for Octets {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Octets::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Octets::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Octets {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Octets::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Octets::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Octets::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Octets::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Octets::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Octets::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Octets::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Octets::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_wait_is_copied_once_out_of_the_memory_it_shares() {
        let shared = Bytes::from(b"one two three ".repeat(1_000));
        let room = shared.as_ptr_range();
        let mut queue = Queue::default();
        let places = |queue: &Queue| queue.pieces.iter().map(|piece| piece.as_ptr()).collect::<Vec<_>>();
        queue.push(shared.slice(..4));
        queue.push(shared.slice(4..8));
        let bytes = queue.bytes();
        queue.wait();
        assert_eq!((queue.pieces.make_contiguous().concat(), queue.bytes()), (b"one two ".to_vec(), bytes));
        let own = places(&queue);
        assert!(own.iter().all(|place| !room.contains(place)));
        // The first leaves, another comes, and only that one is new.
        queue.advance(4);
        queue.push(shared.slice(8..13));
        queue.wait();
        let now = places(&queue);
        assert_eq!((now.len(), now.first()), (2, own.get(1)));
        assert!(now.iter().all(|place| !room.contains(place)));
        assert_eq!(queue.pieces.make_contiguous().concat(), b"two three");
    }
}
