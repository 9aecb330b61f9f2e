//! Voicemail: who is asked for a message, and when; and what becomes of messages. Forwarding and auto answer go before it.
//! Not here: what sounds then (`exchange/machine`).

use std::path::PathBuf;

use ruf_sip::StatusCode;

use super::super::call_list::VoiceMessage;
use super::super::event::{Effect, LineId};
use super::super::line::{Line, LineState};
use super::super::sound_file::SoundFiles;
use super::super::view::duration;
use super::super::voicemail::Taking;
use super::Model;

impl Model {
    /// Who calls now is asked for a message at once.
    pub(super) fn asks_at_once(&self) -> bool {
        let is_busy = self.is_do_not_disturb || (self.voicemail.answers_busy && self.is_engaged());
        is_busy && self.message_files().is_some()
    }

    /// We talk, or somebody waits for us: more than that somebody leaves a message.
    pub(super) fn is_engaged(&self) -> bool {
        self.lines.iter().any(|line| line.state != LineState::Voicemail)
    }

    /// Asks for a message whoever has rung for long enough.
    pub(super) fn ask_unanswered(&mut self) -> Vec<Effect> {
        if self.forwarding.no_answer.is_some() {
            return Vec::new();
        }
        let (now, patience) = (self.now, self.voicemail.no_answer_secs);
        let is_due =
            |line: &&Line| line.rings_here() && !line.is_past_voicemail && line.secs(now) >= patience;
        let due: Vec<LineId> = self.lines.iter().filter(is_due).map(|line| line.id).collect();
        due.into_iter().filter_map(|id| self.ask(id)).collect()
    }

    /// Has voicemail answer.
    pub(super) fn ask(&mut self, id: LineId) -> Option<Effect> {
        let file = self.message_files()?.named(self.now.unix_secs, &self.zone, &self.line(id)?.party);
        let taking = Taking {
            file,
            greeting: self.voicemail.greeting.clone(),
            secs: self.voicemail.message_secs,
            space_mib: self.voicemail.space_mib,
        };
        self.line_mut(id)?.state = LineState::Voicemail;
        Some(Effect::TakeMessage { line: id, taking })
    }

    /// Where the next message goes; `None`: none is taken.
    fn message_files(&self) -> Option<&SoundFiles> {
        let taken = self.lines.iter().filter(|line| line.state == LineState::Voicemail).count();
        let has_room = self.calls.messages() + taken < self.voicemail.messages_max;
        self.voicemail.files.as_ref().filter(|_| self.voicemail.is_on && has_room)
    }

    /// Voicemail cannot answer: it rings on, or, if nobody is to disturb, the caller hears that we are busy.
    pub(super) fn takes_no_message(&mut self, id: LineId, why: &str) -> Vec<Effect> {
        let is_disturbing = self.is_do_not_disturb;
        self.notice = format!("{}: {why}", self.words.no_message);
        let Some(line) = self.line_mut(id).filter(|line| line.state == LineState::Voicemail) else {
            return Vec::new();
        };
        if is_disturbing {
            line.is_ending = true;
            return vec![Effect::Refuse(id, StatusCode::BUSY_HERE)];
        }
        line.state = LineState::RingingHere;
        line.is_past_voicemail = true;
        self.run_ring(id).into_iter().chain([Effect::Ring(id)]).collect()
    }

    /// The caller left a message.
    pub(super) fn has_message(&mut self, id: LineId, file: PathBuf, millis: u64) {
        let words = self.words;
        let Some(line) = self.line_mut(id) else { return };
        let message = VoiceMessage { file, secs: millis / 1_000, is_heard: false };
        let notice = format!("{}: {} {}", line.party.title(), words.left_message, duration(message.secs));
        line.message = Some(message);
        // Nobody talked to the caller, though somebody may have wanted to in the last moment.
        line.state = LineState::Voicemail;
        self.notice = notice;
    }
}

#[cfg(test)]
mod tests {
    use ruf_sip::{DiversionReason, Ended};

    use super::super::super::call_list::Way;
    use super::super::super::event::{Event, Key, Progress};
    use super::super::super::hooks::Hooks;
    use super::super::super::settings::Forwarding;
    use super::super::super::sound_file::SoundFormat;
    use super::super::super::voicemail::Voicemail;
    use super::super::tests::Pure;
    use super::*;

    /// A phone whose voicemail answers after 25 s.
    fn phone() -> Pure {
        let mut phone = Pure::new();
        phone.model.voicemail = Voicemail {
            is_on: true,
            greeting: Some("/hello.wav".into()),
            no_answer_secs: 25,
            answers_busy: false,
            message_secs: 60,
            messages_max: 2,
            space_mib: 10,
            files: Some(SoundFiles { folder: "/m".into(), format: SoundFormat::Opus }),
        };
        phone
    }

    fn asked(line: LineId, name: &str) -> Effect {
        let taking = Taking {
            file: format!("/m/2026-11-29_{name}.opus").into(),
            greeting: Some("/hello.wav".into()),
            secs: 60,
            space_mib: 10,
        };
        Effect::TakeMessage { line, taking }
    }

    fn leaves(phone: &mut Pure, line: LineId, file: &str, secs: u64) {
        phone.progress(line, Progress::Answered);
        phone.progress(line, Progress::LeftMessage { file: file.into(), millis: secs * 1_000 + 7 });
        phone.ended(line, Ended::RemoteHungUp);
    }

    #[test]
    fn who_is_not_answered_leaves_a_message_and_was_missed_all_the_same() {
        let mut phone = phone();
        let (bob, _) = phone.incoming(1, "sip:bob@example.org", "");
        assert_eq!(phone.after(24), [Effect::Bell]);
        assert_eq!(phone.after(1), [asked(bob, "14-03-45_Bob_Müller")]);
        assert_eq!(phone.after(1), []);
        leaves(&mut phone, bob, "/m/1.opus", 12);
        assert_eq!(phone.model.notice, "Bob Müller: left a message, 00:12");
        let entry = phone.model.calls.entries().next().unwrap();
        let message = VoiceMessage { file: "/m/1.opus".into(), secs: 12, is_heard: false };
        assert_eq!((entry.way, &entry.message, entry.talked_secs), (Way::Missed, &Some(message), None));
        assert_eq!((phone.model.calls.missed(), phone.model.calls.new_messages()), (1, 1));
        // Switched on while it rings.
        phone.model.voicemail.is_on = false;
        let (bob, _) = phone.incoming(2, "sip:bob@example.org", "");
        assert_eq!(phone.after(30), [Effect::Bell]);
        phone.key(Key::Control('v'));
        assert!(matches!(phone.after(1)[..], [Effect::TakeMessage { line, .. }] if line == bob));
    }

    #[test]
    fn who_calls_while_nobody_is_to_disturb_is_asked_at_once_and_the_next_one_too() {
        let mut phone = phone();
        phone.model.hooks = Hooks::commands("ring", "answer", "");
        phone.key(Key::Control('d'));
        let (first, effects) = phone.incoming(1, "sip:x@h", "X");
        assert_eq!(effects, [asked(first, "14-03-20_X")]);
        let (second, effects) = phone.incoming(2, "sip:y@h", "Y");
        assert_eq!(effects, [asked(second, "14-03-20_Y")]);
        // As many as there may be: who comes then hears that we are busy.
        let (third, effects) = phone.incoming(3, "sip:z@h", "Z");
        assert_eq!(effects[0], Effect::Refuse(third, StatusCode::BUSY_HERE));
        leaves(&mut phone, first, "/m/1.opus", 3);
        // Nothing was said: there is room again.
        phone.ended(second, Ended::RemoteHungUp);
        let (fourth, effects) = phone.incoming(4, "sip:z@h", "Z");
        assert_eq!(effects, [asked(fourth, "14-03-20_Z")]);
        let effects = phone.event(Event::Progress {
            line: fourth,
            progress: Progress::NoMessage("messages take 10 MiB already".to_owned()),
        });
        assert_eq!(effects, [Effect::Refuse(fourth, StatusCode::BUSY_HERE)]);
        phone.ended(fourth, Ended::Declined(StatusCode::BUSY_HERE));
        assert!(phone.model.calls.entries().all(|entry| entry.way == Way::Missed));
    }

    #[test]
    fn while_we_talk_it_rings_unless_that_is_to_be_answered_at_once() {
        let mut phone = phone();
        phone.talking_to("bob");
        let (second, effects) = phone.incoming(1, "sip:x@h", "X");
        assert_eq!(effects, [Effect::Ring(second), Effect::Bell]);
        assert!(phone.after(25).contains(&asked(second, "14-03-45_X")));
        phone.model.voicemail.answers_busy = true;
        let (third, effects) = phone.incoming(2, "sip:y@h", "Y");
        assert_eq!(effects, [asked(third, "14-03-45_Y")]);
    }

    #[test]
    fn forwarding_and_auto_answer_go_first_and_a_message_makes_nobody_busy() {
        let mut phone = phone();
        phone.model.forwarding =
            Forwarding { no_answer: Some("99".to_owned()), no_answer_secs: 60, ..Forwarding::default() };
        let (line, _) = phone.incoming(1, "sip:x@h", "X");
        // However soon voicemail would answer: ^V switches it on beside what a file may not say together.
        assert_eq!(phone.after(25), []);
        assert_eq!(
            phone.after(35),
            [Effect::Forward { line, to: "99".to_owned(), why: DiversionReason::NoAnswer }]
        );
        phone.ended(line, Ended::Declined(StatusCode::MOVED_TEMPORARILY));
        phone.model.forwarding = Forwarding { busy: Some("99".to_owned()), ..Forwarding::default() };
        phone.key(Key::Control('d'));
        let (line, effects) = phone.incoming(2, "sip:x@h", "X");
        assert_eq!(
            effects[0],
            Effect::Forward { line, to: "99".to_owned(), why: DiversionReason::DoNotDisturb }
        );
        phone.key(Key::Control('d'));
        let (line, _) = phone.incoming(3, "sip:x@h", "X");
        assert_eq!(phone.after(25), [asked(line, "14-04-45_X")]);
        phone.key(Key::Control('n'));
        let (next, effects) = phone.incoming(4, "sip:y@h", "Y");
        assert_eq!(effects, [Effect::Answer(next)]);
    }

    #[test]
    fn who_leaves_a_message_can_be_talked_to_or_hung_up() {
        let mut phone = phone();
        let (line, _) = phone.incoming(1, "sip:x@h", "X");
        phone.after(25);
        phone.progress(line, Progress::Answered);
        // Neither is it talked on, nor muted.
        assert_eq!(phone.key(Key::F(9)), []);
        assert_eq!(phone.key(Key::F(7)), []);
        assert_eq!(phone.key(Key::F(5)), [Effect::Answer(line)]);
        phone.progress(line, Progress::Answered);
        phone.after(5);
        phone.ended(line, Ended::RemoteHungUp);
        let entry = phone.model.calls.entries().next().unwrap();
        assert_eq!((entry.way, entry.talked_secs, &entry.message), (Way::Received, Some(5), &None));
        let (line, _) = phone.incoming(2, "sip:x@h", "X");
        phone.after(25);
        assert_eq!(phone.key(Key::F(8)), [Effect::HangUp(line)]);
        phone.progress(line, Progress::LeftMessage { file: "/m/1.opus".into(), millis: 2_000 });
        phone.ended(line, Ended::HungUp);
        assert_eq!(
            (phone.model.calls.entries().next().unwrap().way, phone.model.calls.messages()),
            (Way::Missed, 1)
        );
        // In the last moment: voicemail had ended the call.
        let (line, _) = phone.incoming(3, "sip:x@h", "X");
        phone.after(25);
        assert_eq!(phone.key(Key::F(5)), [Effect::Answer(line)]);
        phone.progress(line, Progress::LeftMessage { file: "/m/2.opus".into(), millis: 60_000 });
        phone.ended(line, Ended::HungUp);
        assert_eq!(
            (phone.model.calls.entries().next().unwrap().way, phone.model.calls.messages()),
            (Way::Missed, 2)
        );
    }

    #[test]
    fn where_it_cannot_answer_it_rings_on_and_is_not_asked_again() {
        let mut phone = phone();
        phone.model.hooks = Hooks::commands("ring", "", "");
        let (line, effects) = phone.incoming(1, "sip:x@h", "X");
        assert!(matches!(effects[..], [Effect::Run(_), Effect::Ring(_), Effect::Bell]), "{effects:?}");
        phone.after(25);
        let why = || Progress::NoMessage("messages take 10 MiB already".to_owned());
        assert_eq!(phone.event(Event::Progress { line, progress: why() }), [Effect::Ring(line)]);
        assert!(phone.model.notice.contains("10 MiB"), "{}", phone.model.notice);
        assert_eq!(phone.after(2), [Effect::Bell]);
        assert_eq!(phone.key(Key::F(5)), [Effect::Answer(line)]);
        let _ = phone.event(Event::Progress { line, progress: Progress::Answered });
        // One that was to be asked at once rings for the first time. Who is refused then was refused.
        phone.model.voicemail.answers_busy = true;
        let (line, effects) = phone.incoming(2, "sip:y@h", "Y");
        assert!(matches!(effects[..], [Effect::TakeMessage { .. }]), "{effects:?}");
        let effects = phone.event(Event::Progress { line, progress: why() });
        assert!(matches!(effects[..], [Effect::Run(_), Effect::Ring(_)]), "{effects:?}");
        assert_eq!(phone.key(Key::F(6)), [Effect::Refuse(line, StatusCode::BUSY_HERE)]);
        phone.ended(line, Ended::Declined(StatusCode::BUSY_HERE));
        assert_eq!(phone.model.calls.entries().next().unwrap().way, Way::Refused);
    }
}
