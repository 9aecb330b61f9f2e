//! What a phone and a call tell: [`PhoneEvent`], [`CallEvent`], [`Ended`]. Each says itself in a few words.

use std::fmt;
use std::time::Duration;

use ruf_agent::{Cause, EndReason, Failure};
use ruf_message::StatusCode;

use crate::error::Error;
use crate::incoming::Incoming;

/// What happens to a phone.
#[derive(Debug)]
#[non_exhaustive]
pub enum PhoneEvent {
    /// The server knows where we are; told for each refresh, too.
    Registered {
        /// For so long, if nothing refreshed it.
        expires_secs: u32,
    },
    /// The server does not know where we are.
    RegistrationFailed {
        /// Why.
        error: Error,
        /// Tried again after this time; `None`: not again.
        retry_in: Option<Duration>,
    },
    /// We are registered no longer, by our own wish.
    Unregistered,
    /// The server does not keep what [`Phone::publish`](crate::Phone::publish) said.
    NotPublished {
        /// Why.
        error: Error,
        /// Tried again after this time; `None`: not again.
        retry_in: Option<Duration>,
    },
    /// Somebody asks to watch us, and is told nothing until [`Phone::allow`](crate::Phone::allow) or
    /// [`Phone::deny`](crate::Phone::deny) says so.
    WatcherAsks {
        /// Who: what the account's server asserts, else the URI of From.
        who: String,
        /// The name there; may be empty.
        display: String,
    },
    /// Somebody calls.
    Incoming(Incoming),
    /// Somebody wrote; it was answered 200.
    Message(Message),
}

impl fmt::Display for PhoneEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PhoneEvent::Registered { expires_secs } => write!(f, "registered for {expires_secs} s"),
            PhoneEvent::RegistrationFailed { error, retry_in: None } => write!(f, "not registered: {error}"),
            PhoneEvent::RegistrationFailed { error, retry_in: Some(time) } => {
                write!(f, "not registered: {error}; tried again in {} s", time.as_secs())
            }
            PhoneEvent::Unregistered => f.write_str("not registered any more"),
            PhoneEvent::NotPublished { error, retry_in: None } => {
                write!(f, "presence not published: {error}")
            }
            PhoneEvent::NotPublished { error, retry_in: Some(time) } => {
                write!(f, "presence not published: {error}; tried again in {} s", time.as_secs())
            }
            PhoneEvent::WatcherAsks { who, .. } => write!(f, "{who} asks to watch"),
            PhoneEvent::Incoming(incoming) => write!(f, "{} calls", incoming.from()),
            PhoneEvent::Message(message) => write!(f, "{}: {}", message.from, message.text),
        }
    }
}

/// A text from somebody (RFC 3428).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who: the URI of From.
    pub from: String,
    /// What, as UTF-8; what was none of it is replaced.
    pub text: String,
    /// The media type: `text/plain`.
    pub content_type: String,
}

/// What happens to a call. The last one is [`CallEvent::Ended`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallEvent {
    /// It rings there, or makes other progress: 180, 183 and the like.
    Ringing {
        /// The provisional response.
        status: StatusCode,
        /// With sound from there: an announcement, or the ring itself.
        early_media: bool,
    },
    /// It was answered, and both can talk.
    Answered,
    /// The far side put us on hold.
    Held,
    /// The far side took us back from hold.
    Resumed,
    /// The far side is on hold, as we wanted.
    Holding,
    /// The far side is taken back from hold, as we wanted.
    Released,
    /// The far side pressed a key: `0` to `9`, `*`, `#`, `A` to `D`.
    Digit(char),
    /// The best way for sound was found (ICE).
    WayFound {
        /// By a TURN server, ours or the far side's.
        is_relayed: bool,
    },
    /// No way for sound leads to the far side, as far as ICE can tell: it is sent only if the far side is heard.
    NoWay,
    /// The far side has not answered by the way of its sound for half a minute: nothing is sent by it any more, and
    /// another one is sought. If there is none, the call ends.
    WayLost,
    /// The far side wrote within the call.
    Message(Message),
    /// It goes elsewhere: where it went sent it on, or did not answer.
    Redirected {
        /// Where.
        to: String,
    },
    /// Whom it did not reach says when to try again. Its end follows.
    RetryAfter {
        /// Seconds from now.
        secs: u32,
    },
    /// The far side is somebody else than before, or than was called: transferred, picked up by another.
    Identity {
        /// Who: a URI.
        uri: String,
        /// By which name; may be empty.
        display: String,
        /// The server says so, not the far side itself.
        is_asserted: bool,
    },
    /// Why the far side, or somebody on the way, ends it (RFC 3326): 200 with "Call completed elsewhere" is no missed
    /// call. Its end follows.
    Cause(Cause),
    /// The far side refused what we wanted changed, or its answer was of no use (488); everything stays as it was.
    NotChanged(StatusCode),
    /// The far side asks us to call somebody else: [`Call::follow`](crate::Call::follow) does,
    /// [`Call::stay`](crate::Call::stay) refuses, and so does silence. Nobody is called without us.
    Referred {
        /// Whom.
        to: String,
        /// Who says that they refer us; nothing proves it.
        by: Option<String>,
    },
    /// Whom we transferred the far side to makes progress.
    TransferProgress(StatusCode),
    /// The far side talks to whom we transferred it to. Our call with it stands until somebody hangs up.
    Transferred,
    /// The far side does not talk to whom we transferred it to. Our call with it stands.
    TransferFailed(Error),
    /// It is over.
    Ended(Ended),
}

impl fmt::Display for CallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallEvent::Ringing { status: StatusCode::RINGING, early_media: false } => f.write_str("ringing"),
            CallEvent::Ringing { status, early_media } => {
                let sound = if *early_media { ", with sound" } else { "" };
                write!(f, "{} ({status}){sound}", status.reason().to_lowercase())
            }
            CallEvent::Answered => f.write_str("answered"),
            CallEvent::Held => f.write_str("put on hold"),
            CallEvent::Resumed => f.write_str("taken back from hold"),
            CallEvent::Holding => f.write_str("the far side is on hold"),
            CallEvent::Released => f.write_str("the far side is taken back"),
            CallEvent::Digit(digit) => write!(f, "key {digit}"),
            CallEvent::WayFound { is_relayed: false } => f.write_str("sound goes the direct way"),
            CallEvent::WayFound { is_relayed: true } => f.write_str("sound goes by a relay"),
            CallEvent::NoWay => f.write_str("no way for sound leads to the far side"),
            CallEvent::WayLost => {
                f.write_str("the far side is not reached with sound any more; another way is sought")
            }
            CallEvent::Message(message) => write!(f, "{}: {}", message.from, message.text),
            CallEvent::Redirected { to } => write!(f, "goes to {to}"),
            CallEvent::RetryAfter { secs } => write!(f, "may be tried again in {secs} s"),
            CallEvent::Identity { uri, display, .. } if display.is_empty() => write!(f, "talks to {uri}"),
            CallEvent::Identity { uri, display, .. } => write!(f, "talks to {display} <{uri}>"),
            CallEvent::Cause(Cause { text, .. }) if !text.is_empty() => write!(f, "because: {text}"),
            CallEvent::Cause(cause) => write!(f, "because: {cause}"),
            CallEvent::NotChanged(status) => write!(f, "the far side refused the change with {status}"),
            CallEvent::Referred { to, .. } => write!(f, "asked to call {to} instead"),
            CallEvent::TransferProgress(status) => write!(f, "transfer: {}", status.reason().to_lowercase()),
            CallEvent::Transferred => f.write_str("transferred"),
            CallEvent::TransferFailed(error) => write!(f, "not transferred: {error}"),
            CallEvent::Ended(ended) => ended.fmt(f),
        }
    }
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// We hung up.
    HungUp,
    /// The far side hung up.
    RemoteHungUp,
    /// We gave up before an answer.
    Cancelled,
    /// The caller gave up before we answered.
    RemoteCancelled,
    /// Somebody else answered it: at another phone of the same user, say (RFC 3326).
    Elsewhere,
    /// We refused with this status.
    Declined(StatusCode),
    /// It came to nothing.
    Failed(Error),
    /// It rang for as long as it may.
    Unanswered,
    /// The caller never confirmed our answer.
    Unacknowledged,
    /// No way for sound leads to the far side any more.
    SoundLost,
    /// The two have no codec in common, or one insists on encryption that the other does not have.
    NothingInCommon,
    /// The far side took part without a description of its sound.
    Undescribed,
}

impl Ended {
    /// Both had talked, or nobody wanted to: nothing went wrong.
    pub fn is_orderly(&self) -> bool {
        matches!(
            self,
            Ended::HungUp
                | Ended::RemoteHungUp
                | Ended::Cancelled
                | Ended::RemoteCancelled
                | Ended::Elsewhere
        )
    }
}

impl std::error::Error for Ended {}

impl From<EndReason> for Ended {
    fn from(reason: EndReason) -> Ended {
        match reason {
            EndReason::HungUp => Ended::HungUp,
            EndReason::RemoteHungUp => Ended::RemoteHungUp,
            EndReason::Cancelled => Ended::Cancelled,
            EndReason::RemoteCancelled => Ended::RemoteCancelled,
            EndReason::Declined(status) => Ended::Declined(status),
            EndReason::Failed(Failure::Refused(StatusCode::NOT_ACCEPTABLE_HERE)) => Ended::NothingInCommon,
            EndReason::Failed(failure) => Ended::Failed(failure.into()),
            EndReason::Unanswered => Ended::Unanswered,
            EndReason::Unacknowledged => Ended::Unacknowledged,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::HungUp => f.write_str("hung up"),
            Ended::RemoteHungUp => f.write_str("the far side hung up"),
            Ended::Cancelled => f.write_str("given up before an answer"),
            Ended::RemoteCancelled => f.write_str("the caller gave up"),
            Ended::Elsewhere => f.write_str("answered elsewhere"),
            Ended::Declined(status) => write!(f, "declined with {status}"),
            Ended::Failed(Error::Refused(StatusCode::BUSY_HERE | StatusCode::BUSY_EVERYWHERE)) => {
                f.write_str("busy")
            }
            Ended::Failed(Error::Refused(StatusCode::DECLINE)) => f.write_str("declined by the far side"),
            Ended::Failed(Error::Refused(StatusCode::NOT_FOUND)) => f.write_str("nobody has that address"),
            Ended::Failed(Error::Refused(StatusCode::TEMPORARILY_UNAVAILABLE)) => {
                f.write_str("not there at the moment")
            }
            Ended::Failed(error) => error.fmt(f),
            Ended::Unanswered => f.write_str("nobody answered"),
            Ended::Unacknowledged => f.write_str("the caller never confirmed our answer"),
            Ended::SoundLost => f.write_str("the far side is not reached with sound any more"),
            Ended::NothingInCommon => f.write_str("the two sides have no codec or encryption in common"),
            Ended::Undescribed => f.write_str("the far side did not say where its sound comes from"),
        }
    }
}
