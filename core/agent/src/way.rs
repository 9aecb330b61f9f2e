//! The way of a call's requests: each goes to the first server of its route set, or else to its target, by a flow
//! that leads there (RFC 3261 §8.1.2, §12.2.1.1; RFC 5626 §4.3). Where a name leads only the driver knows: it is
//! asked ([`Agent::poll_question`]), and what goes out meanwhile waits, in its order.
//!
//! The flow that a call has is kept as long as it leads where a request is to go ([`leads`](crate::leads)).
//!
//! Not here: the next place, where the first finds nobody ([`failover`](crate::failover)); what belongs to no call
//! ([`alone`](crate::alone)); the first try of requests out of dialog, whose flow is the agent's
//! ([`Settings::flow`](crate::Settings::flow)), unless there is no server and a call is sent on
//! ([`redirect`](crate::redirect)).

use crate::agent::Agent;
use crate::calls::Call;
use crate::client::{Open, Owner, Past};
use crate::event::CallKey;
use crate::failover::{Outcome, Tried};
use crate::leads::{is_among, is_at_one, is_safe, leads};
use ruf_message::{Flow, HeaderName, Hop, Request, Tick, Transport, Uri, UriRef};
use ruf_session::{Asked, Failure, Verb};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How long the driver may take for an answer: names and connections have their own, shorter times.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(32);

/// One question for a way; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WayKey {
    /// `None`: of what belongs to no call.
    call: Option<CallKey>,
    number: u64,
}

impl WayKey {
    pub(crate) fn alone(number: u64) -> Self {
        WayKey { call: None, number }
    }
}

/// What the driver is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayQuestion {
    /// To be given back with the answer.
    pub key: WayKey,
    /// By which flow is this hop reached? `None`: our server, which the driver knows.
    pub hop: Option<Hop>,
    /// Not by these: what was sent by them found nobody.
    pub failed: Vec<Flow>,
    /// The last of them says that it serves nobody for so long (503 with Retry-After).
    // rfc3261 §21.5.4
    pub retry_after_secs: Option<u32>,
}

impl WayQuestion {
    /// What was sent there found nobody: a way that leads there is no answer, by whichever connection.
    // rfc3263 §4.3: what is tried next is another transport or another address
    #[must_use]
    pub fn rules_out(&self, transport: Transport, remote: SocketAddr) -> bool {
        is_at_one(&self.failed, transport, remote)
    }
}

/// What goes out in a call.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Whose outcome it has; `None`: the ACK of a 2xx has none.
    pub(crate) asked: Option<Asked>,
    pub(crate) request: Request,
    /// Where it has been before.
    pub(crate) tried: Option<Box<Tried>>,
}

/// ```text
///   Known --request for elsewhere--> Asking --flow, or none--> Known
/// ```
#[derive(Debug)]
pub(crate) struct Way {
    /// Its requests go by this.
    flow: Flow,
    /// The peer's first request came by it.
    is_theirs: bool,
    /// Its connection is closed.
    is_gone: bool,
    /// What the driver said that it leads to.
    leads_to: Option<Hop>,
    /// What waits, in its order.
    waiting: VecDeque<Outgoing>,
    question: Option<Question>,
}

#[derive(Debug)]
struct Question {
    key: WayKey,
    /// `None`: our server.
    hop: Option<Hop>,
    until: Tick,
}

impl Way {
    /// That of a call of ours: the driver says that it leads there.
    pub(crate) fn ours(flow: Flow, leads_to: Option<Hop>) -> Self {
        Way { flow, is_theirs: false, is_gone: false, leads_to, waiting: VecDeque::new(), question: None }
    }

    /// That of a call of theirs.
    pub(crate) fn theirs(flow: Flow) -> Self {
        Way { is_theirs: true, ..Way::ours(flow, None) }
    }

    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    /// Another way to our server. If that is at another place, the driver is asked anew what else it leads to.
    pub(crate) fn move_to(&mut self, flow: Flow) {
        self.leads_to.take_if(|_| !is_among(&[self.flow], &flow));
        (self.flow, self.is_gone) = (flow, false);
    }

    /// Its connection is closed: what follows asks for another.
    pub(crate) fn lose(&mut self) {
        self.is_gone = true;
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.question.as_ref().map(|question| question.until)
    }

    /// This goes before all that waits, but for what a question is about.
    pub(crate) fn wait_first(&mut self, outgoing: Outgoing) {
        let at = usize::from(self.question.is_some()).min(self.waiting.len());
        self.waiting.insert(at, outgoing);
    }

    /// Takes out what waits and belongs to this.
    pub(crate) fn withdraw(&mut self, asked: Asked) -> bool {
        let before = self.waiting.len();
        // The question is about the first that waits.
        if self.waiting.front().is_some_and(|first| first.asked == Some(asked)) {
            self.question = None;
        }
        self.waiting.retain(|outgoing| outgoing.asked != Some(asked));
        self.waiting.len() < before
    }

    /// It leads to where this URI says.
    fn leads_to(&self, to: &UriRef<'_>, hop: &Hop) -> bool {
        let is_known = self.leads_to.as_ref() == Some(hop) && is_safe(hop, &self.flow);
        !self.is_gone && (is_known || leads(&self.flow, self.is_theirs, to, hop))
    }

    /// The driver's answer; gives the flow to go by, if there is one. `opens`: what waits opens the call, and
    /// has been nowhere; the rest goes by the flow that was, if it knows no better.
    fn answered(&mut self, hop: Option<Hop>, found: Option<Flow>, opens: bool) -> Option<Flow> {
        let is_safe = |flow: &Flow| hop.as_ref().is_none_or(|hop| is_safe(hop, flow));
        // What began over TLS goes on over nothing less.
        let was_secure = self.flow.transport.is_secure();
        match found.filter(|found| is_safe(found) && (found.transport.is_secure() || !was_secure)) {
            Some(found) => (self.flow, self.is_theirs, self.is_gone) = (found, false, false),
            None if opens || self.is_gone || !is_safe(&self.flow) => return None,
            None => {}
        }
        self.leads_to = hop.or(self.leads_to.take());
        Some(self.flow)
    }
}

impl Outgoing {
    pub(crate) fn new(asked: Option<Asked>, request: Request) -> Self {
        Outgoing { asked, request, tried: None }
    }

    /// What goes out again where it was, after it was sent in vain by these flows.
    pub(crate) fn again(asked: Asked, request: Request, flows: Vec<Flow>) -> Self {
        let tried = (!flows.is_empty()).then(|| Box::new(Tried { flows, outcome: None }));
        Outgoing { asked: Some(asked), request, tried }
    }

    /// It found nobody, and looks for the next place.
    fn is_lost(&self) -> bool {
        self.tried.as_ref().is_some_and(|tried| tried.outcome.is_some())
    }

    /// By which flows it was sent before, in vain.
    fn failed(&self) -> &[Flow] {
        self.tried.as_ref().map_or(&[], |tried| &tried.flows)
    }

    /// Both acknowledge the same 2xx.
    fn is_ack_of(&self, other: &Outgoing) -> bool {
        let of = |request: &Request| (request.cseq().number, request.to_tag().map(<[u8]>::to_vec));
        self.asked.is_none() && other.asked.is_none() && of(&self.request) == of(&other.request)
    }

    /// It carries credentials.
    fn is_proved(&self) -> bool {
        let mut names = [HeaderName::Authorization, HeaderName::ProxyAuthorization].into_iter();
        names.any(|name| self.request.contains(name))
    }

    fn opens(&self) -> bool {
        self.asked.is_some_and(|asked| asked.verb == Verb::Invite)
    }
}

impl Agent {
    /// By which flow is a hop reached (RFC 3263)? [`Self::found`] answers; what waits for it is given up after
    /// 32 s.
    // rfc3261 §8.1.2
    #[must_use]
    pub fn poll_question(&mut self) -> Option<WayQuestion> {
        self.questions.pop_front()
    }

    /// The answer to a question; `None`: the hop is not reached. One that nobody waits for any more does nothing.
    pub fn found(&mut self, now: Tick, question: WayKey, flow: Option<Flow>) {
        match question.call {
            Some(call) => self.way_found(now, call, question, flow),
            None => self.found_alone(now, question.number, flow),
        }
        self.drain(now);
    }

    fn way_found(&mut self, now: Tick, key: CallKey, answered: WayKey, found: Option<Flow>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(question) = call.way.question.take_if(|question| question.key == answered) else { return };
        let Some(first) = call.way.waiting.front() else { return };
        let (before, was_lost) = (call.way.flow, first.is_lost());
        // Whoever waited for what found nobody may have gone.
        let is_wanted = !was_lost || first.asked.is_some_and(|asked| call.usage.wants(asked));
        let found = found.filter(|flow| is_wanted && !is_among(first.failed(), flow));
        let must_be_found = first.opens() || was_lost;
        match call.way.answered(question.hop, found, must_be_found) {
            Some(flow) => {
                if flow != before {
                    self.go_by(key, flow);
                }
                if was_lost {
                    self.send_first(now, key);
                }
            }
            None => {
                if let Some(lost) = call.way.waiting.pop_front() {
                    self.no_way(now, key, lost);
                }
            }
        }
        self.proceed(now, key);
        self.calls.settle(key);
    }

    /// The call goes by this flow from here on, and says so.
    // rfc3261 §8.1.1.8
    pub(crate) fn go_by(&mut self, key: CallKey, flow: Flow) {
        let Some(caller) = self.calls.get(key).map(|call| call.caller) else { return };
        let contact = self.contact_of(caller, &flow);
        let Some(call) = self.calls.get_mut(key) else { return };
        for outgoing in &mut call.way.waiting {
            if outgoing.request.contains(HeaderName::Contact) {
                outgoing.request.set(HeaderName::Contact, format!("<{contact}>"));
            }
        }
        call.usage.locate(contact);
    }

    /// Sends this in a call, as soon as its way is known and what came before it is sent.
    pub(crate) fn dispatch(&mut self, now: Tick, key: CallKey, outgoing: Outgoing) {
        let Some(call) = self.calls.get_mut(key) else { return };
        // A 2xx that is repeated meanwhile is acknowledged once.
        if !call.way.waiting.iter().any(|waiting| waiting.is_ack_of(&outgoing)) {
            call.way.waiting.push_back(outgoing);
        }
        self.proceed(now, key);
    }

    /// Sends what waits, up to what must be asked for.
    // rfc3261 §12.2.1.1
    pub(crate) fn proceed(&mut self, now: Tick, key: CallKey) {
        while let Some(call) = self.calls.get_mut(key) {
            let Some(first) = call.way.waiting.front().filter(|_| call.way.question.is_none()) else {
                return;
            };
            let unknown = match next_hop(call, &first.request, self.settings.has_server) {
                Some(to) => {
                    let is_unknown = |hop: &Hop| first.is_lost() || !call.way.leads_to(&to.as_ref(), hop);
                    to.as_ref().hop().filter(is_unknown).map(Some)
                }
                None => first.is_lost().then_some(None),
            };
            if let Some(hop) = unknown {
                let failed = first.failed().to_vec();
                let outcome = first.tried.as_ref().and_then(|tried| tried.outcome.as_ref());
                let retry_after_secs = outcome.and_then(Outcome::retry_after_secs);
                let way = WayKey { call: Some(key), number: self.next };
                self.next += 1;
                let until = now + ANSWER_MAX;
                call.way.question = Some(Question { key: way, hop: hop.clone(), until });
                return self.questions.push_back(WayQuestion { key: way, hop, failed, retry_after_secs });
            }
            self.send_first(now, key);
        }
    }

    /// Sends what waits first by the way that the call has.
    fn send_first(&mut self, now: Tick, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let flow = call.way.flow;
        let Some(mut outgoing) = call.way.waiting.pop_front() else { return };
        if let Some(asked) = outgoing.asked.filter(|_| outgoing.is_proved()) {
            if call.challenged_by.take_if(|by| !is_among(&[*by], &flow)).is_some() {
                call.keyring.start_over(&mut outgoing.request);
            }
            // rfc3261 §13.2.2.4: an ACK has the same credentials
            if matches!(asked.verb, Verb::Invite | Verb::Reinvite) {
                self.turn(now, key, |usage, turn| usage.sent_again(turn, asked, &outgoing.request));
            }
        }
        self.send_in(now, key, flow, outgoing);
    }

    fn send_in(&mut self, now: Tick, key: CallKey, flow: Flow, outgoing: Outgoing) {
        let Outgoing { asked, request, tried } = outgoing;
        match asked {
            Some(asked) => {
                let flows = tried.map_or_else(Vec::new, |tried| tried.flows);
                let past = Past { flows, ..Past::default() };
                if self.send_past(now, flow, Owner::Call { key, asked }, request, past).is_err() {
                    self.turn(now, key, |usage, turn| usage.failed(turn, asked, Failure::Unreachable));
                }
            }
            None => self.transactions.send_stateless(flow, request, &flow.local.to_string(), &mut self.out),
        }
    }

    /// This goes nowhere; a call that is to be opened tries its next place.
    fn no_way(&mut self, now: Tick, key: CallKey, lost: Outgoing) {
        let opens = lost.opens();
        let Outgoing { asked: Some(asked), request, tried } = lost else { return };
        let flow = self.flow(key);
        if let (Some(Tried { flows, outcome: Some(outcome) }), Some(flow)) = (tried.map(|tried| *tried), flow)
        {
            let past = Past { flows, ..Past::default() };
            let open = Open { owner: Owner::Call { key, asked }, flow, request: Box::new(request), past };
            return self.tried_in_vain(now, open, &outcome);
        }
        if !(opens && self.goes_elsewhere(now, key, asked, &request, None)) {
            self.turn(now, key, |usage, turn| usage.failed(turn, asked, Failure::Unreachable));
        }
    }

    /// Time passed: the driver did not answer.
    pub(crate) fn tick_way(&mut self, now: Tick, key: CallKey) {
        let question = self.calls.get(key).and_then(|call| call.way.question.as_ref());
        if let Some(late) = question.filter(|question| question.until <= now) {
            let late = late.key;
            self.way_found(now, key, late, None);
        }
    }
}

/// Where a request of a call goes; `None`: to the server, which knows.
// rfc3261 §12.2.1.1
pub(crate) fn next_hop(call: &Call, request: &Request, has_server: bool) -> Option<Uri> {
    match request.to_tag() {
        Some(tag) => call.usage.next_hop(tag).or_else(|| Some(request.uri().to_owned())),
        None => (!has_server).then(|| request.uri().to_owned()),
    }
}
