//! Two nodes of one server, fed with octets and time: they answer or are silent, and in the end nothing
//! is left.
//!
//! The input is a script of records, parted by 0x1e. The first octet of a record says what happens. Of the
//! second, the low two bits say which peer, the highest which of the nodes hears it, the rest how long
//! after the last:
//!
//! | first octet | what |
//! | --- | --- |
//! | `R` | the peer answers the last request that was sent, with the status in the next two octets |
//! | `T` | the peer's way is gone: what was sent over it comes back as unreachable |
//! | `G` | so is its connection, and both nodes hear of it |
//! | `S`, `W` | the rest came over the peer's TCP connection, or its WebSocket |
//! | `U` | the rest came over TCP, and no message can be cut out of it |
//! | `H` | from now on questions wait for an `A` (or, again, they do not) |
//! | `A` | one of the questions that wait is answered, in the way of the next two octets |
//! | `X` | the next thing that crosses between the nodes finds no room |
//! | any other | the rest is a datagram of the peer |
//!
//! Peer 0 is trusted, so that what lies behind the gate is reached; the domain of the others asks for
//! digest. Accounts may call `far.example`, which is found by questions.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{Domain, Gate, Keys, Listener, Neighbours, Ourselves, Overload, Policy};
use ruf_locate::{Answer, Kind, Locator, Naptr, Query, Record, Srv, Ways};
use ruf_message::{Entropy, Flow, FrameError, Message, Method, Request, StatusCode, Tick, Transport};
use ruf_node::{Node, Parts, Seat};
use ruf_proxy::Proxy;
use ruf_registrar::{Gruus, Registrar};
use ruf_routing::DialPlan;
use ruf_store::Store;
use ruf_transaction::{Timers, Transactions};

const RECORD_END: u8 = 0x1e;
/// How long after the last record everything must be over: Timer C and all that follows it.
const OVER: Duration = Duration::from_secs(600);
/// Steps of the clock that a node may ask for before it counts as one that never rests.
const TICKS_MAX: usize = 100_000;

/// Any script: no panic, nothing left in the end, and no more sent than a fork and its timers explain.
pub fn node(octets: &[u8]) {
    let mut stage = Stage::new();
    for record in octets.split(|octet| *octet == RECORD_END).take(64) {
        stage.play(record);
    }
    stage.finish();
}

/// What a node asked and was not told yet.
enum Asked {
    Dns(u64, Query),
    Reach(u64),
}

struct Stage {
    nodes: Vec<Node>,
    now: Tick,
    asked: Option<(Request, Flow)>,
    questions: Vec<(usize, Asked)>,
    holds: bool,
    is_full: bool,
}

impl Stage {
    fn new() -> Stage {
        let now = Tick::from_micros(1);
        Stage { nodes: house(), now, asked: None, questions: Vec::new(), holds: false, is_full: false }
    }

    fn play(&mut self, record: &[u8]) {
        let [what, who, rest @ ..] = record else { return };
        let mut pauses_ms = [0, 1, 500, 4_000, 33_000, 200_000].into_iter().cycle();
        self.pass(Duration::from_millis(pauses_ms.nth(usize::from(who >> 2 & 31)).unwrap_or_default()));
        let (peer, now, bytes) = (who & 3, self.now, Bytes::copy_from_slice(rest));
        match what {
            b'R' => self.answer(rest),
            b'H' => self.holds = !self.holds,
            b'A' => self.answer_question(rest),
            b'X' => self.is_full = true,
            b'G' => {
                self.nodes.iter_mut().for_each(|node| node.unreachable(now, stream(Transport::Tcp, peer)))
            }
            _ => {
                let Some(node) = self.nodes.get_mut(usize::from(who >> 7)) else { return };
                match what {
                    b'T' => node.unreachable(now, flow(peer)),
                    b'S' => node.receive(now, stream(Transport::Tcp, peer), bytes),
                    b'W' => node.receive(now, stream(Transport::Ws, peer), bytes),
                    b'U' => {
                        node.unframed(now, stream(Transport::Tcp, peer), bytes, FrameError::LengthMissing)
                    }
                    _ => node.receive(now, flow(peer), bytes),
                }
            }
        }
        self.drain();
    }

    fn answer(&mut self, rest: &[u8]) {
        let Some((request, flow)) = self.asked.clone() else { return };
        let number = rest.iter().take(2).fold(0u16, |sum, octet| sum << 8 | u16::from(*octet));
        let Some(status) = StatusCode::new(100 + number % 600) else { return };
        planted(&request, status);
        let mut response = request.reply(status);
        response.set_to_tag("fuzz");
        let index = usize::from(number / 600 % 2);
        if let Some(node) = self.nodes.get_mut(index) {
            node.receive(self.now, flow, response.to_bytes());
        }
    }

    fn answer_question(&mut self, rest: &[u8]) {
        let [which, how, ..] = rest else { return };
        if self.questions.is_empty() {
            return;
        }
        let (index, asked) = self.questions.swap_remove(usize::from(*which) % self.questions.len());
        self.tell(index, asked, *how);
    }

    /// Tells a node what it asked; it may ask again.
    fn tell(&mut self, index: usize, asked: Asked, how: u8) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let flow = match how & 3 {
            0 => None,
            1 => Some(stream(Transport::Tcp, 3)),
            _ => Some(flow(how & 3)),
        };
        match asked {
            Asked::Reach(token) => node.reached(self.now, token, flow),
            Asked::Dns(number, query) => node.resolved(self.now, number, said(&query, how)),
        }
    }

    /// Takes what the nodes ask, hand over and send; remembers the last request.
    fn drain(&mut self) {
        for _ in 0..TICKS_MAX {
            let mut any = false;
            for index in 0..self.nodes.len() {
                any |= self.drain_one(index);
            }
            if !any {
                return;
            }
        }
        panic!("the nodes have something to say without end");
    }

    fn drain_one(&mut self, index: usize) -> bool {
        let Some(node) = self.nodes.get_mut(index) else { return false };
        let dns = node.poll_query().map(|(number, query)| Asked::Dns(number, query));
        if let Some(asked) = dns.or_else(|| node.poll_reach().map(|(token, _)| Asked::Reach(token))) {
            match self.holds {
                true => self.questions.push((index, asked)),
                false => self.tell(index, asked, 7),
            }
            return true;
        }
        if let Some((to, crossing)) = node.poll_crossing() {
            assert_ne!(usize::from(to), index, "what is one's own does not cross");
            if std::mem::take(&mut self.is_full) {
                node.not_crossed(self.now, crossing);
            } else if let Some(other) = self.nodes.get_mut(usize::from(to)) {
                other.crossed(self.now, crossing);
            }
            return true;
        }
        let Some(transmit) = node.poll_transmit() else { return false };
        match Message::parse(transmit.bytes.clone()) {
            Ok(Message::Request(request)) => self.asked = Some((request, transmit.flow)),
            Ok(Message::Response(_)) => {}
            // A ping, or the answer to what is hardly a message, which repeats what it can.
            Err(_) => assert!(&*transmit.bytes == b"\r\n\r\n" || transmit.bytes.starts_with(b"SIP/2.0 ")),
        }
        true
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..TICKS_MAX {
            let earliest = self.nodes.iter().filter_map(Node::poll_deadline).min();
            match earliest.filter(|deadline| *deadline <= until) {
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.nodes.iter_mut().for_each(|node| node.tick(self.now));
                    self.drain();
                }
                None => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("a node asks to be woken without end");
    }

    /// Questions that still wait are never answered.
    fn finish(&mut self) {
        self.pass(OVER);
        for node in &self.nodes {
            assert!(node.is_idle(), "something outlived its timer: {:?}", node.figures());
        }
    }
}

/// What the DNS says, in one of several ways, some of them as no zone should.
fn said(query: &Query, how: u8) -> Answer {
    let address = |last: u8| Record::Address([192, 0, 2, last].into());
    let target = ["far.example", ".", "far.example.", "", query.name.as_str()].into_iter().cycle();
    let target = target.skip(usize::from(how >> 4)).take(1).collect::<String>();
    let srv =
        Srv { priority: how.into(), weight: u16::MAX, port: u16::from(how >> 5), target: target.clone() };
    let naptr = Naptr {
        order: 0,
        preference: how.into(),
        flags: "s".to_owned(),
        service: if how & 16 == 0 { "SIP+D2U" } else { "SIP+D2T" }.to_owned(),
        regexp: String::new(),
        replacement: target,
    };
    let records = match (how & 7, query.kind) {
        (0, _) => return Answer::Failed,
        (7, _) => return Answer::Nothing { ttl_secs: 1 },
        // Of another kind than was asked for.
        (1, _) => vec![address(how), Record::Srv(srv), Record::Naptr(naptr)],
        (_, Kind::A | Kind::Aaaa) => vec![address(200), address(how), address(1)],
        (_, Kind::Srv) => vec![Record::Srv(srv.clone()), Record::Srv(srv)],
        (_, Kind::Naptr) => vec![Record::Naptr(naptr)],
    };
    Answer::Records { ttl_secs: u32::from(how) << 24, records }
}

/// Deep behind the gate: a call that was proxied and is refused with a status of a certain range.
fn planted(request: &Request, status: StatusCode) {
    if cfg!(feature = "planted")
        && request.method() == Method::Invite
        && (481..=499).contains(&status.as_u16())
    {
        panic!("planted in node");
    }
}

fn flow(peer: u8) -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: 0,
        local: SocketAddr::from(([192, 0, 2, 1], 5060)),
        remote: SocketAddr::from(([203, 0, 113, 10 + peer], 5060)),
        connection: 0,
    }
}

/// A connection that the peer opened; one of the nodes has it.
fn stream(transport: Transport, peer: u8) -> Flow {
    let (listener, port) = if transport == Transport::Ws { (2, 8080) } else { (1, 5060) };
    let local = SocketAddr::from(([192, 0, 2, 1], port));
    Flow {
        transport,
        listener,
        local,
        connection: 0x1_0000 | u64::from(peer) << 8 | u64::from(peer & 1),
        ..flow(peer)
    }
}

fn house() -> Vec<Node> {
    let entropy = |part: u8| Entropy::from_seed([part; 32]);
    let accounts = Accounts::load(Store::memory()).expect("an empty store loads");
    for user in ["alice", "bob", "100"] {
        accounts.add_of_this_run("example.org", user, "secret").expect("a good name");
    }
    let ourselves = Ourselves {
        domains: vec![Domain::new("example.org")],
        listeners: [flow(0), stream(Transport::Tcp, 0), stream(Transport::Ws, 0)]
            .map(|flow| Listener::new(flow.transport, flow.local))
            .into(),
    };
    let ways = Ways::new(ourselves.listeners.iter().map(|one| (one.transport, one.bind.ip())));
    let trusted = vec!["203.0.113.10".parse().expect("an address")];
    let neighbours = vec!["203.0.113.10".parse().expect("an address")];
    let policy = Policy { trusted, ..Policy::default() };
    let keys = Keys { nonce: [7; 32], dialog: [8; 32] };
    let registrar = Registrar::new(ruf_registrar::Limits::default(), Gruus::new(&[9; 32]), entropy(3));
    let plan = DialPlan { elsewhere: vec!["far.example".to_owned()], ..DialPlan::default() };
    let node = |seat: Seat| {
        let limits = ruf_admission::Limits::default();
        Node::new(Parts {
            transactions: Transactions::new(
                ruf_transaction::Limits::default(),
                Timers::default(),
                entropy(2),
            ),
            gate: Gate::new(ourselves.clone(), policy.clone(), &limits, &keys, entropy(1)),
            locator: Locator::new(ruf_locate::Limits::default(), ways.clone(), entropy(4)),
            proxy: Proxy::new(ruf_proxy::Limits::default()),
            registrar: registrar.clone(),
            accounts: accounts.clone(),
            plan: plan.clone(),
            seat,
            overload: Overload::new(entropy(6)),
            neighbours: Neighbours::new(neighbours.clone(), entropy(7)),
        })
    };
    Seat::of_all(2, &mut entropy(5)).into_iter().map(node).collect()
}
