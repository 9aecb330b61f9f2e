//! Two agents, the network between them with its NATs, a STUN and a TURN server: what the flows are played on. Time is
//! counted, nothing waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::attribute::*;
use crate::message::{Class, Draft, Message, Method, is_stun};
use crate::relay::long_term_key;
use crate::*;

pub(crate) const STUN: &str = "198.51.100.1:3478";
pub(crate) const TURN: &str = "198.51.100.2:3478";
const RELAY_IP: [u8; 4] = [198, 51, 100, 2];
const REALM_NAME: &str = "example.org";
/// One way, for every datagram.
const TRAVEL: Duration = Duration::from_millis(30);

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What stands before a side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nat {
    None,
    /// The same port outside for all; from outside only who was sent to.
    Cone,
    /// Another port outside for each address.
    Symmetric,
}

/// One side.
pub(crate) struct Side {
    pub(crate) agent: Agent,
    pub(crate) local: Credentials,
    pub(crate) events: Vec<Event>,
    /// Datagrams that it sent.
    pub(crate) sent: u32,
    /// Packets that came, with the way.
    pub(crate) heard: Vec<(Component, Path, Vec<u8>)>,
    hosts: Both<SocketAddr>,
    nat: Nat,
    outside: [u8; 4],
    ports: BTreeMap<(SocketAddr, Option<SocketAddr>), SocketAddr>,
    sent_to: HashSet<(SocketAddr, IpAddr)>,
}

impl Side {
    fn new(seed: u8, ip: [u8; 4], outside: [u8; 4], nat: Nat) -> Side {
        let hosts = Both { rtp: (ip, 4_000).into(), rtcp: (ip, 4_001).into() };
        Side {
            agent: Agent::new([seed; 32], hosts),
            local: Credentials::new([seed + 100; 32]),
            events: Vec::new(),
            sent: 0,
            heard: Vec::new(),
            hosts,
            nat,
            outside,
            ports: BTreeMap::new(),
            sent_to: HashSet::new(),
        }
    }

    /// The address that others see.
    fn translate(&mut self, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        let key = match self.nat {
            Nat::None => return from,
            Nat::Cone => (from, None),
            Nat::Symmetric => (from, Some(to)),
        };
        let next = 20_000 + self.ports.len() as u16;
        let seen = *self.ports.entry(key).or_insert((self.outside, next).into());
        self.sent_to.insert((seen, to.ip()));
        seen
    }

    /// The port of ours that this reaches.
    fn reached(&self, from: SocketAddr, to: SocketAddr) -> Option<Component> {
        let inside = match self.nat {
            Nat::None => to,
            Nat::Cone | Nat::Symmetric => {
                let (key, _) = self.ports.iter().find(|(_, seen)| **seen == to)?;
                let is_open =
                    self.sent_to.contains(&(to, from.ip())) && key.1.is_none_or(|only| only == from);
                is_open.then_some(key.0)?
            }
        };
        Component::ALL.into_iter().find(|component| *self.hosts.of(*component) == inside)
    }

    /// What it says of itself.
    pub(crate) fn says(&self) -> Remote {
        Remote {
            credentials: self.local.clone(),
            is_lite: false,
            has_rtcp: true,
            pace: None,
            candidates: self.agent.candidates(),
        }
    }
}

/// An address, who may send there, and the channels.
type Lent = (SocketAddr, HashSet<IpAddr>, HashMap<u16, SocketAddr>);

/// A TURN server, as far as we need one. It sends to nobody's inner network.
#[derive(Default)]
struct Turn {
    /// By whoever it was lent to.
    lent: HashMap<SocketAddr, Lent>,
    nonce: u32,
    /// Requests that it answered.
    asked: u32,
}

impl Turn {
    /// A client sends; what the server sends, from where and to where.
    fn serve(&mut self, client: SocketAddr, datagram: &[u8]) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let server = at(TURN);
        if !is_stun(datagram) {
            let number = u16::from_be_bytes([datagram[0], datagram[1]]);
            let Some((relayed, _, channels)) = self.lent.get(&client) else { return vec![] };
            return channels
                .get(&number)
                .map(|peer| (*relayed, *peer, datagram[4..].to_vec()))
                .into_iter()
                .collect();
        }
        let message = Message::parse(datagram).unwrap();
        if message.method == Method::Send {
            let (relayed, allowed, _) = &self.lent[&client];
            let peer = message.address(XOR_PEER_ADDRESS).unwrap();
            let goes = allowed.contains(&peer.ip());
            return goes
                .then(|| (*relayed, peer, message.attribute(DATA).unwrap().to_vec()))
                .into_iter()
                .collect();
        }
        self.asked += 1;
        let answer = |class| Draft::new(message.method, class, message.transaction);
        let key = long_term_key("alice", REALM_NAME, "secret");
        let nonce = self.nonce.to_be_bytes();
        let is_ours = message.text(USERNAME) == Some("alice") && message.is_signed_with(&key);
        let code = match (is_ours, message.attribute(NONCE) == Some(&nonce)) {
            (true, true) => None,
            (true, false) => Some(STALE_NONCE),
            (false, _) => Some(UNAUTHENTICATED),
        };
        if let Some(code) = code {
            let refusal = answer(Class::Error).put_error(code).put(REALM, REALM_NAME.as_bytes());
            return vec![(server, client, refusal.put(NONCE, &nonce).finish())];
        }
        let peers = message.attributes(XOR_PEER_ADDRESS);
        let peers: Vec<_> = peers.map(|value| unmasked(value, &message.transaction).unwrap()).collect();
        // rfc8656 §10.2: one that is not allowed, and the whole request is refused
        let is_inner = |peer: &SocketAddr| matches!(peer.ip(), IpAddr::V4(v4) if v4.is_private());
        if peers.iter().any(is_inner) {
            let refusal = answer(Class::Error).put_error(403);
            return vec![(server, client, refusal.sign(&key).finish())];
        }
        let mut draft = answer(Class::Success);
        match message.method {
            Method::Allocate => {
                let relayed = SocketAddr::from((RELAY_IP, 50_000 + self.lent.len() as u16));
                self.lent.insert(client, (relayed, HashSet::new(), HashMap::new()));
                draft = draft
                    .put_address(XOR_RELAYED_ADDRESS, relayed)
                    .put_address(XOR_MAPPED_ADDRESS, client)
                    .put(LIFETIME, &600_u32.to_be_bytes());
            }
            Method::Refresh if message.number(LIFETIME) == Some(0) => drop(self.lent.remove(&client)),
            Method::Refresh => draft = draft.put(LIFETIME, &600_u32.to_be_bytes()),
            Method::CreatePermission | Method::ChannelBind => {
                let (_, allowed, channels) = self.lent.get_mut(&client).unwrap();
                for peer in peers {
                    allowed.insert(peer.ip());
                    if let Some(number) = message.number(CHANNEL_NUMBER) {
                        channels.insert((number >> 16) as u16, peer);
                    }
                }
            }
            Method::Binding | Method::Send | Method::Data => unreachable!(),
        }
        vec![(server, client, draft.sign(&key).finish())]
    }

    /// Somebody sends to an address that was lent.
    fn relay(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        packet: &[u8],
    ) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let (client, (_, allowed, channels)) = self.lent.iter().find(|(_, lent)| lent.0 == to)?;
        let data = match channels.iter().find(|(_, peer)| **peer == from) {
            Some((number, _)) => {
                [&number.to_be_bytes()[..], &(packet.len() as u16).to_be_bytes(), packet].concat()
            }
            None => Draft::new(Method::Data, Class::Indication, [1; 12])
                .put_address(XOR_PEER_ADDRESS, from)
                .put(DATA, packet)
                .plain(),
        };
        allowed.contains(&from.ip()).then_some((at(TURN), *client, data))
    }
}

/// All of it.
pub(crate) struct Stage {
    pub(crate) now: Duration,
    pub(crate) alice: Side,
    pub(crate) bob: Side,
    turn: Turn,
    on_the_way: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
    /// Which datagrams get lost: by number and where they go.
    pub(crate) loses: Box<dyn Fn(u32, SocketAddr) -> bool>,
    pub(crate) sent: u32,
}

impl Stage {
    pub(crate) fn new(alice: Nat, bob: Nat) -> Stage {
        let home = |nat, inside, outside| if nat == Nat::None { outside } else { inside };
        Stage {
            now: Duration::ZERO,
            alice: Side::new(1, home(alice, [10, 0, 0, 1], [192, 0, 2, 1]), [192, 0, 2, 1], alice),
            bob: Side::new(2, home(bob, [10, 0, 0, 2], [203, 0, 113, 2]), [203, 0, 113, 2], bob),
            turn: Turn::default(),
            on_the_way: Vec::new(),
            loses: Box::new(|_, _| false),
            sent: 0,
        }
    }

    /// Both ask these servers, and have their answers.
    pub(crate) fn gather(&mut self, servers: &[Server]) {
        assert!(!self.alice.agent.is_gathered());
        for server in servers {
            self.alice.agent.ask(self.now, server);
            self.bob.agent.ask(self.now, server);
        }
        self.run(20);
        assert!(!self.alice.agent.is_gathered());
        self.run(480);
    }

    /// Alice offers, Bob answers: each knows the other after its own time.
    pub(crate) fn call(&mut self) {
        let (alice, bob) = (self.alice.says(), self.bob.says());
        self.alice.agent.expect(self.alice.local.clone());
        self.bob.agent.start(self.now, self.bob.local.clone(), &alice, false);
        self.run(60);
        self.alice.agent.start(self.now, self.alice.local.clone(), &bob, true);
    }

    /// The TURN server wants another nonce from now on.
    pub(crate) fn renew_nonce(&mut self) {
        self.turn.nonce += 1;
    }

    /// Requests to the TURN server.
    pub(crate) fn turn_was_asked(&self) -> u32 {
        self.turn.asked
    }

    /// Channels at the TURN server.
    pub(crate) fn channels(&self) -> usize {
        self.turn.lent.values().map(|(_, _, channels)| channels.len()).sum()
    }

    pub(crate) fn lent(&self) -> usize {
        self.turn.lent.len()
    }

    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.now += Duration::from_millis(20);
            self.alice.agent.tick(self.now);
            self.bob.agent.tick(self.now);
            self.carry();
            let now = self.now;
            let (arrived, rest) =
                std::mem::take(&mut self.on_the_way).into_iter().partition(|sent| sent.0 <= now);
            self.on_the_way = rest;
            let arrived: Vec<_> = arrived;
            for (_, from, to, datagram) in arrived {
                self.arrive(from, to, &datagram);
            }
            self.carry();
        }
    }

    /// A packet of one side's, by the way that it would take.
    pub(crate) fn speak(&mut self, is_alice: bool, component: Component, packet: &[u8]) {
        let side = if is_alice { &mut self.alice } else { &mut self.bob };
        let path = side.agent.path(component).expect("a way");
        let transmit = side.agent.wrap(component, path, packet.to_vec()).unwrap();
        self.send(is_alice, transmit);
    }

    fn carry(&mut self) {
        for is_alice in [true, false] {
            loop {
                let side = if is_alice { &mut self.alice } else { &mut self.bob };
                side.events.extend(std::iter::from_fn(|| side.agent.poll_event()));
                let Some(transmit) = side.agent.poll_transmit() else { break };
                self.send(is_alice, transmit);
            }
        }
    }

    fn send(&mut self, is_alice: bool, Transmit { component, to, datagram }: Transmit) {
        let side = if is_alice { &mut self.alice } else { &mut self.bob };
        side.sent += 1;
        let from = *side.hosts.of(component);
        let from = side.translate(from, to);
        self.post(from, to, datagram);
    }

    fn post(&mut self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        self.sent += 1;
        if !(self.loses)(self.sent, to) {
            self.on_the_way.push((self.now + TRAVEL, from, to, datagram));
        }
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        if to == at(STUN) {
            let question = Message::parse(datagram).unwrap();
            let answer = Draft::new(Method::Binding, Class::Success, question.transaction);
            self.post(to, from, answer.put_address(XOR_MAPPED_ADDRESS, from).finish());
        } else if to == at(TURN) {
            for (from, to, datagram) in self.turn.serve(from, datagram) {
                self.post(from, to, datagram);
            }
        } else if to.ip() == IpAddr::from(RELAY_IP)
            && let Some((from, to, datagram)) = self.turn.relay(from, to, datagram)
        {
            self.post(from, to, datagram);
        }
        let now = self.now;
        for side in [&mut self.alice, &mut self.bob] {
            if let Some(component) = side.reached(from, to)
                && let Received::Packet(path, packet) = side.agent.receive(now, component, from, datagram)
            {
                side.heard.push((component, path, packet.to_vec()));
            }
        }
    }
}
