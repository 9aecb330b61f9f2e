//! A node that serves, and the phones around it: what one unit of work costs in the machines alone, from
//! the bytes that come to the bytes that leave. Sockets are not here; `dev/bench/compare` measures those.
//!
//! Only [`Serving::feed`] is counted; the phones' own work is not.

pub(crate) mod memory;
pub(crate) mod storm;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{Domain, Gate, Keys, Limits, Listener, Neighbours, Ourselves, Overload, Policy};
use ruf_auth::{Algorithm, Keyring};
use ruf_locate::{Locator, Ways};
use ruf_message::{Entropy, Flow, Malformed, Message, Tick, Transmit, Transport};
use ruf_node::{Node, Parts, Seat};
use ruf_proxy::Proxy;
use ruf_registrar::{Gruus, Registrar};
use ruf_routing::DialPlan;
use ruf_store::Store;
use ruf_transaction::{Timers, Transactions};

use crate::allocations::allocated;

/// Between the beginnings of two units: some thousand of them linger in the tables, as they do in a server.
const PACE: Duration = Duration::from_millis(10);
/// Time of which a worker says how busy it was.
const LOOK: Duration = Duration::from_millis(50);
const OFFER: &str = "v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// What the counted part has cost so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) allocations: u64,
}

/// One server, Alice's phone and Bob's phone.
pub(crate) struct Serving {
    node: Node,
    now: Tick,
    /// Of the unit that runs.
    number: u64,
    sent: Vec<Transmit>,
    /// Of the phones.
    entropy: Entropy,
    pub(crate) cost: Cost,
}

impl Serving {
    /// Bob is registered in an open domain; nobody is asked for a password.
    pub(crate) fn new() -> Self {
        let mut serving = Serving {
            node: node(),
            now: Tick::ZERO,
            number: 0,
            sent: Vec::new(),
            entropy: Entropy::from_seed([9; 32]),
            cost: Cost::default(),
        };
        serving.receive(BOB, &register(0));
        serving
    }

    /// Hands one datagram over, takes what leaves, and lets time pass: what is counted.
    #[inline(never)]
    fn feed(&mut self, flow: Flow, datagram: Bytes) {
        self.sent.clear();
        self.node.receive(self.now, flow, datagram);
        while let Some(transmit) = self.node.poll_transmit() {
            self.sent.push(transmit);
        }
        if self.node.poll_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.node.tick(self.now);
        }
    }

    fn receive(&mut self, phone: u16, message: &str) {
        let datagram = Bytes::copy_from_slice(message.as_bytes());
        let (before, start) = (allocated(), Instant::now());
        self.feed(flow(phone), datagram);
        self.cost.time += start.elapsed();
        self.cost.allocations += allocated() - before;
    }

    /// What was sent to this phone by the last datagram.
    fn heard(&self, phone: u16) -> String {
        let to = flow(phone);
        let found = self.sent.iter().rev().find(|transmit| transmit.flow == to);
        found.map(|transmit| String::from_utf8_lossy(&transmit.bytes).into_owned()).unwrap_or_default()
    }

    fn begin(&mut self) -> u64 {
        self.now = self.now + PACE;
        self.number += 1;
        self.number
    }

    /// OPTIONS to the server.
    pub(crate) fn options(&mut self) {
        let n = self.begin();
        self.receive(ALICE, &request("OPTIONS", "sip:open.bench", OPEN, "", n, 1, "", ""));
        black_box(self.sent.len());
    }

    /// A REGISTER of a phone that is there already.
    pub(crate) fn register(&mut self) {
        let n = self.begin();
        self.receive(BOB, &register(n));
        assert!(self.heard(BOB).starts_with("SIP/2.0 200"), "{}", self.heard(BOB));
    }

    /// A REGISTER that is challenged, and the one with the answer: a new nonce each time.
    pub(crate) fn register_auth(&mut self) {
        let n = self.begin();
        self.register_with_proof(ALICE, "carol", n);
    }

    fn register_with_proof(&mut self, phone: u16, user: &str, n: u64) {
        let of = |attempt| register_of(phone, "auth.bench", user, n, attempt);
        self.receive(phone, &of(0));
        let proven = self.proven(phone, user, &of(1));
        self.receive(phone, &proven);
        assert!(self.heard(phone).starts_with("SIP/2.0 200"), "{}", self.heard(phone));
    }

    /// The request with the answer to the challenge that the phone heard.
    fn proven(&mut self, phone: u16, user: &str, request: &str) -> String {
        let (Ok(Message::Request(mut request)), Ok(Message::Response(challenge))) =
            (parsed(request), parsed(&self.heard(phone)))
        else {
            unreachable!("both are well-formed");
        };
        let mut keyring = Keyring::new(user, "secret");
        let answered = keyring.challenged(&request, &challenge, &mut self.entropy);
        assert_eq!(answered, Ok(()), "{challenge}");
        keyring.authorize(&mut request);
        request.to_string()
    }

    /// MESSAGE from Alice to Bob, and his 200.
    pub(crate) fn message(&mut self) {
        let n = self.begin();
        let headers = "Content-Type: text/plain\r\n";
        self.receive(
            ALICE,
            &request("MESSAGE", "sip:bob@open.bench", OPEN, "", n, 1, headers, "hello, world"),
        );
        let at_bob = self.heard(BOB);
        self.receive(BOB, &response(&at_bob, "200 OK", "", ""));
        assert!(self.heard(ALICE).starts_with("SIP/2.0 200"));
    }

    /// INVITE, 100, 180, 200, ACK, BYE, 200.
    pub(crate) fn call(&mut self) {
        let n = self.begin();
        self.receive(ALICE, &invite(OPEN, n, 1));
        self.answered(OPEN, n, 1);
    }

    /// INVITE to a server that has more to do than it can, 503, ACK.
    pub(crate) fn refused(&mut self) {
        let n = self.begin();
        // As bad as it can be: one in a hundred is taken still, and goes unanswered here.
        self.node.busy(LOOK, LOOK, 10 * LOOK);
        self.receive(ALICE, &invite(OPEN, n, 1));
        let ack = ack_of_refusal(OPEN, &self.heard(ALICE), n);
        self.receive(ALICE, &ack);
    }

    /// The same with a password: INVITE, 407, ACK, and then the call.
    pub(crate) fn call_auth(&mut self) {
        let n = self.begin();
        if n == 1 {
            self.register_with_proof(BOB, "dave", n);
        }
        self.receive(ALICE, &invite(CLOSED, n, 1));
        let challenge = self.heard(ALICE);
        assert!(challenge.starts_with("SIP/2.0 407"), "{challenge}");
        let again = self.proven(ALICE, "carol", &invite(CLOSED, n, 2));
        self.receive(ALICE, &ack_of_refusal(CLOSED, &challenge, n));
        self.receive(ALICE, &again);
        self.answered(CLOSED, n, 2);
    }

    /// What follows an INVITE that rings at Bob's phone.
    fn answered(&mut self, pair: Pair, n: u64, cseq: u32) {
        let at_bob = self.heard(BOB);
        assert!(at_bob.starts_with("INVITE"), "{at_bob}{}", self.heard(ALICE));
        self.receive(BOB, &response(&at_bob, "180 Ringing", "", ""));
        self.receive(BOB, &taken(&at_bob));
        let route = route_of(&self.heard(ALICE));
        self.receive(ALICE, &within("ACK", pair, n, cseq, &route));
        assert!(self.heard(BOB).starts_with("ACK"));
        self.receive(ALICE, &within("BYE", pair, n, cseq + 1, &route));
        let bye = self.heard(BOB);
        self.receive(BOB, &response(&bye, "200 OK", "", ""));
        assert!(self.heard(ALICE).starts_with("SIP/2.0 200"));
    }
}

/// Who calls, from Alice's phone, and who is called, at Bob's.
type Pair = (&'static str, &'static str);

const OPEN: Pair = ("alice@open.bench", "bob@open.bench");
const CLOSED: Pair = ("carol@auth.bench", "dave@auth.bench");
const ALICE: u16 = 5070;
const BOB: u16 = 5080;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 2], port))
}

fn flow(phone: u16) -> Flow {
    let local = SocketAddr::from(([192, 0, 2, 1], 5060));
    Flow { transport: Transport::Udp, listener: 0, local, remote: address(phone), connection: 0 }
}

#[allow(clippy::too_many_arguments)] // what a request is made of
fn request(
    method: &str,
    uri: &str,
    (from, to): Pair,
    to_tag: &str,
    number: u64,
    cseq: u32,
    headers: &str,
    body: &str,
) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-{number}-{cseq}-{method}\r\n\
         From: <sip:{from}>;tag=a{number}\r\nTo: <sip:{to}>{to_tag}\r\nCall-ID: {number}-2342@192.0.2.2\r\n\
         CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        address(ALICE),
        body.len()
    )
}

fn invite(pair: Pair, number: u64, cseq: u32) -> String {
    let headers = format!("Contact: <sip:alice@{}>\r\nContent-Type: application/sdp\r\n", address(ALICE));
    request("INVITE", &format!("sip:{}", pair.1), pair, "", number, cseq, &headers, OFFER)
}

/// The ACK of this answer to the first INVITE of a call, whose branch it has.
fn ack_of_refusal(pair: Pair, refusal: &str, number: u64) -> String {
    let tag = refusal.lines().find_map(|line| line.strip_prefix("To: ")?.split_once('>'));
    let uri = format!("sip:{}", pair.1);
    let ack = request("ACK", &uri, pair, tag.map_or("", |(_, tag)| tag), number, 1, "", "");
    ack.replace("-1-ACK", "-1-INVITE")
}

/// Bob's 200 to this INVITE.
fn taken(invite: &str) -> String {
    let headers = format!("Contact: <sip:bob@{}>\r\nContent-Type: application/sdp\r\n", address(BOB));
    response(invite, "200 OK", &headers, OFFER)
}

/// The Route of what follows within a call that this 200 opened.
fn route_of(ok: &str) -> String {
    let route = ok.lines().find_map(|line| line.strip_prefix("Record-Route: ")).unwrap_or_default();
    format!("Route: {route}\r\n")
}

/// A request of Alice's within a call.
fn within(method: &str, pair: Pair, number: u64, cseq: u32, route: &str) -> String {
    request(method, &format!("sip:bob@{}", address(BOB)), pair, ";tag=bob1", number, cseq, route, "")
}

fn parsed(text: &str) -> Result<Message, Malformed> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()))
}

fn register(number: u64) -> String {
    register_of(BOB, "open.bench", "bob", number, 0)
}

fn register_of(phone: u16, domain: &str, user: &str, number: u64, attempt: u64) -> String {
    format!(
        "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bK-r{number}-{attempt}\r\n\
         From: <sip:{user}@{domain}>;tag=r{number}\r\nTo: <sip:{user}@{domain}>\r\nCall-ID: r{phone}@192.0.2.2\r\n\
         CSeq: {1} REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:{user}@{0}>\r\nExpires: 3600\r\n\
         Content-Length: 0\r\n\r\n",
        address(phone),
        number * 2 + attempt + 1
    )
}

fn response(request: &str, status: &str, headers: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        if matches!(name, "Via" | "Record-Route" | "From" | "Call-ID" | "CSeq") {
            text.push_str(line);
            text.push_str("\r\n");
        } else if name == "To" {
            text.push_str(line);
            text.push_str(if line.contains(";tag=") { "\r\n" } else { ";tag=bob1\r\n" });
        }
    }
    text + headers + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

fn node() -> Node {
    let entropy = |part: u8| Entropy::from_seed([part; 32]);
    let closed = Domain { algorithms: vec![Algorithm::Md5], ..Domain::new("auth.bench") };
    let accounts = Accounts::load(Store::memory()).unwrap_or_else(|_| unreachable!("memory loads"));
    for name in ["carol", "dave"] {
        if accounts.add_of_this_run("auth.bench", name, "secret").is_err() {
            unreachable!("a good name");
        }
    }
    let ourselves = Ourselves {
        domains: vec![Domain::open("open.bench"), closed],
        listeners: vec![Listener::new(Transport::Udp, flow(0).local)],
    };
    let ways = Ways::new(ourselves.listeners.iter().map(|one| (one.transport, one.bind.ip())));
    let keys = Keys { nonce: [7; 32], dialog: [8; 32] };
    Node::new(Parts {
        transactions: Transactions::new(ruf_transaction::Limits::default(), Timers::default(), entropy(2)),
        gate: Gate::new(ourselves, Policy::default(), &Limits::default(), &keys, entropy(1)),
        locator: Locator::new(ruf_locate::Limits::default(), ways, entropy(4)),
        proxy: Proxy::new(ruf_proxy::Limits::default()),
        registrar: Registrar::new(ruf_registrar::Limits::default(), Gruus::new(&[9; 32]), entropy(3)),
        accounts,
        plan: DialPlan::default(),
        seat: Seat::alone(),
        overload: Overload::new(entropy(5)),
        neighbours: Neighbours::new(Vec::new(), entropy(6)),
    })
}
