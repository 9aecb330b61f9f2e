//! Every datagram that was sent, and what became of it. Ladders are drawn from it, checkers read it.

use bytes::Bytes;
use ruf_message::{Message, Method, StatusCode, Tick};

use crate::sim::HostId;

/// One datagram.
#[derive(Debug, Clone)]
pub struct Sight {
    /// When it was sent.
    pub at: Tick,
    /// Who sent it.
    pub from: HostId,
    /// Whom it was addressed to; `None` if nobody has that address.
    pub to: Option<HostId>,
    /// When its copies arrived; none: it was lost.
    pub arrivals: Vec<Tick>,
    /// What it says; `None` if it is no SIP message.
    pub message: Option<Summary>,
    /// The octets.
    pub bytes: Bytes,
}

impl Sight {
    /// Nothing but empty lines, which keep a translator open.
    pub fn is_ping(&self) -> bool {
        self.bytes.iter().all(|octet| matches!(octet, b'\r' | b'\n'))
    }

    /// Nothing of it arrived.
    pub fn is_lost(&self) -> bool {
        self.arrivals.is_empty()
    }
}

/// What the ladder and the checkers want to know of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Request or response.
    pub kind: Kind,
    /// The method in its CSeq.
    pub method: String,
    /// The number in its CSeq.
    pub cseq: u32,
    /// Its Call-ID.
    pub call_id: String,
    /// The branch of its top Via.
    pub branch: String,
    /// The tag of From.
    pub from_tag: String,
    /// The tag of To; empty if there is none.
    pub to_tag: String,
}

/// A request, or a response with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request of this method.
    Request(Method),
    /// A response.
    Response(StatusCode),
}

impl Summary {
    /// Reads a datagram.
    pub fn of(bytes: &Bytes) -> Option<Self> {
        let message = Message::parse(bytes.clone()).ok()?;
        let (kind, fields) = match &message {
            Message::Request(request) => (Kind::Request(request.method()), &**request),
            Message::Response(response) => (Kind::Response(response.status()), &**response),
        };
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let cseq = fields.cseq();
        Some(Summary {
            kind,
            method: text(cseq.method),
            cseq: cseq.number,
            call_id: text(fields.call_id()),
            branch: text(fields.via().branch().unwrap_or_default()),
            from_tag: text(fields.from_tag().unwrap_or_default()),
            to_tag: text(fields.to_tag().unwrap_or_default()),
        })
    }

    /// What stands on the arrow: a method, or a status; a 2xx says what it answers.
    pub fn title(&self) -> String {
        match self.kind {
            Kind::Request(_) => self.method.clone(),
            Kind::Response(status) if status.is_success() => format!("{status} {}", self.method),
            Kind::Response(status) => status.to_string(),
        }
    }

    /// A final response.
    pub fn is_final(&self) -> bool {
        matches!(self.kind, Kind::Response(status) if status.is_final())
    }

    /// A request of this method.
    pub fn is_request(&self, method: Method) -> bool {
        self.kind == Kind::Request(method)
    }
}

/// All datagrams of a run, in the order in which they were sent.
#[derive(Debug, Default)]
pub struct Trace {
    /// The datagrams.
    pub sights: Vec<Sight>,
}

impl Trace {
    /// Those that are SIP messages, with what they say.
    pub fn messages(&self) -> impl Iterator<Item = (&Sight, &Summary)> {
        self.sights.iter().filter_map(|sight| Some((sight, sight.message.as_ref()?)))
    }
}
