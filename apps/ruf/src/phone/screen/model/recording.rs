//! Recording at a key: it belongs to the call that was in the window, and goes on whatever is in the window then. In a
//! conference all who confer are in it. Not here: the file (`sound_file`, io/media).

use std::path::PathBuf;

use super::super::event::{Effect, LineId};
use super::super::line::{Line, LineState};
use super::Model;

impl Model {
    /// Records the call in the window, or no longer.
    pub(super) fn record_or_stop(&mut self) -> Vec<Effect> {
        let (now, zone) = (self.now.unix_secs, self.zone.clone());
        let up = self.shown_line().filter(|line| line.state == LineState::Up && !line.is_ending);
        let Some(line) = up.map(|line| line.id) else {
            self.notice = self.words.record_needs_call.to_owned();
            return Vec::new();
        };
        let Some(files) = self.recordings.clone() else {
            self.notice = self.words.no_folder.to_owned();
            return Vec::new();
        };
        let words = self.words;
        let Some(call) = self.line_mut(line) else { return Vec::new() };
        call.is_recording = !call.is_recording;
        if call.is_recording {
            return vec![Effect::Record { line, file: Some(files.named(now, &zone, &call.party)) }];
        }
        let notice = format!("{}: {}", call.party.title(), words.recording_ended);
        self.notice = notice;
        vec![Effect::Record { line, file: None }]
    }

    /// The calls that are being recorded.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_recording)
    }

    /// A recording has begun.
    pub(super) fn records(&mut self, line: LineId, file: PathBuf) {
        let words = self.words;
        let Some(line) = self.line_mut(line) else { return };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let notice = format!("{} {name}", words.recorded_into);
        line.recordings.push(file);
        self.notice = notice;
    }

    /// Nothing is recorded, or no longer.
    pub(super) fn records_no_more(&mut self, line: LineId, why: &str) {
        let words = self.words;
        let Some(line) = self.line_mut(line) else { return };
        line.is_recording = false;
        let notice = format!("{}: {}: {why}", line.party.title(), words.not_recorded);
        self.notice = notice;
    }
}

#[cfg(test)]
mod tests {
    use ruf_sip::Ended;

    use super::super::super::event::{Event, Key, Progress};
    use super::super::tests::Pure;
    use super::*;

    const KEY: Key = Key::Control('e');

    #[test]
    fn a_call_is_recorded_from_key_to_key_whatever_comes_into_the_window() {
        let mut phone = Pure::new();
        assert_eq!(phone.key(KEY), []);
        assert!(phone.model.notice.starts_with("Only who talks"), "{}", phone.model.notice);
        let bob = phone.talking_to("bob");
        let file = PathBuf::from("/calls/2026-11-29_14-03-20_Bob_Müller.wav");
        assert_eq!(phone.key(KEY), [Effect::Record { line: bob, file: Some(file.clone()) }]);
        phone.progress(bob, Progress::Recording(file.clone()));
        assert!(phone.model.notice.ends_with("_Bob_Müller.wav"), "{}", phone.model.notice);
        // Held, and another one in the window: it goes on, and the other one is not recorded.
        let carol = phone.talking_to("carol");
        let recorded = |phone: &Pure| phone.model.recorded().map(|line| line.id).collect::<Vec<_>>();
        assert_eq!(recorded(&phone), [bob]);
        phone.key(Key::F(3));
        assert_eq!(phone.key(KEY), [Effect::Record { line: bob, file: None }]);
        assert_eq!(recorded(&phone), []);
        phone.ended(carol, Ended::RemoteHungUp);
        phone.ended(bob, Ended::RemoteHungUp);
        let files: Vec<usize> = phone.model.calls.entries().map(|entry| entry.recordings.len()).collect();
        assert_eq!(files, [1, 0]);
        assert_eq!(phone.model.calls.entries().next().unwrap().recordings, [file]);
    }

    #[test]
    fn a_full_disk_is_said_and_ends_no_call() {
        let mut phone = Pure::new();
        let bob = phone.talking_to("bob");
        phone.key(KEY);
        phone.progress(bob, Progress::NotRecorded("No space left on device".to_owned()));
        assert!(
            phone.model.notice.ends_with("NOT RECORDED: No space left on device"),
            "{}",
            phone.model.notice
        );
        assert_eq!((phone.model.recorded().count(), phone.model.shown), (0, Some(bob)));
        phone.progress(bob, Progress::NotAllRecorded);
        assert!(phone.model.notice.contains("the disk is too slow"), "{}", phone.model.notice);
        // Once more tries again.
        assert!(matches!(phone.key(KEY)[..], [Effect::Record { file: Some(_), .. }]));
        let gone = Event::Progress { line: LineId::In(9), progress: Progress::NotRecorded(String::new()) };
        assert_eq!(phone.event(gone), []);
        phone.model.recordings = None;
        phone.key(KEY);
        assert!(phone.model.notice.starts_with("Nobody says where"), "{}", phone.model.notice);
    }
}
