//! The way of requests that belong to no call: registration, subscriptions and publications, MESSAGE and OPTIONS. What
//! begins goes by the agent's flow, which the driver aims, and from there to the next place of its hop, as calls do
//! ([`failover`](crate::failover)). What a 3xx sends elsewhere, where there is no server to know the way, and what is
//! said within a subscription, goes where it is addressed to: if its flow does not lead there, the driver is asked, as
//! for calls ([`way`](crate::way)).

use crate::agent::Agent;
use crate::capabilities::contact;
use crate::client::{Open, Owner, Past, renumber};
use crate::event::Full;
use crate::failover::Outcome;
use crate::leads::{is_among, leads};
use crate::subscriptions::Of;
use crate::way::{ANSWER_MAX, WayKey, WayQuestion};
use ruf_dialog::RouteSet;
use ruf_message::{Flow, HeaderName, Hop, HostBuf, Request, Response, Tick};
use ruf_session::Failure;
use std::collections::BTreeMap;

/// What waits for its way.
#[derive(Debug)]
struct Waiting {
    owner: Owner,
    request: Request,
    past: Past,
    /// What it goes by if the driver knows no better.
    before: Option<Flow>,
    /// What came of it where it was; `None`: it was nowhere.
    outcome: Option<Outcome>,
    until: Tick,
}

/// All that wait, by the number of their question.
#[derive(Debug, Default)]
pub(crate) struct Seeking(BTreeMap<u64, Waiting>);

impl Seeking {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.0.values().map(|waiting| waiting.until).min()
    }
}

impl Agent {
    /// Sends a request within a subscription, by this flow if it leads there.
    // rfc3261 §12.2.1.1
    pub(crate) fn send_within(
        &mut self,
        now: Tick,
        flow: Flow,
        (of, asked): (Of, ruf_events::Asked),
        request: Request,
    ) -> Result<(), Full> {
        let owner = Owner::Subscription { of, asked };
        let until = now + ANSWER_MAX;
        let hop = request.to_tag().is_some().then(|| next_hop(&request, &flow, of.is_theirs())).flatten();
        match hop {
            Some(hop) => {
                let past = Past::default();
                self.seek(
                    Some(hop),
                    Waiting { owner, request, past, before: Some(flow), outcome: None, until },
                )
            }
            None => self.send(now, flow, owner, request),
        }
    }

    /// A request out of dialog that was answered with other places, or that fails at one of them, goes to the next.
    // rfc3261 §8.1.3.4
    pub(crate) fn is_redirected_alone(&mut self, now: Tick, user: u64, refusal: Option<&Response>) -> bool {
        let redirects_max = self.settings.redirects_max;
        let Some(open) = self.open.get_mut(&user).filter(|open| open.request.to_tag().is_none()) else {
            return false;
        };
        if !matches!(open.owner, Owner::Single { .. } | Owner::Subscription { .. }) {
            return false;
        }
        let Some(to) = open.past.next_target(&open.request, refusal, redirects_max) else { return false };
        // rfc3261 §8.1.3.4: without headers and method
        let (bare, _) = RouteSet::default().apply(&to);
        self.send_again(now, user, |again| again.set_uri(&bare), true)
    }

    /// Sends what was redirected: through the server, or where its new Request-URI says.
    pub(crate) fn send_elsewhere(
        &mut self,
        now: Tick,
        flow: Flow,
        owner: Owner,
        request: Request,
        past: Past,
    ) -> Result<(), Full> {
        let hop = (!self.settings.has_server).then(|| next_hop(&request, &flow, false)).flatten();
        match hop {
            Some(hop) => {
                // No other place of where it goes now has failed yet.
                let past = Past { flows: Vec::new(), ..past };
                let until = now + ANSWER_MAX;
                self.seek(Some(hop), Waiting { owner, request, past, before: None, outcome: None, until })
            }
            None => self.send_past(now, flow, owner, request, past),
        }
    }

    /// A request that begins something found nobody: it waits for the next place of its hop. False: there is none.
    // rfc3263 §4.3
    pub(crate) fn goes_to_next_place_alone(&mut self, now: Tick, user: u64, outcome: Outcome) -> bool {
        let Some(open) = self.open.get(&user).filter(|open| open.request.to_tag().is_none()) else {
            return false;
        };
        let to = open.request.next_route().unwrap_or(open.request.uri());
        let named = || to.hop().filter(|hop| matches!(hop.host, HostBuf::Name(_)));
        // Our server only the driver knows.
        let hop = if self.settings.has_server { None } else { named() };
        if (hop.is_none() && !self.settings.has_server) || self.is_seeking_full() {
            return false;
        }
        if let Owner::Subscription { of, asked } = open.owner
            && !self.subscriptions.moves(now, of, asked)
        {
            return false;
        }
        let Some(Open { owner, flow, request, mut past }) = self.open.remove(&user) else { return false };
        past.flows.push(flow);
        let (outcome, until) = (Some(outcome), now + ANSWER_MAX);
        self.seek(hop, Waiting { owner, request: *request, past, before: None, outcome, until }).is_ok()
    }

    fn is_seeking_full(&self) -> bool {
        self.seeking.len() >= self.settings.limits.transactions.clients_max
    }

    /// Asks where this hop is; `None`: our server.
    fn seek(&mut self, hop: Option<Hop>, waiting: Waiting) -> Result<(), Full> {
        if self.is_seeking_full() {
            return Err(Full);
        }
        let number = self.next;
        self.next += 1;
        let failed = waiting.past.flows.clone();
        let retry_after_secs = waiting.outcome.as_ref().and_then(Outcome::retry_after_secs);
        self.seeking.0.insert(number, waiting);
        self.questions.push_back(WayQuestion { key: WayKey::alone(number), hop, failed, retry_after_secs });
        Ok(())
    }

    /// The driver's answer to such a question.
    pub(crate) fn found_alone(&mut self, now: Tick, number: u64, found: Option<Flow>) {
        let Some(waiting) = self.seeking.0.remove(&number) else { return };
        let Waiting { mut owner, mut request, past, before, outcome, .. } = waiting;
        // Whoever waited may have gone.
        if let Owner::Subscription { of, asked } = owner
            && (self.subscriptions.keyring(of).is_none()
                || (outcome.is_some() && !self.subscriptions.moves(now, of, asked)))
        {
            return;
        }
        // What began over TLS goes on over nothing less.
        let was_secure =
            before.or(past.flows.last().copied()).is_some_and(|before| before.transport.is_secure());
        let is_safe = |flow: &Flow| flow.transport.is_secure() || !was_secure;
        let found = found.filter(is_safe).filter(|flow| !is_among(&past.flows, flow));
        if let Some(flow) = found.filter(|flow| before != Some(*flow)) {
            self.relocate(&owner, &mut request, flow);
        }
        if found.is_some() && outcome.is_some() {
            self.begin_anew(&mut owner, &mut request);
        }
        let lost = owner.clone();
        let is_sent = match (found.or(before), outcome) {
            (Some(flow), _) => self.send_past(now, flow, owner, request, past).is_ok(),
            (None, None) => self.goes_elsewhere_alone(now, owner, request, past),
            (None, Some(outcome)) => {
                let flow = past.flows.last().copied().unwrap_or(self.settings.flow);
                let open = Open { owner, flow, request: Box::new(request), past };
                return self.tried_in_vain(now, open, &outcome);
            }
        };
        if !is_sent {
            self.failed(now, lost, Failure::Unreachable);
        }
    }

    /// It goes to another place, where nobody has asked it for a password.
    fn begin_anew(&mut self, owner: &mut Owner, request: &mut Request) {
        match owner {
            Owner::Registration => {
                // rfc3261 §10.2: the place before may have taken it after all, and its number with it
                if let Some(number) = self.registration.retry() {
                    renumber(request, number);
                }
                self.registration.keyring.start_over(request);
            }
            Owner::Single { keyring, .. } => keyring.start_over(request),
            Owner::Subscription { of, .. } => {
                if let Some(keyring) = self.subscriptions.keyring(*of) {
                    keyring.start_over(request);
                }
            }
            Owner::Call { .. } => {}
        }
    }

    /// It goes by another flow than it was made for, and says so.
    // rfc3261 §8.1.1.8
    fn relocate(&mut self, owner: &Owner, request: &mut Request, flow: Flow) {
        match owner {
            Owner::Registration => {
                self.registration.move_to(contact(&self.settings, &flow));
                return self.registration.locate(request);
            }
            Owner::Subscription { of, .. } => self.lead_subscription(*of, flow),
            Owner::Single { .. } | Owner::Call { .. } => {}
        }
        if request.contains(HeaderName::Contact) {
            request.set(HeaderName::Contact, format!("<{}>", self.dialog_contact(&flow)));
        }
    }

    /// No way leads where it was sent on to: it goes to the next place. False: there is none.
    // rfc3261 §8.1.3.4
    fn goes_elsewhere_alone(
        &mut self,
        now: Tick,
        owner: Owner,
        mut request: Request,
        mut past: Past,
    ) -> bool {
        let Some(to) = past.targets.as_mut().and_then(|targets| targets.next()) else { return false };
        let (bare, _) = RouteSet::default().apply(&to.uri);
        request.set_uri(&bare);
        let Some(owner) = self.renewed(now, owner, &mut request) else { return false };
        self.send_elsewhere(now, self.settings.flow, owner, request, past).is_ok()
    }

    /// Time passed: the driver did not answer.
    pub(crate) fn tick_seeking(&mut self, now: Tick) {
        let late =
            self.seeking.0.iter().filter(|(_, waiting)| waiting.until <= now).map(|(number, _)| *number);
        for number in late.collect::<Vec<_>>() {
            self.found_alone(now, number, None);
        }
    }
}

/// Where a request goes that this flow does not lead to.
// rfc3261 §8.1.2
fn next_hop(request: &Request, flow: &Flow, is_theirs: bool) -> Option<Hop> {
    let to = request.next_route().unwrap_or(request.uri());
    to.hop().filter(|hop| !leads(flow, is_theirs, &to, hop))
}
