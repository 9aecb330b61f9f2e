//! What comes out of the transaction layer: demultiplexing as a return value, the rest as data.
//!
//! Not here: what a user does with it (`ruf-proxy`, `ruf-agent`).

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use ruf_message::{Flow, Request, Response, Transmit};

use crate::matching::Fingerprint;
use crate::slab::{ClientId, ServerId};

/// What a received message turned out to be.
#[derive(Debug)]
#[must_use]
pub enum Received {
    /// A retransmission, the ACK of a non-2xx, or a stray response: it was dealt with.
    Absorbed,
    /// A request that no transaction knows. Nothing is kept: the caller admits it, then
    /// [`crate::Transactions::accept`]s it. Its top Via carries `received` and `rport`.
    New {
        /// Where it came in.
        flow: Flow,
        /// The request.
        request: Request,
    },
    /// The ACK of a 2xx, or one that matches no transaction at all.
    Ack {
        /// Where it came in.
        flow: Flow,
        /// The ACK.
        request: Request,
    },
    /// A CANCEL, seen for the first time: answer it through [`crate::Transactions::accept`] and
    /// `respond` with 200, or with 481 when it found no INVITE (RFC 3261 section 9.2).
    Cancel {
        /// Where it came in.
        flow: Flow,
        /// The CANCEL.
        request: Request,
        /// The INVITE that it cancels.
        invite: Option<ServerId>,
        /// The INVITE's tag of [`crate::Transactions::set_user`]; 0 without an INVITE.
        user: u64,
    },
    /// A response to a client transaction, for its user.
    Response {
        /// The transaction.
        client: ClientId,
        /// The tag given to [`crate::Transactions::send`].
        user: u64,
        /// The response, with our own Via still on top.
        response: Response,
    },
}

/// The same of a message that stays where it is: [`crate::Transactions::hear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Heard {
    /// It was dealt with.
    Absorbed,
    /// As [`Received::New`]; what [`crate::Transactions::accept_as`] opens it by.
    New(Fingerprint),
    /// As [`Received::Ack`].
    Ack(Fingerprint),
    /// As [`Received::Cancel`].
    Cancel {
        /// The INVITE that it cancels.
        invite: Option<ServerId>,
        /// The INVITE's tag; 0 without an INVITE.
        user: u64,
    },
    /// As [`Received::Response`].
    Response {
        /// The transaction.
        client: ClientId,
        /// The tag given to [`crate::Transactions::send`].
        user: u64,
    },
}

/// What happened to a transaction. See the crate's documentation for what ends what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The end: no final response came in time (Timer B or F, or 64*T1 after its CANCEL).
    Timeout {
        /// The transaction.
        client: ClientId,
        /// Its user's tag.
        user: u64,
    },
    /// The end: the flow failed. After a final response was delivered it means that the ACK could
    /// not be sent.
    Unreachable {
        /// The transaction.
        client: ClientId,
        /// Its user's tag.
        user: u64,
    },
    /// The end: a final response was delivered, and nothing more can come.
    ClientEnded {
        /// The transaction.
        client: ClientId,
        /// Its user's tag.
        user: u64,
    },
    /// The ACK to a non-2xx never came (Timer H). `ServerEnded` follows.
    ServerTimedOut {
        /// The transaction.
        server: ServerId,
        /// Its user's tag.
        user: u64,
    },
    /// A response could not be sent; the transaction stays (RFC 6026 section 7.1).
    ServerUnreachable {
        /// The transaction.
        server: ServerId,
        /// Its user's tag.
        user: u64,
    },
    /// The end of a server transaction, once for each.
    ServerEnded {
        /// The transaction.
        server: ServerId,
        /// Its user's tag.
        user: u64,
    },
}

/// Octets that most messages fit into.
const MESSAGE_ROOM: usize = 2048;

/// Octets that the messages of a turn share.
const ONCE_ROOM: usize = 32 * 1024;

/// Where the machines write. Its owner drains it.
#[derive(Debug, Default)]
pub struct Out {
    /// To the network, in this order.
    pub transmits: VecDeque<Transmit>,
    /// To the transaction users, in this order.
    pub events: VecDeque<Event>,
    /// What nobody keeps is written here, one message behind the other; the room comes back when they have left.
    once: BytesMut,
}

impl Out {
    /// Nothing to do yet.
    pub fn new() -> Self {
        Out::default()
    }

    /// Answers `request`, which came in by `flow`, without a transaction.
    pub fn reply(&mut self, flow: Flow, request: &Request, response: &Response) {
        let flow = crate::reply_to(flow, request);
        let bytes = self.written_once(|out| response.write_to(out));
        self.transmits.push_back(Transmit { flow, bytes });
    }

    /// A message that leaves once and that nobody keeps. Messages share their room, which comes back when all of
    /// them have left: where one has to wait, whoever has it wait copies it.
    pub fn written_once(&mut self, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        if self.once.capacity() < MESSAGE_ROOM {
            self.once.reserve(ONCE_ROOM);
        }
        write(&mut self.once);
        self.once.split().freeze()
    }
}

/// The table is full: nothing was opened, nothing was sent. Answer 503 without state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of transactions is full")
    }
}

impl std::error::Error for Full {}

/// How many transactions are open, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// INVITE client transactions.
    pub invite_clients: usize,
    /// Non-INVITE client transactions, the CANCELs of our own included.
    pub non_invite_clients: usize,
    /// INVITE server transactions.
    pub invite_servers: usize,
    /// Non-INVITE server transactions.
    pub non_invite_servers: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{INVITE, flow, request, response};
    use ruf_message::Transport;

    #[test]
    fn a_reply_without_state_goes_where_the_via_says() {
        // tests rfc3261 §18.2.2
        let request = request(
            &INVITE.replace("192.0.2.1:5060;branch=z9hG4bK74bf9;rport", "192.0.2.1:5070;branch=z9hG4bK7"),
        );
        let busy = response(&request, 486);
        let mut out = Out::new();
        out.reply(flow(Transport::Udp), &request, &busy);
        let sent = out.transmits.pop_front().expect("sent");
        assert_eq!((sent.flow.remote.port(), sent.bytes), (5070, busy.to_bytes()));
    }

    #[test]
    fn what_is_written_once_stays_as_it_is_while_others_are_written() {
        let mut out = Out::new();
        let mut kept = Vec::new();
        for round in 0..100_u8 {
            let text = vec![round; 1 + usize::from(round) * 100];
            kept.push((out.written_once(|out| out.extend_from_slice(&text)), text));
            // Some leave at once, some stay for longer.
            if round % 3 == 0 {
                kept.remove(0);
            }
        }
        assert!(kept.iter().all(|(written, text)| written == text));
    }

    #[test]
    fn messages_share_their_room_and_it_comes_back_when_they_have_left() {
        let mut out = Out::new();
        let mut message = || out.written_once(|out| out.extend_from_slice(&[7; 1000]));
        let at = |message: &Bytes| message.as_ptr().addr();
        let (first, second) = (message(), message());
        assert_eq!(at(&second), at(&first) + 1000);
        let begin = at(&first);
        drop((first, second));
        let reused = (0..100).map(|_| at(&message())).filter(|at| (begin..begin + ONCE_ROOM).contains(at));
        assert_eq!(reused.count(), 100);
    }

    #[test]
    fn a_full_table_says_what_it_is() {
        assert_eq!(Full.to_string(), "the table of transactions is full");
    }
}
