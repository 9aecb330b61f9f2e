//! One call is talked on: who is held, and whether we are heard.

use super::super::event::{Effect, LineId};
use super::super::line::{Line, LineState};
use super::Model;

impl Model {
    pub(super) fn hold_or_resume(&mut self) -> Vec<Effect> {
        let Some(id) = self.shown else { return Vec::new() };
        let Some(line) = self.line_mut(id).filter(|line| line.state == LineState::Up) else {
            return Vec::new();
        };
        line.is_held = !line.is_held;
        if line.is_held {
            return vec![Effect::Hold(id)];
        }
        let mut effects = self.hold_others(id);
        effects.push(Effect::Resume(id));
        effects
    }

    /// One call is talked on: all others are held.
    pub(super) fn hold_others(&mut self, except: LineId) -> Vec<Effect> {
        // Who is let into a conference does not hold it.
        let joined = self.line(except).and_then(|line| line.joins);
        let is_in_conference = |id| self.line(id).is_some_and(|line| line.is_conferring);
        let confers = is_in_conference(except) || joined.is_some_and(is_in_conference);
        let stopped = self.stop_playing();
        let talked_on = |line: &&mut Line| {
            let together = (confers && line.is_conferring) || Some(line.id) == joined;
            line.id != except && line.state == LineState::Up && !line.is_held && !together
        };
        let held = self.lines.iter_mut().filter(talked_on).map(|line| {
            line.is_held = true;
            Effect::Hold(line.id)
        });
        stopped.into_iter().chain(held).collect()
    }

    pub(super) fn mute(&mut self) -> Vec<Effect> {
        let Some(shown) = self.shown_line().filter(|line| line.state != LineState::Voicemail) else {
            return Vec::new();
        };
        let (id, is_muted, confers) = (shown.id, !shown.is_muted, shown.is_conferring);
        let meant = self.lines.iter_mut().filter(|line| line.id == id || (confers && line.is_conferring));
        let muted = meant.map(|line| {
            line.is_muted = is_muted;
            Effect::Mute(line.id, is_muted)
        });
        muted.collect()
    }
}
