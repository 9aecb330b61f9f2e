//! A registrar of one address-of-record, small enough to see through: bindings, a clock, the rules.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use ruf_admission::{AddressOfRecord, Domain, Listener, Ourselves};
use ruf_message::{Flow, HeaderName, Message, Reply, Request, Response, Tick, Transport, Uri};
use ruf_registrar_core::{Asked, Bindings, Gruus, Limits, Reject, Rules, answer, apply, changes};

pub struct Desk {
    pub bindings: Bindings,
    pub now: Tick,
    pub limits: Limits,
    pub flow: Flow,
    pub gruus: Gruus,
    pub ourselves: Ourselves,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            bindings: Bindings::new(),
            now: Tick::from_micros(1_000_000),
            limits: Limits::default(),
            flow: flow(),
            gruus: Gruus::new(&[1; 32]),
            ourselves: ourselves(),
        }
    }

    /// A REGISTER of alice with this Call-ID, CSeq and further header lines.
    pub fn register(&mut self, call_id: &str, cseq: u32, lines: &str) -> Result<Response, Reject> {
        self.take(&request(call_id, cseq, lines))
    }

    /// Why such a REGISTER is refused.
    pub fn refusal(&mut self, call_id: &str, cseq: u32, lines: &str) -> Reject {
        self.register(call_id, cseq, lines).unwrap_err()
    }

    pub fn take(&mut self, request: &Request) -> Result<Response, Reject> {
        self.bindings.retain(|binding| binding.is_live(self.now));
        let rules = Rules { ourselves: &self.ourselves, limits: &self.limits, gruus: &self.gruus };
        let address = &AddressOfRecord::new("alice", "a.example");
        let asked = Asked { request, flow: self.flow, address, to_tag: "ours", now: self.now };
        let changes = changes(&asked, &self.bindings, &rules)?;
        apply(changes, &mut self.bindings);
        Ok(response(&answer(&asked, &self.bindings, &rules), request))
    }

    /// The contacts that a GRUU leads to; `None`: it is none of ours, or no longer one.
    pub fn called(&self, gruu: &str) -> Option<Vec<String>> {
        let uri: Uri = gruu.parse().unwrap();
        let gruu = self.gruus.read(uri.as_ref(), &ourselves())?;
        assert_eq!(gruu.address().as_str(), "alice@a.example");
        let led_to = self.bindings.iter().filter(|binding| gruu.leads_to(binding));
        let contacts: Vec<String> = led_to.map(|binding| binding.contact().to_string()).collect();
        (gruu.outlives_its_bindings() || !contacts.is_empty()).then_some(contacts)
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
    let lines: String =
        lines.lines().filter(|line| !line.is_empty()).map(|line| format!("{}\r\n", line.trim())).collect();
    parse(&format!(
        "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{call_id}{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=1\r\nTo: <sip:alice@a.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
    ))
}

/// What an answer to this request is on the wire.
pub fn response(reply: &Reply, request: &Request) -> Response {
    let mut octets = Vec::new();
    reply.write_to(request, &mut octets);
    match Message::parse(octets.into()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
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

/// What the first Contact of a response says of its GRUUs: the public and the temporary one.
pub fn gruus(response: &Response) -> (Option<String>, Option<String>) {
    let text = |value: Option<std::borrow::Cow<'_, [u8]>>| {
        value.map(|value| String::from_utf8(value.into_owned()).unwrap())
    };
    let contact = response.contacts().next().unwrap();
    let address = contact.address().unwrap();
    (text(address.pub_gruu()), text(address.temp_gruu()))
}

/// The Contact lines of a response.
pub fn listed(response: &Response) -> Vec<String> {
    response.raw(HeaderName::Contact).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}
