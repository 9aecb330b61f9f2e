//! The way of a datagram through the machines: parse, transaction, gate, user; and back out.
//!
//! Read [`Node::receive`] downwards: it is the life of a request. What belongs to a machine is in
//! its own crate; which service answers whose question is in `table`.

mod overload;
mod register;

use std::collections::{HashSet, VecDeque};

use bytes::{Bytes, BytesMut};
use ruf_accounts::Accounts;
use ruf_admission::{Admitted, Gate, Identity, Neighbours, Overload, Verdict};
use ruf_locate::{Found, Locator, Query};
use ruf_message::{
    Flow, FrameError, HeaderName, Malformed, Message, Method, Place, Reply, Request, Response, StatusCode,
    Tick, Transmit,
};
use ruf_proxy::{Ack, Answer, CallEvent, DialogId, Overloaded, Proxy, Token, Turn, Unreachable};
use ruf_registrar::{Keepalive, KeepaliveLimits, Registrar};
use ruf_routing::DialPlan;
use ruf_transaction::{Event, Fingerprint, Heard, Transactions};

use self::overload::Lot;
use self::register::Held;
use crate::counters::Counters;
use crate::crossing::{Arrived, Crossing, Load, Seat};
use crate::{own, table};

/// Seconds after which one of our own phones may try again when the server is overloaded; a random
/// part is added, so that they do not all come back at once.
const RETRY_AFTER_SECS: u64 = 5;

/// What a node is made of; each machine comes ready.
pub struct Parts {
    /// The transaction layer.
    pub transactions: Transactions,
    /// The gate, which knows where we are.
    pub gate: Gate,
    /// The proxy.
    pub proxy: Proxy,
    /// Where next hops are, which knows what we can send over.
    pub locator: Locator,
    /// The bindings.
    pub registrar: Registrar,
    /// Who may use this server.
    pub accounts: Accounts,
    /// What a number means.
    pub plan: DialPlan,
    /// Which of the workers this one is.
    pub seat: Seat,
    /// How much of what comes is taken.
    pub overload: Overload,
    /// Who is asked to send less, and may ask us.
    pub neighbours: Neighbours,
}

/// One worker's machines.
pub struct Node {
    pub(crate) transactions: Transactions,
    pub(crate) gate: Gate,
    proxy: Proxy,
    locator: Locator,
    registrar: Registrar,
    keepalive: Keepalive,
    /// In the order of their tickets.
    held: VecDeque<Held>,
    accounts: Accounts,
    pub(crate) plan: DialPlan,
    seat: Seat,
    overload: Overload,
    neighbours: Neighbours,
    /// Calls for help whose next hop is sought.
    for_help: HashSet<u64>,
    /// Of the last thing that happened.
    now: Tick,
    wire: ruf_transaction::Out,
    asked: ruf_proxy::Out,
    located: ruf_locate::Out,
    reach: VecDeque<(u64, Place)>,
    crossings: VecDeque<(u8, Crossing)>,
    counters: Counters,
    pub(crate) is_draining: bool,
    /// Calls that were answered while draining, and whose ACK has not come.
    pub(crate) unacknowledged: HashSet<DialogId>,
}

impl Node {
    /// Composes the machines.
    pub fn new(parts: Parts) -> Node {
        let mut keepalive = Keepalive::new(KeepaliveLimits::default());
        let is_mine = |call_id: &[u8]| parts.seat.owner_elsewhere(call_id).is_none();
        keepalive.resume(Tick::ZERO, &parts.registrar, is_mine);
        Node {
            transactions: parts.transactions,
            gate: parts.gate,
            is_draining: false,
            unacknowledged: HashSet::new(),
            proxy: parts.proxy,
            locator: parts.locator,
            registrar: parts.registrar,
            keepalive,
            held: VecDeque::new(),
            accounts: parts.accounts,
            plan: parts.plan,
            seat: parts.seat,
            overload: parts.overload,
            neighbours: parts.neighbours,
            for_help: HashSet::new(),
            now: Tick::ZERO,
            wire: ruf_transaction::Out::new(),
            asked: ruf_proxy::Out::default(),
            located: ruf_locate::Out::default(),
            reach: VecDeque::new(),
            crossings: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A datagram, or a message cut out of a stream, came over a flow.
    pub fn receive(&mut self, now: Tick, flow: Flow, datagram: Bytes) {
        self.counters.received += 1;
        if is_keepalive(&datagram) {
            return;
        }
        let octets = datagram.len();
        let lot = self.glance(now, flow, &datagram);
        if lot == Lot::Done {
            self.now = now;
            return;
        }
        match Message::parse_in(datagram, self.transactions.room()) {
            Ok(message) => match self.owner_elsewhere(&message) {
                None => self.receive_message(now, flow, message, octets, lot),
                Some(owner) => {
                    self.counters.crossed += 1;
                    let arrived = Box::new(Arrived { flow, message, octets });
                    self.crossings.push_back((owner, Crossing(Load::Message(arrived))));
                }
            },
            Err(malformed) => self.refuse_malformed(now, flow, &malformed, octets),
        }
        self.settle(now);
    }

    /// A stream brought what no message can be cut out of; it is answered as far as it came.
    // rfc3261 §18.3
    pub fn unframed(&mut self, now: Tick, flow: Flow, octets: Bytes, error: FrameError) {
        self.counters.received += 1;
        let count = octets.len();
        self.refuse_malformed(now, flow, &Malformed::unframed(octets, error), count);
        self.settle(now);
    }

    /// The other worker that owns a message, unless it is answered without any memory.
    fn owner_elsewhere(&self, message: &Message) -> Option<u8> {
        let owner = self.seat.owner_elsewhere(message.call_id())?;
        let is_answered_here = match message {
            Message::Request(request) => request.method() == Method::Options && self.gate.is_for_us(request),
            Message::Response(_) => false,
        };
        (!is_answered_here).then_some(owner)
    }

    /// Another worker handed something over.
    pub fn crossed(&mut self, now: Tick, crossing: Crossing) {
        match crossing.0 {
            Load::Message(arrived) => {
                let Arrived { flow, message, octets } = *arrived;
                self.receive_message(now, flow, message, octets, Lot::Undrawn);
                self.settle(now);
            }
            Load::Failed(place) => self.locator.failed(now, &place),
        }
    }

    /// The owner of a message has no room for it. A request is told so; what else is lost comes again.
    pub fn not_crossed(&mut self, now: Tick, crossing: Crossing) {
        let Load::Message(arrived) = crossing.0 else { return };
        let Arrived { flow, message, octets } = *arrived;
        match message {
            Message::Request(mut request) if request.method() != Method::Ack => {
                ruf_transaction::stamp(&mut request, &flow);
                let response = self.overloaded(now, &request, false);
                self.reply_without_state(now, flow, &response, octets);
            }
            Message::Request(_) | Message::Response(_) => self.counters.dropped += 1,
        }
    }

    /// The next thing for another worker, and which one; it is brought there by
    /// [`Node::crossed`] of that one's node.
    #[must_use]
    pub fn poll_crossing(&mut self) -> Option<(u8, Crossing)> {
        self.crossings.pop_front()
    }

    fn receive_message(&mut self, now: Tick, flow: Flow, mut message: Message, octets: usize, lot: Lot) {
        let heard = self.transactions.hear(now, &flow, &mut message, &mut self.wire);
        match message {
            Message::Request(request) => match heard {
                Heard::New(fingerprint) => self.admit(now, flow, request, fingerprint, octets, lot),
                Heard::Ack(fingerprint) => self.acknowledge(now, flow, request, fingerprint),
                Heard::Cancel { invite, user } => {
                    self.cancel(now, flow, &request, invite.map(|_| user), octets);
                    self.transactions.recycle(request);
                }
                Heard::Absorbed | Heard::Response { .. } => self.transactions.recycle(request),
            },
            Message::Response(response) => match heard {
                Heard::Response { user, .. } => {
                    self.neighbours.hear_response(now, flow.remote, &response);
                    let (proxy, mut turn) = self.turn(now);
                    proxy.response(&mut turn, user, response);
                }
                Heard::Absorbed | Heard::New(_) | Heard::Ack(_) | Heard::Cancel { .. } => {
                    self.transactions.recycle(response);
                }
            },
        }
    }

    /// A request that no transaction knows: through the gate, then to its user.
    fn admit(
        &mut self,
        now: Tick,
        flow: Flow,
        mut request: Request,
        fingerprint: Fingerprint,
        octets: usize,
        lot: Lot,
    ) {
        if self.refuses_early(now, flow, &mut request, lot) {
            let response = self.overloaded(now, &request, self.gate.has_phones_at(now, flow.remote.ip()));
            self.transactions.recycle(request);
            return self.reply_without_state(now, flow, &response, octets);
        }
        let verdict = self.gate.admit(now, flow, request, &self.accounts.read());
        match verdict {
            Verdict::Admitted(admitted) => {
                self.counters.admitted += 1;
                self.dispatch(now, admitted, fingerprint, octets);
            }
            Verdict::Reply(request, reply) => {
                self.counters.refused += 1;
                self.send_without_state(now, flow, &request, &reply, octets);
                self.transactions.recycle(request);
            }
            Verdict::Drop => self.counters.dropped += 1,
        }
    }

    /// To whom an admitted request goes: to the registrar, to the server itself, all else to the proxy.
    fn dispatch(&mut self, now: Tick, admitted: Admitted, fingerprint: Fingerprint, octets: usize) {
        let (flow, ours) = (admitted.flow(), is_ours(admitted.identity()));
        if own::is_for_us(admitted.request(), admitted.identity(), &self.gate) {
            if admitted.request().method() == Method::Register {
                self.register(now, admitted, fingerprint, octets);
            } else {
                // rfc3261 §8.2.7: the same question gets the same answer, so nothing needs to be kept
                let request = admitted.request();
                let reply = own::answer(request, &self.gate);
                self.send_without_state(now, flow, request, &reply, octets);
                self.transactions.recycle(admitted.into_request());
            }
            return;
        }
        if self.refuses_new_call(&admitted) {
            let response = self.unavailable(now, admitted.request(), ours);
            self.reply_without_state(now, flow, &response, octets);
            return;
        }
        let (proxy, mut turn) = self.turn(now);
        if let Err(overloaded) = proxy.request(&mut turn, admitted, fingerprint) {
            self.refuse_overloaded(now, &overloaded, octets);
        }
    }

    /// The ACK of a 2xx goes on by its token; the ACK of an answer that we gave without state ends here.
    // rfc3261 §8.1.3.5 and §16.11
    fn acknowledge(&mut self, now: Tick, flow: Flow, ack: Request, fingerprint: Fingerprint) {
        if self.gate.absorbs_ack(&ack) {
            return self.transactions.recycle(ack);
        }
        let verdict = self.gate.admit(now, flow, ack, &self.accounts.read());
        match verdict {
            Verdict::Admitted(admitted) => {
                self.note_acknowledged(admitted.request());
                let (proxy, mut turn) = self.turn(now);
                // An ACK opens nothing, so no table can be too full for it.
                let _ = proxy.request(&mut turn, admitted, fingerprint);
            }
            // Nobody answers an ACK.
            Verdict::Reply(..) | Verdict::Drop => self.counters.dropped += 1,
        }
    }

    /// CANCEL is hop by hop: we answer it, and the proxy cancels what is pending.
    // rfc3261 §9.2 and §16.10
    fn cancel(&mut self, now: Tick, flow: Flow, cancel: &Request, invite: Option<u64>, octets: usize) {
        let status = match invite {
            Some(_) => StatusCode::OK,
            None => StatusCode::CALL_DOES_NOT_EXIST,
        };
        let reply = Reply::new(status, &self.gate.reply_tag(cancel));
        match invite {
            Some(user) => {
                let fingerprint = self.transactions.fingerprint(cancel);
                let done = self.transactions.answer(now, flow, cancel, fingerprint, &reply, &mut self.wire);
                if done.is_err() {
                    let response = self.overloaded(now, cancel, true);
                    self.reply_without_state(now, flow, &response, octets);
                }
                let (proxy, mut turn) = self.turn(now);
                let reason =
                    cancel.raw(HeaderName::Reason).next().and_then(|reason| str::from_utf8(reason).ok());
                proxy.cancel(&mut turn, user, reason);
            }
            None => self.send_without_state(now, flow, cancel, &reply, octets),
        }
    }

    /// Answers without state, where the source may be answered at all (it proved itself, or the
    /// answers to it are still small beside what it sent).
    fn reply_without_state(&mut self, now: Tick, flow: Flow, response: &Response, octets: usize) {
        let to = ruf_transaction::reply_to_via(flow, &response.via());
        self.write_without_state(now, (flow, to), octets, |out| response.write_to(out));
    }

    /// The same with a reply of our own.
    fn send_without_state(&mut self, now: Tick, flow: Flow, request: &Request, reply: &Reply, octets: usize) {
        let to = ruf_transaction::reply_to(flow, request);
        self.write_without_state(now, (flow, to), octets, |out| reply.write_to(request, out));
    }

    fn write_without_state(
        &mut self,
        now: Tick,
        (flow, to): (Flow, Flow),
        octets: usize,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let bytes = self.wire.written_once(write);
        if self.gate.may_reply(now, &flow, octets, bytes.len()) {
            self.wire.transmits.push_back(Transmit { flow: to, bytes });
        } else {
            self.counters.dropped += 1;
        }
    }

    fn refuse_malformed(&mut self, now: Tick, flow: Flow, malformed: &Malformed, octets: usize) {
        self.counters.malformed += 1;
        let tag = malformed.fields().map(|fields| self.gate.reply_tag(fields));
        if let Some(mut response) = malformed.reply(tag.as_deref().unwrap_or_default()) {
            ruf_transaction::stamp(&mut response, &flow);
            self.reply_without_state(now, flow, &response, octets);
        }
    }

    fn refuse_overloaded(&mut self, now: Tick, refused: &Overloaded, octets: usize) {
        let response = self.overloaded(now, &refused.request, is_ours(&refused.identity));
        self.reply_without_state(now, refused.flow, &response, octets);
    }

    fn overloaded(&mut self, now: Tick, request: &Request, ours: bool) -> Response {
        self.counters.overloaded += 1;
        self.unavailable(now, request, ours)
    }

    /// The 503. Only our own phones are told when to come back: a proxy that is told would send us
    /// nothing at all until then.
    // rfc3261 §21.5.4
    fn unavailable(&self, now: Tick, request: &Request, ours: bool) -> Response {
        let mut response = request.reply(StatusCode::SERVICE_UNAVAILABLE);
        response.set_to_tag(&self.gate.reply_tag(request));
        if ours {
            response.set(HeaderName::RetryAfter, retry_after_secs(now).to_string());
        }
        response
    }

    /// Lets events, questions and answers run until nobody has anything to say.
    fn settle(&mut self, now: Tick) {
        self.now = now;
        loop {
            if let Some(event) = self.wire.events.pop_front() {
                self.follow(now, event);
            } else if let Some(question) = self.asked.questions.pop_front() {
                self.ask(now, question);
            } else if let Some(ack) = self.asked.acks.pop_front() {
                self.acknowledge_device(now, ack);
            } else if let Some(found) = self.located.found.pop_front() {
                self.found(now, found);
            } else if let Some(place) = self.asked.failed.pop_front() {
                self.locator.failed(now, &place);
                let others = self.seat.others().map(|other| (other, Crossing(Load::Failed(place.clone()))));
                self.crossings.extend(others);
            } else if let Some(moved) = self.asked.reconnected.pop_front() {
                self.registrar.reconnected(&moved.address, &moved.before, &moved.after);
            } else if let Some(call) = self.asked.calls.pop_front() {
                self.count_call(&call);
            } else {
                return;
            }
        }
    }

    fn follow(&mut self, now: Tick, event: Event) {
        let (proxy, mut turn) = self.turn(now);
        proxy.event(&mut turn, event);
    }

    fn ask(&mut self, now: Tick, question: ruf_proxy::Question) {
        let answered = self.at_hand(now).answer(question);
        match answered {
            table::Answered::Now(answer) => {
                let (proxy, mut turn) = self.turn(now);
                proxy.answer(&mut turn, answer);
            }
            table::Answered::ByTheLocator(token, hop, is_for_help) => {
                if is_for_help {
                    self.for_help.insert(token.as_user());
                }
                self.locator.locate(now, token.as_user(), hop, &mut self.located);
            }
            table::Answered::ByTheShell(token, place) => self.reach.push_back((token.as_user(), place)),
        }
    }

    /// Where the device of an ACK is now.
    fn acknowledge_device(&mut self, now: Tick, ack: Ack) {
        let target = self.at_hand(now).first_target(&ack.destination, &ack.identity);
        let (proxy, mut turn) = self.turn(now);
        proxy.acknowledge(&mut turn, ack, target);
    }

    fn at_hand(&self, now: Tick) -> table::Asked<'_> {
        let Self { gate, plan, accounts, registrar, .. } = self;
        table::Asked { now, ourselves: gate.ourselves(), plan, accounts: accounts.read(), registrar }
    }

    fn count_call(&mut self, call: &CallEvent) {
        match call {
            CallEvent::Attempt { .. } => self.counters.calls_attempted += 1,
            CallEvent::Ringing { .. } => {}
            CallEvent::Answered { dialog, .. } => {
                self.counters.calls_answered += 1;
                self.note_answered(dialog);
            }
            CallEvent::Ended { .. } => self.counters.calls_ended += 1,
        }
    }

    fn turn(&mut self, now: Tick) -> (&mut Proxy, Turn<'_>) {
        let turn = Turn {
            now,
            gate: &self.gate,
            transactions: &mut self.transactions,
            wire: &mut self.wire,
            out: &mut self.asked,
        };
        (&mut self.proxy, turn)
    }

    /// A hop of the proxy was found, or not.
    fn found(&mut self, now: Tick, mut found: Found) {
        if !self.for_help.remove(&found.user) {
            self.spare_neighbours(now, &mut found.places);
        }
        let answer = Answer::Resolved {
            token: Token::from_user(found.user),
            places: if found.places.is_empty() { Err(Unreachable) } else { Ok(found.places) },
        };
        let (proxy, mut turn) = self.turn(now);
        proxy.answer(&mut turn, answer);
    }

    /// What the DNS said to a question from [`Node::poll_query`].
    pub fn resolved(&mut self, now: Tick, number: u64, answer: ruf_locate::Answer) {
        self.locator.answer(now, number, answer, &mut self.located);
        self.settle(now);
    }

    /// What became of a question from [`Node::poll_reach`]; `None`: no flow leads there.
    pub fn reached(&mut self, now: Tick, token: u64, flow: Option<Flow>) {
        let answer = Answer::Reached { token: Token::from_user(token), flow: flow.ok_or(Unreachable) };
        let (proxy, mut turn) = self.turn(now);
        proxy.answer(&mut turn, answer);
        self.settle(now);
    }

    /// This flow leads nowhere: what was sent over it did not arrive, or its connection is gone.
    pub fn unreachable(&mut self, now: Tick, flow: Flow) {
        self.transactions.unreachable(now, flow, &mut self.wire);
        self.settle(now);
    }

    /// Time has passed; early or extra calls do nothing.
    pub fn tick(&mut self, now: Tick) {
        self.transactions.tick(now, &mut self.wire);
        let (proxy, mut turn) = self.turn(now);
        proxy.tick(&mut turn);
        self.locator.tick(now, &mut self.located);
        self.registrar.tick(now);
        self.keepalive.tick(now, &self.registrar, &mut self.wire.transmits);
        self.gate.tick(now);
        self.neighbours.tick(now);
        self.settle(now);
    }

    /// When the node wants to be ticked next.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Tick> {
        let machines = [
            self.transactions.deadline(),
            self.proxy.deadline(),
            self.locator.deadline(),
            self.registrar.deadline(),
            self.keepalive.deadline(),
            self.gate.deadline(),
            self.neighbours.deadline(),
        ];
        machines.into_iter().flatten().min()
    }

    /// The next message to send.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let mut transmit = self.wire.transmits.pop_front()?;
        self.counters.sent += 1;
        if self.neighbours.is_one(transmit.flow.remote.ip()) {
            self.sign(&mut transmit);
        }
        Some(transmit)
    }

    /// The next question to the DNS; answer by [`Node::resolved`].
    #[must_use]
    pub fn poll_query(&mut self) -> Option<(u64, Query)> {
        self.located.queries.pop_front()
    }

    /// The next place that needs a flow; answer by [`Node::reached`].
    #[must_use]
    pub fn poll_reach(&mut self) -> Option<(u64, Place)> {
        self.reach.pop_front()
    }

    /// Nobody waits for an answer, or for the ACK to one: a server that stops need not wait either.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.proxy.owes_nothing() && self.unacknowledged.is_empty() && self.held.is_empty()
    }

    /// No transaction and no context is left: what the simulation asks after the last timer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.transactions.is_empty()
            && self.proxy.is_empty()
            && self.locator.is_idle()
            && self.held.is_empty()
    }

    /// The bindings.
    pub fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// The accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The self-test is over: what was counted during it does not count.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }

    /// Named figures, in the order in which they are shown.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let mut figures = self.gauges();
        figures.extend(self.counters.named());
        figures
    }

    /// The figures that go up and down; the others, [`Counters::named`], only grow. What all workers share
    /// is told by the first one.
    pub fn gauges(&self) -> Vec<(&'static str, u64)> {
        let open = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let shared = (self.seat.index() == 0).then(|| ("bindings", open(self.registrar.len())));
        let own = [
            ("waiting for the disk", open(self.held.len())),
            ("transactions open", open(self.transactions.len())),
            ("requests in the proxy", open(self.proxy.len())),
            ("registrations kept alive", open(self.keepalive.len())),
            ("pings sent", self.keepalive.sent()),
            ("busy percent", self.overload.busy_percent().into()),
            ("refused early percent", self.overload.refused_percent().into()),
            ("neighbours that ask for less", open(self.neighbours.asking())),
        ];
        let finding = self.locator.figures().map(|(name, count)| (name, open(count)));
        shared.into_iter().chain(own).chain(finding).collect()
    }

    /// Plants a fault that the simulation must catch.
    #[cfg(feature = "mutants")]
    pub fn plant(&mut self, mutant: ruf_transaction::Mutant) {
        self.transactions.plant(mutant);
    }
}

/// Whether an identity is one of our own phones, which may be told when to come back.
fn is_ours(identity: &Identity) -> bool {
    matches!(identity, Identity::Account(_))
}

/// When one of our own phones may try again: not all at once.
fn retry_after_secs(now: Tick) -> u64 {
    RETRY_AFTER_SECS + now.as_micros() % RETRY_AFTER_SECS
}

/// CRLF keepalives (RFC 5626 section 3.5.1) and anything too short to be a message: no answer.
fn is_keepalive(datagram: &[u8]) -> bool {
    datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n' | 0))
}
