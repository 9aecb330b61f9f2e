//! Who may know how we are: of whoever asks for the first time the user says so, once, with the keys that answer and
//! refuse a call, while none rings.

use super::super::consent_file::Consent;
use super::super::event::Effect;
use super::super::line::Party;
use super::{Model, Now};

/// Most who wait for the user; others are asked about when they ask again.
const ASKING_MAX: usize = 16;
/// How long a question must have been in sight, with no call over it, before a key answers it: the keys may be meant for a
/// caller who gives up just then.
const SIGHT_SECS: u64 = 1;

/// Somebody who asks.
#[derive(Debug)]
pub(super) struct Asking {
    who: String,
    party: Party,
    /// In sight without a break since then.
    seen: Option<Now>,
}

impl Model {
    /// Somebody asks to watch us.
    pub(super) fn watcher_asks(&mut self, who: String, display: &str) {
        let is_new = self.asking.iter().all(|asking| asking.who != who);
        if is_new && self.asking.len() < ASKING_MAX {
            let party = self.party(display, &who);
            self.asking.push_back(Asking { who, party, seen: None });
        }
    }

    /// Who waits for the user to say whether they may, if no call waits, too.
    pub(crate) fn asking(&self) -> Option<&Party> {
        self.asking.front().filter(|_| self.ringing().is_none()).map(|asking| &asking.party)
    }

    /// A call goes over the question, and what comes behind it is a new one.
    pub(super) fn look_at_asking(&mut self) {
        let (now, is_in_sight) = (self.now, self.ringing().is_none());
        if let Some(asking) = self.asking.front_mut() {
            asking.seen = if is_in_sight { asking.seen.or(Some(now)) } else { None };
        }
    }

    /// The user says whether they may, if that can be what is meant.
    pub(super) fn consent(&mut self, may: bool) -> Vec<Effect> {
        let seen = self.asking.front().and_then(|asking| asking.seen);
        let is_meant = seen.is_some_and(|seen| self.now.since(seen) >= SIGHT_SECS);
        let asking = if is_meant { self.asking.pop_front() } else { None };
        let Some(Asking { who, .. }) = asking else {
            self.notice = self.words.no_ringing.to_owned();
            return Vec::new();
        };
        self.notice.clear();
        vec![Effect::Consent(Consent { who, may })]
    }
}
