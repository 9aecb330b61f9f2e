//! The way to the server, before a server that the test plays.

mod elsewhere;
mod seeds;

use super::*;
use crate::desk::changes::ANSWER;
use crate::desk::{Answered, Asked, Inquiry, Opened, Opening};
use crate::talk::Media;
use ruf_locate::{Answer, Record, Ways};
use ruf_message::{HeaderName, Message, Method, Request, Response, StatusCode};
use ruf_net::{Node, stun};
use tokio::sync::mpsc;

/// A desk that is registered over UDP, its flow, and what it is told.
struct Stage {
    desk: Desk,
    /// What the DNS says.
    places: Vec<[u8; 4]>,
    flow: Flow,
    now: Tick,
    told: mpsc::Receiver<Told>,
}

impl Stage {
    fn registered(account: Account) -> Stage {
        Stage::registered_at(account, &[])
    }

    /// The name of its server has these places.
    fn registered_at(account: Account, places: &[[u8; 4]]) -> Stage {
        let (told, events) = mpsc::channel(16);
        // Sound needs an address that this host has.
        let address = SocketAddr::from(([127, 0, 0, 1], 5062));
        let mut entropy = Entropy::from_seed([3; 32]);
        // Nobody drives it but the test.
        let (_, commands) = ruf_net::Berth::of_all(1, ruf_net::Clock::start()).pop().expect("one");
        let media = Media::start(&account, commands, entropy.fork()).expect("a thread");
        let aor = account.aor_at(address).expect("an address");
        let ways = Ways::new([Transport::Udp, Transport::Tcp].map(|transport| (transport, address.ip())));
        let mut desk = Desk::new(Opening { account, aor, address, ways, told, media, entropy });
        let (answer, _) = oneshot::channel();
        desk.with(Tick::ZERO, |desk, now| desk.register(now, answer));
        let flow =
            Flow { transport: Transport::Udp, listener: 0, local: address, remote: address, connection: 0 };
        let mut stage = Stage { desk, places: places.to_vec(), flow, now: Tick::ZERO, told: events };
        stage.resolves();
        stage.reaches();
        stage.grants();
        stage
    }

    fn resolves(&mut self) {
        while let Some((number, _)) = self.desk.poll_query() {
            let records = self.places.iter().map(|at| Record::Address((*at).into())).collect();
            self.desk.resolved(self.now, number, Answer::Records { records, ttl_secs: 600 });
        }
    }

    /// The next place is reached; from now on it is that flow.
    fn reaches(&mut self) {
        let sought = self.desk.poll_reach();
        self.finds(sought);
    }

    fn finds(&mut self, sought: Option<(u64, Place)>) {
        let (token, place) = sought.expect("the way is sought");
        let connection = if place.transport.is_reliable() { self.flow.connection + 1 } else { 0 };
        self.flow = Flow { transport: place.transport, remote: place.address, connection, ..self.flow };
        self.desk.reached(self.now, token, Ok(self.flow));
    }

    /// Time passes until a way is sought, for so long at most; what is sent meanwhile is lost.
    fn waits(&mut self, longest: Duration) -> Option<(u64, Place)> {
        let end = self.now + longest;
        while let Some(due) = self.desk.poll_deadline().filter(|due| *due <= end) {
            self.now = due;
            self.desk.tick(due);
            self.resolves();
            while self.desk.poll_transmit().is_some() {}
            if let Some(sought) = self.desk.poll_reach() {
                return Some(sought);
            }
        }
        self.now = end;
        None
    }

    /// Calls bob, who answers by the name of the server.
    fn talks(&mut self) -> Opened {
        let by = if self.flow.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        let there = format!("sip:bob@example.org:5060{by}");
        let to: ruf_message::Uri = there.parse().expect("a URI");
        let line = self.desk.with(self.now, |desk, now| desk.call(now, to, false)).expect("a line");
        let invite = self.sent();
        let mut ok = invite.reply(StatusCode::OK);
        ok.set_to_tag("bob");
        ok.set(HeaderName::Contact, format!("<{there}>"));
        ok.set_body("application/sdp", ANSWER);
        self.desk.receive(self.now, self.flow, ok.to_bytes());
        assert_eq!(self.sent().method(), Method::Ack);
        line
    }

    /// A message goes out.
    fn writes(&mut self) -> (Request, oneshot::Receiver<Result<Answered, Error>>) {
        let (answer, answered) = oneshot::channel();
        let to = "sip:bob@example.org".parse().expect("a URI");
        let inquiry = Inquiry { to, asked: Asked::Message("hello".to_owned()), answer };
        self.desk.with(self.now, |desk, now| desk.inquire(now, inquiry));
        (self.sent(), answered)
    }

    /// What is sent next, by the flow that there is.
    fn sent(&mut self) -> Request {
        let sent = self.desk.poll_transmit().expect("something is sent");
        assert_eq!(sent.flow, self.flow);
        let Ok(Message::Request(request)) = Message::parse(sent.bytes) else { panic!("no request") };
        request
    }

    fn answers(&mut self, request: &Request, status: StatusCode) {
        self.desk.receive(self.now, self.flow, request.reply(status).to_bytes());
    }

    /// A REGISTER is sent, and granted.
    fn grants(&mut self) -> Request {
        let request = self.sent();
        assert_eq!(request.method(), Method::Register);
        let mut granted: Response = request.reply(StatusCode::OK);
        let contact = request.raw(HeaderName::Contact).next().expect("a Contact").to_vec();
        granted.set(HeaderName::Contact, contact);
        if request.raw(HeaderName::Supported).any(|value| value.ends_with(b"outbound, path")) {
            granted.set(HeaderName::Require, "outbound");
        }
        self.desk.receive(self.now, self.flow, granted.to_bytes());
        request
    }

    /// Time passes until something is sent; a question of STUN gets this answer.
    fn is_asked(&mut self, seen: Option<SocketAddr>) {
        for _ in 0..10 {
            self.now = self.desk.poll_deadline().expect("it waits for something");
            self.desk.tick(self.now);
            let Some(sent) = self.desk.poll_transmit() else { continue };
            assert!(stun::is_stun(&sent.bytes) && sent.flow == self.flow);
            if let Some(seen) = seen {
                let transaction = sent.bytes[8..20].try_into().expect("twelve octets");
                self.desk.mapped(self.now, self.flow, transaction, seen);
            }
            return;
        }
        panic!("nothing is sent");
    }
}

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn alice() -> Account {
    Account::new("sip:alice@192.0.2.9").expect("an account").expires_secs(3_600)
}

#[tokio::test]
async fn a_phone_whose_address_outside_changes_registers_again() {
    // tests rfc5626 §4.4.2
    let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
    let outside = |port| Some(SocketAddr::from(([198, 51, 100, 1], port)));
    stage.is_asked(outside(1));
    stage.is_asked(outside(1));
    assert!(stage.desk.poll_transmit().is_none());
    stage.is_asked(outside(2));
    stage.grants();
    stage.is_asked(outside(2));
    assert!(stage.desk.poll_transmit().is_none());
}

#[tokio::test]
async fn a_server_that_answers_no_more_is_sought_again() {
    let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
    stage.is_asked(Some(stage.flow.local));
    for _ in 0..7 {
        stage.is_asked(None);
    }
    let sought = std::iter::from_fn(|| {
        let now = stage.desk.poll_deadline()?;
        stage.desk.tick(now);
        stage.desk.poll_transmit().is_none().then(|| stage.desk.poll_reach())
    });
    assert!(sought.take(5).flatten().next().is_some(), "the way is sought");
}

#[tokio::test]
async fn a_device_is_known_by_its_urn_and_a_closed_phone_keeps_nothing_open() {
    // tests rfc5626 §4.2.1
    let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
    stage.desk.with(stage.now, |desk, now| {
        let (answer, _) = oneshot::channel();
        desk.register(now, answer);
    });
    let request = stage.grants();
    let contact = String::from_utf8_lossy(request.raw(HeaderName::Contact).next().expect("one")).into_owned();
    assert!(contact.contains(&format!(";+sip.instance=\"<{URN}>\";reg-id=1")), "{contact}");
    assert!(matches!(stage.told.try_recv(), Ok(Told::Event(PhoneEvent::Registered { .. }))));
    stage.desk.with(stage.now, Desk::close);
    stage.grants();
    assert_eq!(stage.desk.home.deadline(), None);
}
