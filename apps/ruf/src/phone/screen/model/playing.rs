//! What was kept of calls is played from the call list, and messages are deleted there.

use super::super::event::Effect;
use super::super::line::LineState;
use super::{Model, SoundKind};

/// What is being played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Playing {
    number: u64,
}

impl Model {
    /// Plays what the marked call left: the message, or its last recording; or stops that.
    pub(super) fn play_or_stop(&mut self) -> Vec<Effect> {
        if self.playing.is_some() {
            self.notice.clear();
            return self.stop_playing().into_iter().collect();
        }
        let Some(entry) = self.calls.marked() else { return Vec::new() };
        let message = entry.message.as_ref().map(|message| message.file.clone());
        let Some(file) = message.clone().or_else(|| entry.recordings.last().cloned()) else {
            self.notice = self.words.nothing_kept.to_owned();
            return Vec::new();
        };
        if self.sound == SoundKind::None {
            self.notice = self.words.no_sound.to_owned();
            return Vec::new();
        }
        if self.is_talked() {
            self.notice = self.words.play_needs_quiet.to_owned();
            return Vec::new();
        }
        let notice = format!("{}: {}", self.words.plays, entry.party.title());
        self.notice = notice;
        let number = self.next_playing;
        self.next_playing += 1;
        self.playing = Some(Playing { number });
        let mut effects = vec![Effect::Play { number, file }];
        effects.extend(message.filter(|file| self.calls.hear(file)).map(Effect::RememberHeard));
        effects
    }

    /// Nothing is played any more: it is over, or a call is talked on.
    pub(super) fn stop_playing(&mut self) -> Option<Effect> {
        self.playing.take().map(|_| Effect::StopPlaying)
    }

    /// A call is talked on: nothing goes on being played over it, however that came about.
    pub(super) fn stop_playing_over_talk(&mut self) -> Option<Effect> {
        if self.playing.is_none() || !self.is_talked() {
            return None;
        }
        if self.notice.starts_with(self.words.plays) {
            self.notice.clear();
        }
        self.stop_playing()
    }

    fn is_talked(&self) -> bool {
        self.lines.iter().any(|line| line.state == LineState::Up && !line.is_held)
    }

    /// It is over; or why it could not be played.
    pub(super) fn played(&mut self, number: u64, outcome: Result<(), String>) {
        if self.playing.take_if(|playing| playing.number == number).is_some() {
            self.notice = match outcome {
                Ok(()) => String::new(),
                Err(why) => format!("{}: {why}", self.words.sound_broken),
            };
        }
    }

    /// Deletes the message of the marked call, if the key is pressed twice.
    pub(super) fn delete_message(&mut self) -> Vec<Effect> {
        let Some(entry) = self.calls.marked() else { return Vec::new() };
        let Some(file) = entry.message.as_ref().map(|message| message.file.clone()) else {
            return Vec::new();
        };
        if self.deletes.as_ref() != Some(&file) {
            let notice = format!("{} {}", self.words.delete_asks, entry.party.title());
            self.notice = notice;
            self.deletes = Some(file);
            return Vec::new();
        }
        self.deletes = None;
        self.notice = self.words.deleted.to_owned();
        self.calls.delete(&file);
        let mut effects: Vec<Effect> = self.stop_playing().into_iter().collect();
        effects.push(Effect::DeleteMessage(file));
        effects
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ruf_sip::Ended;

    use super::super::super::event::{Event, Key, LineId, Progress};
    use super::super::tests::Pure;
    use super::*;

    const SPACE: Key = Key::Char(' ');

    /// A phone with a card, and an unanswered call that left a message; it is marked.
    fn phone() -> (Pure, PathBuf) {
        let mut phone = Pure::new();
        phone.model.sound = SoundKind::Card;
        let (line, _) = phone.incoming(1, "sip:bob@example.org", "");
        let file = PathBuf::from("/m/1.opus");
        phone.progress(line, Progress::LeftMessage { file: file.clone(), millis: 5_000 });
        phone.ended(line, Ended::RemoteHungUp);
        phone.key(Key::Tab);
        phone.key(Key::Down);
        (phone, file)
    }

    #[test]
    fn a_message_is_played_and_is_heard_then() {
        let (mut phone, file) = phone();
        assert_eq!(phone.model.calls.new_messages(), 1);
        let play = Effect::Play { number: 1, file: file.clone() };
        assert_eq!(phone.key(SPACE), [play, Effect::RememberHeard(file.clone())]);
        assert_eq!(phone.model.calls.new_messages(), 0);
        assert!(phone.model.notice.ends_with(": Bob Müller"), "{}", phone.model.notice);
        assert_eq!(phone.key(SPACE), [Effect::StopPlaying]);
        assert_eq!(phone.key(SPACE), [Effect::Play { number: 2, file: file.clone() }]);
        // What was stopped is over, and that is no news.
        assert_eq!(phone.event(Event::Played { number: 1, outcome: Ok(()) }), []);
        assert_eq!(phone.key(SPACE), [Effect::StopPlaying]);
        phone.key(SPACE);
        assert_eq!(phone.event(Event::Played { number: 3, outcome: Err("no file".to_owned()) }), []);
        assert!(phone.model.notice.ends_with("no file"), "{}", phone.model.notice);
        assert_eq!(phone.key(SPACE), [Effect::Play { number: 4, file }]);
    }

    #[test]
    fn a_call_that_is_talked_on_ends_it_and_while_one_is_nothing_is_played() {
        let (mut phone, _) = phone();
        phone.key(SPACE);
        phone.key(Key::BackTab);
        phone.type_text("carol");
        assert_eq!(phone.key(Key::Enter)[0], Effect::StopPlaying);
        phone.progress(LineId::Out(1), Progress::Answered);
        phone.key(Key::Tab);
        phone.key(Key::Down);
        assert_eq!(phone.key(SPACE), []);
        assert_eq!(phone.model.notice, "Not while you talk.");
    }

    #[test]
    fn nothing_is_played_over_a_call_however_that_comes_to_be_talked_on() {
        let (mut phone, _) = phone();
        let plays = |phone: &mut Pure| assert!(matches!(phone.key(SPACE)[0], Effect::Play { .. }));
        let came = |phone: &mut Pure, line, progress| phone.event(Event::Progress { line, progress });
        phone.key(Key::BackTab);
        phone.type_text("carol");
        phone.key(Key::Enter);
        phone.key(Key::Tab);
        phone.key(Key::Down);
        // It rings there, and is answered.
        plays(&mut phone);
        let carol = LineId::Out(1);
        assert_eq!(came(&mut phone, carol, Progress::Answered), [Effect::StopPlaying]);
        assert_eq!(phone.model.notice, "");
        // It is held, and does not want to be.
        phone.key(Key::F(7));
        plays(&mut phone);
        assert_eq!(came(&mut phone, carol, Progress::NotChanged), [Effect::StopPlaying]);
        assert!(phone.model.notice.contains("refused"), "{}", phone.model.notice);
        // Two are held, and confer.
        phone.progress(carol, Progress::Holding);
        phone.key(Key::BackTab);
        let dave = phone.talking_to("dave");
        phone.key(Key::F(7));
        phone.key(Key::Tab);
        phone.key(Key::Down);
        plays(&mut phone);
        let effects = phone.key(Key::Control('k'));
        assert_eq!(effects.last(), Some(&Effect::StopPlaying), "{effects:?}");
        assert!(effects.contains(&Effect::Confer(vec![carol, dave])), "{effects:?}");
    }

    #[test]
    fn a_message_is_deleted_by_two_keys_and_nothing_else_is() {
        let (mut phone, file) = phone();
        assert_eq!(phone.key(Key::Delete), []);
        assert!(phone.model.notice.ends_with("deletes the message of Bob Müller"), "{}", phone.model.notice);
        // Something else was meant.
        let others: [&[Key]; 4] = [
            &[Key::Up],
            &[Key::Tab, Key::BackTab, Key::Down],
            &[Key::BackTab, Key::Tab, Key::Down],
            &[Key::Control('n')],
        ];
        for keys in others {
            for key in keys {
                phone.key(*key);
            }
            assert_eq!(phone.key(Key::Delete), [], "{keys:?}");
        }
        assert_eq!(phone.key(Key::Delete), [Effect::DeleteMessage(file)]);
        assert_eq!((phone.model.calls.messages(), phone.model.calls.len()), (0, 1));
        assert_eq!(phone.key(Key::Delete), []);
        assert_eq!(phone.key(SPACE), []);
        assert_eq!(phone.model.notice, "Nothing was kept of that call.");
    }
}
