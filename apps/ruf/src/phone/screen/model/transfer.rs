//! A call is sent on to somebody else: by us, or us by the far side. Not here: what is sent for that (core/session).

use super::super::dialing;
use super::super::event::{Effect, Key};
use super::super::field::Field;
use super::super::line::{Line, LineState};
use super::Model;

impl Model {
    /// Asks whom the call in the window is to be sent on to.
    pub(super) fn ask_transfer(&mut self) -> Vec<Effect> {
        let is_up = self.shown_line().is_some_and(|line| line.state == LineState::Up && !line.is_ending);
        self.is_keypad = false;
        self.transfer = is_up.then(Field::default);
        if !is_up {
            self.notice = self.words.transfer_needs_call.to_owned();
        }
        Vec::new()
    }

    pub(super) fn key_in_transfer(&mut self, key: Key) -> Vec<Effect> {
        let Some(field) = &mut self.transfer else { return Vec::new() };
        match key {
            Key::Escape => self.transfer = None,
            Key::Enter if field.text().trim().is_empty() => return self.connect(),
            Key::Enter => {
                let Some(to) = dialing::meant(&field.text(), &self.contacts) else { return Vec::new() };
                self.transfer = None;
                return self.shown.map(|line| Effect::Transfer { line, to }).into_iter().collect();
            }
            key => drop(field.press(key)),
        }
        Vec::new()
    }

    /// The call that the one in the window can be connected with: another that is up, the last that was begun.
    pub(crate) fn counterpart(&self) -> Option<&Line> {
        let is_other = |line: &&Line| Some(line.id) != self.shown;
        let is_up = |line: &&Line| line.state == LineState::Up && !line.is_ending;
        self.lines.iter().rfind(|line| is_other(line) && is_up(line))
    }

    /// Puts the one in the window and the other together: whom we had first calls whom we had then, in our place.
    fn connect(&mut self) -> Vec<Effect> {
        let both = self.shown.zip(self.counterpart().map(|line| line.id));
        let Some((shown, other)) = both else { return Vec::new() };
        self.transfer = None;
        let at = |id| self.lines.iter().position(|line| line.id == id);
        let (line, with) = if at(shown) < at(other) { (shown, other) } else { (other, shown) };
        vec![Effect::Connect { line, with }]
    }

    /// Calls whom the far side asks us to call; nobody is called without this.
    pub(super) fn follow(&mut self) -> Vec<Effect> {
        let asked = self.shown.and_then(|id| self.line_mut(id));
        let Some((line, to)) = asked.and_then(|line| Some((line.id, line.referred.take()?))) else {
            return Vec::new();
        };
        let name = self.name_of(&to);
        self.begin(to, &name, |new, _, _| Effect::Follow { line, new })
    }
}
