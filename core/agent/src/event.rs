//! What an agent tells its user.

use crate::subscriptions::WatchKey;
use ruf_dialog::DialogId;
use ruf_events::{PublicationEvent, SubscriberEvent};
use ruf_message::{StatusCode, Uri};
use ruf_session::{Body, Cause, Diverted, EndReason, Failure};
use std::fmt;
use std::time::Duration;

/// One call of one agent, from `call` or [`AgentEvent::Incoming`] on. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub(crate) u64);

/// One OPTIONS or MESSAGE of ours, until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(pub(crate) u64);

/// What happened. What one call is told comes in order and ends with [`AgentEvent::Ended`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "they are few, and handed on at once")]
pub enum AgentEvent {
    /// The registrar keeps our Contact. Told for each refresh, too.
    Registered {
        /// For so long, if nothing refreshed it.
        expires_secs: u32,
    },
    /// The registrar does not keep our Contact.
    RegistrationFailed {
        /// Why.
        failure: Failure,
        /// Tried again after this time; `None`: not before [`Agent::register`](crate::Agent::register).
        retry_in: Option<Duration>,
    },
    /// Our Contact is gone from the registrar.
    Unregistered,
    /// Somebody calls. `ring`, `answer` or `reject` it.
    Incoming {
        /// The call.
        call: CallKey,
        /// Who: the URI of From.
        from: Uri,
        /// Who: the display name of From.
        display: String,
        /// Whom: the URI of To.
        to: Uri,
        /// The offer.
        body: Option<Body>,
        /// Answering ends this call of ours: the caller takes the place of its peer (RFC 3891). Whether it
        /// may is the user's to decide.
        replaces: Option<CallKey>,
        /// The caller wants to be mixed into this call of ours (RFC 3911); only if
        /// [`Settings::joins`](crate::Settings::joins).
        joins: Option<CallKey>,
        /// Who says that they referred the caller to us. Nothing proves it.
        referred_by: Option<Uri>,
        /// Who the caller is, as the server asserts.
        asserted: Option<Uri>,
        /// For whom the call was before somebody sent it on to us. Nothing proves it.
        diverted: Option<Box<Diverted>>,
    },
    /// A call of ours makes progress: 180 rings, 183 and the like may bring early media.
    Ringing {
        /// The call.
        call: CallKey,
        /// Which provisional response.
        status: StatusCode,
        /// Early description.
        body: Option<Body>,
        /// The body is an offer, of a call that made none: the peer waits for
        /// [`Agent::answer`](crate::Agent::answer).
        answer_due: bool,
    },
    /// The caller confirmed that it heard of our progress, which bore a description or was asked for so.
    ProgressConfirmed {
        /// The call.
        call: CallKey,
        /// Its answer, if ours was the offer.
        body: Option<Body>,
    },
    /// A call of ours goes elsewhere: where it went sent it on, or did not answer.
    Redirected {
        /// The call.
        call: CallKey,
        /// Where.
        to: Uri,
    },
    /// Whom a call of ours did not reach says when to try again. Its end follows.
    RetryAfter {
        /// The call.
        call: CallKey,
        /// Seconds from now.
        secs: u32,
    },
    /// A call of ours was answered.
    Answered {
        /// The call.
        call: CallKey,
        /// The answer, or the offer if ours had none.
        body: Option<Body>,
        /// The body is an offer: the peer waits for [`Agent::answer`](crate::Agent::answer).
        answer_due: bool,
    },
    /// The caller confirmed our answer.
    Acknowledged {
        /// The call.
        call: CallKey,
        /// Its answer, if ours was the offer.
        body: Option<Body>,
    },
    /// The peer changes the session (hold, resume, a new address).
    Reinvited {
        /// The call.
        call: CallKey,
        /// The new offer; `None` asks for ours.
        body: Option<Body>,
        /// Waits for `answer` or `reject`; otherwise it was answered with what we gave last.
        answer_due: bool,
    },
    /// The peer accepted our change.
    Modified {
        /// The call.
        call: CallKey,
        /// Its answer.
        body: Option<Body>,
    },
    /// The peer refused our change; the session is what it was.
    NotModified {
        /// The call.
        call: CallKey,
        /// Why.
        status: StatusCode,
    },
    /// The call goes on as it is: the peer said so when we asked (RFC 4028), and how it is described there.
    Refreshed {
        /// The call.
        call: CallKey,
        /// Its answer.
        body: Option<Body>,
    },
    /// The far side is somebody else than before, or than was called: transferred, picked up by another (RFC 4916,
    /// RFC 3325).
    Identity {
        /// The call.
        call: CallKey,
        /// Who.
        uri: Uri,
        /// By which name; may be empty.
        display: String,
        /// The server says so, not the far side itself.
        is_asserted: bool,
    },
    /// Something for the application within a call (RFC 6086): the keys of old phones come as
    /// `application/dtmf-relay` or `application/dtmf`.
    Info {
        /// The call.
        call: CallKey,
        /// What.
        body: Body,
    },
    /// The peer did not take what [`Agent::info`](crate::Agent::info) told it.
    InfoRefused {
        /// The call.
        call: CallKey,
        /// Why.
        status: StatusCode,
    },
    /// The peer asks us to call somebody else (RFC 3515). Nobody is called without
    /// [`Agent::accept_referral`](crate::Agent::accept_referral); `refuse_referral` says no, and so does silence.
    Referred {
        /// The call.
        call: CallKey,
        /// Whom.
        to: Uri,
        /// The call of theirs that ours is to take the place of (attended transfer), as they name it.
        replaces: Option<DialogId>,
        /// Who says that they refer us. Nothing proves it.
        referred_by: Option<Uri>,
    },
    /// Whom we referred the peer to makes progress: 100 tried, 180 rings.
    TransferProgress {
        /// The call.
        call: CallKey,
        /// What the peer was answered.
        status: StatusCode,
    },
    /// The peer talks to whom we referred it to. Our call with it stands until somebody hangs up.
    Transferred {
        /// The call.
        call: CallKey,
    },
    /// The peer does not reach whom we referred it to, or will not call. Our call with it stands.
    TransferFailed {
        /// The call.
        call: CallKey,
        /// Why; [`Failure::Silence`] if nobody says.
        failure: Failure,
    },
    /// Why the peer, or somebody on the way, ends the call (RFC 3326): 200 with "Call completed elsewhere" is no
    /// missed call. The end follows.
    Cause {
        /// The call.
        call: CallKey,
        /// Why.
        cause: Cause,
    },
    /// The call is over. After our own `hang_up` this says that the far side confirmed it; media
    /// stopped before, when `hang_up` was called (RFC 3261 §15.1.1).
    Ended {
        /// The call.
        call: CallKey,
        /// Why.
        reason: EndReason,
    },
    /// A message arrived and was answered 200 (RFC 3428).
    Message {
        /// Within this call, if in one.
        call: Option<CallKey>,
        /// Who: the URI of From.
        from: Uri,
        /// The text.
        body: Body,
    },
    /// What [`Agent::watch`](crate::Agent::watch) began goes on, or is over.
    Watch {
        /// Which.
        watch: WatchKey,
        /// How.
        event: SubscriberEvent,
    },
    /// Somebody asks to watch us, and waits for [`Agent::allow`](crate::Agent::allow) or
    /// [`Agent::deny`](crate::Agent::deny). Told once, until it was said.
    WatcherAsks {
        /// Who: what the server asserts ([`Settings::trusts_asserted`](crate::Settings::trusts_asserted)), else the URI of
        /// From.
        who: Uri,
        /// The display name there.
        display: String,
    },
    /// How it goes with what [`Agent::publish`](crate::Agent::publish) publishes.
    Publication(PublicationEvent),
    /// Our OPTIONS was answered, or not.
    OptionsAnswered {
        /// Which.
        request: RequestKey,
        /// How.
        answer: Answer,
    },
    /// Our MESSAGE was answered, or not.
    MessageAnswered {
        /// Which.
        request: RequestKey,
        /// How.
        answer: Answer,
    },
}

impl AgentEvent {
    /// The call that it is about, if about one.
    pub fn call(&self) -> Option<CallKey> {
        match self {
            AgentEvent::Incoming { call, .. }
            | AgentEvent::Ringing { call, .. }
            | AgentEvent::ProgressConfirmed { call, .. }
            | AgentEvent::Redirected { call, .. }
            | AgentEvent::RetryAfter { call, .. }
            | AgentEvent::Answered { call, .. }
            | AgentEvent::Acknowledged { call, .. }
            | AgentEvent::Reinvited { call, .. }
            | AgentEvent::Modified { call, .. }
            | AgentEvent::NotModified { call, .. }
            | AgentEvent::Refreshed { call, .. }
            | AgentEvent::Identity { call, .. }
            | AgentEvent::Info { call, .. }
            | AgentEvent::InfoRefused { call, .. }
            | AgentEvent::Referred { call, .. }
            | AgentEvent::TransferProgress { call, .. }
            | AgentEvent::Transferred { call, .. }
            | AgentEvent::TransferFailed { call, .. }
            | AgentEvent::Cause { call, .. }
            | AgentEvent::Ended { call, .. } => Some(*call),
            AgentEvent::Message { call, .. } => *call,
            AgentEvent::Registered { .. }
            | AgentEvent::RegistrationFailed { .. }
            | AgentEvent::Unregistered
            | AgentEvent::Watch { .. }
            | AgentEvent::WatcherAsks { .. }
            | AgentEvent::Publication(_)
            | AgentEvent::OptionsAnswered { .. }
            | AgentEvent::MessageAnswered { .. } => None,
        }
    }
}

/// What came of a request that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A final response.
    Final {
        /// Its status.
        status: StatusCode,
        /// Its phrase.
        reason: String,
    },
    /// There was none.
    None(Failure),
}

/// A table is full: nothing was opened and nothing sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the agent has as many calls as it may have")
    }
}

impl std::error::Error for Full {}

/// What an agent holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls, those counted that are over and still answer retransmissions.
    pub calls: usize,
    /// Requests of ours whose transaction is open, or that wait for their way.
    pub asked: usize,
    /// Requests of others whose transaction is open.
    pub served: usize,
    /// Transactions, the CANCELs of ours included.
    pub transactions: usize,
    /// What we watch, and who watches us.
    pub subscriptions: usize,
}
