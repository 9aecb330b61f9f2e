//! Messages, flows and one side of a wire, for the tests of the public face.

#![allow(dead_code)] // each test file uses its part

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Message, Method, Request, Response, StatusCode, Tick, Transport};
use ruf_transaction::{Event, Limits, Out, Received, Timers, Transactions};

pub(crate) const ALICE: &str = "192.0.2.1:5060";
pub(crate) const BOB: &str = "192.0.2.2:5060";

pub(crate) fn flow(transport: Transport, local: &str, remote: &str) -> Flow {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let connection = u64::from(transport.is_reliable());
    Flow { transport, listener: 0, local: address(local), remote: address(remote), connection }
}

/// The flow of a request that Alice sends, as Bob sees it.
pub(crate) fn from_alice() -> Flow {
    flow(Transport::Udp, BOB, ALICE)
}

/// The flow from Alice to Bob, as Alice sees it.
pub(crate) fn to_bob() -> Flow {
    flow(Transport::Udp, ALICE, BOB)
}

pub(crate) fn parse(wire: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(wire)).expect("a valid message")
}

pub(crate) fn request(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

pub(crate) fn response(wire: &[u8]) -> Response {
    match parse(wire) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

/// A request as a client of RFC 3261 sends it, with this top Via.
pub(crate) fn with_via(method: &str, via: &str) -> Request {
    request(&format!(
        "{method} sip:bob@example.org SIP/2.0\r\n\
         Via: {via}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.org>;tag=a1\r\n\
         To: <sip:bob@example.org>\r\n\
         Call-ID: c1@192.0.2.1\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:alice@192.0.2.1>\r\n\
         Content-Length: 0\r\n\r\n"
    ))
}

/// A request without a Via, for `send`.
pub(crate) fn unsent(method: Method, call_id: &str) -> Request {
    let uri = "sip:bob@example.org".parse().expect("a URI");
    let mut request = Request::build(method, &uri)
        .via("SIP/2.0/UDP placeholder;branch=z9hG4bK0")
        .from("<sip:alice@example.org>;tag=a1")
        .to("<sip:bob@example.org>")
        .call_id(call_id)
        .cseq(1)
        .finish()
        .expect("a request");
    request.pop_via();
    request
}

pub(crate) fn reply(request: &Request, status: u16) -> Response {
    let mut response = request.reply(StatusCode::new(status).expect("a status"));
    if status > 100 {
        response.set_to_tag("b1");
    }
    response
}

pub(crate) fn ms(ms: u64) -> Tick {
    Tick::from_micros(ms * 1000)
}

/// One side: its table, what came out of it, and the time.
pub(crate) struct Side {
    pub(crate) tx: Transactions,
    pub(crate) out: Out,
    pub(crate) now: Tick,
}

impl Side {
    pub(crate) fn new() -> Self {
        Side::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let tx = Transactions::new(limits, Timers::default(), Entropy::from_seed([7; 32]));
        Side { tx, out: Out::new(), now: Tick::ZERO }
    }

    pub(crate) fn receive(&mut self, flow: Flow, message: impl Into<Wire>) -> Received {
        self.tx.receive(self.now, flow, parse(&message.into().0), &mut self.out)
    }

    /// Time passes; timers fire when they are due.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.tx.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.tx.tick(self.now, &mut self.out);
        }
        self.now = until;
    }

    /// First words of what was sent since the last look: a method, or a status.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.out.transmits.drain(..).map(|transmit| title(&transmit.bytes)).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.out.events.drain(..).collect()
    }
}

pub(crate) fn title(wire: &[u8]) -> String {
    let line = String::from_utf8_lossy(wire);
    let mut words = line.split(' ');
    match words.next() {
        Some("SIP/2.0") => words.next().unwrap_or_default().to_owned(),
        Some(method) => method.to_owned(),
        None => String::new(),
    }
}

/// Anything with a wire form.
pub(crate) struct Wire(pub(crate) Bytes);

impl From<&Request> for Wire {
    fn from(request: &Request) -> Self {
        Wire(request.to_bytes())
    }
}

impl From<&Response> for Wire {
    fn from(response: &Response) -> Self {
        Wire(response.to_bytes())
    }
}

impl From<Bytes> for Wire {
    fn from(bytes: Bytes) -> Self {
        Wire(bytes)
    }
}
