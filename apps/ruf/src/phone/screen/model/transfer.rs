//! A call is sent on to somebody else: by us, or us by the far side. Not here: what is sent for that (core/session).

use super::super::dialing;
use super::super::event::{Effect, Key};
use super::super::field::Field;
use super::super::line::LineState;
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
            Key::Enter => {
                let Some(to) = dialing::meant(&field.text(), &self.contacts) else { return Vec::new() };
                self.transfer = None;
                return self.shown.map(|line| Effect::Transfer { line, to }).into_iter().collect();
            }
            key => drop(field.press(key)),
        }
        Vec::new()
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
