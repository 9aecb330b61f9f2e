//! [`Chat`]: what was written to and by whom, as long as the phone runs (RFC 3428).

use std::collections::VecDeque;

use ruf_sip::Error;

use super::contacts::bare;
use super::field::Field;
use super::line::Party;
use crate::plain::plain_of;

/// Conversations that are kept.
const TALKS_MAX: usize = 50;
/// Messages of one conversation that are kept.
const NOTES_MAX: usize = 200;
/// Letters of one message that are kept.
const LETTERS_MAX: usize = 2_000;

/// All conversations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    talks: Vec<Talk>,
    /// The one in sight; `None`: whom to write to is being typed.
    shown: Option<usize>,
    pub(crate) field: Field,
    next_note: u64,
}

/// The messages to and from somebody.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) party: Party,
    /// Whom they write to.
    pub(crate) account: usize,
    pub(crate) notes: VecDeque<Note>,
    unread: usize,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) unix_secs: i64,
    pub(crate) fate: Fate,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is theirs.
    Received,
    /// Ours, under this number, on its way.
    Sending(u64),
    /// They have it.
    Sent,
    /// They do not.
    Failed(Error),
}

impl Chat {
    /// Somebody wrote.
    pub(crate) fn received(
        &mut self,
        account: usize,
        party: Party,
        text: &str,
        unix_secs: i64,
        is_seen: bool,
    ) {
        let at = self.talk(account, party);
        let is_seen = is_seen && self.shown == Some(at);
        if let Some(talk) = self.talks.get_mut(at) {
            talk.unread += usize::from(!is_seen);
            talk.add(Note { text: plain_of(text, LETTERS_MAX), unix_secs, fate: Fate::Received });
        }
    }

    /// We write what stands in the field to whom is in sight: the number of the message, the account, to whom, what.
    pub(crate) fn write(&mut self, unix_secs: i64) -> Option<(u64, usize, String, String)> {
        let text = self.field.text();
        let number = self.next_note;
        let talk = self.talks.get_mut(self.shown?).filter(|_| !text.trim().is_empty())?;
        talk.add(Note { text: text.clone(), unix_secs, fate: Fate::Sending(number) });
        let (account, to) = (talk.account, talk.party.address.clone());
        self.next_note += 1;
        self.field.clear();
        Some((number, account, to, text))
    }

    /// What became of ours.
    pub(crate) fn written(&mut self, number: u64, outcome: Result<(), Error>) {
        let notes = self.talks.iter_mut().flat_map(|talk| &mut talk.notes);
        if let Some(note) = notes.into_iter().find(|note| note.fate == Fate::Sending(number)) {
            note.fate = outcome.map_or_else(Fate::Failed, |()| Fate::Sent);
        }
    }

    /// Shows the conversation with somebody, a new one if there is none.
    pub(crate) fn open(&mut self, account: usize, party: Party) {
        let at = self.talk(account, party);
        self.shown = Some(at);
        self.field.clear();
        self.look();
    }

    /// Whom to write to is asked.
    pub(crate) fn leave(&mut self) {
        self.shown = None;
    }

    /// Shows the next conversation, or the one before.
    pub(crate) fn step(&mut self, by: isize) {
        if let Some(last) = self.talks.len().checked_sub(1) {
            self.shown = Some(self.shown.map_or(0, |at| at.saturating_add_signed(by).min(last)));
            self.look();
        }
    }

    /// The chat comes into sight: with one that is unread, unless something is being typed.
    pub(crate) fn enter(&mut self) {
        let unread = self.talks.iter().position(|talk| talk.unread > 0);
        if self.field.text().is_empty() && unread.is_some() {
            self.shown = unread;
        }
        self.look();
    }

    /// Messages that were not seen.
    pub(crate) fn unread(&self) -> usize {
        self.talks.iter().map(|talk| talk.unread).sum()
    }

    /// The conversation in sight, its number from 1, and how many there are.
    pub(crate) fn shown(&self) -> Option<(&Talk, usize, usize)> {
        let at = self.shown?;
        Some((self.talks.get(at)?, at + 1, self.talks.len()))
    }

    fn look(&mut self) {
        if let Some(talk) = self.shown.and_then(|at| self.talks.get_mut(at)) {
            talk.unread = 0;
        }
    }

    /// The conversation with somebody, made if there is none. The one that was begun first goes where there are too many.
    fn talk(&mut self, account: usize, party: Party) -> usize {
        let is_theirs =
            |talk: &Talk| talk.account == account && bare(&talk.party.address) == bare(&party.address);
        if let Some(at) = self.talks.iter().position(is_theirs) {
            return at;
        }
        if self.talks.len() >= TALKS_MAX {
            let goes = (0..self.talks.len()).find(|at| Some(*at) != self.shown).unwrap_or_default();
            self.talks.remove(goes);
            self.shown = self.shown.map(|at| at - usize::from(at > goes));
        }
        self.talks.push(Talk { party, account, notes: VecDeque::new(), unread: 0 });
        self.talks.len() - 1
    }
}

impl Talk {
    fn add(&mut self, note: Note) {
        if self.notes.len() >= NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str) -> Party {
        Party::of("", &format!("sip:{name}@h"))
    }

    #[test]
    fn what_is_written_meanwhile_is_unread_and_moves_nothing() {
        let mut chat = Chat::default();
        chat.open(0, party("bob"));
        chat.field.insert("half");
        chat.received(0, party("carol"), "one\nline", 5, true);
        chat.received(0, party("bob"), "hi", 6, true);
        assert_eq!((chat.unread(), chat.shown().unwrap().0.party.title()), (1, "sip:bob@h"));
        chat.enter();
        assert_eq!(chat.shown().unwrap().0.party.title(), "sip:bob@h");
        chat.field.clear();
        chat.enter();
        let (talk, number, all) = chat.shown().unwrap();
        assert_eq!((talk.notes[0].text.as_str(), number, all, chat.unread()), ("one line", 2, 2, 0));
    }

    #[test]
    fn a_message_of_ours_has_its_fate() {
        let mut chat = Chat::default();
        assert_eq!(chat.write(0), None);
        chat.open(1, party("bob"));
        assert_eq!(chat.write(0), None);
        for text in ["a", "b"] {
            chat.field.insert(text);
            let (_, account, to, said) = chat.write(0).unwrap();
            assert_eq!((account, to.as_str(), said.as_str()), (1, "sip:bob@h", text));
        }
        chat.written(1, Err(Error::Silence));
        chat.written(0, Ok(()));
        chat.written(7, Ok(()));
        let fates: Vec<&Fate> = chat.shown().unwrap().0.notes.iter().map(|note| &note.fate).collect();
        assert_eq!(fates, [&Fate::Sent, &Fate::Failed(Error::Silence)]);
    }

    #[test]
    fn strangers_fill_no_memory_and_take_nothing_away() {
        let mut chat = Chat::default();
        chat.open(0, party("bob"));
        for number in 0..200 {
            chat.received(0, party(&number.to_string()), "x", 0, true);
            chat.received(0, party("bob"), &"y".repeat(10_000), 0, true);
        }
        let (talk, _, all) = chat.shown().unwrap();
        assert_eq!((talk.party.title(), talk.notes.len(), all), ("sip:bob@h", 200, TALKS_MAX));
        assert_eq!(talk.notes[0].text.len(), LETTERS_MAX);
        chat.step(isize::MAX);
        assert_eq!(chat.shown().unwrap().0.party.title(), "sip:199@h");
    }
}
