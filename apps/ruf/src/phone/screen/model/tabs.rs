//! What keys mean in a tab.

use super::super::call_list::Mark;
use super::super::dialing;
use super::super::event::{Effect, Key};
use super::super::line::{Party, plain};
use super::{Model, Tab};

/// Suggestions under the dial field.
pub(crate) const SUGGESTIONS_MAX: usize = 5;

/// Somebody whom the dial field may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl Model {
    pub(super) fn go_to(&mut self, tab: Tab) -> Vec<Effect> {
        self.tab = tab;
        self.calls.mark = Mark::default();
        if tab == Tab::Messages {
            self.chat.enter();
        }
        self.look()
    }

    /// Missed calls that are in sight are seen.
    pub(super) fn look(&mut self) -> Vec<Effect> {
        let has_seen = self.tab == Tab::Calls && self.calls.look();
        has_seen.then_some(Effect::RememberLook).into_iter().collect()
    }

    pub(super) fn key_in_tab(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::BackTab {
            return self.go_to(self.tab.step(Tab::ALL.len() - 1));
        }
        match self.tab {
            Tab::Dial => self.key_in_dial(key),
            Tab::Calls => self.key_in_calls(key),
            Tab::Contacts => self.key_in_contacts(key),
            Tab::Messages => self.key_in_messages(key),
        }
    }

    fn key_in_dial(&mut self, key: Key) -> Vec<Effect> {
        let suggestions = self.suggestions();
        match key {
            Key::Enter => {
                let chosen = self.choice.and_then(|at| suggestions.into_iter().nth(at));
                return self.dial_meant(chosen);
            }
            Key::Down if !suggestions.is_empty() => {
                let last = suggestions.len() - 1;
                self.choice = Some(self.choice.map_or(0, |at| (at + 1).min(last)));
            }
            Key::Up => self.choice = self.choice.and_then(|at| at.checked_sub(1)),
            key => {
                if self.dial.press(key) {
                    self.choice = None;
                }
            }
        }
        Vec::new()
    }

    fn dial_meant(&mut self, chosen: Option<Suggestion>) -> Vec<Effect> {
        let typed = self.dial.text();
        let (to, name) = match chosen {
            Some(Suggestion { name, address }) => (Some(address), name),
            None => (dialing::meant(&typed, &self.contacts), String::new()),
        };
        let Some(to) = to else {
            self.notice = self.words.nobody_meant.to_owned();
            return Vec::new();
        };
        let name = if name.is_empty() { self.name_of(&to) } else { name };
        let effects = self.call(to, &name);
        if !effects.is_empty() {
            self.dial.clear();
            self.choice = None;
        }
        effects
    }

    fn key_in_calls(&mut self, key: Key) -> Vec<Effect> {
        let (len, rows) = (self.calls.len(), self.list_rows());
        if key == Key::Enter {
            let Some(entry) = self.calls.marked() else { return Vec::new() };
            let party = entry.party.clone();
            return self.call(party.address, &party.name);
        }
        match key {
            Key::Char(' ') => return self.play_or_stop(),
            Key::Delete => return self.delete_message(),
            _ => {}
        }
        if key == Key::Escape {
            self.calls.mark = Mark::default();
        }
        if let Some(by) = steps(key, rows) {
            self.calls.mark.step(by, len, rows);
        }
        Vec::new()
    }

    fn key_in_contacts(&mut self, key: Key) -> Vec<Effect> {
        let rows = self.list_rows();
        if key == Key::Enter {
            let contact = self.contact_mark.at.and_then(|at| self.contacts.get(at)).cloned();
            let Some(contact) = contact else { return Vec::new() };
            return self.call(contact.address, &contact.name);
        }
        if let Some(by) = steps(key, rows) {
            self.contact_mark.step(by, self.contacts.len(), rows);
        }
        Vec::new()
    }

    fn key_in_messages(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::PageUp => self.chat.step(-1),
            Key::PageDown => self.chat.step(1),
            Key::Escape if self.chat.field.text().is_empty() => self.chat.leave(),
            Key::Enter if self.chat.shown().is_some() => {
                let written = self.chat.write(self.now.unix_secs);
                let effect = |(note, account, to, text)| Effect::Write { note, account, to, text };
                return written.map(effect).into_iter().collect();
            }
            Key::Enter => match dialing::meant(&self.chat.field.text(), &self.contacts) {
                Some(to) => self.chat.open(self.account, Party::of(&self.name_of(&to), &to)),
                None => self.notice = self.words.nobody_meant.to_owned(),
            },
            key => drop(self.chat.field.press(key)),
        }
        Vec::new()
    }

    /// Opens the messages with whoever is marked, or in the call window.
    pub(super) fn open_chat(&mut self) -> Vec<Effect> {
        let marked = match self.tab {
            Tab::Calls => self.calls.marked().map(|entry| entry.party.clone()),
            Tab::Contacts => {
                let contact = self.contact_mark.at.and_then(|at| self.contacts.get(at));
                contact.map(|contact| Party::of(&contact.name, &contact.address))
            }
            Tab::Dial | Tab::Messages => None,
        };
        let party = marked.or_else(|| self.shown_line().map(|line| line.party.clone()));
        let effects = self.go_to(Tab::Messages);
        if let Some(party) = party {
            self.chat.open(self.account, party);
        }
        effects
    }

    /// Somebody wrote.
    pub(super) fn wrote(&mut self, account: usize, party: Party, text: &str) -> Vec<Effect> {
        let is_seen = self.tab == Tab::Messages;
        if !is_seen {
            self.notice = format!("{}: {}: {}", self.words.wrote, party.title(), plain(text));
        }
        self.chat.received(account, party, text, self.now.unix_secs, is_seen);
        vec![Effect::Bell]
    }

    /// Text goes where it is typed.
    pub(super) fn paste(&mut self, text: &str) {
        match (&mut self.transfer, self.tab) {
            (Some(field), _) => field.insert(text),
            (None, Tab::Messages) => self.chat.field.insert(text),
            (None, Tab::Dial) => {
                self.dial.insert(text);
                self.choice = None;
            }
            (None, Tab::Calls | Tab::Contacts) => {}
        }
    }

    /// Calls whom we called last.
    pub(super) fn redial(&mut self) -> Vec<Effect> {
        let Some(party) = self.calls.last_dialled().map(|entry| entry.party.clone()) else {
            self.notice = self.words.nothing_to_redial.to_owned();
            return Vec::new();
        };
        self.call(party.address, &party.name)
    }

    /// Whom the dial field may mean: contacts, then those of the call list.
    pub(crate) fn suggestions(&self) -> Vec<Suggestion> {
        let typed = self.dial.text().trim().to_lowercase();
        if typed.is_empty() {
            return Vec::new();
        }
        let fits = |text: &str| text.to_lowercase().contains(&typed);
        let known = self.contacts.iter().map(|contact| (&contact.name, &contact.address));
        let called = self.calls.entries().map(|entry| (&entry.party.name, &entry.party.address));
        let mut found: Vec<Suggestion> = Vec::new();
        for (name, address) in known.chain(called) {
            let is_new = found.iter().all(|suggestion| suggestion.address != *address);
            if is_new && (fits(name) || fits(address)) && found.len() < SUGGESTIONS_MAX {
                found.push(Suggestion { name: name.clone(), address: address.clone() });
            }
        }
        found
    }

    pub(super) fn name_of(&self, address: &str) -> String {
        let known = self.contacts.iter().find(|contact| contact.is_at(address));
        known.map_or_else(String::new, |contact| contact.name.clone())
    }
}

/// By how many entries a key moves the mark.
fn steps(key: Key, rows: usize) -> Option<isize> {
    let page = isize::try_from(rows.max(1)).unwrap_or(isize::MAX);
    Some(match key {
        Key::Up => -1,
        Key::Down => 1,
        Key::PageUp => -page,
        Key::PageDown => page,
        Key::Home => isize::MIN,
        Key::End => isize::MAX,
        _ => return None,
    })
}
