//! TCP streams of the loopback put together, and the SIP messages cut out of them by Content-Length
//! (RFC 3261 section 18.3), or by the frames of WebSocket. What is no SIP, TLS above all, is passed over.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::websocket;
use crate::sip::{Sip, find};

/// More than any message here: a stream that holds no message within it is not SIP.
const MESSAGE_MAX: usize = 1 << 17;

/// A segment of TCP.
pub(super) struct Segment<'a> {
    /// From where.
    pub(super) source: SocketAddr,
    /// To where.
    pub(super) destination: SocketAddr,
    /// The number of its first octet, or of its SYN.
    pub(super) sequence: u32,
    /// Does it open the stream in this direction?
    pub(super) opens: bool,
    /// Its octets.
    pub(super) payload: &'a [u8],
}

/// Every stream of which something was seen, each direction by itself.
#[derive(Default)]
pub(super) struct Streams(HashMap<(SocketAddr, SocketAddr), Stream>);

#[derive(Default)]
struct Stream {
    /// The number of the octet that comes next.
    next: u32,
    /// What of the stream is not a whole message yet.
    unread: Vec<u8>,
    /// Something of it was not seen: a segment that begins with a message is waited for.
    torn: bool,
    /// It has become a stream of WebSocket.
    framed: bool,
}

impl Streams {
    /// Takes a segment, and gives the messages that are whole with it.
    pub(super) fn take(&mut self, segment: &Segment<'_>) -> Vec<Vec<u8>> {
        let ends = (segment.source, segment.destination);
        if segment.opens {
            let next = segment.sequence.wrapping_add(1);
            self.0.insert(ends, Stream { next, ..Stream::default() });
            return Vec::new();
        }
        let unseen = || Stream { next: segment.sequence, torn: true, ..Stream::default() };
        self.0.entry(ends).or_insert_with(unseen).take(segment.sequence, segment.payload)
    }
}

impl Stream {
    fn take(&mut self, sequence: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        // How many of its octets came before; as a signed number, since sequences wrap.
        let known = self.next.wrapping_sub(sequence).cast_signed();
        let fresh = match usize::try_from(known) {
            Ok(known) => payload.get(known..).unwrap_or_default(),
            Err(_) => {
                self.torn = true;
                payload
            }
        };
        if fresh.is_empty() {
            return Vec::new();
        }
        self.next = sequence.wrapping_add(payload.len() as u32);
        if self.torn {
            self.unread.clear();
            if Sip::read(fresh).is_none() {
                return Vec::new();
            }
            self.torn = false;
        }
        self.unread.extend_from_slice(fresh);
        let mut messages = Vec::new();
        while let Some(message) =
            if self.framed { websocket::unwrap(&mut self.unread) } else { cut(&mut self.unread) }
        {
            if !self.framed && websocket::begins_behind(&message) {
                self.framed = true;
            } else {
                messages.push(message);
            }
        }
        if self.unread.len() > MESSAGE_MAX {
            self.torn = true;
        }
        messages
    }
}

/// Cuts the first message off, if it is whole. Empty lines before it are keep-alives.
pub(crate) fn cut(unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let blank = unread.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
    unread.drain(..blank);
    let head = find(unread, b"\r\n\r\n")? + 4;
    let read = Sip::read(unread.get(..head)?);
    let length =
        read.as_ref().and_then(|sip| sip.header("Content-Length")).and_then(|text| text.parse().ok());
    let whole = head + length.unwrap_or(0_usize);
    if whole > unread.len() {
        return None;
    }
    Some(unread.drain(..whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const TWO: &[u8] = b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n";

    fn taken(streams: &mut Streams, sequence: u32, opens: bool, payload: &[u8]) -> Vec<Vec<u8>> {
        let address = "127.0.0.1:5060".parse().expect("an address");
        streams.take(&Segment { source: address, destination: address, sequence, opens, payload })
    }

    #[test]
    fn messages_are_cut_wherever_the_segments_are() {
        let all = [b"\r\n\r\n", ONE, TWO].concat();
        for first in 0..all.len() {
            let mut streams = Streams::default();
            // Numbers that wrap on the way.
            let start = u32::MAX - 20;
            taken(&mut streams, start, true, b"");
            let mut messages = taken(&mut streams, start.wrapping_add(1), false, &all[..first]);
            let second = start.wrapping_add(1).wrapping_add(first as u32);
            messages.extend(taken(&mut streams, second, false, &all[first..]));
            assert_eq!(messages, [ONE, TWO], "cut at {first}");
        }
    }

    #[test]
    fn messages_behind_a_handshake_are_cut_by_their_frames() {
        let mut streams = Streams::default();
        taken(&mut streams, 0, true, b"");
        let all = [websocket::HANDSHAKE.as_bytes(), &websocket::wrap(ONE), &websocket::wrap(TWO)].concat();
        assert_eq!(taken(&mut streams, 1, false, &all), [ONE, TWO]);
    }

    #[test]
    fn what_is_sent_again_counts_once() {
        let mut streams = Streams::default();
        taken(&mut streams, 0, true, b"");
        assert_eq!(taken(&mut streams, 1, false, TWO), [TWO]);
        assert!(taken(&mut streams, 1, false, TWO).is_empty());
        let (overlap, rest) = TWO.split_at(5);
        let next = 1 + TWO.len() as u32;
        assert!(taken(&mut streams, next, false, overlap).is_empty());
        assert_eq!(taken(&mut streams, next, false, TWO), [TWO]);
        assert!(taken(&mut streams, next + 5, false, rest).is_empty());
    }

    #[test]
    fn a_torn_stream_is_read_again_from_the_next_message() {
        let mut streams = Streams::default();
        taken(&mut streams, 0, true, b"");
        assert!(taken(&mut streams, 1, false, b"OPTIONS sip:a").is_empty());
        assert!(taken(&mut streams, 500, false, b"the end of something").is_empty());
        assert_eq!(taken(&mut streams, 520, false, TWO), [TWO]);
    }
}
