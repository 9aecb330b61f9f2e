//! What the user of a usage is told: [`SessionEvent`], and why things end.

use crate::cause::Cause;
use ruf_dialog::{DialogId, Failure};
use ruf_message::body::Body;
use ruf_message::{StatusCode, Uri};

/// What the user of a usage is told.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionEvent {
    /// A provisional response that is not 100.
    Progress {
        /// 180, 183 and the like.
        status: StatusCode,
        /// Early session description.
        body: Option<Body>,
        /// The body is an offer: the peer waits for [`InviteUsage::answer`](crate::InviteUsage::answer).
        answer_due: bool,
    },
    /// The PRACK of a provisional response of ours came.
    ProgressConfirmed {
        /// The answer, if our response made the offer.
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
    /// The peer changes the session. It was answered already if [`LocalParty::answer_reinvites`](crate::LocalParty::answer_reinvites) says so;
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
    /// The peer accepted what we gave before, once more, by which the session goes on.
    Refreshed {
        /// Its answer.
        body: Option<Body>,
    },
    /// The peer is somebody else than before, or than was called.
    Identity {
        /// Who.
        uri: Uri,
        /// By which name; may be empty.
        display: String,
        /// A server on the way says so, not the peer itself.
        is_asserted: bool,
    },
    /// Something for the application: keys of old phones, or what a provider likes to tell.
    Info {
        /// What.
        body: Body,
    },
    /// The peer did not take an INFO of ours.
    InfoRefused {
        /// Why.
        status: StatusCode,
    },
    /// The peer asks us to call somebody else. It waits for
    /// [`accept_referral`](crate::InviteUsage::accept_referral) or
    /// [`refuse_referral`](crate::InviteUsage::refuse_referral), and counts as refused if neither comes.
    Referred {
        /// Whom.
        to: Uri,
        /// The dialog of theirs that our call is to take the place of, as they name it.
        replaces: Option<DialogId>,
        /// Who says that they refer us; unproved.
        referred_by: Option<Uri>,
    },
    /// Whom we referred the peer to makes progress.
    TransferProgress {
        /// The provisional response that the peer got, or 100 when it began.
        status: StatusCode,
    },
    /// The peer reached whom we referred it to.
    Transferred,
    /// It did not, or will not try.
    TransferFailed(Failure),
    /// Why the peer, or somebody on the way, ends the call. The end follows.
    Cause(Cause),
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
    /// It rang for longer than [`Times::ringing_max`](crate::Times::ringing_max) or the caller's Expires.
    Unanswered,
    /// The peer never sent the ACK of our 2xx, or the PRACK of a provisional response.
    Unacknowledged,
}
