//! Who may watch us, watcher by watcher: whoever is not known waits until our user says so (RFC 3856 §6.6.2,
//! RFC 6665 §4.2.1). What was said holds for all that the same address asks later; whoever names none
//! may not, for nobody could say which of them may.

use crate::agent::Agent;
use crate::event::AgentEvent;
use ruf_events::{EndReason, Standing};
use ruf_message::{Tick, Uri};
use std::collections::VecDeque;

/// Most addresses whose answer is remembered; the oldest are forgotten, and asked about again.
const REMEMBERED_MAX: usize = 1_024;

/// Most addresses of whom our user was asked and has said nothing yet; who comes then is not asked about.
const ASKED_MAX: usize = 64;

/// What our user said of whom.
#[derive(Debug, Default)]
pub(super) struct Consents {
    answers: VecDeque<(Uri, bool)>,
    asked: Vec<Uri>,
}

impl Consents {
    fn of(&self, who: &Uri) -> Option<bool> {
        self.answers.iter().find(|(known, _)| known.equivalent(who)).map(|(_, may)| *may)
    }

    fn remember(&mut self, who: &Uri, may: bool) {
        self.asked.retain(|asked| !asked.equivalent(who));
        self.answers.retain(|(known, _)| !known.equivalent(who));
        if self.answers.len() >= REMEMBERED_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back((who.clone(), may));
    }

    /// Whether our user is to be asked of it now.
    fn asks(&mut self, who: &Uri) -> bool {
        let is_new = self.asked.len() < ASKED_MAX && !self.asked.iter().any(|asked| asked.equivalent(who));
        if is_new {
            self.asked.push(who.clone());
        }
        is_new
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
        let theirs = theirs.filter(|(_, watcher)| watcher.who.equivalent(who));
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
            // Allowed once, it would allow all of them.
            _ if self.settings.asks_consent && is_nobody(who) => None,
            Some(true) => Some(Standing::Active),
            Some(false) => None,
            None if self.settings.asks_consent => Some(Standing::Pending),
            None => Some(Standing::Active),
        }
    }

    /// Our user is to say whether it may; asked once for each address, whether that waits or asks again and again.
    pub(super) fn ask_consent(&mut self, who: Uri, display: String) {
        if self.subscriptions.consents.asks(&who) {
            self.events.push_back(AgentEvent::WatcherAsks { who, display });
        }
    }
}

/// An address that many have: that of RFC 3323, or what servers make of it.
// rfc3323 §4.1.1.3
fn is_nobody(who: &Uri) -> bool {
    let who = who.as_ref();
    who.is_anonymous() || who.user().is_some_and(|user| user.eq_ignore_ascii_case(b"anonymous"))
}
