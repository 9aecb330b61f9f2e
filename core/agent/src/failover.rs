//! A request that finds nobody where its way leads goes to the next place of its hop (RFC 3261 §8.1.2, RFC 3263 §4.3):
//! the same request, in a transaction of its own, without the credentials that the place before asked for. Which place
//! is the next only the driver knows: it is asked again, and told what failed. What comes of the last place counts.
//!
//! Not here: a hop that is an address has one place, unless it is our server, which the driver knows by name; requests
//! within a subscription, which begin it anew.

use crate::agent::Agent;
use crate::client::{Open, Owner};
use crate::event::CallKey;
use crate::way::{Outgoing, next_hop};
use ruf_message::header::expires::RetryAfter;
use ruf_message::{Flow, HostBuf, Method, Request, Response, StatusCode, Tick};
use ruf_session::{Asked, Failure};

/// Most places that one request is sent to.
const PLACES_MAX: usize = 4;

/// Where a request has been in vain.
#[derive(Debug)]
pub(crate) struct Tried {
    /// By these flows.
    pub(crate) flows: Vec<Flow>,
    /// What came of the last; `None`: it wants the request again.
    pub(crate) outcome: Option<Outcome>,
}

/// What comes of a request that found nobody.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// 503.
    Refused(Box<Response>),
    /// Nobody answered, or no way led there.
    Failed(Failure),
}

impl Outcome {
    /// It serves nobody for so long.
    // rfc3261 §21.5.4
    pub(crate) fn retry_after_secs(&self) -> Option<u32> {
        match self {
            Outcome::Refused(refusal) => retry_after_secs(refusal),
            Outcome::Failed(_) => None,
        }
    }
}

/// When whoever refused says that he may be asked again.
// rfc3261 §20.33
pub(crate) fn retry_after_secs(refusal: &Response) -> Option<u32> {
    refusal.header::<RetryAfter<'_>>().ok().flatten().map(|after| after.secs)
}

/// The place is to blame, not what was asked.
// rfc3263 §4.3: a transport error, a timeout, 503
pub(crate) fn is_of_the_place(refusal: &Response) -> bool {
    refusal.status() == StatusCode::SERVICE_UNAVAILABLE
}

impl Agent {
    /// A request of ours found nobody: it waits for the next place of its hop. False: there is none, or nobody wants
    /// it any more.
    // rfc3263 §4.3
    pub(crate) fn goes_to_next_place(&mut self, now: Tick, user: u64, outcome: Outcome) -> bool {
        let Some(open) = self.open.get(&user).filter(|open| open.past.flows.len() + 1 < PLACES_MAX) else {
            return false;
        };
        match open.owner {
            Owner::Call { key, asked } => self.call_goes_to_next_place(now, user, key, asked, outcome),
            Owner::Registration | Owner::Single { .. } | Owner::Subscription { .. } => {
                self.goes_to_next_place_alone(now, user, outcome)
            }
        }
    }

    fn call_goes_to_next_place(
        &mut self,
        now: Tick,
        user: u64,
        key: CallKey,
        asked: Asked,
        outcome: Outcome,
    ) -> bool {
        let is_found = self.open.get(&user).is_none_or(|open| !self.has_places(key, asked, &open.request));
        let (false, Some(call)) = (is_found, self.calls.get_mut(key)) else { return false };
        // Of the transaction that ends nobody hears.
        let Some(Open { flow, request, past, .. }) = self.open.remove(&user) else { return false };
        let flows = past.flows.into_iter().chain([flow]).collect();
        call.clients.retain(|(of, _)| *of != asked);
        let tried = Some(Box::new(Tried { flows, outcome: Some(outcome) }));
        call.way.wait_first(Outgoing { asked: Some(asked), request: *request, tried });
        self.proceed(now, key);
        self.calls.settle(key);
        true
    }

    /// What this request's hop is called may stand for several places.
    fn has_places(&self, key: CallKey, asked: Asked, request: &Request) -> bool {
        let Some(call) = self.calls.get(key) else { return false };
        let is_named = match next_hop(call, request, self.settings.has_server) {
            Some(to) => to.as_ref().hop().is_some_and(|hop| matches!(hop.host, HostBuf::Name(_))),
            None => true,
        };
        // rfc3261 §9.1: a CANCEL goes where its INVITE went
        request.method() != Method::Cancel && is_named && call.usage.wants(asked)
    }

    /// There is no other place: this is what came of it.
    pub(crate) fn tried_in_vain(&mut self, now: Tick, open: Open, outcome: &Outcome) {
        let user = self.next;
        self.next += 1;
        self.open.insert(user, open);
        match outcome {
            Outcome::Refused(response) => {
                self.heard(now, user, response);
                self.over(now, user, None);
            }
            Outcome::Failed(failure) => self.over(now, user, Some(*failure)),
        }
    }
}
