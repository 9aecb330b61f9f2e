//! Who watches whom: what we watch, who watches us, and what we publish (RFC 6665, RFC 3903, RFC 3856). The
//! machines are core/events'; here they get their transactions and credentials.
//!
//! A request within a subscription goes by the flow that the subscription began by, as long as it leads there
//! ([`alone`](crate::alone)). Not here: the subscription that a REFER makes, which is its call's.

mod consent;
mod watched;
mod watching;

pub use watching::WatchKey;

use crate::agent::Agent;
use crate::capabilities::party;
use consent::Consents;
use ruf_auth::Keyring;
use ruf_events::{Asked, Failure, Publication};
use ruf_message::body::Body;
use ruf_message::{Flow, NameAddr, Request, Response, Tick};
use std::collections::BTreeMap;
use watched::Watched;
use watching::Watch;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    watches: BTreeMap<WatchKey, Watch>,
    watchers: BTreeMap<u64, Watched>,
    publication: Option<Published>,
    /// What watchers of ours may know.
    shown: Option<Body>,
    /// Which of them.
    consents: Consents,
}

#[derive(Debug)]
struct Published {
    publication: Publication,
    keyring: Keyring,
}

/// Whose request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Watch(WatchKey),
    Watcher(u64),
    Publication,
}

impl Of {
    /// Its first request was the peer's.
    pub(crate) fn is_theirs(self) -> bool {
        matches!(self, Of::Watcher(_))
    }
}

impl Subscriptions {
    /// The credentials that go with its requests.
    // rfc3261 §22.3: challenges are answered anew for each Call-ID
    pub(crate) fn keyring(&mut self, of: Of) -> Option<&mut Keyring> {
        match of {
            Of::Watch(key) => self.watches.get_mut(&key).map(|watch| &mut watch.keyring),
            Of::Watcher(key) => self.watchers.get_mut(&key).map(|watcher| &mut watcher.keyring),
            Of::Publication => self.publication.as_mut().map(|published| &mut published.keyring),
        }
    }

    /// A request goes out again: as what. `None`: nobody wants that any more.
    pub(crate) fn retry(&mut self, now: Tick, of: Of, asked: Asked) -> Option<Asked> {
        match of {
            Of::Watch(key) => self.watches.get_mut(&key)?.subscriber.retry(now, asked),
            Of::Watcher(key) => self.watchers.get_mut(&key)?.notifier.retry(asked),
            Of::Publication => self.publication.as_mut()?.publication.retry(asked),
        }
    }

    /// A request that begins one goes out once more as it is. False: nobody wants that any more.
    pub(crate) fn moves(&mut self, now: Tick, of: Of, asked: Asked) -> bool {
        match of {
            Of::Watch(key) => {
                self.watches.get_mut(&key).is_some_and(|watch| watch.subscriber.moves(now, asked))
            }
            Of::Watcher(_) => false,
            Of::Publication => self.publication.is_some(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let watches = self.watches.values().filter_map(|watch| watch.subscriber.deadline());
        let watchers = self.watchers.values().filter_map(|watcher| watcher.notifier.deadline());
        let publication = self.publication.as_ref().and_then(|published| published.publication.deadline());
        watches.chain(watchers).chain(publication).min()
    }

    /// How many there are, on both sides.
    pub(crate) fn len(&self) -> usize {
        self.watches.len() + self.watchers.len()
    }
}

impl Agent {
    /// A request of one of them has its final response, or will have none.
    pub(crate) fn subscription_answered(
        &mut self,
        now: Tick,
        (of, asked): (Of, Asked),
        outcome: Result<&Response, Failure>,
    ) {
        match of {
            Of::Watch(key) => {
                self.watch_turn(now, key, |subscriber, turn| subscriber.answered(turn, asked, outcome));
            }
            Of::Watcher(key) => {
                self.watcher_turn(now, key, |notifier, turn| notifier.answered(turn, asked, outcome));
            }
            Of::Publication => {
                self.publication_turn(now, |publication, turn| publication.answered(turn, asked, outcome));
            }
        }
    }

    /// Sends a request of one of them.
    fn subscription_asks(&mut self, now: Tick, flow: Flow, of: Of, asked: Asked, mut request: Request) {
        if let Some(keyring) = self.subscriptions.keyring(of) {
            keyring.authorize(&mut request);
        }
        if self.send_within(now, flow, (of, asked), request).is_err() {
            self.subscription_answered(now, (of, asked), Err(Failure::Unreachable));
        }
    }

    pub(crate) fn tick_subscriptions(&mut self, now: Tick) {
        let is_due = |deadline: Option<Tick>| deadline.is_some_and(|deadline| deadline <= now);
        let watches = self.subscriptions.watches.iter();
        let watches = watches.filter(|(_, watch)| is_due(watch.subscriber.deadline())).map(|(key, _)| *key);
        for key in watches.collect::<Vec<_>>() {
            self.watch_turn(now, key, |subscriber, turn| subscriber.tick(turn));
        }
        let watchers = self.subscriptions.watchers.iter();
        let watchers =
            watchers.filter(|(_, watcher)| is_due(watcher.notifier.deadline())).map(|(key, _)| *key);
        for key in watchers.collect::<Vec<_>>() {
            self.watcher_turn(now, key, |notifier, turn| notifier.tick(turn));
        }
        self.publication_turn(now, |publication, turn| publication.tick(turn));
    }

    /// The way to the server is another; what went by the one before goes on over this one.
    pub(crate) fn move_subscriptions(&mut self, before: Flow, flow: Flow) {
        let contact = self.dialog_contact(&flow);
        for watch in self.subscriptions.watches.values_mut().filter(|watch| watch.flow == before) {
            watch.flow = flow;
            watch.subscriber.move_to(contact.clone(), flow.transport.is_secure());
        }
        for watcher in self.subscriptions.watchers.values_mut().filter(|watcher| watcher.flow == before) {
            watcher.flow = flow;
            watcher.notifier.move_to(contact.clone());
        }
    }

    /// One of them goes by this flow from here on.
    // rfc3261 §12.2.1.1
    pub(crate) fn lead_subscription(&mut self, of: Of, flow: Flow) {
        let contact = self.dialog_contact(&flow);
        match of {
            Of::Watch(key) => self.lead(key, flow),
            Of::Watcher(key) => {
                if let Some(watcher) = self.subscriptions.watchers.get_mut(&key) {
                    watcher.flow = flow;
                    watcher.notifier.move_to(contact);
                }
            }
            Of::Publication => {}
        }
    }

    fn subscription_terms(&self, flow: &Flow) -> ruf_events::Terms {
        // rfc6665 §4.5.1: our GRUU, if the registrar gave one
        let party = party(&self.settings, self.dialog_contact(flow), flow);
        ruf_events::Terms {
            from: NameAddr::compose(&self.settings.display, &self.settings.aor),
            contact: party.contact,
            fields: party.fields,
            route_set: self.settings.route_set.clone(),
            secure_flow: party.secure_flow,
            t1: self.settings.timers.t1,
        }
    }
}
