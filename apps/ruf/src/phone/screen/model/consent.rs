//! Who may know how we are: of whoever asks for the first time the user says so, once, with the keys that answer and
//! refuse a call, while none rings.

use super::super::consent_file::Consent;
use super::super::event::Effect;
use super::super::line::Party;
use super::Model;

/// Most who wait for the user; others are asked about when they ask again.
const ASKING_MAX: usize = 16;

/// Somebody who asks.
#[derive(Debug)]
pub(super) struct Asking {
    who: String,
    party: Party,
}

impl Model {
    /// Somebody asks to watch us.
    pub(super) fn watcher_asks(&mut self, who: String, display: &str) {
        let is_new = self.asking.iter().all(|asking| asking.who != who);
        if is_new && self.asking.len() < ASKING_MAX {
            let party = self.party(display, &who);
            self.asking.push_back(Asking { who, party });
        }
    }

    /// Who waits for the user to say whether they may, if no call waits, too.
    pub(crate) fn asking(&self) -> Option<&Party> {
        self.asking.front().filter(|_| self.ringing().is_none()).map(|asking| &asking.party)
    }

    /// The user says whether they may.
    pub(super) fn consent(&mut self, may: bool) -> Vec<Effect> {
        let asking = if self.ringing().is_none() { self.asking.pop_front() } else { None };
        let Some(Asking { who, .. }) = asking else {
            self.notice = self.words.no_ringing.to_owned();
            return Vec::new();
        };
        self.notice.clear();
        vec![Effect::Consent(Consent { who, may })]
    }
}
