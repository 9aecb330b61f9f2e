//! Who watches us: for a phone that says itself how it is. Who has a server publishes there instead, or lets it
//! ask us.

use super::Of;
use crate::agent::Agent;
use crate::reject::Reject;
use ruf_auth::Keyring;
use ruf_dialog::DialogId;
use ruf_events::{Effect, EndReason, Notifier, Out, PRESENCE, Standing, SubscribeRefused, Turn};
use ruf_message::body::Body;
use ruf_message::header::event::Event;
use ruf_message::{Flow, Request, Tick, Uri};
use ruf_session::asserted;
use std::convert::Infallible;

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) notifier: Notifier,
    /// Who watches, as far as we know.
    pub(super) who: Uri,
    pub(super) keyring: Keyring,
    pub(super) flow: Flow,
}

impl Agent {
    /// Whoever asks may know this of our presence, and is told when it changes, but for whom our user has yet to allow
    /// ([`Settings::asks_consent`](crate::Settings::asks_consent)); `None`: nobody may, and who was told is told no more.
    // rfc3856 §6.6.2: nobody is told without our user's consent, which this is
    pub fn show(&mut self, now: Tick, document: Option<Body>) {
        let watchers: Vec<u64> = self.subscriptions.watchers.keys().copied().collect();
        for key in watchers {
            self.watcher_turn(now, key, |notifier, turn| match &document {
                Some(document) => notifier.change(turn, document.clone()),
                None => notifier.end(turn, EndReason::Rejected),
            });
        }
        self.subscriptions.shown = document;
        self.drain(now);
    }

    /// We go: who watches us is told this, and to come back later; nobody new is told anything.
    // rfc6665 §4.1.3: probation
    pub fn leave(&mut self, now: Tick, last: &Body) {
        self.subscriptions.shown = None;
        let watchers: Vec<u64> = self.subscriptions.watchers.keys().copied().collect();
        for key in watchers {
            self.watcher_turn(now, key, |notifier, turn| notifier.leave(turn, last.clone()));
        }
        self.drain(now);
    }

    /// How many watch us.
    pub fn watchers(&self) -> usize {
        self.subscriptions.watchers.len()
    }

    pub(super) fn watcher_turn(
        &mut self,
        now: Tick,
        key: u64,
        f: impl FnOnce(&mut Notifier, &mut Turn<'_, Infallible>),
    ) {
        let Some(watcher) = self.subscriptions.watchers.get_mut(&key) else { return };
        let mut out = Out::default();
        f(&mut watcher.notifier, &mut Turn { now, entropy: &mut self.entropy, out: &mut out });
        self.perform_watcher(now, key, out);
    }

    fn perform_watcher(&mut self, now: Tick, key: u64, out: Out<Infallible>) {
        let Some(flow) = self.subscriptions.watchers.get(&key).map(|watcher| watcher.flow) else { return };
        for effect in out.effects {
            match effect {
                Effect::Request { asked, request } => {
                    self.subscription_asks(now, flow, Of::Watcher(key), asked, request);
                }
                Effect::Respond { server, response } => {
                    if let Some(served) = self.served.get(&server) {
                        self.transactions.respond(now, served.id, &response, &mut self.out);
                    }
                }
                Effect::Event(never) => match never {},
            }
        }
        if self.subscriptions.watchers.get(&key).is_some_and(|watcher| watcher.notifier.is_over()) {
            self.subscriptions.watchers.remove(&key);
        }
    }

    /// A SUBSCRIBE out of dialog.
    // rfc6665 §4.2.1.1
    pub(crate) fn subscribed(
        &mut self,
        now: Tick,
        flow: Flow,
        user: u64,
        request: &Request,
    ) -> Result<(), Reject> {
        let event = request.header::<Event<'_>>().ok().flatten();
        let event = event.map(|event| event.event.as_str());
        // rfc3515 §2.4.4: only a REFER makes one of these
        if event == Some("refer") {
            return Err(Reject::Forbidden);
        }
        if event != Some(PRESENCE.name) {
            return Err(Reject::Subscription(SubscribeRefused::BadEvent));
        }
        let Some(shown) = self.subscriptions.shown.clone() else { return Err(Reject::Forbidden) };
        if self.subscriptions.watchers.len() >= self.settings.limits.subscriptions_max {
            return Err(Reject::TooMany);
        }
        let (who, display) = self.watcher_of(request);
        let Some(standing) = self.standing_of(&who) else { return Err(Reject::Forbidden) };
        let said = (standing, Some(shown));
        let terms = self.subscription_terms(&flow);
        let tag = self.entropy.token(12);
        let mut out = Out::default();
        let turn = &mut Turn { now, entropy: &mut self.entropy, out: &mut out };
        let notifier = Notifier::subscribed(turn, terms, PRESENCE, (user, request), &tag, said);
        let notifier = notifier.map_err(Reject::Subscription)?;
        let key = self.next;
        self.next += 1;
        let keyring = self.settings.keyring.clone();
        let watched = Watched { notifier, who: who.clone(), keyring, flow };
        self.subscriptions.watchers.insert(key, watched);
        self.perform_watcher(now, key, out);
        if standing == Standing::Pending {
            self.ask_consent(who, display);
        }
        Ok(())
    }

    /// Who asks to watch, and by which name: as the server asserts, or else as they say.
    // rfc3325 §9.1
    fn watcher_of(&self, request: &Request) -> (Uri, String) {
        let from = request.from();
        let said = || (from.uri().to_owned(), String::from_utf8_lossy(&from.display()).into_owned());
        asserted(request).filter(|_| self.settings.trusts_asserted).unwrap_or_else(said)
    }

    /// A SUBSCRIBE within a dialog that is no call. False: nobody knows of it.
    // rfc6665 §4.2.1.4
    pub(crate) fn resubscribed(&mut self, now: Tick, user: u64, request: &Request) -> bool {
        let id = DialogId::of_request(request);
        let mut watchers = self.subscriptions.watchers.iter();
        let Some(key) = watchers.find(|(_, watcher)| *watcher.notifier.id() == id).map(|(key, _)| *key)
        else {
            return false;
        };
        self.watcher_turn(now, key, |notifier, turn| notifier.refreshed(turn, user, request));
        true
    }
}
