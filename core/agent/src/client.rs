//! Requests of ours: sent, challenged, redirected, answered (RFC 3261 §8.1, §22.2, §22.3).

use crate::agent::Agent;
use crate::event::{AgentEvent, Answer, CallKey, Full, RequestKey};
use crate::failover::{Outcome, is_of_the_place, retry_after_secs};
use crate::history;
use crate::redirect::TargetSet;
use crate::repair::{is_repairable, repair};
use crate::subscriptions::Of;
use crate::way::Outgoing;
use ruf_auth::Keyring;
use ruf_dialog::RouteSet;
use ruf_message::{Flow, HeaderName, Method, Request, Response, StatusCode, Tick, Uri};
use ruf_session::{Asked, Failure, Verb};

/// A request of ours whose transaction is open.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) owner: Owner,
    pub(crate) flow: Flow,
    /// As it went out, for another try: with credentials, at another place.
    pub(crate) request: Box<Request>,
    pub(crate) past: Past,
}

/// What is known of a request from its tries before.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// By which flows it was sent in vain.
    pub(crate) flows: Vec<Flow>,
    /// Where else a request of no call may go.
    pub(crate) targets: Option<Box<TargetSet>>,
}

impl Past {
    /// Where it goes next, after this refusal or none at all.
    // rfc3261 §8.1.3.4
    pub(crate) fn next_target(
        &mut self,
        request: &Request,
        refusal: Option<&Response>,
        redirects_max: u8,
    ) -> Option<Uri> {
        let begin = || Box::new(TargetSet::new(request.uri().to_owned(), redirects_max));
        let targets = self.targets.get_or_insert_with(begin);
        if let Some(refusal) = refusal {
            targets.refused(refusal);
        }
        targets.next().map(|target| target.uri)
    }
}

/// Whose request.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Registration,
    Call { key: CallKey, asked: Asked },
    Single { key: RequestKey, method: Method, keyring: Box<Keyring> },
    Subscription { of: Of, asked: ruf_events::Asked },
}

impl Agent {
    /// Opens a transaction.
    pub(crate) fn send(&mut self, now: Tick, flow: Flow, owner: Owner, request: Request) -> Result<(), Full> {
        self.send_past(now, flow, owner, request, Past::default())
    }

    /// The same, of what was sent before.
    pub(crate) fn send_past(
        &mut self,
        now: Tick,
        flow: Flow,
        owner: Owner,
        request: Request,
        past: Past,
    ) -> Result<(), Full> {
        let user = self.next;
        self.next += 1;
        let sent_by = flow.local.to_string();
        let client = self
            .transactions
            .send(now, flow, request.clone(), &sent_by, user, &mut self.out)
            .map_err(|ruf_transaction::Full| Full)?;
        if let Owner::Call { key, asked } = owner
            && let Some(call) = self.calls.get_mut(key)
        {
            call.clients.push((asked, client));
        }
        self.open.insert(user, Open { owner, flow, request: Box::new(request), past });
        Ok(())
    }

    /// A response came.
    pub(crate) fn responded(&mut self, now: Tick, user: u64, response: &Response) {
        // rfc3261 §8.1.3.3: a second Via means that it was for somebody else
        if response.values(HeaderName::Via).count() > 1 {
            return;
        }
        let is_elsewhere = || Outcome::Refused(Box::new(response.clone()));
        if !(is_of_the_place(response) && self.goes_to_next_place(now, user, is_elsewhere())) {
            self.heard(now, user, response);
        }
    }

    /// The response counts.
    pub(crate) fn heard(&mut self, now: Tick, user: u64, response: &Response) {
        let status = response.status();
        if !status.is_provisional() && !status.is_success() {
            if self.is_tried_again(now, user, response) {
                return;
            }
            self.note_retry_after(user, response);
        }
        let Some(open) = self.open.get(&user) else { return };
        match &open.owner {
            Owner::Registration => {
                let step = self.registration.response(now, &mut self.entropy, response);
                self.registered(now, step);
            }
            Owner::Call { key, asked } => {
                let (key, asked) = (*key, *asked);
                self.turn(now, key, |usage, turn| usage.response(turn, asked, response));
            }
            Owner::Subscription { of, asked } => {
                let whose = (*of, *asked);
                self.subscription_answered(now, whose, Ok(response));
            }
            Owner::Single { key, method, .. } => {
                if !status.is_provisional() {
                    let reason = String::from_utf8_lossy(response.reason()).into_owned();
                    self.events.push_back(answered(*key, *method, Answer::Final { status, reason }));
                }
            }
        }
    }

    /// What was refused goes out once more: with credentials, said otherwise, or to another place. False: it
    /// cannot, or nobody wants the answer any more.
    fn is_tried_again(&mut self, now: Tick, user: u64, refusal: &Response) -> bool {
        self.is_proved(now, user, refusal)
            || self.is_repaired(now, user, refusal)
            || self.is_redirected(now, user, refusal)
    }

    // rfc3261 §8.1.3.5
    fn is_proved(&mut self, now: Tick, user: u64, refusal: &Response) -> bool {
        match refusal.status() {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.can_prove(user, refusal) && self.send_again(now, user, |_| (), false)
            }
            _ => false,
        }
    }

    /// The challenge can be answered.
    // rfc3261 §22.2 and rfc3261 §22.3
    fn can_prove(&mut self, user: u64, challenge: &Response) -> bool {
        let Some(open) = self.open.get_mut(&user) else { return false };
        let keyring = match &mut open.owner {
            Owner::Registration => &mut self.registration.keyring,
            Owner::Single { keyring, .. } => keyring,
            Owner::Subscription { of, .. } => match self.subscriptions.keyring(*of) {
                Some(keyring) => keyring,
                None => return false,
            },
            Owner::Call { key, .. } => match self.calls.get_mut(*key) {
                Some(call) => {
                    call.challenged_by = Some(open.flow);
                    &mut call.keyring
                }
                None => return false,
            },
        };
        keyring.challenged(&open.request, challenge, &mut self.entropy).is_ok()
    }

    // rfc3261 §8.1.3.5
    fn is_repaired(&mut self, now: Tick, user: u64, refusal: &Response) -> bool {
        let Some(open) = self.open.get(&user).filter(|_| is_repairable(refusal)) else { return false };
        let mut repaired = (*open.request).clone();
        let domain = self.settings.aor.as_ref().host().map_or_else(String::new, |host| host.to_string());
        repair(&mut repaired, refusal, &domain)
            && self.send_again(now, user, |again| *again = repaired, false)
    }

    /// A request is answered with other places, or the one it was redirected to fails.
    // rfc3261 §8.1.3.4
    fn is_redirected(&mut self, now: Tick, user: u64, refusal: &Response) -> bool {
        let Some((key, asked)) = self.opening(user) else {
            return self.is_redirected_alone(now, user, Some(refusal));
        };
        let Some(call) = self.calls.get_mut(key) else { return false };
        call.targets.refused(refusal);
        let Some(open) = self.open.get(&user) else { return false };
        let request = open.request.clone();
        self.goes_elsewhere(now, key, asked, &request, Some(refusal))
    }

    /// The call goes to its next place, if it has one.
    // rfc3261 §8.1.3.4
    pub(crate) fn goes_elsewhere(
        &mut self,
        now: Tick,
        key: CallKey,
        asked: Asked,
        request: &Request,
        refusal: Option<&Response>,
    ) -> bool {
        let Some(to) = self.calls.get_mut(key).and_then(|call| call.targets.next()) else { return false };
        // rfc3261 §8.1.3.4: without headers and method
        let (bare, _) = RouteSet::default().apply(&to.uri);
        let mut again = request.clone();
        again.set_uri(&bare);
        history::go_on(&mut again, request.uri(), &to, refusal);
        let is_wanted = self.ask_again(now, key, asked, again, Vec::new());
        if is_wanted {
            self.events.push_back(AgentEvent::Redirected { call: key, to: to.uri });
        }
        is_wanted
    }

    /// The call that this request of ours is to open.
    fn opening(&self, user: u64) -> Option<(CallKey, Asked)> {
        match self.open.get(&user)?.owner {
            Owner::Call { key, asked: asked @ Asked { verb: Verb::Invite, .. } } => Some((key, asked)),
            Owner::Call { .. } | Owner::Registration | Owner::Single { .. } | Owner::Subscription { .. } => {
                None
            }
        }
    }

    /// Whom a call does not reach says when to try again.
    // rfc3261 §20.33
    fn note_retry_after(&mut self, user: u64, refusal: &Response) {
        if let Some((call, _)) = self.opening(user)
            && let Some(secs) = retry_after_secs(refusal)
        {
            self.events.push_back(AgentEvent::RetryAfter { call, secs });
        }
    }

    /// The same request with the next number, changed, with the credentials it was asked for; perhaps to another
    /// place. False: nobody wants the answer any more.
    // rfc3261 §8.1.3.5 and rfc3261 §22.2
    pub(crate) fn send_again(
        &mut self,
        now: Tick,
        user: u64,
        change: impl FnOnce(&mut Request),
        is_elsewhere: bool,
    ) -> bool {
        let Some(open) = self.open.get(&user) else { return false };
        let flow = open.flow;
        let mut again = (*open.request).clone();
        change(&mut again);
        let owner = open.owner.clone();
        if let Owner::Call { key, asked } = owner {
            let flows = open.past.flows.clone();
            return self.ask_again(now, key, asked, again, flows);
        }
        let Some(owner) = self.renewed(now, owner, &mut again) else { return false };
        let past = self.open.get_mut(&user).map(|open| std::mem::take(&mut open.past)).unwrap_or_default();
        let lost = owner.clone();
        let sent = match is_elsewhere {
            true => self.send_elsewhere(now, flow, owner, again, past),
            false => self.send_past(now, flow, owner, again, past),
        };
        if sent.is_err() {
            self.failed(now, lost, Failure::Unreachable);
        }
        true
    }

    /// A request of no call, with the next number and the credentials it was asked for. `None`: nobody wants the
    /// answer any more.
    // rfc3261 §8.1.3.5 and rfc3261 §22.2
    pub(crate) fn renewed(&mut self, now: Tick, owner: Owner, again: &mut Request) -> Option<Owner> {
        match owner {
            Owner::Registration => {
                renumber(again, self.registration.retry()?);
                self.registration.keyring.authorize(again);
                Some(Owner::Registration)
            }
            Owner::Single { key, method, mut keyring } => {
                let number = again.cseq().number.saturating_add(1);
                renumber(again, number);
                keyring.authorize(again);
                Some(Owner::Single { key, method, keyring })
            }
            Owner::Subscription { of, asked } => {
                let asked = self.subscriptions.retry(now, of, asked)?;
                renumber(again, asked.cseq);
                if let Some(keyring) = self.subscriptions.keyring(of) {
                    keyring.authorize(again);
                }
                Some(Owner::Subscription { of, asked })
            }
            Owner::Call { .. } => None,
        }
    }

    /// A request of a call that was sent in vain by these flows, with the next number. False: nobody wants the answer
    /// any more.
    // rfc3261 §8.1.3.5 and rfc3261 §22.2
    fn ask_again(
        &mut self,
        now: Tick,
        key: CallKey,
        asked: Asked,
        mut again: Request,
        flows: Vec<Flow>,
    ) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
        let Some(number) = call.usage.retry(asked) else { return false };
        renumber(&mut again, number);
        call.keyring.authorize(&mut again);
        let asked = self.turn(now, key, |usage, turn| usage.sent_again(turn, asked, &again));
        let Some(asked) = asked else { return false };
        self.dispatch(now, key, Outgoing::again(asked, again, flows));
        self.calls.settle(key);
        true
    }

    /// A transaction of ours is over; `failed`: without a final response.
    pub(crate) fn ended(&mut self, now: Tick, user: u64, failed: Option<Failure>) {
        let elsewhere = failed.map(Outcome::Failed);
        if !elsewhere.is_some_and(|outcome| self.goes_to_next_place(now, user, outcome)) {
            self.over(now, user, failed);
        }
    }

    /// It is, and goes nowhere else.
    pub(crate) fn over(&mut self, now: Tick, user: u64, failed: Option<Failure>) {
        // rfc3261 §8.1.3.4: silence, too, is a failure after which the next place is tried
        if failed.is_some()
            && let Some((key, asked)) = self.opening(user)
            && let Some(open) = self.open.get(&user)
        {
            let request = open.request.clone();
            self.goes_elsewhere(now, key, asked, &request, None);
        }
        if failed.is_some() && self.is_redirected_alone(now, user, None) {
            self.open.remove(&user);
            return;
        }
        let Some(Open { owner, .. }) = self.open.remove(&user) else { return };
        if let Owner::Call { key, asked } = owner
            && let Some(call) = self.calls.get_mut(key)
        {
            call.clients.retain(|(of, _)| *of != asked);
        }
        match (owner, failed) {
            (owner, Some(failure)) => self.failed(now, owner, failure),
            (Owner::Call { key, asked }, None) => {
                self.turn(now, key, |usage, turn| usage.concluded(turn, asked));
            }
            (Owner::Registration | Owner::Single { .. } | Owner::Subscription { .. }, None) => {}
        }
    }

    /// There will be no answer.
    pub(crate) fn failed(&mut self, now: Tick, owner: Owner, failure: Failure) {
        match owner {
            Owner::Registration => {
                let step = self.registration.failed(now, &mut self.entropy, failure, None);
                self.registered(now, step);
            }
            #[cfg(feature = "mutants")]
            Owner::Call { .. } if self.mutant == Some(crate::Mutant::SilenceUntold) => {}
            Owner::Call { key, asked } => {
                self.turn(now, key, |usage, turn| usage.failed(turn, asked, failure));
            }
            Owner::Subscription { of, asked } => {
                self.subscription_answered(now, (of, asked), Err(failure));
            }
            Owner::Single { key, method, .. } => {
                self.events.push_back(answered(key, method, Answer::None(failure)));
            }
        }
    }
}

// rfc3261 §22.2: one higher
pub(crate) fn renumber(request: &mut Request, number: u32) {
    let method = String::from_utf8_lossy(request.method_bytes()).into_owned();
    request.set(HeaderName::CSeq, format!("{number} {method}"));
}

fn answered(request: RequestKey, method: Method, answer: Answer) -> AgentEvent {
    if method == Method::Message {
        AgentEvent::MessageAnswered { request, answer }
    } else {
        AgentEvent::OptionsAnswered { request, answer }
    }
}
