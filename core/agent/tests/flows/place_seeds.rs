//! An agent whose servers fail in every way, hundreds of times: whatever it asks for has one outcome, no request goes
//! twice to one place, no password that is right is told to be wrong, and nothing is left.

use crate::pair::{flow, sdp};
use crate::watch_notify::document;
use ruf_agent::{
    Agent, AgentEvent, Answer, Body, CallKey, EndReason, Failure, RequestKey, Settings, WatchKey, WayQuestion,
};
use ruf_auth::{Algorithm, Asking, Credentials};
use ruf_events::PRESENCE;
use ruf_message::{
    Entropy, Flow, HeaderName, Message, Method, Request, Response, StatusCode, Tick, Transport, Uri,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SEEDS: u64 = 300;
const STEPS: u32 = 120;
const PLACES: u32 = 5;

/// Which request: Call-ID, number and method.
type Name = (Vec<u8>, u32, String);

/// One transaction of it: the branch, and by which flow.
type Attempt = (Vec<u8>, Flow);

/// A request that a place has and has not answered, and by which flow.
struct Asked {
    request: Request,
    flow: Flow,
}

/// One agent, its servers, and who drives it.
struct World {
    agent: Agent,
    now: Tick,
    entropy: Entropy,
    transport: Transport,
    asked: Vec<Asked>,
    questions: Vec<WayQuestion>,
    /// Where each request was.
    been: BTreeMap<Name, Vec<Attempt>>,
    /// With which credentials, by Call-ID and number.
    proofs: BTreeMap<(Vec<u8>, u32), Vec<Vec<u8>>>,
    /// The number of the last REGISTER.
    registers: u32,
    calls: Vec<CallKey>,
    watches: Vec<WatchKey>,
    requests: BTreeSet<RequestKey>,
    over: BTreeSet<CallKey>,
    fates: BTreeMap<&'static str, u32>,
    seed: u64,
}

fn place(transport: Transport, number: u32, connection: u32) -> Flow {
    let connection = if transport.is_reliable() { u64::from(connection) } else { 0 };
    Flow { transport, connection, ..flow("192.0.2.1:5060", &format!("192.0.2.{}:5060", 20 + number)) }
}

fn bob() -> Uri {
    "sip:bob@example.org".parse().unwrap()
}

fn proofs(request: &Request) -> Vec<Vec<u8>> {
    request.raw(HeaderName::ProxyAuthorization).map(<[u8]>::to_vec).collect()
}

impl World {
    fn new(seed: u64) -> World {
        let transport = [Transport::Udp, Transport::Tcp][(seed % 2) as usize];
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let mut entropy = Entropy::from_seed(key);
        let mut settings = Settings::new("sip:alice@example.org".parse().unwrap(), place(transport, 0, 0))
            .with_password("alice", "secret");
        settings.has_server = seed % 4 < 2;
        settings.ringing_max = Duration::from_secs(60);
        let agent = Agent::new(settings, entropy.fork());
        World {
            agent,
            now: Tick::ZERO,
            entropy,
            transport,
            asked: Vec::new(),
            questions: Vec::new(),
            been: BTreeMap::new(),
            proofs: BTreeMap::new(),
            registers: 0,
            calls: Vec::new(),
            watches: Vec::new(),
            requests: BTreeSet::new(),
            over: BTreeSet::new(),
            fates: BTreeMap::new(),
            seed,
        }
    }

    fn below(&mut self, of: u32) -> u32 {
        self.entropy.u32() % of
    }

    fn somewhere(&mut self) -> Flow {
        place(self.transport, self.entropy.u32() % PLACES, self.entropy.u32() % 3)
    }

    fn fate(&mut self, fate: &'static str) {
        *self.fates.entry(fate).or_default() += 1;
    }

    /// Takes what the agent says.
    fn hear(&mut self) {
        self.questions.extend(std::iter::from_fn(|| self.agent.poll_question()));
        while let Some(transmit) = self.agent.poll_transmit() {
            let Ok(Message::Request(request)) = Message::parse(transmit.bytes) else { continue };
            match request.method() {
                Method::Cancel => continue,
                Method::Ack => {
                    self.acknowledges(&request);
                    continue;
                }
                _ => {}
            }
            let method = String::from_utf8_lossy(request.method_bytes()).into_owned();
            let key = (request.call_id().to_vec(), request.cseq().number, method);
            let branch = request.via().branch().unwrap().to_vec();
            let been = self.been.entry(key).or_default();
            if been.iter().any(|(of, _)| *of == branch) {
                continue;
            }
            let is_new = been.iter().all(|(_, flow)| flow.remote != transmit.flow.remote);
            assert!(is_new && been.len() < 4, "seed {}: {request}", self.seed);
            if !been.is_empty() {
                *self.fates.entry("elsewhere").or_default() += 1;
            }
            been.push((branch, transmit.flow));
            if request.method() == Method::Register {
                assert!(request.cseq().number > self.registers, "seed {}: {request}", self.seed);
                self.registers = request.cseq().number;
            }
            self.proofs.insert((request.call_id().to_vec(), request.cseq().number), proofs(&request));
            self.asked.push(Asked { request, flow: transmit.flow });
        }
        while let Some(event) = self.agent.poll_event() {
            self.told(&event);
        }
    }

    /// A 2xx is acknowledged with the credentials of its INVITE.
    // rfc3261 §13.2.2.4
    fn acknowledges(&self, ack: &Request) {
        let (call_id, number) = (ack.call_id().to_vec(), ack.cseq().number);
        let been = &self.been[&(call_id.clone(), number, "INVITE".to_owned())];
        if been.iter().all(|(branch, _)| ack.via().branch() != Some(branch)) {
            assert_eq!(proofs(ack), self.proofs[&(call_id, number)], "seed {}: {ack}", self.seed);
        }
    }

    fn told(&mut self, event: &AgentEvent) {
        let seed = self.seed;
        if let Some(call) = event.call() {
            assert!(!self.over.contains(&call), "seed {seed}: {event:?} after the end");
        }
        let wrong = Failure::Refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        match event {
            AgentEvent::Ended { call, reason } => {
                assert_ne!(*reason, EndReason::Failed(wrong), "seed {seed}");
                self.over.insert(*call);
                self.fate("ended");
            }
            AgentEvent::Answered { .. } => self.fate("answered"),
            AgentEvent::Registered { .. } => self.fate("registered"),
            AgentEvent::RegistrationFailed { failure, .. } => {
                assert_ne!(*failure, wrong, "seed {seed}");
                self.fate("not registered");
            }
            AgentEvent::MessageAnswered { request, answer } => {
                assert!(self.requests.remove(request), "seed {seed}: {event:?} once");
                if let Answer::Final { status, .. } = answer {
                    assert_ne!(*status, StatusCode::PROXY_AUTHENTICATION_REQUIRED, "seed {seed}");
                }
                self.fate("written");
            }
            _ => {}
        }
    }

    /// The user wants something.
    fn wants(&mut self) {
        let now = self.now;
        let hello = || Body { content_type: "text/plain".into(), content: "Hello".into() };
        match self.below(16) {
            0 | 1 => self.agent.register(now, 600),
            2 => self.agent.unregister(now),
            3 | 4 => self.calls.extend(self.agent.call(now, &bob(), sdp("offer"))),
            5 | 6 => self.requests.extend(self.agent.message(now, &bob(), hello())),
            7 => self.watches.extend(self.agent.watch(now, &bob(), PRESENCE, 60)),
            8 => self.agent.publish(now, document("one")),
            9 => self.agent.unpublish(now),
            10 => {
                let there = self.somewhere();
                self.agent.aim(there);
            }
            11 => {
                let there = self.somewhere();
                self.agent.move_to(there);
            }
            _ if !self.calls.is_empty() => {
                let call = self.calls[self.entropy.u32() as usize % self.calls.len()];
                match self.below(3) {
                    0 => self.agent.hang_up(now, call),
                    1 => self.agent.modify(now, call, Body::sdp("change")),
                    _ => self.agent.info(now, call, hello()),
                }
            }
            _ => {}
        }
    }

    /// A place answers, or not.
    fn answers(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let at = self.entropy.u32() as usize % self.asked.len();
        let (request, flow) = (self.asked[at].request.clone(), self.asked[at].flow);
        let is_invite = request.method() == Method::Invite;
        let status = match self.below(12) {
            0..4 => 503,
            4 if is_invite => [100, 180][self.entropy.u32() as usize % 2],
            5 => 302,
            6 => 480,
            7 => return drop(self.asked.swap_remove(at)),
            8 => {
                self.asked.retain(|asked| asked.flow != flow);
                return self.agent.unreachable(self.now, flow);
            }
            _ => 200,
        };
        // Some answer twice.
        if status >= 200 && self.below(8) > 0 {
            self.asked.swap_remove(at);
        }
        self.reply(&request, flow, status);
    }

    fn reply(&mut self, request: &Request, flow: Flow, status: u16) {
        // Each place knows what it asked itself.
        let nonce = flow.remote.to_string();
        let is_proved =
            proofs(request).iter().any(|proof| Credentials::read(proof).unwrap().nonce == nonce.as_bytes());
        let mut response: Response = if status == 200 && !is_proved {
            let mut response = request.reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
            let realm = if self.seed.is_multiple_of(3) { &nonce } else { "r" };
            let asking = Asking { realm, nonce: &nonce, algorithm: Algorithm::Md5, stale: false };
            response.add(HeaderName::ProxyAuthenticate, String::from_utf8(asking.to_value()).unwrap());
            self.fate("challenged");
            response
        } else {
            request.reply(StatusCode::new(status).unwrap())
        };
        let status = response.status();
        if status != StatusCode::TRYING && request.to_tag().is_none() {
            response.set_to_tag("bob");
        }
        if status == StatusCode::MOVED_TEMPORARILY {
            let there = ["carol@example.org", "carol@carol.example"][self.entropy.u32() as usize % 2];
            response.add(HeaderName::Contact, format!("<sip:{there}>"));
        } else if status.is_success() && request.method() == Method::Register {
            let contact = request.raw(HeaderName::Contact).next().unwrap();
            response.add(HeaderName::Contact, contact);
        } else if status.is_success() {
            response.add(HeaderName::Contact, "<sip:bob@example.org>");
            response.add(HeaderName::Expires, "60");
            response.add(HeaderName::SipETag, "1");
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.below(2) == 0 {
            response.add(HeaderName::RetryAfter, "20");
        }
        self.agent.receive(self.now, flow, response.to_bytes());
    }

    /// The driver answers a question, not always well.
    fn leads(&mut self) {
        if self.questions.is_empty() {
            return;
        }
        let question = self.questions.swap_remove(self.entropy.u32() as usize % self.questions.len());
        let found = Some(self.somewhere()).filter(|_| !self.entropy.u32().is_multiple_of(8));
        if self.below(2) == 0 && question.hop.is_none() {
            self.agent.aim(found.unwrap_or(self.agent.way_out()));
        }
        self.agent.found(self.now, question.key, found);
    }

    fn passes(&mut self, longest: Duration) {
        let end = self.now + longest;
        while let Some(due) = self.agent.poll_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.agent.tick(self.now);
            self.hear();
        }
        self.now = end;
    }

    /// Nothing is wanted any more.
    fn ends(&mut self, watches_end: Duration) {
        for call in self.calls.clone() {
            self.agent.hang_up(self.now, call);
        }
        for watch in std::mem::take(&mut self.watches) {
            self.agent.unwatch(self.now, watch);
        }
        self.agent.unregister(self.now);
        self.agent.unpublish(self.now);
        let end = self.now + watches_end;
        while self.now < end {
            self.hear();
            for question in std::mem::take(&mut self.questions) {
                self.agent.found(self.now, question.key, None);
            }
            for Asked { request, flow } in std::mem::take(&mut self.asked) {
                self.reply(&request, flow, 480);
            }
            self.hear();
            self.passes(Duration::from_secs(5));
        }
        let World { calls, over, seed, agent, .. } = self;
        assert_eq!(
            calls.iter().copied().collect::<BTreeSet<_>>(),
            *over,
            "seed {seed}: each call has its end"
        );
        assert!(!agent.is_registered(), "seed {seed}");
        assert!(self.requests.is_empty(), "seed {seed}: {:?}", self.requests);
        assert!(agent.is_idle(), "seed {seed}: {:?}", agent.counts());
    }
}

#[test]
fn wherever_places_fail_each_request_has_one_outcome_and_goes_once_to_each() {
    // tests rfc3263 §4.3, rfc3261 §8.1.2, §22.1
    let mut fates = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            match world.below(10) {
                0 | 1 => world.wants(),
                2..6 => world.answers(),
                6..9 => world.leads(),
                _ => {
                    let longest = Duration::from_millis(u64::from(world.below(20_000)));
                    world.passes(longest);
                }
            }
            world.hear();
        }
        world.ends(Duration::from_secs(200));
        for (fate, count) in world.fates {
            *fates.entry(fate).or_insert(0) += count;
        }
    }
    for fate in ["answered", "challenged", "elsewhere", "ended", "not registered", "registered", "written"] {
        assert!(fates.get(fate).is_some_and(|count| *count > 50), "{fate}: {fates:?}");
    }
}
