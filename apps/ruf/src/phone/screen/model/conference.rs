//! A conference of the calls that are up: all hear each other, and us. Not here: mixing (io/media).

use super::super::event::{Effect, LineId};
use super::super::line::LineState;
use super::Model;

impl Model {
    /// Brings all calls that are up together; or, if they are, apart again: the one in the window is talked on.
    pub(super) fn confer_or_part(&mut self) -> Vec<Effect> {
        let up = self.lines.iter().filter(|line| line.state == LineState::Up && !line.is_ending);
        let (ids, conferring): (Vec<LineId>, Vec<bool>) =
            up.map(|line| (line.id, line.is_conferring && !line.is_held)).unzip();
        if ids.len() < 2 {
            self.notice = self.words.conference_needs_calls.to_owned();
            return Vec::new();
        }
        if !conferring.contains(&false) {
            return self.part();
        }
        let mut effects = Vec::new();
        let is_muted = self.shown_line().is_some_and(|line| line.is_muted);
        for line in self.lines.iter_mut().filter(|line| ids.contains(&line.id)) {
            line.is_conferring = true;
            if std::mem::replace(&mut line.is_held, false) {
                effects.push(Effect::Resume(line.id));
            }
            // There is one microphone.
            if std::mem::replace(&mut line.is_muted, is_muted) != is_muted {
                effects.push(Effect::Mute(line.id, is_muted));
            }
        }
        effects.push(Effect::Confer(ids));
        effects
    }

    fn part(&mut self) -> Vec<Effect> {
        let mut effects = vec![self.dissolved()];
        effects.extend(self.shown.map(|shown| self.hold_others(shown)).into_iter().flatten());
        effects
    }

    /// Nobody confers any more.
    fn dissolved(&mut self) -> Effect {
        let conferring = self.lines.iter_mut().filter(|line| line.is_conferring);
        Effect::Part(
            conferring
                .map(|line| {
                    line.is_conferring = false;
                    line.id
                })
                .collect(),
        )
    }

    /// One left: a single one has nobody to confer with.
    pub(super) fn part_if_alone(&mut self) -> Option<Effect> {
        let conferring = self.lines.iter().filter(|line| line.is_conferring).count();
        (conferring == 1).then(|| self.dissolved())
    }
}
