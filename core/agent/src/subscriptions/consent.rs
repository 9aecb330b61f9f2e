//! Who may watch us, watcher by watcher: whoever is not known waits until our user says so (RFC 3856 §6.6.2,
//! RFC 6665 §4.2.1). What was said holds for all that the same address asks later.

use crate::agent::Agent;
use crate::event::AgentEvent;
use ruf_events::{EndReason, Standing};
use ruf_message::{NameAddr, Tick, Uri};
use std::collections::VecDeque;

/// Most addresses whose answer is remembered; the oldest are forgotten, and asked about again.
const REMEMBERED_MAX: usize = 1_024;

/// What our user said of whom.
#[derive(Debug, Default)]
pub(super) struct Consents(VecDeque<(Uri, bool)>);

impl Consents {
    fn of(&self, who: &Uri) -> Option<bool> {
        self.0.iter().find(|(known, _)| known.equivalent(who)).map(|(_, may)| *may)
    }

    fn remember(&mut self, who: &Uri, may: bool) {
        self.0.retain(|(known, _)| !known.equivalent(who));
        if self.0.len() >= REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((who.clone(), may));
    }
}

impl Agent {
    /// This address may watch us: from now on, and whenever it asks.
    // rfc6665 §4.2.2
    pub fn allow(&mut self, now: Tick, who: &Uri) {
        self.consent(now, who, true);
    }

    /// This address may not watch us, now or later.
    // rfc6665 §4.2.2: rejected
    pub fn deny(&mut self, now: Tick, who: &Uri) {
        self.consent(now, who, false);
    }

    fn consent(&mut self, now: Tick, who: &Uri, may: bool) {
        self.subscriptions.consents.remember(who, may);
        let theirs = self.subscriptions.watchers.iter();
        let theirs = theirs.filter(|(_, watcher)| watcher.notifier.watcher().equivalent(who));
        for key in theirs.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.watcher_turn(now, key, |notifier, turn| match may {
                true => notifier.allow(turn),
                false => notifier.end(turn, EndReason::Rejected),
            });
        }
        self.drain(now);
    }

    /// How a watcher begins; `None`: it may not.
    // rfc3856 §6.6.2
    pub(super) fn standing_of(&self, who: &Uri) -> Option<Standing> {
        match self.subscriptions.consents.of(who) {
            Some(true) => Some(Standing::Active),
            Some(false) => None,
            None if self.settings.asks_consent => Some(Standing::Pending),
            None => Some(Standing::Active),
        }
    }

    /// Our user is to say whether it may; asked once for each address that waits.
    pub(super) fn ask_consent(&mut self, from: &NameAddr<'_>) {
        let who = from.uri().to_owned();
        let waits = |watcher: &&super::Watched| {
            watcher.notifier.standing() == Standing::Pending && watcher.notifier.watcher().equivalent(&who)
        };
        if self.subscriptions.watchers.values().filter(waits).count() == 1 {
            let display = String::from_utf8_lossy(&from.display()).into_owned();
            self.events.push_back(AgentEvent::WatcherAsks { who, display });
        }
    }
}
