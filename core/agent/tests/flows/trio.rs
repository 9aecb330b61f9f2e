//! Three agents at one switch that sends each message to whom it is for, in virtual time: the ladder shows
//! who speaks to whom, as if nothing stood between.

use crate::pair::{flow, label, sdp};
use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, CallKey, DialogId, Settings};
use ruf_message::{Entropy, Message, StatusCode, Tick};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
    Carol,
}

use Who::{Alice, Bob, Carol};

impl Who {
    pub(crate) const ALL: [Who; 3] = [Alice, Bob, Carol];

    fn name(self) -> &'static str {
        match self {
            Alice => "alice",
            Bob => "bob",
            Carol => "carol",
        }
    }

    fn letter(self) -> char {
        self.name().chars().next().unwrap()
    }

    fn address(self) -> String {
        format!("192.0.2.{}:5060", self as u8 + 1)
    }

    pub(crate) fn uri(self) -> ruf_message::Uri {
        format!("sip:{}@example.org", self.name()).parse().unwrap()
    }
}

const SWITCH: &str = "192.0.2.9:5060";
const LATENCY: Duration = Duration::from_millis(50);

pub(crate) struct Trio {
    pub(crate) now: Tick,
    agents: [Agent; 3],
    settings: [Settings; 3],
    wire: BTreeMap<(Tick, u64), (Who, Bytes)>,
    sent: u64,
    /// In a thousand.
    loss: u32,
    entropy: Entropy,
    ladder: Vec<String>,
    /// The early dialog that the last 180 made, as the caller names it.
    early: Option<DialogId>,
    pub(crate) events: Vec<(Who, AgentEvent)>,
}

impl Trio {
    pub(crate) fn new(seed: u64) -> Self {
        Trio::with(seed, |_| ())
    }

    pub(crate) fn with(seed: u64, change: impl Fn(&mut Settings)) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut entropy = Entropy::from_seed(key);
        let settings = Who::ALL.map(|who| {
            let mut settings = Settings::new(who.uri(), flow(&who.address(), SWITCH));
            change(&mut settings);
            settings
        });
        let agents = settings.clone().map(|settings| Agent::new(settings, entropy.fork()));
        Trio {
            now: Tick::ZERO,
            agents,
            settings,
            wire: BTreeMap::new(),
            sent: 0,
            loss: 0,
            entropy,
            ladder: Vec::new(),
            early: None,
            events: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn loss_per_mille(mut self, loss: u32) -> Self {
        self.loss = loss;
        self
    }

    /// Does something with one agent.
    pub(crate) fn act<R>(&mut self, who: Who, act: impl FnOnce(&mut Agent, Tick) -> R) -> R {
        act(&mut self.agents[who as usize], self.now)
    }

    /// Its program is started anew: it knows nothing of what was.
    pub(crate) fn restart(&mut self, who: Who) {
        let settings = self.settings[who as usize].clone();
        self.agents[who as usize] = Agent::new(settings, self.entropy.fork());
        self.events.retain(|(of, _)| *of != who);
    }

    fn pump(&mut self) {
        for who in Who::ALL {
            let (agent, now) = (&mut self.agents[who as usize], self.now);
            while let Some(question) = agent.poll_question() {
                agent.found(now, question.key, Some(flow(&who.address(), SWITCH)));
            }
            while let Some(transmit) = self.agents[who as usize].poll_transmit() {
                let label = label(&transmit.bytes);
                let to = addressee(&transmit.bytes);
                if let Ok(Message::Response(ringing)) = Message::parse(transmit.bytes.clone())
                    && ringing.status() == StatusCode::RINGING
                {
                    self.early = Some(DialogId::of_response(&ringing));
                }
                let lost = self.entropy.u32() % 1_000 < self.loss;
                let cross = if lost { "x " } else { "" };
                self.ladder.push(format!("{}→{cross}{} {label}", who.letter(), to.letter()));
                if !lost {
                    self.sent += 1;
                    self.wire.insert((self.now + LATENCY, self.sent), (to, transmit.bytes));
                }
            }
            while let Some(event) = self.agents[who as usize].poll_event() {
                self.events.push((who, event));
            }
        }
    }

    fn step(&mut self, end: Tick) -> bool {
        self.pump();
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.agents.iter().filter_map(Agent::poll_deadline).min();
        let Some(next) = [arrival, deadline].into_iter().flatten().min().filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        if arrival == Some(next) {
            let (_, (to, bytes)) = self.wire.pop_first().unwrap();
            self.act(to, |agent, now| agent.receive(now, flow(&to.address(), SWITCH), bytes));
        } else {
            Who::ALL.into_iter().for_each(|who| self.act(who, Agent::tick));
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
        while !(self.agents.iter().all(Agent::is_idle) && self.wire.is_empty()) {
            let counts: Vec<_> = self.agents.iter().map(Agent::counts).collect();
            assert!(self.step(end), "nothing happens and something is left: {counts:?}\n{}", self.ladder());
        }
    }

    /// Lets time pass until this agent tells an event of which `wanted` makes something. What it told before
    /// that is forgotten.
    pub(crate) fn until<R>(&mut self, who: Who, wanted: impl Fn(&AgentEvent) -> Option<R>) -> R {
        let end = self.now + Duration::from_secs(600);
        loop {
            let found = |(of, event): &(Who, AgentEvent)| (*of == who).then(|| wanted(event)).flatten();
            if let Some((at, result)) =
                self.events.iter().enumerate().find_map(|(at, event)| Some((at, found(event)?)))
            {
                let mut later = self.events.split_off(at + 1);
                self.events.retain(|(of, _)| *of != who);
                self.events.append(&mut later);
                return result;
            }
            assert!(self.step(end), "it was never told: {:?}\n{}", self.events, self.ladder());
        }
    }

    /// A call comes in here.
    pub(crate) fn incoming(&mut self, who: Who) -> CallKey {
        self.until(who, |event| match event {
            AgentEvent::Incoming { call, .. } => Some(*call),
            _ => None,
        })
    }

    /// `from` calls `to`, who answers; gives both keys. The ladder so far is forgotten.
    pub(crate) fn connected(&mut self, from: Who, to: Who) -> (CallKey, CallKey) {
        let call = self.act(from, |agent, now| agent.call(now, &to.uri(), sdp("offer")).unwrap());
        let incoming = self.incoming(to);
        self.act(to, |agent, now| agent.answer(now, incoming, sdp("answer")));
        self.until(to, |event| matches!(event, AgentEvent::Acknowledged { .. }).then_some(()));
        self.ladder.clear();
        self.events.clear();
        (call, incoming)
    }

    /// The early dialog that the last 180 made, as the caller names it: what somebody who watches sees.
    pub(crate) fn dialog_of_180(&self) -> DialogId {
        self.early.clone().unwrap()
    }

    pub(crate) fn ladder(&self) -> String {
        self.ladder.join(" | ")
    }

    #[track_caller]
    pub(crate) fn expect_ladder(&self, expected: &str) {
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(self.ladder(), expected);
    }
}

/// Whom a message is for: the user of its Request-URI, or who sent what it answers.
fn addressee(bytes: &Bytes) -> Who {
    let is_for = |who: &Who, message: &Message| match message {
        Message::Request(request) => request.uri().user() == Some(who.name().as_bytes()),
        Message::Response(response) => response.via().host().to_string() == who.address()[..9],
    };
    let message = Message::parse(bytes.clone()).unwrap();
    Who::ALL
        .into_iter()
        .find(|who| is_for(who, &message))
        .unwrap_or_else(|| panic!("for nobody: {message:?}"))
}
