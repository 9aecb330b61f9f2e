//! [`Line`]: one call as the screen shows it.

use std::path::PathBuf;

use super::call_list::VoiceMessage;
use super::event::{LineId, Sound};
use super::model::Now;
use crate::plain::plain_of;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: LineId,
    pub(crate) account: usize,
    pub(crate) party: Party,
    pub(crate) state: LineState,
    /// We hold the far side, or want to.
    pub(crate) is_held: bool,
    /// The far side let itself be held.
    pub(crate) has_agreed_to_hold: bool,
    /// The far side holds us.
    pub(crate) is_held_by_them: bool,
    pub(crate) is_muted: bool,
    /// It hears the other calls of the conference, and they hear it.
    pub(crate) is_conferring: bool,
    pub(crate) sound: Sound,
    /// The keys that the far side pressed, the last ones.
    pub(crate) keys_heard: String,
    /// The keys that we pressed, the last ones.
    pub(crate) keys_pressed: String,
    pub(crate) began: Now,
    pub(crate) answered: Option<Now>,
    /// We hung up, or refused: its end is awaited.
    pub(crate) is_ending: bool,
    /// The far side asks us to call somebody else.
    pub(crate) referred: Option<String>,
    /// Whom the caller called, who sent it on to us.
    pub(crate) meant_for: Option<Party>,
    /// The call that the caller wants to be mixed into.
    pub(crate) joins: Option<LineId>,
    /// Whom the caller was sent on to.
    pub(crate) forwarded_to: Option<String>,
    pub(crate) is_recording: bool,
    /// The files in which it is recorded.
    pub(crate) recordings: Vec<PathBuf>,
    /// What the caller left.
    pub(crate) message: Option<VoiceMessage>,
    /// It has rung here, and the user's own ring hook ran for it.
    pub(crate) has_rung: bool,
    /// Voicemail was to answer, and could not.
    pub(crate) is_past_voicemail: bool,
}

/// Keys that are shown.
const KEYS_SHOWN: usize = 12;

/// Who is at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Party {
    /// As our contacts call them, or as they call themselves; may be empty.
    pub(crate) name: String,
    /// Their address.
    pub(crate) address: String,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineState {
    /// We call, and nothing is known yet.
    Calling,
    /// It rings there.
    RingingThere,
    /// There is sound from there before an answer.
    Announcement,
    /// It rings here.
    RingingHere,
    /// The caller is asked for a message, or leaves one.
    Voicemail,
    /// We answered, and wait for the caller to confirm.
    Answering,
    /// Both talk, or one holds the other.
    Up,
}

impl Line {
    pub(crate) fn new(id: LineId, account: usize, party: Party, state: LineState, now: Now) -> Line {
        Line {
            id,
            account,
            party,
            state,
            is_held: false,
            has_agreed_to_hold: false,
            is_held_by_them: false,
            is_muted: false,
            is_conferring: false,
            sound: Sound::default(),
            keys_heard: String::new(),
            keys_pressed: String::new(),
            began: now,
            answered: None,
            is_ending: false,
            referred: None,
            meant_for: None,
            joins: None,
            forwarded_to: None,
            is_recording: false,
            recordings: Vec::new(),
            message: None,
            has_rung: false,
            is_past_voicemail: false,
        }
    }

    /// It waits for our answer.
    pub(crate) fn rings_here(&self) -> bool {
        self.state == LineState::RingingHere && !self.is_ending
    }

    /// F5 takes it: it rings here, or leaves a message.
    pub(crate) fn can_be_answered(&self) -> bool {
        self.rings_here() || (self.state == LineState::Voicemail && !self.is_ending)
    }

    /// How long both talk, or how long it rings.
    pub(crate) fn secs(&self, now: Now) -> u64 {
        now.since(self.answered.unwrap_or(self.began))
    }

    pub(crate) fn heard_key(&mut self, key: char) {
        remember(&mut self.keys_heard, key);
    }

    pub(crate) fn pressed_key(&mut self, key: char) {
        remember(&mut self.keys_pressed, key);
    }
}

fn remember(keys: &mut String, key: char) {
    keys.push(key);
    if keys.chars().count() > KEYS_SHOWN {
        keys.remove(0);
    }
}

impl Party {
    /// What a far side says of itself, fit to be shown: bounded, in one line, without marks that turn it round.
    pub(crate) fn of(name: &str, address: &str) -> Party {
        Party { name: plain(name), address: plain(address) }
    }

    /// What it is called.
    pub(crate) fn title(&self) -> &str {
        if self.name.is_empty() { &self.address } else { &self.name }
    }
}

/// Letters of a name or an address that are kept.
const PLAIN_MAX: usize = 200;

/// Text of others, fit to be shown.
pub(crate) fn plain(text: &str) -> String {
    plain_of(text, PLAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_call_themselves_moves_nothing_on_the_screen() {
        let party = Party::of("Bob\u{1b}[2J\n\u{202e}ecila", "sip:bob@h\r");
        assert_eq!((party.name.as_str(), party.address.as_str()), ("Bob[2J ecila", "sip:bob@h"));
        assert_eq!(plain(&"x".repeat(1_000)).len(), 200);
        assert_eq!(Party::of(" ", "sip:b@h").title(), "sip:b@h");
    }
}
