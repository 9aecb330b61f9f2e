//! A registrar of one address-of-record, small enough to see through: bindings, a clock, the rules.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use ruf_admission::{Domain, Listener, Ourselves};
use ruf_message::{Flow, HeaderName, Message, Request, Response, Tick, Transport};
use ruf_registrar_core::{Binding, Limits, Reject, answer, apply, changes};

pub struct Desk {
    pub bindings: Vec<Binding>,
    pub now: Tick,
    pub limits: Limits,
    pub flow: Flow,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            bindings: Vec::new(),
            now: Tick::from_micros(1_000_000),
            limits: Limits::default(),
            flow: flow(),
        }
    }

    /// A REGISTER of alice with this Call-ID, CSeq and further header lines.
    pub fn register(&mut self, call_id: &str, cseq: u32, lines: &str) -> Result<Response, Reject> {
        self.take(&request(call_id, cseq, lines))
    }

    pub fn take(&mut self, request: &Request) -> Result<Response, Reject> {
        self.bindings.retain(|binding| binding.is_live(self.now));
        let changes = changes(request, self.flow, &self.bindings, &ourselves(), &self.limits, self.now)?;
        apply(changes, &mut self.bindings);
        Ok(answer(request, &self.bindings, self.now))
    }

    pub fn after(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// The contacts bound now, as written.
    pub fn contacts(&self) -> Vec<String> {
        self.bindings.iter().map(|binding| binding.contact().to_string()).collect()
    }
}

pub fn request(call_id: &str, cseq: u32, lines: &str) -> Request {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    parse(&format!(
        "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{call_id}{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=1\r\nTo: <sip:alice@a.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
    ))
}

pub fn parse(text: &str) -> Request {
    match Message::parse(text.as_bytes().to_vec().into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}\n{text}"),
    }
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: 0,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "203.0.113.9:40000".parse().unwrap(),
        connection: 0,
    }
}

pub fn ourselves() -> Ourselves {
    let mut domain = Domain::new("a.example");
    domain.aliases.push("alias.example".into());
    let mut wildcard = Listener::new(Transport::Udp, "0.0.0.0:5062".parse().unwrap());
    wildcard.addresses.push("198.51.100.1".parse().unwrap());
    Ourselves {
        domains: vec![domain, Domain::new("b.example")],
        listeners: vec![Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap()), wildcard],
    }
}

/// The Contact lines of a response.
pub fn listed(response: &Response) -> Vec<String> {
    response.raw(HeaderName::Contact).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}
