//! What goes in beside messages ([`Turn`], [`LocalParty`], [`Times`]) and what comes out
//! ([`Effect`]).

use bytes::Bytes;
use ruf_message::{Entropy, HeaderName, Request, Response, StatusCode, Tick};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// One turn of a machine: the time it is, where randomness is drawn and effects are put.
pub struct Turn<'a> {
    /// Now.
    pub now: Tick,
    /// For tags and the times of a glare.
    pub entropy: &'a mut Entropy,
    /// What is to be done, in order.
    pub out: &'a mut Out,
}

impl Turn<'_> {
    pub(crate) fn event(&mut self, event: SessionEvent) {
        self.out.effects.push_back(Effect::Event(event));
    }

    pub(crate) fn respond(&mut self, server: u64, response: Response) {
        self.out.effects.push_back(Effect::Respond { server, response });
    }

    pub(crate) fn request(&mut self, asked: Asked, request: Request) {
        self.out.effects.push_back(Effect::Request { asked, request });
    }

    pub(crate) fn cancel(&mut self, invite: Asked) {
        self.out.effects.push_back(Effect::Cancel(invite));
    }

    pub(crate) fn ack(&mut self, ack: &Request) {
        self.out.effects.push_back(Effect::Ack(ack.clone()));
    }
}

/// The effects of a turn, in order; the owner empties it.
#[derive(Debug, Default)]
pub struct Out {
    /// First in, first done.
    pub effects: VecDeque<Effect>,
}

/// What the owner is to do.
#[derive(Debug)]
pub enum Effect {
    /// Open a client transaction and bring back its responses, or its failure, under `asked`. The
    /// request has no Via yet.
    Request {
        /// What the outcome belongs to.
        asked: Asked,
        /// The request.
        request: Request,
    },
    /// The ACK of a 2xx: to the transport without a transaction, each time anew.
    Ack(Request),
    /// Cancel the client transaction of this INVITE.
    Cancel(Asked),
    /// Give a response to the server transaction.
    Respond {
        /// The number under which the owner brought the request.
        server: u64,
        /// The response.
        response: Response,
    },
    /// Tell the user.
    Event(SessionEvent),
}

/// Which request of a usage an outcome belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    /// Which session of the usage; 0 for [`Verb::Invite`].
    pub session: u32,
    /// Which request.
    pub verb: Verb,
    /// Its sequence number.
    pub cseq: u32,
}

/// The requests of ours that have an outcome. CANCEL's is of no interest (RFC 3261 §9.1), ACK has
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// The INVITE that opened the usage.
    Invite,
    /// An INVITE within a dialog.
    Reinvite,
    /// BYE.
    Bye,
}

/// What the user of a usage is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A provisional response that is not 100.
    Progress {
        /// 180, 183 and the like.
        status: StatusCode,
        /// Early session description.
        body: Option<Body>,
    },
    /// A 2xx to our INVITE: the call is up.
    Answered {
        /// The answer; or the offer, if our INVITE made none.
        body: Option<Body>,
        /// The body is an offer: the ACK waits for [`InviteUsage::answer`](crate::InviteUsage::answer).
        answer_due: bool,
    },
    /// The ACK of our 2xx came.
    Acknowledged {
        /// The answer, if our 2xx made the offer.
        body: Option<Body>,
    },
    /// The peer changes the session. It was answered already if [`LocalParty::answer_reinvites`] says so;
    /// otherwise it waits for `answer` or `reject`.
    Reinvited {
        /// The new offer; `None` asks us for one.
        body: Option<Body>,
        /// Waits for an answer of ours.
        answer_due: bool,
    },
    /// Our re-INVITE was accepted.
    Modified {
        /// The answer.
        body: Option<Body>,
    },
    /// Our re-INVITE was refused; the session stays what it was (RFC 3261 §14.1).
    NotModified {
        /// Why.
        status: StatusCode,
    },
    /// The call is over. Told once, last.
    Ended(EndReason),
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// We hung up, and the peer (or its silence) confirmed it.
    HungUp,
    /// The peer hung up.
    RemoteHungUp,
    /// We cancelled before an answer.
    Cancelled,
    /// The caller cancelled before our answer.
    RemoteCancelled,
    /// We declined with this status.
    Declined(StatusCode),
    /// Our INVITE, or one within the call, came to nothing.
    Failed(Failure),
    /// It rang for longer than [`Times::ringing_max`] or the caller's Expires.
    Unanswered,
    /// The peer never sent the ACK of our 2xx.
    Unacknowledged,
}

/// Why a request of ours came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The far side, or a server on the way, refused with this status.
    Refused(StatusCode),
    /// Nobody answered in time.
    Silence,
    /// It could not be sent: the flow failed, or too many requests of ours are open.
    Unreachable,
}

impl Failure {
    /// The status that it counts as.
    // rfc3261 §8.1.3.1: silence is 408, a transport that failed 503
    pub fn status(self) -> StatusCode {
        match self {
            Failure::Refused(status) => status,
            Failure::Silence => StatusCode::REQUEST_TIMEOUT,
            Failure::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(status) => write!(f, "refused with {status} {}", status.reason()),
            Failure::Silence => f.write_str("not answered in time"),
            Failure::Unreachable => f.write_str("not sent: the peer cannot be reached"),
        }
    }
}

/// An opaque body and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: String,
    /// The octets.
    pub content: Bytes,
}

impl Body {
    /// A session description.
    pub fn sdp(content: impl Into<Bytes>) -> Self {
        Body { content_type: "application/sdp".to_owned(), content: content.into() }
    }
}

/// What this end says of itself in requests and responses of a usage.
#[derive(Clone, Debug)]
pub struct LocalParty {
    /// Our Contact: where the peer reaches us, for this dialog and outside it.
    // rfc3261 §8.1.1.8
    pub contact: String,
    /// Further header fields of an INVITE and of its answers: Allow, Supported, User-Agent.
    pub fields: Vec<(HeaderName, String)>,
    /// The flow is TLS.
    pub secure_flow: bool,
    /// Answer a change of the session with the description we gave last, without asking.
    pub answer_reinvites: bool,
}

/// What a usage goes by from its first message to its last.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What we say of ourselves.
    pub party: LocalParty,
    /// How long we wait.
    pub times: Times,
}

/// The times of RFC 3261 that a usage keeps itself, and two of ours.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Round-trip estimate.
    pub t1: Duration,
    /// Longest interval between two retransmissions.
    pub t2: Duration,
    /// How long it may ring: without a further provisional response at the caller's, without an
    /// answer at the callee's.
    pub ringing_max: Duration,
    /// How long a user may think about a re-INVITE.
    pub reinvite_max: Duration,
}

impl Times {
    /// How long a 2xx is sent again, and an answer to it awaited: 64*T1.
    // rfc3261 §13.3.1.4
    pub const fn t1_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

impl Default for Times {
    // rfc3261 §17.1.1.1: T1 500 ms, T2 4 s
    fn default() -> Self {
        Times {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            ringing_max: Duration::from_secs(180),
            reinvite_max: Duration::from_secs(20),
        }
    }
}
