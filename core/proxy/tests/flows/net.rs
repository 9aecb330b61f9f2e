//! A server `r` with a real gate (of an open domain), real transactions and the proxy, phones `a` to
//! `z`, and virtual time. What goes over the wire is written down as a ladder, and that is what the
//! tests compare: `a→r INVITE | r→a 100 | r→b INVITE`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use ruf_admission::{Domain, Gate, Keys, Listener, Ourselves, Policy, Verdict};
use ruf_message::{
    Entropy, Flow, HeaderName, HostBuf, Message, Place, Request, Response, StatusCode, Tick, Transmit,
    Transport,
};
use ruf_proxy::{
    Answer, CallEvent, Destination, Limits, Out, Proxy, Question, Reconnected, Refusal, Target, TargetSet,
    Turn, Unreachable,
};
use ruf_transaction::{Received, Timers, Transactions, reply_to};

use crate::phone::{ContactUri, Phone, answer, contact, flow, lines, phone, shown, tag_of, target};

pub(crate) struct Net {
    pub(crate) now: Tick,
    pub(crate) gate: Gate,
    pub(crate) transactions: Transactions,
    pub(crate) proxy: Proxy,
    /// Answers of the location service, by user or as `elsewhere`; without an entry the question
    /// stays open.
    pub(crate) places: HashMap<String, Result<TargetSet, Refusal>>,
    /// Answers of the search for a hop, by host; without an entry the question stays open.
    pub(crate) hops: HashMap<String, Result<Vec<Flow>, Unreachable>>,
    /// Places where nobody takes a connection.
    pub(crate) closed: Vec<(Phone, Transport)>,
    /// Places that the proxy found to be dead.
    pub(crate) failed: Vec<Place>,
    /// Phones that are reached by another connection.
    pub(crate) reconnected: Vec<Reconnected>,
    /// The flow by which the last message left.
    pub(crate) last: Option<Flow>,
    /// Questions that nobody answered.
    pub(crate) open: Vec<Question>,
    pub(crate) calls: Vec<CallEvent>,
    pub(crate) wire: ruf_transaction::Out,
    out: Out,
    ladder: Vec<String>,
    inboxes: BTreeMap<Phone, VecDeque<Message>>,
    branches: u32,
}

impl Net {
    pub(crate) fn new() -> Self {
        Net::with(Limits::default(), ruf_transaction::Limits::default())
    }

    pub(crate) fn with(limits: Limits, transactions: ruf_transaction::Limits) -> Self {
        Net::of(limits, transactions, Timers::default())
    }

    /// A slow network: Timer B is 64 times this, and longer than Timer C.
    pub(crate) fn slow(t1: Duration) -> Self {
        let transactions = ruf_transaction::Limits::default();
        Net::of(Limits::default(), transactions, Timers { t1, ..Timers::default() })
    }

    fn of(limits: Limits, transactions: ruf_transaction::Limits, timers: Timers) -> Self {
        let ourselves = Ourselves {
            domains: vec![Domain::open("example.org")],
            listeners: vec![Listener::new(Transport::Udp, flow('a').local)],
        };
        let entropy = |seed| Entropy::from_seed([seed; 32]);
        let gate_limits = ruf_admission::Limits::default();
        Net {
            now: Tick::from_micros(1),
            gate: Gate::new(
                ourselves,
                Policy::default(),
                &gate_limits,
                &Keys::new(&mut entropy(0)),
                entropy(1),
            ),
            transactions: Transactions::new(transactions, timers, entropy(2)),
            proxy: Proxy::new(limits),
            places: HashMap::new(),
            hops: HashMap::new(),
            closed: Vec::new(),
            failed: Vec::new(),
            reconnected: Vec::new(),
            last: None,
            open: Vec::new(),
            calls: Vec::new(),
            wire: ruf_transaction::Out::new(),
            out: Out::default(),
            ladder: Vec::new(),
            inboxes: BTreeMap::new(),
            branches: 0,
        }
    }

    /// `user@example.org` is at these phones, with these preferences.
    pub(crate) fn at(mut self, user: &str, phones: &[(Phone, u16)]) -> Self {
        let targets = phones.iter().map(|&(phone, q)| target(phone, q)).collect();
        self.places.insert(user.into(), Ok(targets));
        self
    }

    /// Requests for somebody else are forwarded as they say, to these hosts.
    pub(crate) fn elsewhere(mut self, hosts: &[(&str, Phone)]) -> Self {
        self.places.insert("elsewhere".into(), Ok(TargetSet::from_elem(Target::unchanged(), 1)));
        for (host, phone) in hosts {
            self.hops.insert((*host).into(), Ok(vec![flow(*phone)]));
        }
        self
    }

    /// Requests for `far.example` are forwarded as they say, and it is found at these places.
    pub(crate) fn far_away(mut self, places: &[Phone]) -> Self {
        self = self.elsewhere(&[]);
        self.hops.insert("far.example".into(), Ok(places.iter().copied().map(flow).collect()));
        self
    }

    /// A request of a phone outside any dialog, with these header lines.
    pub(crate) fn request(&mut self, from: Phone, method: &str, uri: &str, headers: &str) -> Request {
        let address = flow(from).remote;
        self.branches += 1;
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{from}{branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{from}@example.org>;tag={from}tag\r\nTo: <sip:bob@example.org>\r\n\
             Call-ID: call-{from}\r\nCSeq: {branch} {method}\r\nContact: <{contact}>\r\n{headers}\
             Content-Length: 4\r\n\r\nbody",
            branch = self.branches,
            contact = contact(from),
        );
        match Message::parse(text.into_bytes().into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    /// A request of the caller in the dialog that this response has opened.
    pub(crate) fn by_caller(&mut self, from: Phone, method: &str, opened: &Response) -> Request {
        let mut routes: Vec<&[u8]> = opened.raw(HeaderName::RecordRoute).collect();
        routes.reverse();
        let uri = opened.contact_uri();
        let mut request = self.request(from, method, &uri, &lines("Route", &routes));
        request.set(HeaderName::To, opened.raw(HeaderName::To).next().unwrap());
        if method == "ACK" {
            request.set(HeaderName::CSeq, format!("{} ACK", opened.cseq().number));
        }
        request
    }

    /// A request of the callee in the dialog of this INVITE, which it answered with this tag.
    pub(crate) fn by_callee(&mut self, from: Phone, method: &str, invite: &Request) -> Request {
        let routes: Vec<&[u8]> = invite.raw(HeaderName::RecordRoute).collect();
        let uri = invite.contact_uri();
        let mut request = self.request(from, method, &uri, &lines("Route", &routes));
        let tagged = |address: &[u8]| [address, b";tag=", tag_of(from).as_bytes()].concat();
        request.set(HeaderName::From, tagged(invite.raw(HeaderName::To).next().unwrap()));
        request.set(HeaderName::To, invite.raw(HeaderName::From).next().unwrap());
        request.set(HeaderName::CallId, invite.call_id());
        request
    }

    /// A phone sends a message.
    pub(crate) fn send(&mut self, from: Phone, message: impl Into<Message>) {
        let message = message.into();
        self.ladder.push(format!("{from}→r {}", shown(&message)));
        let bytes = message.to_bytes();
        let message = Message::parse(bytes).expect("what a phone sends is well-formed");
        self.receive(flow(from), message);
        self.turn();
    }

    /// A phone answers a request.
    pub(crate) fn answer(&mut self, from: Phone, request: &Request, status: u16) {
        self.send(from, answer(from, request, status));
    }

    /// What came to a phone, earliest first.
    pub(crate) fn take(&mut self, phone: Phone) -> Message {
        self.inboxes.get_mut(&phone).and_then(VecDeque::pop_front).expect("a message has come")
    }

    /// All that came to a phone since the last look.
    pub(crate) fn take_all(&mut self, phone: Phone) -> VecDeque<Message> {
        self.inboxes.remove(&phone).unwrap_or_default()
    }

    /// The last request that came to a phone; what came before is thrown away.
    pub(crate) fn take_request(&mut self, phone: Phone) -> Request {
        let inbox = self.inboxes.remove(&phone).unwrap_or_default();
        let last = inbox.into_iter().rev().find_map(|message| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        last.expect("a request has come")
    }

    /// The last response that came to a phone; what came before is thrown away.
    pub(crate) fn take_response(&mut self, phone: Phone) -> Response {
        let inbox = self.inboxes.remove(&phone).unwrap_or_default();
        let last = inbox.into_iter().rev().find_map(|message| match message {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        });
        last.expect("a response has come")
    }

    /// Gives an answer that the network did not give by itself.
    pub(crate) fn reply(&mut self, answer: Answer) {
        let mut turn = Turn {
            now: self.now,
            gate: &self.gate,
            transactions: &mut self.transactions,
            wire: &mut self.wire,
            out: &mut self.out,
        };
        self.proxy.answer(&mut turn, answer);
        self.turn();
    }

    /// The network tells that a phone cannot be reached.
    pub(crate) fn unreachable(&mut self, phone: Phone) {
        self.gone(flow(phone));
    }

    /// This flow leads nowhere any more.
    pub(crate) fn gone(&mut self, flow: Flow) {
        self.transactions.unreachable(self.now, flow, &mut self.wire);
        self.turn();
    }

    /// Lets time pass.
    pub(crate) fn after(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.deadline().filter(|&next| next <= end) {
            self.now = next.max(self.now);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    /// What went over the wire since the last look.
    pub(crate) fn ladder(&mut self) -> String {
        std::mem::take(&mut self.ladder).join(" | ")
    }

    /// Lets all timers run out: nothing is kept, and nothing more is said.
    pub(crate) fn expect_nothing_left(&mut self) {
        self.ladder();
        while let Some(next) = self.deadline() {
            self.now = next.max(self.now);
            self.tick();
        }
        assert!(self.proxy.is_empty(), "{} response contexts are left", self.proxy.len());
        assert!(self.transactions.is_empty(), "{} transactions are left", self.transactions.len());
    }

    fn deadline(&self) -> Option<Tick> {
        [self.transactions.deadline(), self.proxy.deadline()].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        self.transactions.tick(self.now, &mut self.wire);
        self.with_proxy(Proxy::tick);
        self.turn();
    }

    fn with_proxy<T>(&mut self, work: impl FnOnce(&mut Proxy, &mut Turn<'_>) -> T) -> T {
        let mut turn = Turn {
            now: self.now,
            gate: &self.gate,
            transactions: &mut self.transactions,
            wire: &mut self.wire,
            out: &mut self.out,
        };
        work(&mut self.proxy, &mut turn)
    }

    fn receive(&mut self, flow: Flow, message: Message) {
        match self.transactions.receive(self.now, flow, message, &mut self.wire) {
            Received::Absorbed => {}
            Received::New { flow, request } | Received::Ack { flow, request } => self.admit(flow, request),
            Received::Cancel { flow, request, invite, user } => {
                let status = if invite.is_some() { StatusCode::OK } else { StatusCode::CALL_DOES_NOT_EXIST };
                let server = self.transactions.accept(self.now, flow, &request).unwrap();
                self.transactions.respond(self.now, server, &request.reply(status), &mut self.wire);
                let reason = request.raw(HeaderName::Reason).next();
                let reason = reason.map(|value| String::from_utf8_lossy(value).into_owned());
                if invite.is_some() {
                    self.with_proxy(|proxy, turn| proxy.cancel(turn, user, reason.as_deref()));
                }
            }
            Received::Response { user, response, .. } => {
                self.with_proxy(|proxy, turn| proxy.response(turn, user, response));
            }
        }
    }

    fn admit(&mut self, flow: Flow, request: Request) {
        match self.gate.admit(self.now, flow, request, &()) {
            Verdict::Admitted(admitted) => {
                let fingerprint = self.transactions.fingerprint(admitted.request());
                let proxied = self.with_proxy(|proxy, turn| proxy.request(turn, admitted, fingerprint));
                if let Err(overloaded) = proxied {
                    let mut response = overloaded.request.reply(StatusCode::SERVICE_UNAVAILABLE);
                    response.set_to_tag(&self.gate.reply_tag(&overloaded.request));
                    self.wire.reply(overloaded.flow, &overloaded.request, &response);
                }
            }
            Verdict::Reply(request, reply) => {
                let bytes = self.wire.written_once(|out| reply.write_to(&request, out));
                self.wire.transmits.push_back(Transmit { flow: reply_to(flow, &request), bytes });
            }
            Verdict::Drop => {}
        }
    }

    /// Everything that follows in the same turn.
    fn turn(&mut self) {
        loop {
            if let Some(event) = self.wire.events.pop_front() {
                self.with_proxy(|proxy, turn| proxy.event(turn, event));
            } else if let Some(question) = self.out.questions.pop_front() {
                self.ask(question);
            } else {
                break;
            }
        }
        self.calls.extend(self.out.calls.drain(..));
        self.failed.extend(self.out.failed.drain(..));
        self.reconnected.extend(self.out.reconnected.drain(..));
        while let Some(transmit) = self.wire.transmits.pop_front() {
            let to = phone(&transmit.flow);
            self.last = Some(transmit.flow);
            let message = Message::parse(transmit.bytes).expect("what the server sends is well-formed");
            self.ladder.push(format!("r→{to} {}", shown(&message)));
            self.inboxes.entry(to).or_default().push_back(message);
        }
    }

    fn ask(&mut self, question: Question) {
        let answer = match &question {
            Question::Locate { token, destination, .. } => {
                let key = match destination {
                    Destination::User(address) => address.user(),
                    Destination::Gruu { .. } => "gruu",
                    Destination::Ourselves => "ourselves",
                    Destination::Service(urn) => urn,
                    Destination::Elsewhere(_) => "elsewhere",
                };
                self.places
                    .get(key)
                    .map(|targets| Answer::Located { token: *token, targets: targets.clone() })
            }
            Question::Resolve { token, hop, .. } => {
                let found = self.hops.get(&hop.host.to_string());
                let places = |flows: &Vec<Flow>| flows.iter().map(|flow| place(&hop.host, flow)).collect();
                found.map(|flow| Answer::Resolved {
                    token: *token,
                    places: flow.as_ref().map(places).map_err(|e| *e),
                })
            }
            Question::Reach { token, place } => {
                let leads_there = |flow: &&Flow| flow.remote == place.address;
                let flow = self.hops.values().flatten().flatten().find(leads_there);
                flow.map(|flow| {
                    let is_closed = self.closed.contains(&(phone(flow), place.transport));
                    let connection = flow.connection.max(u64::from(place.transport.is_reliable()));
                    let flow = Flow { transport: place.transport, connection, ..*flow };
                    Answer::Reached {
                        token: *token,
                        flow: if is_closed { Err(Unreachable) } else { Ok(flow) },
                    }
                })
            }
        };
        match answer {
            Some(answer) => self.with_proxy(|proxy, turn| proxy.answer(turn, answer)),
            None => self.open.push(question),
        }
    }
}

/// Where a flow leads, as the place of a host.
pub(crate) fn place(host: &HostBuf, flow: &Flow) -> Place {
    Place { transport: flow.transport, address: flow.remote, host: host.clone() }
}
