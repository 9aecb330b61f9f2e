//! What the unit tests of this crate speak about: a server `example.org` at 192.0.2.1, and phones.

use ruf_admission::{DialogPass, Domain, Gate, Identity, Keys, Listener, Ourselves, Policy, Side};
use ruf_message::{Entropy, Flow, Message, Request, Response, StatusCode, Transport};

pub(crate) fn ourselves() -> Ourselves {
    Ourselves {
        domains: vec![Domain::open("example.org"), Domain::open("second.example")],
        listeners: vec![Listener::new(Transport::Udp, flow(0).local)],
    }
}

pub(crate) fn gate() -> Gate {
    let limits = ruf_admission::Limits::default();
    let mut entropy = Entropy::from_seed([0; 32]);
    let keys = Keys::new(&mut entropy);
    Gate::new(ourselves(), Policy::default(), &limits, &keys, entropy)
}

/// The flow of the phone at 192.0.2.(10 + `phone`).
pub(crate) fn flow(phone: u8) -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: 0,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 10 + phone], 5060).into(),
        connection: 0,
    }
}

pub(crate) fn dialog(onward: u8) -> Identity {
    Identity::Dialog(DialogPass { onward: Side::by(flow(onward)), from_caller: true })
}

/// A request with these header lines and a small body.
pub(crate) fn request(method: &str, uri: &str, headers: &str) -> Request {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKa1\r\nFrom: <sip:alice@example.org>;tag=a\r\n\
         To: <sip:bob@example.org>\r\nCall-ID: c1@192.0.2.11\r\nCSeq: 1 {method}\r\n{headers}\
         Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody"
    );
    match Message::parse(text.into_bytes().into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

/// A response to an INVITE with these header lines.
pub(crate) fn response(status: u16, headers: &str) -> Response {
    let status = StatusCode::new(status).expect("a status");
    let mut response = request("INVITE", "sip:bob@example.org", "").reply(status);
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").expect("a header line");
        response.add(name, value);
    }
    response
}
