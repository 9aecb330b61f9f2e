//! Two tables over a bad network: whatever is lost, doubled, late or out of order, every
//! transaction ends once and nothing is left. 2,000 seeds; a failing one is named and replays.

#![allow(clippy::panic, clippy::indexing_slicing)] // a test may

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Message, Method, Request, Response, Tick, Transport};
use ruf_transaction::{ClientId, Event, Limits, Out, Received, ServerId, Timers, Transactions};
use wire::{ALICE, BOB, flow, parse, reply, title, unsent};

const SEEDS: u64 = 2_000;
/// Requests that Alice begins in one run.
const REQUESTS: u64 = 6;
/// Alice begins them within this time.
const BEGIN: u64 = 60_000;

/// What is to happen, at a time.
enum Thing {
    Arrive { at_bob: bool, wire: Bytes },
    Begin { user: u64 },
    Cancel { client: ClientId },
    Answer { server: ServerId, request: Box<Request>, status: u16 },
    Resend { server: ServerId, response: Box<Response>, interval: u64, until: Tick },
    Break,
}

struct World {
    entropy: Entropy,
    now: Tick,
    things: BTreeMap<(Tick, u64), Thing>,
    serial: u64,
    alice: Transactions,
    bob: Transactions,
    out: Out,
    transport: Transport,
    loss_percent: u64,
    /// By user: final responses delivered, last events seen.
    clients: BTreeMap<u64, Ended>,
    /// By user: last events seen.
    servers: BTreeMap<u64, u32>,
    /// Dialogs whose ACK reached Bob.
    acked: BTreeSet<Vec<u8>>,
    ladder: Vec<String>,
}

#[derive(Default, Debug)]
struct Ended {
    invite: bool,
    successes: u32,
    failures: u32,
    ended: u32,
    timeouts: u32,
    unreachable: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut entropy = Entropy::from_seed(bytes);
        let table = |entropy: &mut Entropy| {
            Transactions::new(
                Limits::default(),
                Timers::default(),
                Entropy::from_seed([entropy.u64() as u8; 32]),
            )
        };
        let transport = if seed.is_multiple_of(4) { Transport::Tcp } else { Transport::Udp };
        World {
            now: Tick::ZERO,
            things: BTreeMap::new(),
            serial: 0,
            alice: table(&mut entropy),
            bob: table(&mut entropy),
            out: Out::new(),
            transport,
            loss_percent: if transport.is_reliable() { 0 } else { entropy.u64() % 40 },
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            acked: BTreeSet::new(),
            ladder: Vec::new(),
            entropy,
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.entropy.u64() % n
    }

    fn later(&mut self, ms: u64, thing: Thing) {
        self.serial += 1;
        self.things.insert((self.now + Duration::from_millis(ms), self.serial), thing);
    }

    fn flow(&self, at_bob: bool) -> Flow {
        if at_bob { flow(self.transport, BOB, ALICE) } else { flow(self.transport, ALICE, BOB) }
    }

    /// Everything that a table put out goes its way.
    fn drain(&mut self, from_alice: bool) {
        let transmits: Vec<Bytes> = self.out.transmits.drain(..).map(|transmit| transmit.bytes).collect();
        for wire in transmits {
            let arrow = if from_alice { "a→b" } else { "b→a" };
            let copies = match self.below(100) {
                n if n < self.loss_percent => 0,
                n if n > 95 && !self.transport.is_reliable() => 2,
                _ => 1,
            };
            let times = ["×", "", " ×2"][copies as usize];
            self.ladder.push(format!("{} {arrow} {}{times}", self.now, title(&wire)));
            for _ in 0..copies {
                let delay = if self.transport.is_reliable() { 20 } else { 1 + self.below(700) };
                self.later(delay, Thing::Arrive { at_bob: from_alice, wire: wire.clone() });
            }
        }
        let events: Vec<Event> = self.out.events.drain(..).collect();
        for event in events {
            match event {
                Event::ClientEnded { user, .. } => self.client(user).ended += 1,
                Event::Timeout { user, .. } => self.client(user).timeouts += 1,
                Event::Unreachable { user, .. } => self.client(user).unreachable += 1,
                Event::ServerEnded { user, .. } => *self.servers.entry(user).or_default() += 1,
                Event::ServerTimedOut { .. } | Event::ServerUnreachable { .. } => {}
            }
        }
    }

    fn client(&mut self, user: u64) -> &mut Ended {
        self.clients.entry(user).or_default()
    }

    fn begin(&mut self, user: u64) {
        let method = [Method::Invite, Method::Invite, Method::Bye, Method::Message][self.below(4) as usize];
        let request = unsent(method, &format!("call{user}"));
        let flow = self.flow(false);
        let client = self.alice.send(self.now, flow, request, ALICE, user, &mut self.out).expect("room");
        self.client(user).invite = method == Method::Invite;
        self.drain(true);
        if self.below(3) == 0 {
            let ms = self.below(20_000);
            self.later(ms, Thing::Cancel { client });
        }
    }

    fn at_alice(&mut self, message: Message) {
        let flow = self.flow(false);
        match self.alice.receive(self.now, flow, message, &mut self.out) {
            Received::Absorbed => {}
            Received::Response { user, response, .. } if response.status().is_success() => {
                self.client(user).successes += 1;
                if self.client(user).invite {
                    let ack = unsent(Method::Ack, &format!("call{user}"));
                    self.alice.send_stateless(flow, ack, ALICE, &mut self.out);
                }
            }
            Received::Response { user, response, .. } if response.status().is_final() => {
                self.client(user).failures += 1;
            }
            Received::Response { .. } => {}
            other => panic!("Alice is no server: {other:?}"),
        }
        self.drain(true);
    }

    fn at_bob(&mut self, message: Message) {
        let flow = self.flow(true);
        match self.bob.receive(self.now, flow, message, &mut self.out) {
            Received::Absorbed => {}
            Received::New { flow, request } => self.open(flow, request),
            Received::Cancel { flow, request, invite, user: _ } => {
                let server = self.accept(flow, &request);
                let status = if invite.is_some() { 200 } else { 481 };
                self.bob.respond(self.now, server, &reply(&request, status), &mut self.out);
                if let Some(server) = invite {
                    let mut invite = request.clone();
                    invite.set("CSeq", "1 INVITE");
                    self.bob.respond(self.now, server, &reply(&invite, 487), &mut self.out);
                }
            }
            Received::Ack { request, .. } => {
                self.acked.insert(request.call_id().to_vec());
            }
            Received::Response { .. } => panic!("Bob is no client"),
        }
        self.drain(false);
    }

    fn accept(&mut self, flow: Flow, request: &Request) -> ServerId {
        let server = self.bob.accept(self.now, flow, request).expect("room");
        let user = 1 + self.servers.len() as u64;
        self.servers.insert(user, 0);
        self.bob.set_user(server, user);
        server
    }

    fn open(&mut self, flow: Flow, request: Request) {
        let server = self.accept(flow, &request);
        let request = Box::new(request);
        let invite = request.method() == Method::Invite;
        if invite {
            for status in [100, 180] {
                if self.below(2) == 0 {
                    let ms = self.below(3_000);
                    self.later(ms, Thing::Answer { server, request: request.clone(), status });
                }
            }
        } else if self.below(8) == 0 {
            return; // this user never answers
        }
        let status = [200, 200, 302, 408, 486, 503, 603][self.below(7) as usize];
        let ms = if invite { self.below(40_000) } else { self.below(6_000) };
        self.later(ms, Thing::Answer { server, request, status });
    }

    fn answer(&mut self, server: ServerId, request: &Request, status: u16) {
        let response = reply(request, status);
        self.bob.respond(self.now, server, &response, &mut self.out);
        self.drain(false);
        if request.method() == Method::Invite && status == 200 {
            let until = self.now + Duration::from_secs(32);
            let response = Box::new(response);
            self.later(500, Thing::Resend { server, response, interval: 500, until });
        }
    }

    fn happen(&mut self, thing: Thing) {
        match thing {
            Thing::Arrive { at_bob: true, wire } => self.at_bob(parse(&wire)),
            Thing::Arrive { at_bob: false, wire } => self.at_alice(parse(&wire)),
            Thing::Begin { user } => self.begin(user),
            Thing::Cancel { client } => {
                self.alice.cancel(self.now, client, &mut self.out);
                self.drain(true);
            }
            Thing::Answer { server, request, status } => self.answer(server, &request, status),
            Thing::Resend { server, response, interval, until } => {
                if self.now < until && !self.acked.contains(response.call_id()) {
                    self.bob.respond(self.now, server, &response, &mut self.out);
                    self.drain(false);
                    let interval = (interval * 2).min(4_000);
                    self.later(interval, Thing::Resend { server, response, interval, until });
                }
            }
            Thing::Break => {
                let (to_bob, to_alice) = (self.flow(false), self.flow(true));
                self.alice.unreachable(self.now, to_bob, &mut self.out);
                self.drain(true);
                self.bob.unreachable(self.now, to_alice, &mut self.out);
                self.drain(false);
            }
        }
    }

    fn run(&mut self) {
        for user in 0..REQUESTS {
            let ms = self.below(BEGIN);
            self.later(ms, Thing::Begin { user });
        }
        if self.below(10) == 0 {
            let ms = self.below(BEGIN);
            self.later(ms, Thing::Break);
        }
        loop {
            let thing = self.things.first_key_value().map(|(&(tick, _), _)| tick);
            let next = [thing, self.alice.deadline(), self.bob.deadline()].into_iter().flatten().min();
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.alice.tick(self.now, &mut self.out);
            self.drain(true);
            self.bob.tick(self.now, &mut self.out);
            self.drain(false);
            if let Some(entry) = self.things.first_entry()
                && entry.key().0 <= self.now
            {
                let thing = entry.remove();
                self.happen(thing);
            }
            assert!(self.now.as_micros() < 400_000_000, "something never ends");
        }
    }

    fn check(&self) {
        assert!(self.alice.is_empty(), "left: {:?}", self.alice.counts());
        assert!(self.bob.is_empty(), "left: {:?}", self.bob.counts());
        assert_eq!(self.alice.counts(), Default::default());
        assert_eq!(self.bob.counts(), Default::default());
        assert_eq!(self.clients.len() as u64, REQUESTS);
        for (user, ended) in &self.clients {
            assert_eq!(ended.ended + ended.timeouts + ended.unreachable, 1, "client {user}: {ended:?}");
            assert!(ended.failures <= 1, "client {user}: {ended:?}");
            assert!(ended.failures == 0 || ended.successes == 0, "client {user}: {ended:?}");
            assert!(ended.invite || ended.successes <= 1, "client {user}: {ended:?}");
            let answered = ended.failures + ended.successes > 0;
            assert!(ended.ended == 0 || answered, "client {user}: {ended:?}");
            assert!(ended.timeouts == 0 || !answered, "client {user}: {ended:?}");
        }
        for (user, ended) in &self.servers {
            assert_eq!(*ended, 1, "server {user}");
        }
    }
}

#[test]
fn whatever_the_network_does_every_transaction_ends_once_and_nothing_is_left() {
    // tests rfc3261 §17.1.1.2, rfc3261 §17.1.2.2, rfc3261 §17.2.1, rfc3261 §17.2.2, rfc6026 §7.1
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            world.run();
            world.check();
        }));
        if ran.is_err() {
            panic!("seed {seed}:\n{}", world.ladder.join("\n"));
        }
    }
}
