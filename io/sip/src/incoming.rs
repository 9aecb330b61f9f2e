//! [`Incoming`]: somebody calls, and waits for what we say.

use std::sync::{Arc, OnceLock};

use ruf_agent::DiversionReason;
use ruf_message::{StatusCode, Uri};
use tokio::sync::mpsc;

use crate::call::{Call, CallName};
use crate::desk::{End, LineKey};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{CallEvent, Ended};

/// A call that waits for an answer. Dropping it lets the caller hear 480 (Temporarily Unavailable).
#[derive(Debug)]
pub struct Incoming {
    line: LineKey,
    from: String,
    display: String,
    to: String,
    replaces: bool,
    joins: Option<CallName>,
    referred_by: Option<String>,
    asserted: Option<String>,
    diverted: Option<Diverted>,
    /// Taken when it becomes a call.
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    endpoint: Arc<Endpoint>,
    events: mpsc::Receiver<CallEvent>,
    end: Arc<OnceLock<End>>,
}

/// For whom a call was before somebody sent it on to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverted {
    /// Whom: a URI.
    pub uri: String,
    /// By which name; may be empty.
    pub display: String,
    /// Why it did not stay there.
    pub reason: DiversionReason,
}

impl From<ruf_agent::Diverted> for Diverted {
    fn from(diverted: ruf_agent::Diverted) -> Self {
        let ruf_agent::Diverted { uri, display, reason } = diverted;
        Diverted { uri: uri.to_string(), display, reason }
    }
}

/// Who calls whom.
#[derive(Debug, Default)]
pub(crate) struct Parties {
    pub(crate) from: String,
    pub(crate) display: String,
    pub(crate) to: String,
    /// A call of ours ends when it is answered.
    pub(crate) replaces: bool,
    /// The call of ours that the caller wants to be mixed into.
    pub(crate) joins: Option<CallName>,
    /// Who says that they referred the caller to us.
    pub(crate) referred_by: Option<String>,
    /// Who the caller is, as the server asserts.
    pub(crate) asserted: Option<String>,
    /// For whom the call was first.
    pub(crate) diverted: Option<Diverted>,
}

impl Parties {
    /// Of a call of ours.
    pub(crate) fn called(to: &Uri) -> Parties {
        Parties { to: to.to_string(), ..Parties::default() }
    }
}

impl Incoming {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        line: LineKey,
        parties: Parties,
        events: mpsc::Receiver<CallEvent>,
        end: Arc<OnceLock<End>>,
    ) -> Incoming {
        let Parties { from, display, to, replaces, joins, referred_by, asserted, diverted } = parties;
        let rest = Some(Rest { endpoint, events, end });
        Incoming { line, from, display, to, replaces, joins, referred_by, asserted, diverted, rest }
    }

    /// Who calls: the URI of From.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Who calls, as they call themselves; may be empty.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Whom they call: the URI of To.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Answering ends a call of ours: the caller takes the place of its far side (RFC 3891), as in an attended
    /// transfer or a pick-up.
    pub fn replaces_a_call(&self) -> bool {
        self.replaces
    }

    /// The call of ours that the caller wants to be mixed into (RFC 3911); only told to who says that it can
    /// ([`Account::mixes`](crate::Account::mixes)).
    pub fn joins(&self) -> Option<CallName> {
        self.joins
    }

    /// Who says that they referred the caller to us: a URI. Nothing proves it.
    pub fn referred_by(&self) -> Option<&str> {
        self.referred_by.as_deref()
    }

    /// Who calls, as our server asserts (RFC 3325): a URI.
    pub fn asserted(&self) -> Option<&str> {
        self.asserted.as_deref()
    }

    /// For whom the call was before somebody sent it on to us (RFC 5806, RFC 7044). Nothing proves it.
    pub fn diverted(&self) -> Option<&Diverted> {
        self.diverted.as_ref()
    }

    /// Sends the caller on to somebody else, without answering (302, RFC 3261 §21.3.3), and says why: whoever is called
    /// then learns for whom the call was (RFC 5806).
    ///
    /// # Errors
    /// `to` is no SIP address; the call goes on waiting for an answer.
    pub fn forward(&mut self, to: &str, why: DiversionReason) -> Result<(), Error> {
        let Some(rest) = &self.rest else { return Err(Error::Closed) };
        let (line, to) = (self.line, rest.endpoint.target(to)?);
        rest.endpoint.tell(move |desk, now| desk.forward(now, line, &to, why));
        self.rest = None;
        Ok(())
    }

    /// Lets the caller hear that it rings.
    pub fn ring(&self) {
        let line = self.line;
        self.tell(move |desk, now| desk.ring(now, line));
    }

    /// Waits until it is over without our doing: the caller gave up, or it rang for too long. May be dropped
    /// and called again.
    pub async fn ended(&mut self) -> Ended {
        let Some(Rest { events, end, .. }) = &mut self.rest else { return Ended::HungUp };
        while events.recv().await.is_some() {}
        end.get().map_or(Ended::HungUp, |end| end.why.clone())
    }

    /// How it ended, if it has: the caller gave up.
    pub fn over(&self) -> Option<&Ended> {
        self.rest.as_ref()?.end.get().map(|end| &end.why)
    }

    /// Answers. [`CallEvent::Answered`] comes when the caller has confirmed it.
    pub fn answer(mut self) -> Call {
        let line = self.line;
        self.tell(move |desk, now| desk.answer(now, line));
        let Rest { endpoint, events, end } = self.rest.take().expect("taken here alone, by value");
        Call::new(endpoint, line, std::mem::take(&mut self.from), events, end)
    }

    /// Refuses: [`StatusCode::BUSY_HERE`], [`StatusCode::DECLINE`] and the like. A status below 300 refuses
    /// with 480.
    pub fn reject(mut self, status: StatusCode) {
        self.refuse(status);
    }

    fn refuse(&mut self, status: StatusCode) {
        let line = self.line;
        self.tell(move |desk, now| desk.reject(now, line, status));
        self.rest = None;
    }

    fn tell(&self, what: impl FnOnce(&mut crate::desk::Desk, ruf_message::Tick) + Send + 'static) {
        if let Some(rest) = &self.rest {
            rest.endpoint.tell(what);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.refuse(StatusCode::TEMPORARILY_UNAVAILABLE);
    }
}
