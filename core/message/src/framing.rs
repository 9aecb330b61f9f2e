//! Cutting messages out of a stream (RFC 3261 §18.3), and the keepalives between them
//! (RFC 5626 §4.4.1). Datagrams need no cutting: [`Message::parse`](crate::Message::parse) takes them.

use crate::limits::{HEAD_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::name::HeaderName;
use crate::scan::{Scanner, class, is, trim};
use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;
use std::fmt;
use std::sync::LazyLock;

/// Finds the end of a head.
static HEAD_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message, to be parsed.
    Message(Bytes),
    /// A ping: two line ends. Answer it with one (`\r\n`).
    Ping,
    /// A pong: one line end.
    Pong,
}

/// Why the stream can be read no further: where the next message begins is not known, so the
/// connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// It does not begin as a message could: TLS, noise.
    NoMessage,
    /// No empty line within [`HEAD_BYTES_MAX`].
    HeadTooLong,
    /// The message would be longer than [`MESSAGE_BYTES_MAX`].
    MessageTooLong,
    /// No Content-Length, which a stream must have.
    LengthMissing,
    /// A Content-Length that is no number, or two different ones.
    LengthUnreadable,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::NoMessage => f.write_str("this is not how a message begins"),
            FrameError::HeadTooLong => write!(f, "no empty line within {HEAD_BYTES_MAX} octets of a message"),
            FrameError::MessageTooLong => write!(f, "a message over {MESSAGE_BYTES_MAX} octets"),
            FrameError::LengthMissing => f.write_str("a message on a stream without Content-Length"),
            FrameError::LengthUnreadable => {
                f.write_str("a Content-Length that is no number, or two different ones")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts a stream into messages and keepalives. Holds at most what was pushed and not yet taken:
/// the shell stops reading a socket whose frames it does not take.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// No head ends before this octet of the buffer.
    searched: usize,
    /// The length of the message at the start of the buffer, once its head is complete.
    length: Option<usize>,
    failed: Option<FrameError>,
    refused: Bytes,
}

impl Framer {
    /// At the start of a stream.
    pub fn new() -> Self {
        Framer::default()
    }

    /// Octets as they come in.
    pub fn push(&mut self, octets: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(octets);
        }
    }

    /// Octets held.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// After an error: the octets from the start of the guilty message, once, for
    /// [`Malformed::unframed`](crate::Malformed::unframed).
    pub fn take_refused(&mut self) -> Bytes {
        std::mem::take(&mut self.refused)
    }

    /// The next piece, as soon as it is whole. After an error, the same error for ever.
    pub fn next_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        if let Some(error) = self.failed {
            return Some(Err(error));
        }
        match self.cut() {
            Ok(frame) => frame.map(Ok),
            Err(error) => {
                self.failed = Some(error);
                self.refused = std::mem::take(&mut self.buffer).freeze();
                Some(Err(error))
            }
        }
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.length.is_none() {
            if let Some(keepalive) = self.keepalive() {
                return Ok(Some(keepalive));
            }
            // rfc3261 §25.1: a method or the version, both of which are tokens
            if self.buffer.first().is_some_and(|octet| *octet != b'\r' && !is(*octet, class::TOKEN)) {
                return Err(FrameError::NoMessage);
            }
            let Some(head) = self.head()? else {
                return Ok(None);
            };
            self.length = Some(head);
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.searched = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// A line end where a message would begin. One alone may yet become two: it is a pong when
    /// something else follows, or nothing does for now.
    // rfc5626 §3.5.1 and §4.4.1
    fn keepalive(&mut self) -> Option<Frame> {
        let (frame, length) = match self.buffer.get(..) {
            Some([b'\r', b'\n', b'\r', b'\n', ..]) => (Frame::Ping, 4),
            Some([b'\r', b'\n', b'\r']) => return None,
            Some([b'\r', b'\n', ..]) => (Frame::Pong, 2),
            _ => return None,
        };
        let _ = self.buffer.split_to(length);
        Some(frame)
    }

    /// The length of the message at the start of the buffer, if its head is complete.
    fn head(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.searched.saturating_sub(3);
        let found = HEAD_END.find(self.buffer.get(from..).unwrap_or_default());
        let Some(offset) = found else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > HEAD_BYTES_MAX { Err(FrameError::HeadTooLong) } else { Ok(None) };
        };
        let head = from + offset + 4;
        if head > HEAD_BYTES_MAX {
            return Err(FrameError::HeadTooLong);
        }
        let body = content_length(self.buffer.get(..head).unwrap_or_default())?;
        match head.checked_add(body) {
            Some(length) if length <= MESSAGE_BYTES_MAX => Ok(Some(length)),
            Some(_) | None => Err(FrameError::MessageTooLong),
        }
    }
}

/// Whether a line could be a Content-Length, by two of its octets: `l`, or `c` with the hyphen where it belongs.
fn may_be_content_length(line: &[u8]) -> bool {
    match line.first() {
        Some(b'l' | b'L') => true,
        Some(b'c' | b'C') => line.get(7) == Some(&b'-'),
        _ => false,
    }
}

/// The length that the head of a message states.
// rfc3261 §18.3, §20.14
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut stated = None;
    let mut rest = head;
    while let Some(feed) = memchr::memchr(b'\n', rest) {
        let (_, next) = rest.split_at(feed + 1);
        rest = next;
        if !may_be_content_length(rest) {
            continue;
        }
        let mut scanner = Scanner::new(rest);
        if HeaderName::from_text(scanner.run(class::TOKEN)) != HeaderName::ContentLength
            || !scanner.eat_around(b':')
        {
            continue;
        }
        let length = scanner.number().map_err(|_| FrameError::LengthUnreadable)?;
        let line = memchr::memchr(b'\n', scanner.rest()).and_then(|end| scanner.rest().get(..end));
        if !line.is_none_or(|rest| trim(rest).is_empty()) || stated.is_some_and(|before| before != length) {
            return Err(FrameError::LengthUnreadable);
        }
        stated = Some(length);
    }
    stated.map(|length| length as usize).ok_or(FrameError::LengthMissing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nl : 3\r\n\r\nxyz";

    fn frames(chunks: &[&[u8]]) -> Vec<Result<Frame, FrameError>> {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame() {
                let failed = frame.is_err();
                frames.push(frame);
                if failed {
                    return frames;
                }
            }
        }
        frames
    }

    #[test]
    fn messages_are_cut_wherever_the_stream_is_torn() {
        // tests rfc3261 §18.3
        let stream = [BYE, b"\r\n\r\n", BYE].concat();
        let whole = [
            Ok(Frame::Message(Bytes::from_static(BYE))),
            Ok(Frame::Ping),
            Ok(Frame::Message(Bytes::from_static(BYE))),
        ];
        assert_eq!(frames(&[&stream]), whole);
        for at in 0..BYE.len() {
            assert_eq!(frames(&[&stream[..at], &stream[at..]]), whole, "torn at {at}");
        }
        let single: Vec<&[u8]> = BYE.chunks(1).collect();
        assert_eq!(frames(&single), whole[..1]);
    }

    #[test]
    fn a_length_counts_wherever_it_stands_among_the_headers_and_however_it_is_torn() {
        // tests rfc3261 §20.14, §7.3.1
        let heads = [
            "LIST sip:a@h SIP/2.0\r\nl:3\r\nTo: x",
            "l: 9\r\nTo: x\r\nl: 3\r\nContent-Type: l",
            "BYE sip:a@h SIP/2.0\r\nc: 9\r\nContent-Length :\r\n\t3\r\nl: 3",
            "BYE sip:a@h SIP/2.0\r\nTo: x\n\r\nl: 3",
        ];
        let message = |head: &&str| format!("{head}\r\n\r\nxyz");
        let messages: Vec<String> = heads.iter().chain(heads.iter().rev()).map(message).collect();
        let (stream, whole): (String, Vec<_>) =
            (messages.concat(), messages.into_iter().map(|text| Ok(Frame::Message(text.into()))).collect());
        for at in 0..stream.len() {
            let (first, second) = stream.as_bytes().split_at(at);
            assert_eq!(frames(&[first, second]), whole, "torn at {at}");
        }
        assert_eq!(frames(&stream.as_bytes().chunks(1).collect::<Vec<_>>()), whole);
        let none = b"BYE sip:a@h SIP/2.0\r\nTo: l: 3\r\n\r\n";
        assert_eq!(frames(&[none]), [Err(FrameError::LengthMissing)]);
    }

    #[test]
    fn one_line_end_is_a_pong_and_two_are_a_ping() {
        // tests rfc5626 §4.4.1
        assert_eq!(frames(&[b"\r\n"]), [Ok(Frame::Pong)]);
        assert_eq!(frames(&[b"\r\n\r\n"]), [Ok(Frame::Ping)]);
        assert_eq!(frames(&[b"\r\n\r\n\r\n"]), [Ok(Frame::Ping), Ok(Frame::Pong)]);
        assert_eq!(frames(&[b"\r"]), []);
    }

    #[test]
    fn a_stream_without_a_usable_length_ends() {
        // tests rfc3261 §20.14
        let with = |line: &str| frames(&[format!("BYE sip:a@h SIP/2.0\r\n{line}\r\n\r\n").as_bytes()]);
        assert_eq!(with("To: x"), [Err(FrameError::LengthMissing)]);
        assert_eq!(with("Content-Length: -1"), [Err(FrameError::LengthUnreadable)]);
        assert_eq!(with("l: 1 2"), [Err(FrameError::LengthUnreadable)]);
        assert_eq!(with("l: 1\r\nContent-Length: 2"), [Err(FrameError::LengthUnreadable)]);
        assert_eq!(with("l: 70000"), [Err(FrameError::MessageTooLong)]);
        assert!(with("l: 0\r\nl: 0").iter().all(Result::is_ok));
        for line in ["L:0", "cONTENT-lENGTH\t: 0", "Content-Language: 1\r\nContent-Length: 0", "c: 1\r\nl: 0"]
        {
            assert!(with(line).iter().all(Result::is_ok), "{line}");
        }
    }

    #[test]
    fn what_cannot_begin_a_message_is_refused_at_its_first_octet() {
        for noise in [&b"\x16\x03\x01"[..], b"\n", b" BYE", b"\0", b"\r\n\xff"] {
            assert_eq!(frames(&[noise]).last(), Some(&Err(FrameError::NoMessage)), "{noise:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut framer = Framer::new();
        framer.push(&vec![b'a'; HEAD_BYTES_MAX]);
        assert_eq!(framer.next_frame(), None);
        framer.push(b"a");
        assert_eq!(framer.next_frame(), Some(Err(FrameError::HeadTooLong)));
        framer.push(BYE);
        assert_eq!((framer.next_frame(), framer.buffered()), (Some(Err(FrameError::HeadTooLong)), 0));
        assert_eq!(framer.take_refused().len(), HEAD_BYTES_MAX + 1);
        assert!(framer.take_refused().is_empty());
    }
}
