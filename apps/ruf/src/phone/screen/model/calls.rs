//! What becomes of calls: one is talked on, the others are held; each is in the call list when it is over.

use std::path::PathBuf;

use ruf_sip::{Call, DiversionReason, Ended, StatusCode};

use super::super::call_list::{CallEntry, Way};
use super::super::dialing;
use super::super::event::{Effect, Key, LineId, Progress};
use super::super::hooks::{Fact, Moment};
use super::super::line::{Line, LineState, Party, plain};
use super::Model;

/// Calls at once.
const LINES_MAX: usize = 8;

impl Model {
    pub(crate) fn line(&self, id: LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    pub(super) fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.id == id)
    }

    /// The call in the call window.
    pub(crate) fn shown_line(&self) -> Option<&Line> {
        self.line(self.shown?)
    }

    /// The call that [`Model::answer`] and [`Model::refuse`] mean: the one in the window, or the first that rings, or
    /// leaves a message.
    pub(crate) fn ringing(&self) -> Option<&Line> {
        let shown = self.shown_line().filter(|line| line.can_be_answered());
        let first = |is_it: fn(&&Line) -> bool| self.lines.iter().find(is_it);
        shown.or_else(|| first(|line| line.rings_here())).or_else(|| first(|line| line.can_be_answered()))
    }

    /// Calls; others are held.
    pub(super) fn call(&mut self, to: String, name: &str) -> Vec<Effect> {
        self.begin(to, name, |line, account, to| Effect::Call { line, account, to })
    }

    /// Begins a call of ours by this effect.
    pub(super) fn begin(
        &mut self,
        to: String,
        name: &str,
        by: impl FnOnce(LineId, usize, String) -> Effect,
    ) -> Vec<Effect> {
        if self.lines.len() >= LINES_MAX {
            self.notice = self.words.too_many_calls.to_owned();
            return Vec::new();
        }
        let id = LineId::Out(self.next_line);
        self.next_line += 1;
        let mut effects = self.hold_others(id);
        let party = Party::of(name, &to);
        self.lines.push(Line::new(id, self.account, party, LineState::Calling, self.now));
        self.show(id);
        self.notice.clear();
        effects.push(by(id, self.account, to));
        effects
    }

    /// Somebody, as our contacts call them, or as they call themselves.
    pub(super) fn party(&self, display: &str, address: &str) -> Party {
        let known = self.contacts.iter().find(|contact| contact.is_at(address));
        Party::of(known.map_or(display, |contact| &contact.name), address)
    }

    /// Somebody calls.
    pub(super) fn called(&mut self, line: Line) -> Vec<Effect> {
        let id = line.id;
        let is_full = self.lines.len() >= LINES_MAX;
        let is_alone = !self.is_engaged();
        let is_busy = self.is_do_not_disturb || !is_alone;
        let busy = self.forwarding.busy.as_ref().filter(|_| is_busy);
        let always = self.forwarding.always.as_ref();
        if let Some(to) = always.or(busy).cloned() {
            let why = match (always, self.is_do_not_disturb) {
                (Some(_), _) => DiversionReason::Unconditional,
                (None, true) => DiversionReason::DoNotDisturb,
                (None, false) => DiversionReason::Busy,
            };
            let mut effects = vec![self.forward(id, &to, why)];
            effects.extend(self.remember(&line, Way::Forwarded, to));
            return effects;
        }
        let is_asked = !is_full && self.asks_at_once();
        if (self.is_do_not_disturb && !is_asked) || is_full {
            let why = if is_full { self.words.too_many_calls } else { self.words.do_not_disturb };
            let mut effects = vec![Effect::Refuse(id, StatusCode::BUSY_HERE)];
            effects.extend(self.remember(&line, Way::Missed, why.to_owned()));
            return effects;
        }
        self.lines.push(line);
        if is_alone {
            self.show(id);
        }
        if is_asked {
            // Nothing rings.
            return self.ask(id).into_iter().collect();
        }
        let mut effects: Vec<Effect> = self.run_ring(id).into_iter().collect();
        if self.is_auto_answer && is_alone {
            effects.extend(self.answer());
        } else {
            effects.extend([Effect::Ring(id), Effect::Bell]);
        }
        effects
    }

    /// What the user wants done when it rings: once a call.
    pub(super) fn run_ring(&mut self, id: LineId) -> Option<Effect> {
        let line = self.line_mut(id).filter(|line| !line.has_rung)?;
        line.has_rung = true;
        let line = line.clone();
        self.run(Moment::Ring, &line, &[])
    }

    /// What the user wants done at this moment of a call.
    fn run(&self, moment: Moment, line: &Line, more: &[Fact]) -> Option<Effect> {
        let account = self.accounts.get(line.account).map_or("", |account| account.address.as_str());
        self.hooks.at(moment, line, account, more).map(Effect::Run)
    }

    fn forward(&self, line: LineId, to: &str, why: DiversionReason) -> Effect {
        let to = dialing::meant(to, &self.contacts).unwrap_or_default();
        Effect::Forward { line, to, why }
    }

    /// Sends on whoever has rung for long enough.
    pub(super) fn forward_unanswered(&mut self) -> Vec<Effect> {
        let Some(to) = self.forwarding.no_answer.clone() else { return Vec::new() };
        let (now, patience) = (self.now, self.forwarding.no_answer_secs);
        let is_due = |line: &&mut Line| line.rings_here() && line.secs(now) >= patience;
        let due: Vec<LineId> = self
            .lines
            .iter_mut()
            .filter(is_due)
            .map(|line| {
                line.is_ending = true;
                line.forwarded_to = Some(to.clone());
                line.id
            })
            .collect();
        due.into_iter().map(|id| self.forward(id, &to, DiversionReason::NoAnswer)).collect()
    }

    /// Answers whoever rings; others are held.
    pub(super) fn answer(&mut self) -> Vec<Effect> {
        let Some(id) = self.ringing().map(|line| line.id) else { return self.consent(true) };
        let mut effects = self.hold_others(id);
        self.show(id);
        if let Some(line) = self.line_mut(id) {
            line.state = LineState::Answering;
        }
        self.notice.clear();
        effects.push(Effect::Answer(id));
        effects
    }

    pub(super) fn refuse(&mut self) -> Vec<Effect> {
        let Some(id) = self.ringing().map(|line| line.id) else { return self.consent(false) };
        self.end_line(id)
    }

    pub(super) fn hang_up(&mut self) -> Vec<Effect> {
        match self.shown {
            Some(id) => self.end_line(id),
            None => Vec::new(),
        }
    }

    /// Ends a call from our side; it is gone when the exchange says so.
    fn end_line(&mut self, id: LineId) -> Vec<Effect> {
        let Some(line) = self.line_mut(id).filter(|line| !line.is_ending) else { return Vec::new() };
        let effect = match line.rings_here() {
            true => Effect::Refuse(id, StatusCode::BUSY_HERE),
            false => Effect::HangUp(id),
        };
        line.is_ending = true;
        if self.shown == Some(id) {
            self.is_keypad = false;
            self.transfer = None;
        }
        vec![effect]
    }

    pub(super) fn show_next(&mut self) -> Vec<Effect> {
        let at = self.lines.iter().position(|line| Some(line.id) == self.shown).map_or(0, |at| at + 1);
        if let Some(id) = self.lines.iter().cycle().nth(at).map(|line| line.id) {
            self.show(id);
        }
        Vec::new()
    }

    fn show(&mut self, id: LineId) {
        if self.shown != Some(id) {
            self.is_keypad = false;
            self.transfer = None;
        }
        self.shown = Some(id);
    }

    pub(super) fn toggle_keypad(&mut self) -> Vec<Effect> {
        let has_call = self.shown_line().is_some_and(|line| line.state == LineState::Up);
        self.is_keypad = has_call && !self.is_keypad;
        if !has_call {
            self.notice = self.words.keypad_needs_call.to_owned();
        }
        Vec::new()
    }

    /// A key while keys go to the call.
    pub(super) fn keypad(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Escape => self.is_keypad = false,
            Key::Char(key) => {
                let key = key.to_ascii_uppercase();
                let line = self.shown.and_then(|id| self.line_mut(id));
                if let Some(line) = line.filter(|_| Call::is_key(key)) {
                    line.pressed_key(key);
                    return vec![Effect::Press(line.id, key)];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// A call went on.
    pub(super) fn progress(&mut self, id: LineId, progress: Progress) -> Vec<Effect> {
        let now = self.now;
        if let Progress::Placed(address) = &progress {
            let name = self.name_of(address);
            if let Some(line) = self.line_mut(id) {
                let name = if line.party.name.is_empty() { name } else { line.party.name.clone() };
                line.party = Party::of(&name, address);
            }
        }
        let words = self.words;
        let Some(line) = self.line_mut(id) else { return Vec::new() };
        let said = match progress {
            Progress::Referred(to) => {
                let said = format!("{} {}", words.refers, plain(&to));
                line.referred = Some(to);
                Some(said)
            }
            Progress::Wrote(text) => {
                let (account, party) = (line.account, line.party.clone());
                return self.wrote(account, party, &text);
            }
            // Our part is done.
            Progress::Transferred => {
                self.notice = format!("{}: {}", line.party.title(), words.transferred);
                return self.end_line(id);
            }
            Progress::TransferFailed(error) => {
                Some(format!("{}: {}", words.transfer_failed, words.error(&error)))
            }
            Progress::Placed(_) => None,
            Progress::Ringing | Progress::EarlyMedia if line.answered.is_some() => None,
            // What is heard says more than that it rings.
            Progress::Ringing if line.state == LineState::Announcement => None,
            Progress::Ringing => {
                line.state = LineState::RingingThere;
                None
            }
            Progress::EarlyMedia => {
                line.state = LineState::Announcement;
                None
            }
            // Nobody but voicemail did.
            Progress::Answered if line.state == LineState::Voicemail => None,
            Progress::Answered => {
                line.state = LineState::Up;
                if line.answered.is_none() {
                    line.answered = Some(now);
                    let answered = line.clone();
                    let mut effects: Vec<Effect> =
                        self.run(Moment::Answer, &answered, &[]).into_iter().collect();
                    effects.extend(self.let_join(id));
                    return effects;
                }
                None
            }
            Progress::HeldByThem => {
                line.is_held_by_them = true;
                None
            }
            Progress::ResumedByThem => {
                line.is_held_by_them = false;
                None
            }
            Progress::Digit(key) => {
                line.heard_key(key);
                None
            }
            Progress::Holding => {
                line.has_agreed_to_hold = true;
                None
            }
            Progress::Released => {
                line.has_agreed_to_hold = false;
                None
            }
            Progress::NotChanged => {
                line.is_held = line.has_agreed_to_hold;
                Some(self.words.not_changed.to_owned())
            }
            Progress::NoWay => Some(self.words.no_sound_way.to_owned()),
            Progress::WayLost => Some(self.words.way_lost.to_owned()),
            Progress::NoKeys => Some(self.words.takes_no_keys.to_owned()),
            Progress::Recording(file) => {
                self.records(id, file);
                return Vec::new();
            }
            Progress::NotRecorded(why) => {
                self.records_no_more(id, &why);
                return Vec::new();
            }
            Progress::NotAllRecorded => Some(self.words.not_all_recorded.to_owned()),
            Progress::NoMessage(why) => return self.takes_no_message(id, &why),
            Progress::LeftMessage { file, millis } => {
                self.has_message(id, file, millis);
                return Vec::new();
            }
            Progress::NoSound(why) => Some(format!("{}: {why}", self.words.sound_broken)),
            Progress::Ended(ended) => return self.ended(id, &ended),
        };
        if let (Some(said), Some(line)) = (said, self.line(id)) {
            self.notice = format!("{}: {said}", line.party.title());
        }
        Vec::new()
    }

    fn ended(&mut self, id: LineId, ended: &Ended) -> Vec<Effect> {
        let Some(at) = self.lines.iter().position(|line| line.id == id) else { return Vec::new() };
        let line = self.lines.remove(at);
        let why = self.words.ended(ended);
        // That there is a message says more.
        if line.message.is_none() {
            self.notice = format!("{}: {why}", line.party.title());
        }
        let way = match (id, line.answered.is_some() || line.state == LineState::Answering) {
            (LineId::Out(_), _) => Way::Dialled,
            (LineId::In(_), true) => Way::Received,
            (LineId::In(_), false) if *ended == Ended::Elsewhere => Way::Received,
            (LineId::In(_), false) if line.forwarded_to.is_some() => Way::Forwarded,
            (LineId::In(_), false) if line.state == LineState::Voicemail => Way::Missed,
            (LineId::In(_), false) if line.is_ending => Way::Refused,
            (LineId::In(_), false) => Way::Missed,
        };
        let talked_secs = line.answered.map_or(0, |answered| self.now.since(answered));
        let mut more = vec![("seconds", talked_secs.to_string()), ("why", why.clone())];
        let shown = |file: &PathBuf| file.display().to_string();
        more.extend(line.recordings.last().map(|file| ("recording", shown(file))));
        more.extend(line.message.as_ref().map(|message| ("message", shown(&message.file))));
        let hook = self.run(Moment::End, &line, &more);
        let mut effects = self.remember(&line, way, line.forwarded_to.clone().unwrap_or(why));
        effects.extend(hook);
        effects.extend(self.part_if_alone());
        if self.shown == Some(id) {
            self.is_keypad = false;
            self.transfer = None;
            let next = self.lines.iter().find(|line| line.rings_here()).or(self.lines.first());
            self.shown = next.map(|line| line.id);
        }
        effects
    }

    /// Puts a call that is over into the list.
    fn remember(&mut self, line: &Line, way: Way, why: String) -> Vec<Effect> {
        let talked_secs = line.answered.map(|answered| self.now.since(answered));
        let entry = CallEntry {
            way,
            party: line.party.clone(),
            began_unix_secs: line.began.unix_secs,
            talked_secs,
            why,
            recordings: line.recordings.clone(),
            message: line.message.clone(),
        };
        self.calls.add(entry.clone());
        let mut effects = vec![Effect::Remember(entry)];
        effects.extend(self.look());
        effects
    }
}
