//! A request within a call that finds nobody where its way leads goes to the next place of its hop (RFC 3261 §8.1.2,
//! RFC 3263 §4.3): the same request, in a transaction of its own. Which place is the next only the driver knows: it
//! is asked again, and told what failed. What comes of the last place counts.
//!
//! Not here: a hop that is an address has one place; requests out of dialog, whose way the driver finds before.

use crate::agent::Agent;
use crate::client::{Open, Owner};
use crate::event::CallKey;
use crate::way::{Outgoing, next_hop};
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

/// The place is to blame, not what was asked.
// rfc3263 §4.3: a transport error, a timeout, 503
pub(crate) fn is_of_the_place(refusal: &Response) -> bool {
    refusal.status() == StatusCode::SERVICE_UNAVAILABLE
}

impl Agent {
    /// A request of ours found nobody: it waits for the next place of its hop. False: it is none of a call's, or
    /// there is no other place.
    // rfc3263 §4.3
    pub(crate) fn goes_to_next_place(&mut self, now: Tick, user: u64, outcome: Outcome) -> bool {
        let Some(Open { owner: Owner::Call { key, asked }, flow, request, past }) = self.open.get(&user)
        else {
            return false;
        };
        let (key, asked) = (*key, *asked);
        if past.flows.len() + 1 >= PLACES_MAX || !self.has_places(key, asked, request) {
            return false;
        }
        let flows = past.flows.iter().copied().chain([*flow]).collect();
        let request = (**request).clone();
        // Of the transaction that ends nobody hears.
        self.open.remove(&user);
        let Some(call) = self.calls.get_mut(key) else { return false };
        call.clients.retain(|(of, _)| *of != asked);
        let tried = Some(Box::new(Tried { flows, outcome: Some(outcome) }));
        call.way.wait_first(Outgoing { asked: Some(asked), request, tried });
        self.proceed(now, key);
        self.calls.settle(key);
        true
    }

    /// What this request's hop is called may stand for several places.
    fn has_places(&self, key: CallKey, asked: Asked, request: &Request) -> bool {
        let Some(call) = self.calls.get(key) else { return false };
        // rfc3261 §9.1: a CANCEL goes where its INVITE went
        let is_within = request.to_tag().is_some() && request.method() != Method::Cancel;
        let hop = next_hop(call, request, self.settings.has_server).and_then(|to| to.as_ref().hop());
        let is_named = hop.is_some_and(|hop| matches!(hop.host, HostBuf::Name(_)));
        is_within && is_named && call.usage.wants(asked)
    }

    /// There is no other place: this is what came of it.
    pub(crate) fn tried_in_vain(&mut self, now: Tick, key: CallKey, asked: Asked, outcome: &Outcome) {
        self.turn(now, key, |usage, turn| match outcome {
            Outcome::Refused(response) => {
                usage.response(turn, asked, response);
                usage.concluded(turn, asked);
            }
            Outcome::Failed(failure) => usage.failed(turn, asked, *failure),
        });
    }
}
