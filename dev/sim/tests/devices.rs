//! What a whole node makes of registrations that no phone of the simulation has: through an edge proxy,
//! of a device that has started anew, by a temporary GRUU. Octets in, octets out.

#![allow(clippy::panic)] // a test may

use std::net::SocketAddr;
use std::time::Duration;

use ruf_message::{Flow, HeaderName, Message, Request, Response, Tick, Transport};
use ruf_sim::{Server, Site};

const DEVICE: &str = "+sip.instance=\"<urn:uuid:a1>\"";

struct House {
    server: Server,
    now: Tick,
    count: u32,
}

impl House {
    fn new() -> Self {
        let site = Site { is_open: true, ..Site::new(1, &["alice", "bob"]) };
        House { server: Server::new(site), now: Tick::from_micros(1_000_000), count: 0 }
    }

    /// Sends a request from this address, and gives what leaves, each with the address it goes to.
    fn send(&mut self, from: &str, text: &str) -> Vec<(String, Message)> {
        let remote: SocketAddr = from.parse().expect("an address");
        let local = self.server.address();
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        self.now = self.now + Duration::from_secs(1);
        self.server.receive(self.now, flow, text.to_owned().into());
        let sent = std::iter::from_fn(|| self.server.transmit(self.now));
        sent.map(|sent| {
            (sent.flow.remote.to_string(), Message::parse(sent.bytes).expect("what leaves is well-formed"))
        })
        .collect()
    }

    /// A REGISTER of Bob's and its answer.
    fn register(&mut self, from: &str, call_id: &str, lines: &str) -> Response {
        self.count += 1;
        let text = format!(
            "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bK{0}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\n\
             Call-ID: {call_id}\r\nCSeq: {0} REGISTER\r\n{lines}\r\nContent-Length: 0\r\n\r\n",
            self.count
        );
        match self.send(from, &text).pop() {
            Some((_, Message::Response(response))) => response,
            other => panic!("{other:?}"),
        }
    }

    /// What becomes of a MESSAGE of Alice's.
    fn message(&mut self, to: &str) -> Vec<(String, Message)> {
        self.count += 1;
        let text = format!(
            "MESSAGE {to} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{0}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=2\r\nTo: <{to}>\r\n\
             Call-ID: m{0}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
            self.count
        );
        self.send("192.0.2.9:5060", &text)
    }

    /// The one request that a MESSAGE to this URI became, and where it went.
    fn forwarded(&mut self, to: &str) -> (String, Request) {
        match self.message(to).pop() {
            Some((at, Message::Request(request))) => (at, request),
            other => panic!("{other:?}"),
        }
    }

    /// The status that a MESSAGE to this URI got at once.
    fn refused(&mut self, to: &str) -> u16 {
        match self.message(to).pop() {
            Some((_, Message::Response(response))) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_phone_behind_an_edge_proxy_is_called_through_it() {
    // tests rfc3327 §5.4
    let mut house = House::new();
    let response = house.register(
        "203.0.113.50:5060",
        "one",
        "Contact: <sip:bob@10.0.0.2>\r\nSupported: path\r\n\
         Path: <sip:t0ken@203.0.113.50;lr>, <sip:inner.example;lr>",
    );
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.values(HeaderName::Path).count(), 2);
    let (at, request) = house.forwarded("sip:bob@example.org");
    let routes: Vec<String> = request.routes().map(|route| route.uri().to_string()).collect();
    assert_eq!(at, "203.0.113.50:5060");
    assert_eq!(request.uri().to_string(), "sip:bob@10.0.0.2");
    assert_eq!(routes, ["sip:t0ken@203.0.113.50;lr", "sip:inner.example;lr"]);
}

#[test]
fn nobody_has_us_send_into_our_own_network() {
    let mut house = House::new();
    for path in ["10.1.2.3", "198.51.100.1", "example.org"] {
        let lines = format!("Contact: <sip:b@10.0.0.2>\r\nSupported: path\r\nPath: <sip:{path};lr>");
        assert_eq!(house.register("203.0.113.50:5060", "one", &lines).status().as_u16(), 403, "{path}");
    }
    // A Contact may say anything: the request leaves by the flow of the REGISTER.
    house.register("203.0.113.50:5060", "one", "Contact: <sip:b@10.1.2.3;maddr=10.1.2.4>");
    assert_eq!(house.forwarded("sip:bob@example.org").0, "203.0.113.50:5060");
}

#[test]
fn of_a_device_that_started_anew_the_newest_contact_is_tried() {
    // tests rfc5627 §6.1-2
    let mut house = House::new();
    house.register("203.0.113.20:5060", "one", &format!("Contact: <sip:old@10.0.0.2>;{DEVICE}"));
    house.register("203.0.113.20:6060", "two", &format!("Contact: <sip:new@10.0.0.2>;{DEVICE}"));
    for to in ["sip:bob@example.org;gr=urn:uuid:A1", "sip:bob@example.org"] {
        assert_eq!(house.message(to).len(), 1, "never two contacts of one device at once: {to}");
        assert_eq!(house.forwarded(to).0, "203.0.113.20:6060");
    }
    house.register("203.0.113.20:5060", "one", &format!("Contact: <sip:old@10.0.0.2>;{DEVICE}"));
    let (at, request) = house.forwarded("sip:bob@example.org;gr=urn:uuid:a1");
    assert_eq!((at, request.uri().to_string()), ("203.0.113.20:5060".into(), "sip:old@10.0.0.2".into()));
}

#[test]
fn a_temporary_gruu_leads_to_its_device_until_its_call_id_changes() {
    // tests rfc5627 §5.1, §6.1
    let mut house = House::new();
    let contact = format!("Contact: <sip:b@10.0.0.2>;{DEVICE}\r\nSupported: gruu");
    house.register("203.0.113.21:5060", "other", "Contact: <sip:desk@10.0.0.3>");
    let temporary = |response: &Response| {
        let contacts = response.contacts();
        let gruu = contacts.filter_map(|contact| contact.address()?.temp_gruu().map(Vec::from)).next();
        String::from_utf8(gruu.expect("a temporary GRUU")).expect("text")
    };
    let first = temporary(&house.register("203.0.113.20:5060", "one", &contact));
    let second = temporary(&house.register("203.0.113.20:5060", "one", &contact));
    for gruu in [&first, &second] {
        let (at, request) = house.forwarded(gruu);
        assert_eq!((at, request.uri().to_string()), ("203.0.113.20:5060".into(), "sip:b@10.0.0.2".into()));
    }
    let third = temporary(&house.register("203.0.113.20:5060", "two", &contact));
    assert_eq!((house.refused(&first), house.refused(&second)), (404, 404));
    assert_eq!(house.forwarded(&third).0, "203.0.113.20:5060");
    assert_eq!(house.refused("sip:bob@example.org;gr=urn:uuid:b2"), 480);
    assert_eq!(house.refused("sip:carol@example.org;gr=urn:uuid:b2"), 404);
}
