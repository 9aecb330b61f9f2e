//! Where frames begin and end in what a WebSocket peer sends (RFC 6455 §5.2, §5.4). The library that puts
//! messages together does not say whether part of one is there; how long that may be so is for the table.
//!
//! Not here: what is wrong with a frame, and what is in it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Octets;

/// Two octets, a length of up to eight, a mask of four.
const HEAD_BYTES_MAX: usize = 14;
/// Of the first octet: the last frame of its message.
const LAST: u8 = 0x80;
/// Of the first octet: a frame that is no part of a message.
const CONTROL: u8 = 0x08;
/// Of the second octet: a mask comes behind the length.
const MASKED: u8 = 0x80;

/// How far a peer has come in its frames.
#[derive(Default)]
pub(crate) struct Frames {
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// Octets of the frame that are still to come.
    left: u64,
    /// A message has begun, and its last frame has not.
    is_open: bool,
}

impl Frames {
    /// Whether part of a message is there, or of any frame.
    pub(crate) fn is_half(&self) -> bool {
        self.head_bytes > 0 || self.left > 0 || self.is_open
    }

    /// Octets as they came.
    pub(crate) fn take(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while let Some((first, behind)) = rest.split_first() {
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left -= taken as u64;
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            rest = behind;
            if let Some(place) = self.head.get_mut(self.head_bytes) {
                *place = *first;
                self.head_bytes += 1;
            }
            self.begin();
        }
    }

    /// Reads the head, once it is whole.
    // RFC 6455 section 5.2
    fn begin(&mut self) {
        let [first, second, a, b, c, d, e, f, g, h, ..] = self.head;
        let (length_bytes, length) = match second & !MASKED {
            126 => (2, u16::from_be_bytes([a, b]).into()),
            127 => (8, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            short => (0, short.into()),
        };
        let mask_bytes = if second & MASKED == 0 { 0 } else { 4 };
        if self.head_bytes < 2 || self.head_bytes < 2 + length_bytes + mask_bytes {
            return;
        }
        (self.head_bytes, self.left) = (0, length);
        // RFC 6455 section 5.4: control frames may come between those of a message
        if first & CONTROL == 0 {
            self.is_open = first & LAST == 0;
        }
    }
}

/// Octets whose frames are followed.
pub(crate) struct Followed {
    octets: Octets,
    /// `None`: the handshake is not over.
    frames: Option<Frames>,
}

impl Followed {
    /// Octets before their handshake.
    pub(crate) fn new(octets: Octets) -> Followed {
        Followed { octets, frames: None }
    }

    /// The handshake is over: what comes is frames.
    pub(crate) fn begin(&mut self) {
        self.frames = Some(Frames::default());
    }

    /// Whether part of a message is there.
    pub(crate) fn is_half(&self) -> bool {
        self.frames.as_ref().is_some_and(Frames::is_half)
    }

    /// The octets themselves, for one who does not care for frames any more.
    pub(crate) fn octets(&mut self) -> &mut Octets {
        &mut self.octets
    }
}

impl AsyncRead for Followed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.octets).poll_read(cx, buffer))?;
        if let Some(frames) = &mut self.frames {
            frames.take(buffer.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Followed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.octets).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.octets).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.octets).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether part of a message is there after each of these octets.
    fn halves(octets: &[u8]) -> Vec<bool> {
        let mut frames = Frames::default();
        let half = |octet: &u8| {
            frames.take(&[*octet]);
            frames.is_half()
        };
        octets.iter().map(half).collect()
    }

    fn is_half(octets: &[u8]) -> bool {
        let mut frames = Frames::default();
        frames.take(octets);
        assert_eq!(Some(&frames.is_half()), halves(octets).last(), "however it is torn");
        frames.is_half()
    }

    #[test]
    fn a_frame_is_half_until_its_last_octet() {
        let masked = [&[0x81, 0x82, 1, 2, 3, 4][..], b"ab"].concat();
        assert_eq!(halves(&masked), [true, true, true, true, true, true, true, false]);
        let long = [&[0x82, 126, 0, 200][..], &[0; 200]].concat();
        assert!(is_half(&long[..long.len() - 1]) && !is_half(&long));
        let longest = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[0; 65_536]].concat();
        assert!(is_half(&longest[..longest.len() - 1]) && !is_half(&longest));
        assert!(!is_half(&[0x81, 0]) && !is_half(&[0x81, 0x80, 1, 2, 3, 4]), "an empty one");
    }

    #[test]
    fn a_message_is_half_until_its_last_frame() {
        let (first, ping, last) = ([0x01, 1, b'a'], [0x89, 1, b'?'], [0x80, 1, b'b']);
        assert!(is_half(&first) && is_half(&[first, ping].concat()));
        assert!(!is_half(&[first, ping, last].concat()));
        assert!(!is_half(&ping), "a ping is whole by itself");
        assert!(is_half(&[&[first, last].concat()[..], &[0x89]].concat()), "what follows is not");
    }
}
