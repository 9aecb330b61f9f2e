//! [`Watch`]: how somebody else is, and hears of it when that changes (RFC 3856, RFC 6665).

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ruf_events::{EndReason, Ending};
use tokio::sync::mpsc;

use crate::desk::WatchKey;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::presence::Presence;

/// Somebody who is watched, from [`Phone::watch`](crate::Phone::watch) on; or a mailbox. Dropping it ends that.
#[derive(Debug)]
pub struct Watch {
    endpoint: Arc<Endpoint>,
    key: WatchKey,
    whom: String,
    events: mpsc::Receiver<WatchEvent>,
    /// Why it is over, told to the user last.
    end: Arc<OnceLock<Unwatched>>,
    is_told: bool,
}

impl Watch {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        key: WatchKey,
        whom: String,
        events: mpsc::Receiver<WatchEvent>,
        end: Arc<OnceLock<Unwatched>>,
    ) -> Watch {
        Watch { endpoint, key, whom, events, end, is_told: false }
    }

    /// Who is watched: a URI.
    pub fn whom(&self) -> &str {
        &self.whom
    }

    /// What happens next; the last is [`WatchEvent::Ended`], then `None`. May be dropped and called again: nothing is
    /// lost.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        let event = poll_fn(|context| self.events.poll_recv(context)).await;
        if event.is_none() && !self.is_told {
            self.is_told = true;
            let why = self.end.get().cloned().unwrap_or(Unwatched::Stopped);
            return Some(WatchEvent::Ended(why));
        }
        event
    }

    /// How they are, when that is told next; other events are passed over. `None` when there is no more.
    pub async fn presence(&mut self) -> Option<Presence> {
        loop {
            if let WatchEvent::Presence(presence) = self.next().await? {
                return Some(presence);
            }
        }
    }

    /// Watches no longer; [`WatchEvent::Ended`] comes when the far side knows.
    pub fn stop(&self) {
        let key = self.key;
        self.endpoint.tell(move |desk, now| desk.unwatch(now, key));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What happens to a [`Watch`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// They are so now.
    Presence(Presence),
    /// This waits in the mailbox that is watched ([`Phone::mailbox`](crate::Phone::mailbox)).
    Mailbox(Mailbox),
    /// Somebody has yet to allow that we know.
    Pending,
    /// What was told cannot be read, and why.
    Unreadable(String),
    /// Nobody tells us at the moment: they may be otherwise than was told last.
    Lost {
        /// Why.
        why: Unwatched,
        /// Tried again after this time.
        retry_in: Duration,
    },
    /// It is over.
    Ended(Unwatched),
}

impl fmt::Display for WatchEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WatchEvent::Presence(presence) => presence.fmt(f),
            WatchEvent::Mailbox(mailbox) => mailbox.fmt(f),
            WatchEvent::Pending => f.write_str("not allowed yet"),
            WatchEvent::Unreadable(why) => write!(f, "told in a way that cannot be read: {why}"),
            WatchEvent::Lost { why, retry_in } => {
                write!(f, "not known: {why}; tried again in {} s", retry_in.as_secs())
            }
            WatchEvent::Ended(why) => why.fmt(f),
        }
    }
}

/// Why somebody is not watched (any more).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unwatched {
    /// We wanted no more.
    Stopped,
    /// They do not want to be watched by us.
    Rejected,
    /// There is nobody to watch any more.
    Gone,
    /// It will not change any more: what was told last stands.
    Unchanging,
    /// The far side ended it.
    Dropped,
    /// It could not be begun, or not go on.
    Failed(Error),
}

impl std::error::Error for Unwatched {}

impl Unwatched {
    /// The same, of an account that has a password, or none.
    pub(crate) fn of(self, has_password: bool) -> Unwatched {
        match self {
            Unwatched::Failed(error) => Unwatched::Failed(error.of(has_password)),
            other => other,
        }
    }
}

impl From<Ending> for Unwatched {
    fn from(ending: Ending) -> Unwatched {
        match ending {
            Ending::Unsubscribed => Unwatched::Stopped,
            Ending::Terminated(Some(EndReason::Rejected)) => Unwatched::Rejected,
            Ending::Terminated(Some(EndReason::Noresource)) => Unwatched::Gone,
            Ending::Terminated(Some(EndReason::Invariant)) => Unwatched::Unchanging,
            Ending::Terminated(_) => Unwatched::Dropped,
            Ending::Failed(failure) => Unwatched::Failed(failure.into()),
            Ending::NotNotified | Ending::Lapsed => Unwatched::Failed(Error::Silence),
        }
    }
}

impl fmt::Display for Unwatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwatched::Stopped => f.write_str("not watched any more"),
            Unwatched::Rejected => f.write_str("they do not want to be watched"),
            Unwatched::Gone => f.write_str("there is nobody to watch any more"),
            Unwatched::Unchanging => f.write_str("it will not change any more"),
            Unwatched::Dropped => f.write_str("the far side tells no more"),
            Unwatched::Failed(error) => error.fmt(f),
        }
    }
}
