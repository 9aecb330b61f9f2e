//! Whom a phone watches, and what it says of itself: each watch a [`Watching`], with its user on one end and the
//! agent's on the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use ruf_agent::AgentEvent;
use ruf_events::{EventPackage, MESSAGE_SUMMARY, MessageSummary, PublicationEvent, SubscriberEvent};
use ruf_message::body::Body;
use ruf_message::{Flow, Tick, Uri};
use tokio::sync::{mpsc, oneshot};

use super::home::seek_again_after;
use super::{Desk, Then};
use crate::error::Error;
use crate::event::PhoneEvent;
use crate::mailbox::Mailbox;
use crate::phone::Told;
use crate::presence::Presence;
use crate::watch::{Unwatched, WatchEvent};

/// Events that may wait for the user of a watch. More are lost; how it ended is not.
const EVENTS_MAX: usize = 64;
/// Watches at once, those that wait for a way included.
const WATCHES_MAX: usize = 256;
/// How long a watch is asked for at a time.
// rfc3856 §6.4
const EXPIRES_SECS: u32 = 3_600;

/// One watch of one phone; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchKey(u64);

/// A watch as its user gets it.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) key: WatchKey,
    pub(crate) events: mpsc::Receiver<WatchEvent>,
    pub(crate) end: Arc<OnceLock<Unwatched>>,
}

/// All watches, and who waits for what we publish.
#[derive(Default)]
pub(super) struct Watches {
    all: BTreeMap<WatchKey, Watching>,
    of: HashMap<ruf_agent::WatchKey, WatchKey>,
    next: u64,
    publishing: Vec<oneshot::Sender<Result<(), Error>>>,
    /// The server is to know how we are.
    publishes: bool,
    unpublished: Option<Unpublished>,
    /// Since the server was last reached for that.
    publish_failures: u32,
}

/// What the server is to know and no way led to.
struct Unpublished {
    document: Body,
    seek_at: Tick,
}

struct Watching {
    /// `None`: it waits for a way.
    watch: Option<ruf_agent::WatchKey>,
    /// How often there was none, and when it is sought again.
    failures: u32,
    seek_at: Option<Tick>,
    package: EventPackage,
    to: Uri,
    told: mpsc::Sender<WatchEvent>,
    /// Something was told.
    is_told: bool,
    /// What each notifier of a mailbox said last.
    summaries: BTreeMap<u32, MessageSummary>,
    end: Arc<OnceLock<Unwatched>>,
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When a way is sought again.
    pub(super) fn deadline(&self) -> Option<Tick> {
        let watches = self.all.values().filter_map(|watching| watching.seek_at);
        watches.chain(self.unpublished.as_ref().map(|unpublished| unpublished.seek_at)).min()
    }
}

impl Desk {
    /// Watches somebody, or a mailbox.
    ///
    /// # Errors
    /// As much is watched as may be.
    pub(crate) fn watch(&mut self, now: Tick, to: Uri, package: EventPackage) -> Result<Watched, Error> {
        if self.is_closed {
            return Err(Error::Closed);
        }
        if self.watches.all.len() >= WATCHES_MAX {
            return Err(Error::Full);
        }
        let key = WatchKey(self.watches.next);
        self.watches.next += 1;
        let (told, events) = mpsc::channel(EVENTS_MAX);
        let end = Arc::new(OnceLock::new());
        let watching = Watching {
            watch: None,
            failures: 0,
            seek_at: None,
            package,
            to: to.clone(),
            told,
            is_told: false,
            summaries: BTreeMap::new(),
            end: Arc::clone(&end),
        };
        self.watches.all.insert(key, watching);
        self.seek(now, &to, Then::Watch(key));
        Ok(Watched { key, events, end })
    }

    /// There is a way for a watch, or none.
    pub(super) fn watch_by(&mut self, now: Tick, key: WatchKey, flow: Result<Flow, Error>) {
        // Given up meanwhile.
        let Some(watching) = self.watches.all.get(&key) else { return };
        let (to, watch, package) = (watching.to.clone(), watching.watch, watching.package);
        match (flow, watch) {
            (Ok(flow), Some(watch)) => self.agent.lead(watch, flow),
            (Ok(flow), None) => {
                self.aim(flow);
                match self.agent.watch(now, &to, package, EXPIRES_SECS) {
                    Ok(watch) => {
                        self.watches.of.insert(watch, key);
                        if let Some(watching) = self.watches.all.get_mut(&key) {
                            watching.watch = Some(watch);
                        }
                    }
                    Err(_) => self.watch_ended(key, Unwatched::Failed(Error::Full)),
                }
            }
            // The agent tries again by the way that was.
            (Err(_), Some(_)) => {}
            // What names no place never will.
            (Err(error @ Error::Address(_)), None) => self.watch_ended(key, Unwatched::Failed(error)),
            (Err(error), None) => self.no_way_to_watch(now, key, error),
        }
    }

    /// A watch waits for a way that there is not.
    fn no_way_to_watch(&mut self, now: Tick, key: WatchKey, error: Error) {
        let Some(watching) = self.watches.all.get_mut(&key) else { return };
        let retry_in = seek_again_after(watching.failures);
        watching.failures += 1;
        watching.seek_at = Some(now + retry_in);
        watching.tell(WatchEvent::Lost { why: Unwatched::Failed(error), retry_in });
    }

    /// Seeks the ways that are due.
    pub(super) fn watches_tick(&mut self, now: Tick) {
        let is_due = |at: Tick| at <= now;
        let due = self.watches.all.iter_mut().filter(|(_, watching)| watching.seek_at.is_some_and(is_due));
        let due: Vec<(WatchKey, Uri)> = due
            .map(|(key, watching)| {
                watching.seek_at = None;
                (*key, watching.to.clone())
            })
            .collect();
        for (key, to) in due {
            self.seek(now, &to, Then::Watch(key));
        }
        if let Some(Unpublished { document, .. }) =
            self.watches.unpublished.take_if(|unpublished| is_due(unpublished.seek_at))
        {
            let aor = self.aor.clone();
            self.seek(now, &aor, Then::Publish { document, answer: None });
        }
    }

    /// Watches no longer.
    pub(crate) fn unwatch(&mut self, now: Tick, key: WatchKey) {
        match self.watches.all.get(&key).map(|watching| watching.watch) {
            Some(Some(watch)) => self.agent.unwatch(now, watch),
            Some(None) => self.watch_ended(key, Unwatched::Stopped),
            None => {}
        }
    }

    /// Watches nobody, and tells nobody any more.
    pub(super) fn close_watches(&mut self, now: Tick) {
        let keys: Vec<WatchKey> = self.watches.all.keys().copied().collect();
        for key in keys {
            self.unwatch(now, key);
        }
        self.publishes_no_more();
        let last = Presence::offline().document(&self.aor.to_string());
        self.agent.leave(now, &last);
        self.agent.unpublish(now);
    }

    fn watch_ended(&mut self, key: WatchKey, why: Unwatched) {
        if let Some(watching) = self.watches.all.remove(&key) {
            // Told by the channel that closes with it.
            let _ = watching.end.set(why);
        }
    }

    /// What the agent says of its watches and of what we publish; other events come back.
    pub(super) fn hear_watch(&mut self, now: Tick, event: AgentEvent) -> Option<AgentEvent> {
        match event {
            AgentEvent::Watch { watch, event } => {
                if let Some(key) = self.watches.of.get(&watch).copied() {
                    self.told_of(now, (watch, key), event);
                }
                None
            }
            AgentEvent::WatcherAsks { who, display } => {
                self.tell(Told::Event(PhoneEvent::WatcherAsks { who: who.to_string(), display }));
                None
            }
            AgentEvent::Publication(event) => {
                self.publication_told(event);
                None
            }
            other => Some(other),
        }
    }

    fn told_of(&mut self, now: Tick, (watch, key): (ruf_agent::WatchKey, WatchKey), event: SubscriberEvent) {
        let has_password = self.has_password;
        let Some(watching) = self.watches.all.get_mut(&key) else { return };
        match event {
            SubscriberEvent::Notified { notifier, is_pending, body } => {
                watching.notified(notifier, is_pending, body);
            }
            SubscriberEvent::Left { notifier } => watching.left(notifier),
            SubscriberEvent::Interrupted { why, retry_in } => {
                watching.summaries.clear();
                let why = Unwatched::from(why);
                watching.tell(WatchEvent::Lost { why: why.of(has_password), retry_in });
                let to = watching.to.clone();
                if !self.home.is_there() {
                    // The connection may be gone; the agent knows no other.
                    self.seek(now, &to, Then::Watch(key));
                }
            }
            SubscriberEvent::Over { why } => {
                self.watches.of.remove(&watch);
                self.watch_ended(key, Unwatched::from(why).of(has_password));
            }
        }
    }

    /// This address may watch us, or may not.
    pub(crate) fn consent(&mut self, now: Tick, who: &Uri, may: bool) {
        match may {
            true => self.agent.allow(now, who),
            false => self.agent.deny(now, who),
        }
    }

    /// Says how we are: to the server, if there is one, and to whoever asks us.
    pub(crate) fn publish(
        &mut self,
        now: Tick,
        presence: &Presence,
        answer: oneshot::Sender<Result<(), Error>>,
    ) {
        if self.is_closed {
            return drop(answer.send(Err(Error::Closed)));
        }
        let document = presence.document(&self.aor.to_string());
        self.agent.show(now, Some(document.clone()));
        if !self.home.is_there() {
            return drop(answer.send(Ok(())));
        }
        (self.watches.publishes, self.watches.unpublished) = (true, None);
        let aor = self.aor.clone();
        self.seek(now, &aor, Then::Publish { document, answer: Some(answer) });
    }

    pub(super) fn publish_by(
        &mut self,
        now: Tick,
        document: Body,
        answer: Option<oneshot::Sender<Result<(), Error>>>,
        flow: Result<Flow, Error>,
    ) {
        let flow = if self.watches.publishes { flow } else { Err(Error::Closed) };
        match flow {
            Ok(_) => {
                self.watches.publish_failures = 0;
                self.watches.publishing.extend(answer);
                self.agent.publish(now, document);
                if !self.agent.is_publishing() {
                    // The server has it already.
                    self.published(&Ok(()));
                }
            }
            Err(error) => {
                if let Some(answer) = answer {
                    // Whoever waited may have given up.
                    let _ = answer.send(Err(error.clone()));
                }
                if self.watches.publishes {
                    self.no_way_to_publish(now, document, error);
                }
            }
        }
    }

    fn no_way_to_publish(&mut self, now: Tick, document: Body, error: Error) {
        let retry_in = seek_again_after(self.watches.publish_failures);
        self.watches.publish_failures += 1;
        self.watches.unpublished = Some(Unpublished { document, seek_at: now + retry_in });
        self.tell(Told::Event(PhoneEvent::NotPublished { error, retry_in: Some(retry_in) }));
    }

    fn publishes_no_more(&mut self) {
        (self.watches.publishes, self.watches.unpublished) = (false, None);
    }

    /// How many watch us.
    pub(crate) fn watchers(&self) -> usize {
        self.agent.watchers()
    }

    /// Says no longer how we are.
    pub(crate) fn unpublish(&mut self, now: Tick) {
        self.publishes_no_more();
        self.agent.show(now, None);
        self.agent.unpublish(now);
    }

    fn publication_told(&mut self, event: PublicationEvent) {
        match event {
            PublicationEvent::Published { .. } => self.published(&Ok(())),
            PublicationEvent::Removed => self.published(&Err(Error::Closed)),
            PublicationEvent::PublicationFailed { failure, retry_in } => {
                let error = Error::from(failure).of(self.has_password);
                self.published(&Err(error.clone()));
                if !self.is_closed {
                    self.tell(Told::Event(PhoneEvent::NotPublished { error, retry_in }));
                }
            }
        }
    }

    fn published(&mut self, answer: &Result<(), Error>) {
        for waiting in self.watches.publishing.drain(..) {
            let _ = waiting.send(answer.clone());
        }
    }
}

impl Watching {
    fn tell(&self, event: WatchEvent) {
        let _ = self.told.try_send(event);
    }

    /// A notifier says how they are.
    // rfc3856 §6.8
    fn notified(&mut self, notifier: u32, is_pending: bool, body: Option<Body>) {
        if self.package == MESSAGE_SUMMARY {
            return self.waits(notifier, body);
        }
        let was_told = std::mem::replace(&mut self.is_told, true);
        match body.map(|body| ruf_events::Presence::read(&body.content)) {
            Some(Ok(presence)) => self.tell(WatchEvent::Presence(Presence::of(&presence))),
            Some(Err(error)) => self.tell(WatchEvent::Unreadable(error.to_string())),
            None if is_pending => self.tell(WatchEvent::Pending),
            // Nothing is known yet, and that is told.
            None if !was_told => self.tell(WatchEvent::Presence(Presence::default())),
            None => {}
        }
    }

    /// A notifier says what waits.
    // rfc3842 §3.9, §3.10
    fn waits(&mut self, notifier: u32, body: Option<Body>) {
        let Some(body) = body else { return };
        match MessageSummary::read(&body.content) {
            Some(summary) => {
                self.summaries.insert(notifier, summary);
                self.tell(WatchEvent::Mailbox(Mailbox::of(&self.summaries)));
            }
            None => self.tell(WatchEvent::Unreadable("no message summary".to_owned())),
        }
    }

    /// One of several notifiers says no more.
    fn left(&mut self, notifier: u32) {
        if self.summaries.remove(&notifier).is_some() {
            self.tell(WatchEvent::Mailbox(Mailbox::of(&self.summaries)));
        }
    }
}
