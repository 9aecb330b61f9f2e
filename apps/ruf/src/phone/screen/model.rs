//! [`Model`]: all that the phone knows. Pure: events come in, effects go out, [`view`](super::view) shows it.
//!
//! What keys mean is in `keys` (wherever one is) and `tabs` (in a tab), what becomes of calls in `calls`.

mod calls;
mod conference;
mod consent;
mod hold;
mod playing;
mod presence;
mod recording;
mod tabs;
mod transfer;
mod voicemail;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use jiff::tz::TimeZone;
use ruf_sip::Mailbox;

use super::call_list::{CallList, Mark};
use super::chat::Chat;
use super::contacts::Contact;
use super::event::{Effect, Event, Key, LineId, Registration};
use super::field::Field;
use super::hooks::Hooks;
use super::keys::{self, Verb};
use super::line::{Line, LineState, Party};
use super::settings::Forwarding;
use super::sound_file::SoundFiles;
use super::standing::Standing;
use super::theme::Theme;
use super::voicemail::Voicemail;
use super::words::Words;
use consent::Asking;
use playing::Playing;

/// Seconds between two rings of the terminal's bell.
const BELL_SECS: u64 = 3;

/// A moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// Since the phone was started; never goes back.
    pub(crate) millis: u64,
    /// Seconds since 1970, as the clock on the wall has it.
    pub(crate) unix_secs: i64,
}

impl Now {
    /// Whole seconds since then.
    pub(crate) fn since(self, then: Now) -> u64 {
        self.millis.saturating_sub(then.millis) / 1_000
    }
}

/// What is in sight above the call window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Dial,
    Calls,
    Contacts,
    Messages,
}

impl Tab {
    pub(crate) const ALL: [Tab; 4] = [Tab::Dial, Tab::Calls, Tab::Contacts, Tab::Messages];

    fn step(self, by: usize) -> Tab {
        let at = Tab::ALL.iter().position(|tab| *tab == self).unwrap_or_default();
        Tab::ALL.into_iter().cycle().nth(at + by).unwrap_or(Tab::Dial)
    }
}

/// An account as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// What others call.
    pub(crate) address: String,
    pub(crate) registration: Registration,
    /// What waits at its server, if that says so.
    pub(crate) mailbox: Option<Mailbox>,
}

/// Where sound comes from, as far as the screen says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoundKind {
    None,
    Card,
    File,
    Loopback,
}

/// What a phone starts with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) accounts: Vec<Account>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) calls: CallList,
    pub(crate) words: &'static Words,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    pub(crate) sound: SoundKind,
    pub(crate) is_do_not_disturb: bool,
    pub(crate) is_auto_answer: bool,
    pub(crate) forwarding: Forwarding,
    pub(crate) hooks: Hooks,
    /// Where recordings are put; `None`: nobody says where.
    pub(crate) recordings: Option<SoundFiles>,
    pub(crate) voicemail: Voicemail,
    /// Whoever watches us is told how we are.
    pub(crate) is_shown: bool,
    /// What stands in the dial field.
    pub(crate) dial: String,
    pub(crate) now: Now,
}

/// All that the phone knows.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: Now,
    pub(crate) size: (u16, u16),
    pub(crate) tab: Tab,
    pub(crate) accounts: Vec<Account>,
    /// Whom we call as.
    pub(crate) account: usize,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) contact_mark: Mark,
    pub(crate) calls: CallList,
    pub(crate) lines: Vec<Line>,
    /// The one in the call window.
    pub(crate) shown: Option<LineId>,
    pub(crate) dial: Field,
    /// Which suggestion is chosen.
    pub(crate) choice: Option<usize>,
    pub(crate) chat: Chat,
    /// Whom the call in the window is to be sent on to, while that is typed.
    pub(crate) transfer: Option<Field>,
    /// Who asks to watch us, and waits.
    asking: VecDeque<Asking>,
    /// Keys go to the call.
    pub(crate) is_keypad: bool,
    pub(crate) is_do_not_disturb: bool,
    pub(crate) is_auto_answer: bool,
    pub(crate) forwarding: Forwarding,
    pub(crate) hooks: Hooks,
    pub(crate) recordings: Option<SoundFiles>,
    pub(crate) voicemail: Voicemail,
    /// What is being played of what was kept.
    playing: Option<Playing>,
    /// The message that is deleted if that is said once more.
    deletes: Option<PathBuf>,
    next_playing: u64,
    pub(crate) notice: String,
    pub(crate) quit: Quit,
    pub(crate) words: &'static Words,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    pub(crate) sound: SoundKind,
    /// Of contacts that are watched, by their number.
    standings: HashMap<usize, Standing>,
    is_shown: bool,
    /// What was told of us last.
    told: Option<Standing>,
    next_line: u64,
}

/// Whether the phone is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quit {
    No,
    /// Calls are up, and one more key hangs up.
    Asked,
    /// It ends with its last call.
    Ending,
}

impl Model {
    pub(crate) fn new(opening: Opening) -> Model {
        let mut dial = Field::default();
        dial.set(&opening.dial);
        Model {
            now: opening.now,
            size: (80, 24),
            tab: Tab::Dial,
            accounts: opening.accounts,
            account: 0,
            contacts: opening.contacts,
            contact_mark: Mark::default(),
            calls: opening.calls,
            lines: Vec::new(),
            shown: None,
            dial,
            choice: None,
            chat: Chat::default(),
            transfer: None,
            asking: VecDeque::new(),
            is_keypad: false,
            is_do_not_disturb: opening.is_do_not_disturb,
            is_auto_answer: opening.is_auto_answer,
            forwarding: opening.forwarding,
            hooks: opening.hooks,
            recordings: opening.recordings,
            voicemail: opening.voicemail,
            playing: None,
            deletes: None,
            next_playing: 1,
            notice: String::new(),
            quit: Quit::No,
            words: opening.words,
            theme: opening.theme,
            zone: opening.zone,
            sound: opening.sound,
            standings: HashMap::new(),
            is_shown: opening.is_shown,
            told: None,
            next_line: 1,
        }
    }

    /// Hears what happened at this moment, and says what is to be done.
    #[must_use]
    pub(crate) fn update(&mut self, now: Now, event: Event) -> Vec<Effect> {
        let mut effects = self.happened(now, event);
        self.look_at_asking();
        effects.extend(self.stop_playing_over_talk());
        effects.extend(self.tell_standing());
        effects
    }

    fn happened(&mut self, now: Now, event: Event) -> Vec<Effect> {
        let is_second = now.millis / 1_000 != self.now.millis / 1_000;
        self.now = now;
        match event {
            Event::Key(key) => self.key(key),
            Event::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            Event::Size(columns, rows) => {
                self.size = (columns, rows);
                let (len, rows) = (self.calls.len(), self.list_rows());
                self.calls.mark.keep(len, rows);
                self.contact_mark.keep(self.contacts.len(), rows);
                Vec::new()
            }
            Event::Tick if is_second => {
                let mut effects = self.forward_unanswered();
                effects.extend(self.ask_unanswered());
                effects.extend(self.bell());
                effects
            }
            Event::Tick => Vec::new(),
            Event::Account { account, registration } => {
                if let Some(account) = self.accounts.get_mut(account) {
                    account.registration = registration;
                }
                Vec::new()
            }
            Event::Mailbox { account, mailbox } => {
                if let Some(account) = self.accounts.get_mut(account) {
                    account.mailbox = mailbox;
                }
                Vec::new()
            }
            Event::Incoming { line, account, from, display, diverted, joins } => {
                let meant_for = diverted.map(|diverted| self.party(&diverted.display, &diverted.uri));
                let party = self.party(&display, &from);
                let line = Line::new(line, account, party, LineState::RingingHere, now);
                self.called(Line { meant_for, joins, ..line })
            }
            Event::Progress { line, progress } => self.progress(line, progress),
            Event::Sound { line, sound } => {
                if let Some(line) = self.line_mut(line) {
                    line.sound = sound;
                }
                Vec::new()
            }
            Event::Message { account, from, text } => {
                let party = Party::of(&self.name_of(&from), &from);
                self.wrote(account, party, &text)
            }
            Event::Written { note, outcome } => {
                self.chat.written(note, outcome);
                Vec::new()
            }
            Event::Played { number, outcome } => {
                self.played(number, outcome);
                Vec::new()
            }
            Event::WatcherAsks { who, display } => {
                self.watcher_asks(who, &display);
                Vec::new()
            }
            Event::Standing { contact, standing } => {
                self.stands(contact, standing);
                Vec::new()
            }
            Event::Failed(why) => {
                self.notice = why;
                Vec::new()
            }
            Event::Stop => self.end(),
        }
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        let verb = keys::verb(key);
        // Something else is meant, wherever that is.
        if key != Key::Delete {
            self.deletes = None;
        }
        if verb != Some(Verb::Quit) && self.quit == Quit::Asked {
            self.quit = Quit::No;
            self.notice.clear();
        }
        match verb {
            Some(verb) => self.act(verb),
            None if self.transfer.is_some() => self.key_in_transfer(key),
            None if self.is_keypad => self.keypad(key),
            None => self.key_in_tab(key),
        }
    }

    fn act(&mut self, verb: Verb) -> Vec<Effect> {
        match verb {
            Verb::Answer => self.answer(),
            Verb::Refuse => self.refuse(),
            Verb::Hold => self.hold_or_resume(),
            Verb::HangUp => self.hang_up(),
            Verb::Mute => self.mute(),
            Verb::Redial => self.redial(),
            Verb::NextCall => self.show_next(),
            Verb::Keypad => self.toggle_keypad(),
            Verb::Transfer => self.ask_transfer(),
            Verb::Conference => self.confer_or_part(),
            Verb::Follow => self.follow(),
            Verb::Write => self.open_chat(),
            Verb::Record => self.record_or_stop(),
            Verb::DoNotDisturb => {
                self.is_do_not_disturb = !self.is_do_not_disturb;
                Vec::new()
            }
            Verb::AutoAnswer => {
                self.is_auto_answer = !self.is_auto_answer;
                Vec::new()
            }
            Verb::Voicemail => {
                self.voicemail.is_on = !self.voicemail.is_on;
                Vec::new()
            }
            Verb::NextAccount => {
                self.account = (self.account + 1) % self.accounts.len().max(1);
                Vec::new()
            }
            Verb::NextTab => self.go_to(self.tab.step(1)),
            Verb::Quit => self.quit(),
        }
    }

    fn quit(&mut self) -> Vec<Effect> {
        match self.quit {
            Quit::No if !self.lines.is_empty() => {
                self.quit = Quit::Asked;
                self.notice = self.words.quit_asks.to_owned();
                Vec::new()
            }
            Quit::No | Quit::Asked | Quit::Ending => self.end(),
        }
    }

    /// Hangs up everything and ends.
    fn end(&mut self) -> Vec<Effect> {
        self.quit = Quit::Ending;
        self.notice = self.words.quitting.to_owned();
        vec![Effect::Quit]
    }

    fn bell(&mut self) -> Vec<Effect> {
        let rings = |line: &&Line| line.rings_here() && line.secs(self.now).is_multiple_of(BELL_SECS);
        self.lines.iter().find(rings).map(|_| Effect::Bell).into_iter().collect()
    }

    /// The rows of a list.
    pub(crate) fn list_rows(&self) -> usize {
        usize::from(super::view::content_rows(self.size.1)).saturating_sub(1)
    }
}

#[cfg(test)]
pub(crate) mod tests;
