//! A message of either kind (RFC 3261 §7).

use crate::door;
use crate::error::Malformed;
use crate::fields::{Fields, Room};
use crate::request::Request;
use crate::response::Response;
use bytes::{BufMut, Bytes};
use std::fmt;
use std::ops::Deref;

/// A request or a response. Both, and it, read like [`Fields`].
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads a datagram, or what [`Framer`](crate::Framer) cut out of a stream, and proves what
    /// routing reads.
    ///
    /// # Errors
    /// If the start line, a header that routing reads, or the body's length is wrong. The error knows
    /// its answer: [`Malformed::reply`].
    // rfc3261 §7 and §18.3
    pub fn parse(wire: Bytes) -> Result<Message, Malformed> {
        Message::parse_in(wire, Room::default())
    }

    /// The same in the room of a message that is done with, which saves the allocation.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_in(wire: Bytes, room: Room) -> Result<Message, Malformed> {
        door::parse(wire, room)
    }

    /// The message as octets.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        }
    }

    /// Appends the message to `out`.
    pub fn write_to(&self, out: &mut impl BufMut) {
        match self {
            Message::Request(request) => request.write_to(out),
            Message::Response(response) => response.write_to(out),
        }
    }
}

impl Deref for Message {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        match self {
            Message::Request(request) => request,
            Message::Response(response) => response,
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Request(request) => request.fmt(f),
            Message::Response(response) => response.fmt(f),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Message::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Message::Response(response)
    }
}
