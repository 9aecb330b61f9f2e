//! A server between the caller's and the callees' side of the generator: it routes what it gets, and does
//! to it what the test wants.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use ruf_load::mix::{Kind, Mix};
use ruf_load::plan::{Plan, Users};
use ruf_load::schedule::{Pace, Spacing};
use ruf_load::tally::{Outcome, Tally};
use ruf_load::{Limits, Link, Load, Phase};
use ruf_message::{
    Entropy, Flow, HeaderName, Message, Method, Place, Request, Response, StatusCode, Tick, Transport,
};

pub(crate) const CALLER: &str = "192.0.2.1:7000";
pub(crate) const CALLEE: &str = "192.0.2.1:7002";
pub(crate) const SERVER: &str = "192.0.2.9:5060";
/// One way.
pub(crate) const LATENCY: Duration = Duration::from_millis(10);
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(1_000);

/// What happens to a message at the server.
pub(crate) enum Fate {
    /// It goes where it should.
    Pass,
    /// It is lost.
    Lost,
    /// It goes where it should, so much later.
    Late(Duration),
    /// The server says this instead, if it is a request.
    Answer(StatusCode),
    /// The server says exactly these.
    Say(Vec<Response>),
}

type Script = Box<dyn FnMut(Tick, &Message) -> Fate>;

pub(crate) struct Stage {
    pub(crate) now: Tick,
    pub(crate) load: Load,
    script: Script,
    /// What is on its way to the generator.
    air: BinaryHeap<Reverse<(Tick, u64, Bytes)>>,
    flows: BTreeMap<u64, Flow>,
    sent: u64,
    ladder: Vec<String>,
    transport: Transport,
    /// How often a connection was asked for.
    pub(crate) reached: u64,
    pub(crate) refuses: bool,
    /// One way.
    pub(crate) latency: Duration,
    /// The generator hears and does things only at whole numbers of this.
    grain: Duration,
    /// Also what follows the run is noted.
    pub(crate) keeps_all: bool,
    /// The last message was noted.
    is_noted: bool,
}

/// A plan: a call, once, unless it is changed.
pub(crate) fn plan() -> Plan {
    Plan {
        domain: "example.org".to_owned(),
        users: Users { pattern: "u{n}".parse().unwrap(), count: 2, password: None },
        mix: Mix::only(Kind::Call),
        pace: Pace::Open { rate: 1.0, spacing: Spacing::Even },
        duration: None,
        units_max: Some(1),
        hold: Duration::from_secs(5),
        ring: Duration::ZERO,
        event: "presence".to_owned(),
        grain: Duration::ZERO,
    }
}

pub(crate) fn flow(transport: Transport, listener: u16, local: &str, connection: u64) -> Flow {
    let (local, remote) = (local.parse().unwrap(), SERVER.parse().unwrap());
    Flow { transport, listener, local, remote, connection }
}

impl Stage {
    /// Before a server that lets everything pass.
    pub(crate) fn new(plan: Plan) -> Stage {
        Stage::limited(plan, Limits::default())
    }

    /// The same with other bounds.
    pub(crate) fn limited(plan: Plan, limits: Limits) -> Stage {
        let link = Link::Datagrams {
            caller: flow(Transport::Udp, 0, CALLER, 0),
            answering: flow(Transport::Udp, 1, CALLEE, 0),
        };
        Stage::over(plan, link, Transport::Udp, limits)
    }

    /// The same over a connection.
    pub(crate) fn connected(plan: Plan) -> Stage {
        let address = SERVER.parse().unwrap();
        let place = Place { transport: Transport::Tcp, address, host: address.ip().into() };
        Stage::over(plan, Link::Connection(place), Transport::Tcp, Limits::default())
    }

    fn over(plan: Plan, link: Link, transport: Transport, limits: Limits) -> Stage {
        Stage {
            now: Tick::ZERO,
            latency: LATENCY,
            grain: plan.grain,
            load: Load::new(plan, limits, link, Entropy::from_seed([1; 32])),
            script: Box::new(|_, _| Fate::Pass),
            air: BinaryHeap::new(),
            flows: BTreeMap::new(),
            sent: 0,
            ladder: Vec::new(),
            transport,
            reached: 0,
            refuses: false,
            keeps_all: false,
            is_noted: true,
        }
    }

    /// What the server does from now on.
    pub(crate) fn script(&mut self, script: impl FnMut(Tick, &Message) -> Fate + 'static) {
        self.script = Box::new(script);
    }

    /// Registers the callees, begins the run, and forgets the ladder so far.
    pub(crate) fn begin(&mut self) {
        self.until("ready", |stage| *stage.load.phase() != Phase::Preparing);
        assert_eq!(*self.load.phase(), Phase::Ready);
        self.ladder.clear();
        self.load.start(self.now);
        self.take();
    }

    /// Registers the callees and begins the run before a server that does this.
    pub(crate) fn begin_with(&mut self, mut script: impl FnMut(&Message) -> Fate + 'static) {
        self.until("ready", |stage| *stage.load.phase() == Phase::Ready);
        self.script(move |_, message| script(message));
        self.begin();
    }

    /// How long the run lasted, from its start to the end of its last unit.
    pub(crate) fn lasted(&self) -> Duration {
        let (began, _, ended) = self.load.span();
        ended.unwrap().saturating_sub(began.unwrap())
    }

    /// Notes a rung of the ladder; what follows the run is not of it.
    fn note(&mut self, rung: String) {
        let follows = matches!(self.load.phase(), Phase::Leaving | Phase::Over) && rung.ends_with("REGISTER");
        self.is_noted = !follows || self.keeps_all;
        if self.is_noted {
            self.ladder.push(rung);
        }
    }

    /// Goes on until the run is over; gives what became of it.
    pub(crate) fn finish(&mut self) -> &Tally {
        self.until("over", |stage| *stage.load.phase() == Phase::Over);
        let tally = self.load.tally();
        assert_eq!(tally.started(), tally.good(None) + tally.failed(None), "one outcome for each");
        assert_eq!(self.load.in_flight(), 0);
        tally
    }

    /// The one way in which units failed.
    pub(crate) fn failure(&self) -> Outcome {
        let failures: Vec<_> = self.load.tally().failures().collect();
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures[0].1
    }

    /// Lets time go on until something is so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, so: impl Fn(&Stage) -> bool) {
        let mut steps = 0;
        while !so(self) {
            steps += 1;
            assert!(steps < 1_000_000, "time stands still: {what}");
            assert!(self.now < Tick::ZERO + PATIENCE, "waited in vain: {what}; {:?}", self.ladder);
            let air = self.air.peek().map(|Reverse((at, ..))| *at);
            let next = [air, self.load.poll_deadline(self.now)];
            let next = next.into_iter().flatten().min();
            let next = next.unwrap_or_else(|| panic!("nothing happens any more: {what}; {:?}", self.ladder));
            self.step(next);
        }
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let air = self.air.peek().map(|Reverse((at, ..))| *at);
            let next = [air, self.load.poll_deadline(self.now)];
            match next.into_iter().flatten().min().filter(|next| *next <= end) {
                Some(next) => self.step(next),
                None => break,
            }
        }
        self.now = end;
    }

    fn step(&mut self, next: Tick) {
        self.now = self.now.max(next);
        if !self.grain.is_zero() {
            let grain = self.grain.as_micros() as u64;
            self.now = Tick::from_micros(self.now.as_micros().next_multiple_of(grain));
        }
        while let Some(Reverse((at, number, _))) = self.air.peek()
            && *at <= self.now
        {
            let flow = self.flows[number];
            let Some(Reverse((at, _, bytes))) = self.air.pop() else { break };
            self.load.waited(self.now.saturating_sub(at));
            self.load.receive(self.now, flow, &bytes);
            self.take();
        }
        self.load.tick(self.now);
        self.take();
    }

    /// Takes what the generator sends to the server, and lets the server do its part.
    pub(crate) fn take(&mut self) {
        while self.load.poll_reach(self.now).is_some() {
            self.reached += 1;
            let flow = flow(self.transport, 0, CALLER, self.reached);
            self.load
                .reached(self.now, if self.refuses { Err(ruf_net::Unreachable::Refused) } else { Ok(flow) });
        }
        while let Some(transmit) = self.load.poll_transmit() {
            let message = Message::parse(transmit.bytes.clone()).expect("we send what can be read");
            assert_eq!(message.to_bytes(), transmit.bytes, "and what is written as it is read");
            let from_caller = self.transport != Transport::Udp || transmit.flow.listener == 0;
            let inward = match &message {
                Message::Request(request) => request.method().as_str().to_owned(),
                Message::Response(response) => format!("{} {}", response.status(), cseq_method(&message)),
            };
            let side = if self.transport == Transport::Udp && !from_caller { "b" } else { "a" };
            self.note(format!("{side}→s {inward}"));
            match (self.script)(self.now, &message) {
                Fate::Pass => self.route(transmit.flow, message, Duration::ZERO),
                Fate::Late(later) => self.route(transmit.flow, message, later),
                Fate::Lost => {
                    if let Some(last) = self.ladder.last_mut().filter(|_| self.is_noted) {
                        last.push_str(" ✗");
                    }
                }
                Fate::Answer(status) => {
                    if let Message::Request(request) = &message {
                        let mut response = request.reply(status);
                        response.set_to_tag("server");
                        self.deliver(transmit.flow, &response.into(), Duration::ZERO);
                    }
                }
                Fate::Say(responses) => {
                    for response in responses {
                        self.deliver(transmit.flow, &response.into(), Duration::ZERO);
                    }
                }
            }
        }
    }

    /// What a server does: it answers what is for itself, and passes on what is for a callee or a caller.
    fn route(&mut self, from: Flow, message: Message, later: Duration) {
        let to_callee = match self.transport {
            Transport::Udp => flow(Transport::Udp, 1, CALLEE, 0),
            _ => from,
        };
        let to_caller = match self.transport {
            Transport::Udp => flow(Transport::Udp, 0, CALLER, 0),
            _ => from,
        };
        match message {
            Message::Request(request) => match request.method() {
                Method::Register => {
                    let mut response = request.reply(StatusCode::OK);
                    let contact: Vec<u8> = request.raw(HeaderName::Contact).flatten().copied().collect();
                    response.set(HeaderName::Contact, contact);
                    self.deliver(from, &response.into(), later);
                }
                Method::Options => self.deliver(from, &request.reply(StatusCode::OK).into(), later),
                _ => self.deliver(to_callee, &passed_on(request).into(), later),
            },
            Message::Response(mut response) => {
                assert!(response.pop_via());
                // A response to what the server itself asked goes no further.
                if response.contains(HeaderName::Via) {
                    self.deliver(to_caller, &response.into(), later);
                }
            }
        }
    }

    /// Puts a message on its way to the generator.
    pub(crate) fn deliver(&mut self, flow: Flow, message: &Message, later: Duration) {
        let side = if self.transport == Transport::Udp && flow.listener == 1 { "b" } else { "a" };
        let what = match message {
            Message::Request(request) => request.method().as_str().to_owned(),
            Message::Response(response) => format!("{} {}", response.status(), cseq_method(message)),
        };
        self.note(format!("s→{side} {what}"));
        self.sent += 1;
        self.flows.insert(self.sent, flow);
        self.air.push(Reverse((self.now + self.latency * 2 + later, self.sent, message.to_bytes())));
    }

    /// The ladder since the run began.
    #[track_caller]
    pub(crate) fn expect_ladder(&self, expected: &str) {
        let expected: Vec<&str> = expected.split('|').map(str::trim).collect();
        assert_eq!(self.ladder, expected);
    }
}

fn cseq_method(message: &Message) -> String {
    String::from_utf8_lossy(message.cseq().method).into_owned()
}

/// As a stateless proxy sends it on (RFC 3261 section 16.11): the same branch for the same request, and it stays
/// in the path.
fn passed_on(mut request: Request) -> Request {
    let branch = String::from_utf8_lossy(request.via().branch().unwrap_or_default()).into_owned();
    request.push_via(format!("SIP/2.0/UDP {SERVER};branch={branch}x"));
    if request.method() == Method::Invite {
        request.push_record_route("<sip:first.example;lr>");
        request.push_record_route(format!("<sip:{SERVER};lr>"));
    }
    while request.pop_route() {}
    request
}

/// A request, if it is one of this method.
pub(crate) fn is(message: &Message, wanted: Method) -> bool {
    matches!(message, Message::Request(request) if request.method() == wanted)
}

/// A response to a request of this method.
pub(crate) fn answers(message: &Message, status: StatusCode, method: Method) -> bool {
    matches!(message, Message::Response(response) if response.status() == status)
        && message.cseq().method == method.as_str().as_bytes()
}
