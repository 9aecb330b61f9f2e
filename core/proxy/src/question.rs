//! What the proxy asks and how it is answered: where a request goes ([`Question::Locate`]), where a
//! hop is found ([`Question::Resolve`]), and by which flow such a place is reached
//! ([`Question::Reach`]).
//!
//! Who answers is the node's table: services/routing with the bindings for the first, core/locate
//! for the second, the shell for the third. An answer may be given in the same
//! turn. A question that is not answered within [`crate::Limits::question`], the last within
//! [`crate::Limits::reach`], counts as [`Refusal::Unanswered`] or [`Unreachable`].

use ruf_admission::{AddressOfRecord, Identity, Party};
use ruf_message::{Flow, Hop, Method, Place, StatusCode, Uri};
use smallvec::SmallVec;

use crate::slots::Token;

/// Something the proxy must know before it can go on.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the usual question is the large one, and a box would cost it an allocation"
)]
#[must_use]
pub enum Question {
    /// To which targets does this request go? (RFC 3261 section 16.5: the location service.)
    Locate {
        /// To be given back with the answer.
        token: Token,
        /// What the request asks for.
        destination: Destination,
        /// Who asks.
        identity: Identity,
        /// What kind of request.
        method: Method,
    },
    /// At which places is this hop found? (RFC 3263 section 4.)
    Resolve {
        /// To be given back with the answer.
        token: Token,
        /// The next hop.
        hop: Hop,
        /// A service was called, as one does for help (RFC 5031): no neighbour is spared that.
        is_for_help: bool,
    },
    /// By which flow is this place reached? A connection is opened where there is none.
    Reach {
        /// To be given back with the answer.
        token: Token,
        /// One of the places of the next hop.
        place: Place,
    },
}

/// The answer to a question. A late one, to a context that is gone, does nothing.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Question::Locate`].
    Located {
        /// Of the question.
        token: Token,
        /// Where it goes, or why nowhere. An empty set is [`Refusal::Unavailable`].
        targets: Result<TargetSet, Refusal>,
    },
    /// To [`Question::Resolve`].
    Resolved {
        /// Of the question.
        token: Token,
        /// The places, the first to be tried first. None is [`Unreachable`].
        places: Result<Vec<Place>, Unreachable>,
    },
    /// To [`Question::Reach`].
    Reached {
        /// Of the question.
        token: Token,
        /// The flow; its transport and local end are what Via and Record-Route will say.
        flow: Result<Flow, Unreachable>,
    },
}

/// What a request asks for, after route preprocessing and in canonical form (RFC 3261 sections
/// 16.4, 16.5 and 10.3).
#[derive(Clone, PartialEq, Debug)]
pub enum Destination {
    /// A user of one of our domains. A `tel:` URI and a URI with `;user=phone` are the user whose
    /// name is the number, without visual separators.
    User(AddressOfRecord),
    /// One device of a user: a GRUU in one of our domains, or what looks like one (RFC 5627).
    Gruu {
        /// The URI; it has a user and the parameter `gr`.
        uri: Uri,
        /// Inside a dialog: the flow that the device had when the dialog began.
        onward: Option<Flow>,
    },
    /// This server or one of its domains, and no user.
    Ourselves,
    /// A service URN (RFC 5031), lower case: `urn:service:sos`.
    Service(String),
    /// Not ours to decide: a host, a domain or a next hop in a Route that we do not serve.
    Elsewhere(Uri),
}

/// The targets of a request (RFC 3261 section 16.5). Order does not matter, q does.
pub type TargetSet = SmallVec<[Target; 1]>;

/// One target: what goes into the Request-URI, and by which way.
#[derive(Clone, Debug)]
pub struct Target {
    /// The new Request-URI; `None` leaves the request's own in place.
    pub uri: Option<Uri>,
    /// The flow that reaches it, if it is known (a binding's); otherwise the next hop is located.
    pub flow: Option<Flow>,
    /// Proxies to visit before, first hop first (a binding's Path, RFC 3327).
    pub routes: Vec<Uri>,
    /// Preference in thousandths, 0 to 1000: higher ones are tried first, equal ones at once.
    pub q: u16,
    /// Where a connection may be opened if that flow is a connection and it is gone.
    pub reconnect: Option<Box<Reconnect>>,
    /// The phone that it leads to (`+sip.instance`, without its quotes). Targets of one instance are
    /// tried one after the other, never at once, until it has given its response (RFC 5626 section 7).
    pub instance: Option<Box<[u8]>>,
    /// Whose phone it is, if it may have a GRUU (RFC 5627): in a dialog with it, that address's GRUUs are
    /// followed.
    pub party: Option<Party>,
}

impl Target {
    /// A target with q=1 that is reached by a known flow.
    pub fn by_flow(uri: Uri, flow: Flow) -> Self {
        Target { uri: Some(uri), flow: Some(flow), ..Target::unchanged() }
    }

    /// The request's own Request-URI and Route, located as RFC 3263 says.
    pub fn unchanged() -> Self {
        Target {
            uri: None,
            flow: None,
            routes: Vec::new(),
            q: 1000,
            reconnect: None,
            instance: None,
            party: None,
        }
    }

    /// The same by a connection that is to be opened; only for one with [`Target::reconnect`].
    pub(crate) fn anew(self) -> Self {
        Target { flow: None, ..self }
    }

    /// It is reached by a connection that is to be opened.
    pub(crate) fn is_anew(&self) -> bool {
        self.flow.is_none() && self.reconnect.is_some()
    }
}

/// Where a phone takes connections, for when the one that it made is gone.
#[derive(Clone, Debug)]
pub struct Reconnect {
    /// Where.
    pub place: Place,
    /// Whose phone it is, if a binding led to it.
    pub address: Option<AddressOfRecord>,
    /// The flow by which the phone was known until then.
    pub before: Flow,
}

/// A phone whose connection was gone is reached by another: to whoever keeps bindings.
#[derive(Clone, Debug)]
pub struct Reconnected {
    /// Whose phone it is.
    pub address: AddressOfRecord,
    /// The flow that is gone.
    pub before: Flow,
    /// The flow that leads there now.
    pub after: Flow,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The user, number or service does not exist.
    NotFound,
    /// The user exists and is nowhere at the moment.
    Unavailable,
    /// No rule allows this identity to send it there.
    Forbidden,
    /// Who should know did not answer.
    Unanswered,
}

impl Refusal {
    /// What the sender is told.
    pub const fn status(self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND, // rfc3261 §16.5
            Refusal::Unavailable => StatusCode::TEMPORARILY_UNAVAILABLE, // rfc3261 §16.5
            Refusal::Forbidden => StatusCode::FORBIDDEN,
            Refusal::Unanswered => StatusCode::SERVER_INTERNAL_ERROR,
        }
    }
}

/// No flow leads to the hop: its name has no address, or nobody answered in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreachable;
