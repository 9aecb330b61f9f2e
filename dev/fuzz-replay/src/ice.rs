//! ICE on the ports of sound: whatever comes to an agent that seeks a way, and has asked its servers, harms nothing, and
//! who has not our password gets no answer.
//!
//! The input is a script of records: what kind (1 octet), how long (1 octet), the datagram.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_ice::{
    Agent, Both, Candidate, Component, Credentials, Kind, Login, Received, Remote, Server, Transmit,
};

const STUN: &str = "198.51.100.1:3478";
const TURN: &str = "198.51.100.2:3478";
const PEER: &str = "203.0.113.2:4000";
const STRANGER: &str = "203.0.113.9:9999";
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// Any script.
pub fn ice(octets: &[u8]) {
    let mut agent = agent();
    let (mut now, mut rest, mut sent) = (Duration::ZERO, octets, Vec::new());
    while let Some(([kind, length], more)) = rest.split_first_chunk() {
        let (datagram, behind) = more.split_at(usize::from(*length).min(more.len()));
        rest = behind;
        now += Duration::from_millis(20);
        agent.tick(now);
        sent.extend(std::iter::from_fn(|| agent.poll_transmit()));
        let from = at([STUN, TURN, PEER, STRANGER].get(usize::from(kind & 3)).copied().unwrap_or(PEER));
        let component = if kind & 4 == 0 { Component::Rtp } else { Component::Rtcp };
        let datagram = aimed(*kind, datagram, &sent, from);
        let received = agent.receive(now, component, from, &datagram);
        planted(&received, &agent);
        if let Received::Packet(_, packet) = received {
            assert!(packet.len() <= datagram.len());
        }
        let answers: Vec<Transmit> = std::iter::from_fn(|| agent.poll_transmit()).collect();
        assert!(answers.iter().all(|answer| answer.to != at(STRANGER)), "a stranger is not answered");
        sent.extend(answers);
    }
    for candidate in agent.candidates() {
        assert!(candidate.priority > 0);
    }
    agent.close(now);
}

fn agent() -> Agent {
    let hosts = Both { rtp: at("192.0.2.1:4000"), rtcp: at("192.0.2.1:4001") };
    let mut agent = Agent::new([1; 32], hosts);
    let login = Login { user: "alice".to_owned(), password: "secret".to_owned() };
    agent.ask(Duration::ZERO, &Server { address: at(STUN), login: None });
    agent.ask(Duration::ZERO, &Server { address: at(TURN), login: Some(login) });
    let candidate = Candidate {
        foundation: "1".to_owned(),
        component: Component::Rtp,
        priority: 1,
        address: at(PEER),
        kind: Kind::Host,
        related: None,
    };
    let remote = Remote {
        credentials: Credentials::new([2; 32]),
        is_lite: false,
        has_rtcp: true,
        pace: None,
        candidates: vec![candidate],
    };
    agent.start(Duration::ZERO, Credentials::new([3; 32]), &remote, true);
    agent
}

/// The datagram, brought closer to one that is taken: with the head of STUN, with the number of a question that was
/// asked there.
fn aimed(kind: u8, datagram: &[u8], sent: &[Transmit], from: SocketAddr) -> Vec<u8> {
    let mut aimed = datagram.to_vec();
    if kind & 8 != 0 && aimed.len() >= 20 {
        aimed.truncate(aimed.len() & !3);
        let length = (aimed.len() - 20) as u16;
        aimed.splice(2..8, [&length.to_be_bytes()[..], &COOKIE].concat());
        let asked = sent.iter().rev().filter(|sent| sent.to == from).nth(usize::from(kind >> 5));
        if let Some(asked) = asked.and_then(|asked| asked.datagram.get(8..20)).filter(|_| kind & 16 != 0) {
            aimed.splice(8..20, asked.iter().copied());
        }
    }
    aimed
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A fault for `dev/fuzz plant`: in a packet that comes by a relay.
fn planted(received: &Received<'_>, agent: &Agent) {
    let is_relayed = || agent.candidates().iter().any(|candidate| candidate.kind == Kind::Relayed);
    if cfg!(feature = "planted") && *received == Received::Taken && is_relayed() {
        panic!("planted in ice");
    }
}
