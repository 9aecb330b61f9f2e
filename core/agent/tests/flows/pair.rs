//! Two agents back to back on a wire with latency and loss, in virtual time.

use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, Body, CallKey, Settings};
use ruf_message::{Entropy, Flow, Message, Tick, Transport};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    fn arrow(self) -> &'static str {
        match self {
            Side::A => "a→b",
            Side::B => "b→a",
        }
    }
}

pub(crate) struct Pair {
    pub(crate) now: Tick,
    pub(crate) a: Agent,
    pub(crate) b: Agent,
    latency: Duration,
    /// Nothing arrives any more.
    is_cut: bool,
    wire: BTreeMap<(Tick, u64), (Side, Bytes)>,
    sent: u64,
    /// Labels of messages to lose, once each.
    doomed: Vec<String>,
    ladder: Vec<String>,
    pub(crate) events: Vec<(Side, AgentEvent)>,
}

pub(crate) fn flow(local: &str, remote: &str) -> Flow {
    let address = |text: &str| text.parse().unwrap();
    Flow {
        transport: Transport::Udp,
        listener: 0,
        local: address(local),
        remote: address(remote),
        connection: 0,
    }
}

pub(crate) fn sdp(text: &'static str) -> Option<Body> {
    Some(Body::sdp(text.as_bytes()))
}

/// What a message is called in a ladder.
pub(crate) fn label(bytes: &Bytes) -> String {
    match Message::parse(bytes.clone()).expect("we send what we can read") {
        Message::Request(request) => request.method().to_string(),
        Message::Response(response) => {
            format!("{} {}", response.status(), String::from_utf8_lossy(response.cseq().method))
        }
    }
}

impl Pair {
    pub(crate) fn new(seed: u8) -> Self {
        Pair::with(u64::from(seed), |_| ())
    }

    pub(crate) fn with(seed: u64, change: impl Fn(&mut Settings)) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut entropy = Entropy::from_seed(key);
        let mut agent = |user: &str, flow| {
            let mut settings = Settings::new(format!("sip:{user}@example.org").parse().unwrap(), flow);
            change(&mut settings);
            Agent::new(settings, entropy.fork())
        };
        let a = agent("alice", flow("192.0.2.1:5060", "192.0.2.2:5060"));
        let b = agent("bob", flow("192.0.2.2:5060", "192.0.2.1:5060"));
        Pair {
            now: Tick::ZERO,
            a,
            b,
            latency: Duration::from_millis(50),
            is_cut: false,
            wire: BTreeMap::new(),
            sent: 0,
            doomed: Vec::new(),
            ladder: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The next message with this label is lost: `a→b ACK`.
    pub(crate) fn lose(&mut self, label: &str) {
        self.doomed.push(label.to_owned());
    }

    /// Nothing arrives from now on.
    pub(crate) fn lose_all(&mut self) {
        self.is_cut = true;
    }

    /// What is sent from now on arrives again.
    pub(crate) fn heal(&mut self) {
        self.is_cut = false;
    }

    pub(crate) fn agent(&mut self, side: Side) -> &mut Agent {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// Puts on the wire what the agents want to send, and collects what they tell.
    fn pump(&mut self) {
        for side in [Side::A, Side::B] {
            let now = self.now;
            while let Some(question) = self.agent(side).poll_question() {
                // There is no other place.
                self.agent(side).found(now, question.key, None);
            }
            while let Some(transmit) = self.agent(side).poll_transmit() {
                let label = format!("{} {}", side.arrow(), label(&transmit.bytes));
                let doomed = self.doomed.iter().position(|doomed| *doomed == label);
                if let Some(at) = doomed {
                    self.doomed.remove(at);
                }
                if doomed.is_some() || self.is_cut {
                    self.ladder.push(label.replacen(['a', 'b'], "", 0).replace('→', "→x "));
                    continue;
                }
                self.ladder.push(label);
                self.sent += 1;
                self.wire.insert((self.now + self.latency, self.sent), (side.other(), transmit.bytes));
            }
            while let Some(event) = self.agent(side).poll_event() {
                self.events.push((side, event));
            }
        }
    }

    /// The next thing that happens, at its time. False: nothing will, before `end`.
    fn step(&mut self, end: Tick) -> bool {
        self.pump();
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let deadline = [self.a.poll_deadline(), self.b.poll_deadline()].into_iter().flatten().min();
        let Some(next) = [arrival, deadline].into_iter().flatten().min().filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        if arrival == Some(next) {
            let (_, (side, bytes)) = self.wire.pop_first().unwrap();
            let here = match side {
                Side::A => flow("192.0.2.1:5060", "192.0.2.2:5060"),
                Side::B => flow("192.0.2.2:5060", "192.0.2.1:5060"),
            };
            self.agent(side).receive(now, here, bytes);
        } else {
            self.a.tick(now);
            self.b.tick(now);
        }
        self.pump();
        true
    }

    /// Lets so much time pass.
    pub(crate) fn run_ms(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.step(end) {}
        self.now = end;
    }

    /// Lets everything come to its end.
    pub(crate) fn settle(&mut self) {
        let end = self.now + Duration::from_secs(3_600);
        while !(self.a.is_idle() && self.b.is_idle() && self.wire.is_empty()) {
            assert!(
                self.step(end),
                "nothing happens and something is left: {:?} {:?}",
                self.a.counts(),
                self.b.counts()
            );
        }
    }

    /// Lets everything of one side come to its end.
    pub(crate) fn settle_one(&mut self, side: Side) {
        let end = self.now + Duration::from_secs(3_600);
        while !self.agent(side).is_idle() {
            assert!(self.step(end), "nothing happens and something is left: {:?}", self.agent(side).counts());
        }
    }

    /// Lets time pass until an event of this side is told; returns it.
    pub(crate) fn until(&mut self, side: Side, wanted: impl Fn(&AgentEvent) -> bool) -> AgentEvent {
        let end = self.now + Duration::from_secs(600);
        loop {
            if let Some((_, event)) = self.events.iter().find(|(of, event)| *of == side && wanted(event)) {
                return event.clone();
            }
            assert!(self.step(end), "it was never told: {:?}", self.events);
        }
    }

    /// Bob's key of a call that reached him.
    pub(crate) fn incoming(&mut self, side: Side) -> CallKey {
        match self.until(side, |event| matches!(event, AgentEvent::Incoming { .. })) {
            AgentEvent::Incoming { call, .. } => call,
            _ => unreachable!(),
        }
    }

    /// Alice calls bob, bob answers, and the ACK is there. The ladder so far is forgotten.
    pub(crate) fn connected(&mut self) -> (CallKey, CallKey) {
        let call = self.a.call(self.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
        let incoming = self.incoming(Side::B);
        self.b.answer(self.now, incoming, sdp("answer"));
        self.until(Side::B, |event| matches!(event, AgentEvent::Acknowledged { .. }));
        self.ladder.clear();
        self.events.clear();
        (call, incoming)
    }

    pub(crate) fn ladder(&self) -> String {
        self.ladder.join(" | ")
    }

    pub(crate) fn clear(&mut self) {
        self.ladder.clear();
        self.events.clear();
    }

    #[track_caller]
    pub(crate) fn expect_ladder(&self, expected: &str) {
        assert_eq!(self.ladder(), expected);
    }

    /// Events of one side, without those before it.
    pub(crate) fn told(&self, side: Side) -> Vec<&AgentEvent> {
        self.events.iter().filter(|(of, _)| *of == side).map(|(_, event)| event).collect()
    }

    /// How this side's call ended: exactly once, last.
    #[track_caller]
    pub(crate) fn end(&self, side: Side) -> ruf_agent::EndReason {
        let told = self.told(side);
        let ends = told.iter().filter(|event| matches!(event, AgentEvent::Ended { .. })).count();
        assert_eq!(ends, 1, "{told:?}");
        match told.last() {
            Some(AgentEvent::Ended { reason, .. }) => *reason,
            other => panic!("{other:?} after the end"),
        }
    }
}
