//! What we watch, and what we publish: each a machine of core/events, with its flow and its credentials.

use super::{Of, Published};
use crate::agent::Agent;
use crate::event::{AgentEvent, Full};
use ruf_auth::Keyring;
use ruf_events::{
    Effect, EventPackage, Out, PRESENCE, Publication, PublicationEvent, Subscriber, SubscriberEvent, Turn,
};
use ruf_message::body::Body;
use ruf_message::{Flow, Request, Tick, Uri};

/// How long a publication is asked for.
// rfc3903 §4.2: the server may shorten it
const PUBLICATION_SECS: u32 = 3_600;

/// One thing that we watch, from [`Agent::watch`] on. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchKey(u64);

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) subscriber: Subscriber,
    pub(super) keyring: Keyring,
    pub(super) flow: Flow,
}

impl Agent {
    /// Watches somebody, or a mailbox, for so many seconds at a time until [`Self::unwatch`]; 0 asks once. What
    /// becomes of it is told by [`AgentEvent::Watch`].
    ///
    /// # Errors
    /// As much is watched as may be.
    // rfc6665 §4.1.2.1
    pub fn watch(
        &mut self,
        now: Tick,
        to: &Uri,
        package: EventPackage,
        expires_secs: u32,
    ) -> Result<WatchKey, Full> {
        if self.subscriptions.watches.len() >= self.settings.limits.subscriptions_max {
            return Err(Full);
        }
        let flow = self.settings.flow;
        let terms = self.subscription_terms(&flow);
        let key = WatchKey(self.next);
        self.next += 1;
        let mut out = Out::default();
        let turn = &mut Turn { now, entropy: &mut self.entropy, out: &mut out };
        let subscriber = Subscriber::subscribe(turn, terms, package, to.clone(), expires_secs);
        let watch = Watch { subscriber, keyring: self.settings.keyring.clone(), flow };
        self.subscriptions.watches.insert(key, watch);
        self.perform_watch(now, key, out);
        self.drain(now);
        Ok(key)
    }

    /// Watches this no longer. The last that is told of it is that it is over.
    // rfc6665 §4.1.2.3
    pub fn unwatch(&mut self, now: Tick, watch: WatchKey) {
        self.watch_turn(now, watch, |subscriber, turn| subscriber.unsubscribe(turn));
        self.drain(now);
    }

    /// What we watch is reached by this flow from here on: for an agent without a server, when the one before failed.
    pub fn lead(&mut self, watch: WatchKey, flow: Flow) {
        let contact = self.dialog_contact(&flow);
        if let Some(watch) = self.subscriptions.watches.get_mut(&watch) {
            watch.flow = flow;
            watch.subscriber.move_to(contact, flow.transport.is_secure());
        }
    }

    pub(super) fn watch_turn(
        &mut self,
        now: Tick,
        key: WatchKey,
        f: impl FnOnce(&mut Subscriber, &mut Turn<'_, SubscriberEvent>),
    ) {
        let Some(watch) = self.subscriptions.watches.get_mut(&key) else { return };
        let mut out = Out::default();
        f(&mut watch.subscriber, &mut Turn { now, entropy: &mut self.entropy, out: &mut out });
        self.perform_watch(now, key, out);
    }

    fn perform_watch(&mut self, now: Tick, key: WatchKey, out: Out<SubscriberEvent>) {
        let Some(flow) = self.subscriptions.watches.get(&key).map(|watch| watch.flow) else { return };
        for effect in out.effects {
            match effect {
                Effect::Request { asked, request } => {
                    self.subscription_asks(now, flow, Of::Watch(key), asked, request);
                }
                Effect::Respond { server, response } => {
                    if let Some(served) = self.served.get(&server) {
                        self.transactions.respond(now, served.id, &response, &mut self.out);
                    }
                }
                Effect::Event(event) => self.events.push_back(AgentEvent::Watch { watch: key, event }),
            }
        }
        if self.subscriptions.watches.get(&key).is_some_and(|watch| watch.subscriber.is_over()) {
            self.subscriptions.watches.remove(&key);
        }
    }

    /// A NOTIFY that belongs to no call. False: nobody knows of it.
    // rfc6665 §4.4.1
    pub(crate) fn notified(&mut self, now: Tick, user: u64, request: &Request) -> bool {
        let name = (request.call_id(), request.to_tag().unwrap_or_default());
        let mut watches = self.subscriptions.watches.iter();
        let Some(key) = watches.find(|(_, watch)| watch.subscriber.name() == name).map(|(key, _)| *key)
        else {
            return false;
        };
        self.watch_turn(now, key, |subscriber, turn| subscriber.notified(turn, user, request));
        true
    }

    /// Has the server tell this document of our presence to whoever watches us, in place of the one before. How it
    /// goes is told by [`AgentEvent::Publication`].
    // rfc3903 §4.2, §4.4
    pub fn publish(&mut self, now: Tick, document: Body) {
        if self.subscriptions.publication.is_none() {
            let terms = self.subscription_terms(&self.settings.flow);
            let to = self.settings.aor.clone();
            let publication = Publication::new(&mut self.entropy, terms, PRESENCE, to, PUBLICATION_SECS);
            let keyring = self.settings.keyring.clone();
            self.subscriptions.publication = Some(Published { publication, keyring });
        }
        self.publication_turn(now, |publication, turn| publication.publish(turn, document));
        self.drain(now);
    }

    /// Has the server forget what was published.
    // rfc3903 §4.5
    pub fn unpublish(&mut self, now: Tick) {
        self.publication_turn(now, |publication, turn| publication.remove(turn));
        self.drain(now);
    }

    /// The server has yet to say what becomes of what was published last.
    pub fn is_publishing(&self) -> bool {
        self.subscriptions.publication.as_ref().is_some_and(|published| published.publication.is_asking())
    }

    /// Something is published, or being published or removed.
    pub fn is_published(&self) -> bool {
        self.subscriptions.publication.as_ref().is_some_and(|published| published.publication.is_published())
    }

    pub(super) fn publication_turn(
        &mut self,
        now: Tick,
        f: impl FnOnce(&mut Publication, &mut Turn<'_, PublicationEvent>),
    ) {
        let Some(published) = self.subscriptions.publication.as_mut() else { return };
        let mut out = Out::default();
        f(&mut published.publication, &mut Turn { now, entropy: &mut self.entropy, out: &mut out });
        for effect in out.effects {
            match effect {
                Effect::Request { asked, request } => {
                    self.subscription_asks(now, self.settings.flow, Of::Publication, asked, request);
                }
                // It answers nobody.
                Effect::Respond { .. } => {}
                Effect::Event(event) => self.events.push_back(AgentEvent::Publication(event)),
            }
        }
    }
}
