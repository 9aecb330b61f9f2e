//! The way of requests that belong to no call: subscriptions and publications, MESSAGE and OPTIONS. What begins goes by
//! the agent's flow, which the driver aims; what a 3xx sends elsewhere, where there is no server to know the way, and
//! what is said within a subscription, goes where it is addressed to: if its flow does not lead there, the driver is
//! asked, as for calls ([`way`](crate::way)).

use crate::agent::Agent;
use crate::client::{Owner, Past};
use crate::event::Full;
use crate::subscriptions::Of;
use crate::way::{WayKey, WayQuestion, leads};
use ruf_dialog::RouteSet;
use ruf_message::{Flow, Hop, Request, Response, Tick};
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
        let hop = request.to_tag().is_some().then(|| next_hop(&request, &flow, of.is_theirs())).flatten();
        match hop {
            Some(hop) => self.seek(now, hop, Some(flow), owner, request, Past::default()),
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
            Some(hop) => self.seek(now, hop, None, owner, request, past),
            None => self.send_past(now, flow, owner, request, past),
        }
    }

    fn seek(
        &mut self,
        now: Tick,
        hop: Hop,
        before: Option<Flow>,
        owner: Owner,
        request: Request,
        past: Past,
    ) -> Result<(), Full> {
        if self.seeking.len() >= self.settings.limits.transactions.clients_max {
            return Err(Full);
        }
        let number = self.next;
        self.next += 1;
        let until = now + crate::way::ANSWER_MAX;
        self.seeking.0.insert(number, Waiting { owner, request, past, before, until });
        self.questions.push_back(WayQuestion { key: WayKey::alone(number), hop, failed: Vec::new() });
        Ok(())
    }

    /// The driver's answer to such a question.
    pub(crate) fn found_alone(&mut self, now: Tick, number: u64, found: Option<Flow>) {
        let Some(Waiting { owner, request, past, before, .. }) = self.seeking.0.remove(&number) else {
            return;
        };
        // What began over TLS goes on over nothing less.
        let is_safe =
            |flow: &Flow| flow.transport.is_secure() || before.is_none_or(|b| !b.transport.is_secure());
        if let (Owner::Subscription { of, .. }, Some(flow)) = (&owner, found.filter(is_safe))
            && before.is_some_and(|before| before != flow)
        {
            self.lead_subscription(*of, flow);
        }
        // Whoever waited may have gone.
        if let Owner::Subscription { of, .. } = &owner
            && self.subscriptions.keyring(*of).is_none()
        {
            return;
        }
        let lost = owner.clone();
        let is_sent = match found.filter(is_safe).or(before) {
            Some(flow) => self.send_past(now, flow, owner, request, past).is_ok(),
            None => self.goes_elsewhere_alone(now, owner, request, past),
        };
        if !is_sent {
            self.failed(now, lost, Failure::Unreachable);
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
