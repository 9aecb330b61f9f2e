//! The node, fed with octets and time: it answers or is silent, and in the end nothing is left.
//!
//! The input is a script of records, parted by 0x1e. The first octet of a record says what happens,
//! the second which peer (its low two bits) and how long after the last (the rest):
//!
//! | first octet | what |
//! | --- | --- |
//! | `R` | the peer answers the last request that the node sent, with the status in the next two octets |
//! | `T` | the peer's way is gone: what was sent over it comes back as unreachable |
//! | any other | the rest is a datagram of the peer |
//!
//! Peer 0 is trusted, so that what lies behind the gate is reached; the domain of the others asks for
//! digest.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_accounts::Accounts;
use ruf_admission::{Domain, Gate, Keys, Listener, Ourselves, Policy};
use ruf_locate::{Locator, Ways};
use ruf_message::{Entropy, Flow, Message, Method, Request, StatusCode, Tick, Transport};
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

struct Stage {
    node: Node,
    now: Tick,
    asked: Option<(Request, Flow)>,
}

impl Stage {
    fn new() -> Stage {
        Stage { node: house(), now: Tick::from_micros(1), asked: None }
    }

    fn play(&mut self, record: &[u8]) {
        let [what, who, rest @ ..] = record else { return };
        let mut pauses_ms = [0, 1, 500, 4_000, 33_000, 200_000].into_iter().cycle();
        self.pass(Duration::from_millis(pauses_ms.nth(usize::from(who >> 2)).unwrap_or_default()));
        let flow = flow(who & 3);
        match what {
            b'R' => self.answer(rest),
            b'T' => self.node.unreachable(self.now, flow),
            _ => self.node.receive(self.now, flow, Bytes::copy_from_slice(rest)),
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
        self.node.receive(self.now, flow, response.to_bytes());
    }

    /// Takes what the node sends; remembers the last request.
    fn drain(&mut self) {
        while let Some((number, _)) = self.node.poll_query() {
            self.node.resolved(self.now, number, ruf_locate::Answer::Nothing { ttl_secs: 1 });
        }
        while let Some((token, _)) = self.node.poll_reach() {
            self.node.reached(self.now, token, Some(flow(3)));
        }
        while let Some(transmit) = self.node.poll_transmit() {
            let message = Message::parse(transmit.bytes.clone());
            match message {
                Ok(Message::Request(request)) => self.asked = Some((request, transmit.flow)),
                Ok(Message::Response(_)) => {}
                // The answer to what is hardly a message repeats what it can.
                Err(_) => assert!(transmit.bytes.starts_with(b"SIP/2.0 ")),
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..TICKS_MAX {
            match self.node.poll_deadline().filter(|deadline| *deadline <= until) {
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.node.tick(self.now);
                    self.drain();
                }
                None => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the node asks to be woken without end");
    }

    fn finish(&mut self) {
        self.pass(OVER);
        assert!(self.node.is_idle(), "something outlived its timer: {:?}", self.node.figures());
    }
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

fn house() -> Node {
    let entropy = |part: u8| Entropy::from_seed([part; 32]);
    let accounts = Accounts::load(Store::memory()).expect("an empty store loads");
    for user in ["alice", "bob", "100"] {
        accounts.add_of_this_run("example.org", user, "secret").expect("a good name");
    }
    let ourselves = Ourselves {
        domains: vec![Domain::new("example.org")],
        listeners: vec![Listener::new(Transport::Udp, flow(0).local)],
    };
    let ways = Ways::new(ourselves.listeners.iter().map(|one| (one.transport, one.bind.ip())));
    let trusted = vec!["203.0.113.10".parse().expect("an address")];
    let policy = Policy { trusted, ..Policy::default() };
    let keys = Keys { nonce: [7; 32], dialog: [8; 32] };
    let gate = Gate::new(ourselves, policy, &ruf_admission::Limits::default(), &keys, entropy(1));
    Node::new(Parts {
        transactions: Transactions::new(ruf_transaction::Limits::default(), Timers::default(), entropy(2)),
        gate,
        locator: Locator::new(ruf_locate::Limits::default(), ways, entropy(4)),
        proxy: Proxy::new(ruf_proxy::Limits::default()),
        registrar: Registrar::new(ruf_registrar::Limits::default(), Gruus::new(&[9; 32]), entropy(3)),
        accounts,
        plan: DialPlan::default(),
        seat: Seat::alone(),
    })
}
