//! A conference of the calls that are up: all hear each other, and us. Not here: mixing (io/media).

use super::super::event::{Effect, LineId};
use super::super::line::{Line, LineState};
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
        self.confer(ids)
    }

    /// Who was answered that wanted to be mixed into another call is, and into the conference that it is in.
    pub(super) fn let_join(&mut self, id: LineId) -> Vec<Effect> {
        let Some(joined) = self.line(id).and_then(|line| line.joins) else { return Vec::new() };
        let is_up = |line: &&Line| line.state == LineState::Up && !line.is_ending;
        if !self.line(joined).is_some_and(|line| is_up(&line)) {
            // Whoever joins nobody talks to us.
            return Vec::new();
        }
        let is_in = |line: &&Line| line.id == id || line.id == joined || line.is_conferring;
        let ids = self.lines.iter().filter(is_up).filter(is_in).map(|line| line.id).collect();
        self.confer(ids)
    }

    fn confer(&mut self, ids: Vec<LineId>) -> Vec<Effect> {
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

#[cfg(test)]
mod tests {
    use ruf_sip::Ended;

    use super::super::super::event::{Event, Key, Progress};
    use super::super::tests::Pure;
    use super::*;

    fn called(phone: &mut Pure, number: u64, joins: Option<LineId>) -> (LineId, Vec<Effect>) {
        let line = LineId::In(number);
        let (from, display) = ("sip:x@h".to_owned(), "X".to_owned());
        (line, phone.event(Event::Incoming { line, account: 0, from, display, diverted: None, joins }))
    }

    #[test]
    fn who_wants_to_join_a_call_is_let_in_when_answered_and_nobody_is_held_for_that() {
        let mut phone = Pure::new();
        let bob = phone.talking_to("bob");
        let (second, effects) = called(&mut phone, 1, Some(bob));
        assert_eq!(effects, [Effect::Ring(second), Effect::Bell]);
        assert_eq!(phone.key(Key::F(5)), [Effect::Answer(second)]);
        let up = |line| Event::Progress { line, progress: Progress::Answered };
        assert_eq!(phone.event(up(second)), [Effect::Confer(vec![bob, second])]);
        // One more, into what is a conference now.
        let (third, _) = called(&mut phone, 2, Some(second));
        assert_eq!(phone.key(Key::F(5)), [Effect::Answer(third)]);
        assert_eq!(phone.event(up(third)), [Effect::Confer(vec![bob, second, third])]);
        // One that wants into a call that has ended is a call like any other.
        let (fourth, _) = called(&mut phone, 3, Some(third));
        phone.ended(third, Ended::RemoteHungUp);
        assert_eq!(phone.key(Key::F(5)), [Effect::Hold(bob), Effect::Hold(second), Effect::Answer(fourth)]);
        assert_eq!(phone.event(up(fourth)), []);
    }
}
