//! What a whole node makes of new requests while there is too much to do. Octets in, octets out.

#![allow(clippy::panic)] // a test may

use std::net::SocketAddr;
use std::time::Duration;

use ruf_message::{Flow, HeaderName, Message, Response, StatusCode, Tick, Transport};
use ruf_sim::{Server, Site};

const ALICE: &str = "192.0.2.9:5060";
const LOOK: Duration = Duration::from_millis(50);
/// At the smallest share one of a hundred is taken still.
const MANY: u32 = 300;

struct House {
    server: Server,
    now: Tick,
}

impl House {
    fn new() -> Self {
        let site = Site { is_open: true, ..Site::new(1, &["alice", "bob"]) };
        House { server: Server::new(site), now: Tick::from_micros(1_000_000) }
    }

    fn overloaded(mut self) -> Self {
        for node in self.server.nodes() {
            (0..100).for_each(|_| node.busy(LOOK, LOOK, 10 * LOOK));
        }
        self
    }

    /// Sends a request, and gives the answers to it.
    fn send(&mut self, text: &str) -> Vec<Response> {
        let remote: SocketAddr = ALICE.parse().expect("an address");
        let local = self.server.address();
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        self.now = self.now + Duration::from_millis(1);
        self.server.receive(self.now, flow, text.to_owned().into());
        let mut answers = Vec::new();
        while let Some(sent) = self.server.transmit(self.now) {
            assert_eq!(sent.flow.remote, remote);
            match Message::parse(sent.bytes).expect("what leaves is well-formed") {
                Message::Response(response) => answers.push(response),
                Message::Request(request) => panic!("{request}"),
            }
        }
        answers
    }

    /// The last answer's status.
    fn status(&mut self, text: &str) -> Option<StatusCode> {
        self.send(text).last().map(Response::status)
    }
}

/// An INVITE for somebody who is away.
fn invite(number: u32) -> String {
    format!(
        "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP phone.invalid;rport;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag={number}\r\nTo: <sip:bob@example.org>\r\n\
         Call-ID: call-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@{ALICE}>\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_call_that_was_taken_is_not_refused_when_its_invite_comes_again() {
    // tests rfc3261 §17.2.3
    let mut house = House::new();
    assert_eq!(house.status(&invite(0)), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    let mut house = house.overloaded();
    for _ in 0..MANY {
        assert_eq!(house.status(&invite(0)), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    }
}

#[test]
fn a_new_call_is_refused_without_state_and_its_ack_ends_here() {
    // tests rfc3261 §8.2.7, §18.2.1, §21.5.4 and rfc3581 §4
    let mut house = House::new().overloaded();
    let mut refused = 0;
    for number in 1..=MANY {
        let invite = invite(number);
        let answer = house.send(&invite).pop().expect("each is answered");
        assert_eq!(answer.via().received(), Some([192, 0, 2, 9].into()));
        assert_eq!((answer.via().rport(), answer.cseq().method), (Some(Some(5060)), &b"INVITE"[..]));
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            refused += 1;
            assert!(!answer.contains(HeaderName::RetryAfter), "nobody is registered there");
        }
        let tag = String::from_utf8_lossy(answer.to_tag().expect("a tag")).into_owned();
        let to = "To: <sip:bob@example.org>";
        let ack = invite.replace("INVITE", "ACK").replace(to, &format!("{to};tag={tag}"));
        assert!(house.send(&ack).is_empty());
    }
    assert!(refused > MANY * 9 / 10 && refused < MANY, "{refused}");
    assert_eq!(house.server.figure("refused for overload"), u64::from(refused));
    assert_eq!(house.server.figure("dropped without an answer"), 0, "the ACKs were known");
}

#[test]
fn what_has_precedence_goes_the_whole_way() {
    // tests rfc5031 §4.2, rfc7339 §5.10.1
    let mut house = House::new().overloaded();
    for number in 1..=MANY {
        let help = invite(number).replacen("sip:bob@example.org", "urn:service:sos", 1);
        assert_eq!(house.status(&help), Some(StatusCode::NOT_FOUND));
    }
    assert_eq!(house.server.figure("refused for overload"), 0);
}

#[test]
fn what_is_malformed_is_told_so_where_a_glance_does_not_do() {
    let mut house = House::new().overloaded();
    for number in 1..=MANY {
        let twice = invite(number).replacen("Max-Forwards: 70", "To: <sip:carol@example.org>", 1);
        assert_eq!(house.status(&twice), Some(StatusCode::BAD_REQUEST));
    }
}
