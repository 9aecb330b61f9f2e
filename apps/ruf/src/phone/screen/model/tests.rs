use jiff::tz::TimeZone;
use ruf_sip::{DiversionReason, Ended, StatusCode};

use super::super::call_list::{CallEntry, CallList, Way};
use super::super::consent_file::Consent;
use super::super::contacts::Contact;
use super::super::event::{Effect, Event, Key, LineId, Progress, Registration};
use super::super::hooks::Hooks;
use super::super::line::Party;
use super::super::settings::Forwarding;
use super::super::sound_file::{SoundFiles, SoundFormat};
use super::super::standing::Standing;
use super::super::theme::{Theme, ThemeName};
use super::super::voicemail::Voicemail;
use super::super::words::Language;
use super::{Account, Model, Now, Opening, Quit, SoundKind, Tab};

/// 2026-11-29 14:03:20 UTC.
const START_SECS: i64 = 1_795_961_000;

/// A phone with two contacts, and the effects of what happens to it.
pub(crate) struct Pure {
    pub(crate) model: Model,
    now: Now,
}

impl Pure {
    pub(crate) fn new() -> Pure {
        Pure::in_language(Language::En)
    }

    pub(crate) fn in_language(language: Language) -> Pure {
        let now = Now { millis: 0, unix_secs: START_SECS };
        let contact = |name: &str, address: &str| Contact {
            name: name.to_owned(),
            address: address.to_owned(),
            watch: name.starts_with('B'),
        };
        let account = Account {
            address: "sip:alice@example.org".to_owned(),
            registration: Registration::Trying,
            mailbox: None,
        };
        let model = Model::new(Opening {
            accounts: vec![account],
            contacts: vec![contact("Bob Müller", "sip:bob@example.org"), contact("Carol", "4711")],
            calls: CallList::default(),
            forwarding: Forwarding::default(),
            hooks: Hooks::default(),
            voicemail: Voicemail::default(),
            recordings: Some(SoundFiles { folder: "/calls".into(), format: SoundFormat::Wav }),
            is_shown: false,
            words: language.words(),
            theme: Theme::of(ThemeName::Dark),
            zone: TimeZone::UTC,
            sound: SoundKind::None,
            is_do_not_disturb: false,
            is_auto_answer: false,
            dial: String::new(),
            now,
        });
        Pure { model, now }
    }

    /// One that tells how we are.
    pub(crate) fn shown() -> Pure {
        let mut phone = Pure::new();
        phone.model.is_shown = true;
        phone
    }

    pub(crate) fn event(&mut self, event: Event) -> Vec<Effect> {
        self.model.update(self.now, event)
    }

    pub(crate) fn after(&mut self, secs: u32) -> Vec<Effect> {
        self.now.millis += u64::from(secs) * 1_000;
        self.now.unix_secs += i64::from(secs);
        self.event(Event::Tick)
    }

    pub(crate) fn key(&mut self, key: Key) -> Vec<Effect> {
        self.event(Event::Key(key))
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            assert_eq!(self.key(Key::Char(letter)), []);
        }
    }

    pub(crate) fn progress(&mut self, line: LineId, progress: Progress) {
        assert_eq!(self.event(Event::Progress { line, progress }), []);
    }

    /// A call is over: it is remembered, if it was one of ours.
    pub(crate) fn ended(&mut self, line: LineId, ended: Ended) {
        let is_known = self.model.line(line).is_some();
        let effects = self.event(Event::Progress { line, progress: Progress::Ended(ended) });
        assert_eq!(matches!(effects.first(), Some(Effect::Remember(_))), is_known, "{effects:?}");
    }

    pub(crate) fn incoming(&mut self, number: u64, from: &str, display: &str) -> (LineId, Vec<Effect>) {
        let line = LineId::In(number);
        let (from, display) = (from.to_owned(), display.to_owned());
        (line, self.event(Event::Incoming { line, account: 0, from, display, diverted: None, joins: None }))
    }

    /// We call, and are answered.
    pub(crate) fn talking_to(&mut self, to: &str) -> LineId {
        self.type_text(to);
        let effects = self.key(Key::Enter);
        let Some(Effect::Call { line, .. }) = effects.last() else { panic!("{effects:?}") };
        let line = *line;
        self.progress(line, Progress::Placed(format!("sip:{to}@example.org")));
        self.progress(line, Progress::Ringing);
        self.progress(line, Progress::Answered);
        line
    }

    fn entries(&self) -> Vec<&CallEntry> {
        self.model.calls.entries().collect()
    }
}

#[test]
fn what_is_typed_is_called_and_is_in_the_list_when_it_is_over() {
    let mut phone = Pure::new();
    phone.type_text("+49 30-123");
    let line = LineId::Out(1);
    let call = Effect::Call { line, account: 0, to: "+4930123".to_owned() };
    assert_eq!(phone.key(Key::Enter), [call]);
    assert_eq!(phone.model.dial.text(), "");
    phone.progress(line, Progress::Placed("sip:+4930123@example.org".to_owned()));
    phone.progress(line, Progress::Ringing);
    phone.after(5);
    phone.progress(line, Progress::Answered);
    phone.after(65);
    assert_eq!(phone.key(Key::F(8)), [Effect::HangUp(line)]);
    assert_eq!(phone.key(Key::F(8)), []);
    phone.ended(line, Ended::HungUp);
    let entry = phone.entries()[0].clone();
    assert_eq!((entry.way, entry.talked_secs, entry.began_unix_secs), (Way::Dialled, Some(65), START_SECS));
    assert_eq!(entry.party.address, "sip:+4930123@example.org");
    // Again, whoever called meanwhile.
    let (stranger, _) = phone.incoming(1, "sip:x@h", "");
    phone.ended(stranger, Ended::RemoteCancelled);
    let again = phone.key(Key::F(2));
    assert_eq!(
        again,
        [Effect::Call { line: LineId::Out(2), account: 0, to: "sip:+4930123@example.org".to_owned() }]
    );
}

#[test]
fn a_contact_is_called_by_name_or_chosen_with_the_arrows() {
    let mut phone = Pure::new();
    phone.type_text("bob müller");
    let to = |effects: Vec<Effect>| match effects.last() {
        Some(Effect::Call { to, .. }) => to.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(to(phone.key(Key::Enter)), "sip:bob@example.org");
    assert_eq!(phone.model.shown_line().unwrap().party.title(), "Bob Müller");
    phone.type_text("o");
    for key in [Key::Down, Key::Down, Key::Down, Key::Up, Key::Down] {
        assert_eq!(phone.key(key), []);
    }
    assert_eq!(to(phone.key(Key::Enter)), "4711");
    // An empty field calls nobody.
    assert_eq!(phone.key(Key::Enter), []);
    assert!(phone.model.notice.starts_with("Whom?"));
    assert_eq!(phone.key(Key::Tab), []);
    phone.key(Key::Tab);
    phone.key(Key::Down);
    assert_eq!(to(phone.key(Key::Enter)), "sip:bob@example.org");
}

#[test]
fn one_call_is_talked_on_and_the_others_are_held() {
    let mut phone = Pure::new();
    let first = phone.talking_to("bob");
    let (second, effects) = phone.incoming(1, "sip:4711@example.org", "whoever");
    assert_eq!(effects, [Effect::Ring(second), Effect::Bell]);
    // Nothing moved: the call that is talked on is in the window, and F8 means it.
    assert_eq!((phone.model.shown, phone.model.ringing().unwrap().party.title()), (Some(first), "Carol"));
    assert_eq!(phone.key(Key::F(5)), [Effect::Hold(first), Effect::Answer(second)]);
    phone.progress(second, Progress::Answered);
    assert_eq!(phone.model.shown, Some(second));
    // Back to the first: the second is held.
    phone.key(Key::F(3));
    assert_eq!(phone.key(Key::F(7)), [Effect::Hold(second), Effect::Resume(first)]);
    assert_eq!(phone.key(Key::F(7)), [Effect::Hold(first)]);
    assert_eq!(phone.key(Key::F(9)), [Effect::Mute(first, true)]);
    assert_eq!(phone.key(Key::F(9)), [Effect::Mute(first, false)]);
    // A third that is dialled finds nobody to hold.
    phone.talking_to("dave");
    // A refusal of the far side is no hold, however often a key is pressed meanwhile.
    phone.progress(first, Progress::NotChanged);
    phone.progress(first, Progress::NotChanged);
    assert!(!phone.model.line(first).unwrap().is_held);
    assert!(phone.model.notice.contains("refused"));
    // That sound gets lost is said, and so is that it never came through.
    phone.progress(first, Progress::WayLost);
    assert!(phone.model.notice.contains("another way is sought"));
    phone.progress(first, Progress::NoWay);
    assert!(phone.model.notice.contains("no way for sound"));
    // Nor does one that does not want to be taken back talk.
    phone.progress(second, Progress::Holding);
    phone.progress(second, Progress::NotChanged);
    assert!(phone.model.line(second).unwrap().is_held);
    phone.progress(second, Progress::Released);
    phone.progress(second, Progress::NotChanged);
    assert!(!phone.model.line(second).unwrap().is_held);
}

#[test]
fn who_calls_is_answered_refused_or_missed_and_the_list_says_which() {
    let mut phone = Pure::new();
    let (gone, _) = phone.incoming(1, "sip:bob@example.org", "B");
    phone.ended(gone, Ended::RemoteCancelled);
    let (elsewhere, _) = phone.incoming(5, "sip:x@h", "X");
    phone.ended(elsewhere, Ended::Elsewhere);
    let entry = phone.entries()[0].clone();
    assert_eq!((entry.way, entry.why.as_str()), (Way::Received, "answered elsewhere"));
    let (refused, _) = phone.incoming(2, "sip:x@h", "X");
    assert_eq!(phone.key(Key::F(8)), [Effect::Refuse(refused, StatusCode::BUSY_HERE)]);
    phone.ended(refused, Ended::Declined(StatusCode::BUSY_HERE));
    let (taken, _) = phone.incoming(3, "sip:y@h", "Y");
    phone.key(Key::F(5));
    phone.progress(taken, Progress::Answered);
    phone.ended(taken, Ended::RemoteHungUp);
    phone.key(Key::Control('d'));
    let (_, effects) = phone.incoming(4, "sip:z@h", "Z");
    let refuse = Effect::Refuse(LineId::In(4), StatusCode::BUSY_HERE);
    assert_eq!(effects, [refuse, Effect::Remember(phone.entries()[0].clone())]);
    let ways: Vec<(Way, &str)> =
        phone.entries().iter().map(|entry| (entry.way, entry.party.title())).collect();
    let (bob, x, z) = ("Bob Müller", "X", "Z");
    let wanted =
        [(Way::Missed, z), (Way::Received, "Y"), (Way::Refused, x), (Way::Received, x), (Way::Missed, bob)];
    assert_eq!(ways, wanted);
    // Counted until they are looked at, and not counted again.
    assert_eq!(phone.model.calls.missed(), 2);
    assert_eq!(phone.key(Key::Tab), [Effect::RememberLook]);
    assert_eq!((phone.model.tab, phone.model.calls.missed()), (Tab::Calls, 0));
    phone.key(Key::BackTab);
    assert_eq!((phone.model.tab, phone.model.calls.missed()), (Tab::Dial, 0));
    // Nobody rings: the keys do nothing.
    assert_eq!(phone.key(Key::F(5)), []);
    assert_eq!(phone.key(Key::F(6)), []);
}

#[test]
fn enter_means_the_dial_field_whoever_rings() {
    let mut phone = Pure::new();
    phone.type_text("bo");
    let (line, _) = phone.incoming(1, "sip:x@h", "X");
    phone.type_text("b");
    let effects = phone.key(Key::Enter);
    assert!(matches!(&effects[..], [Effect::Call { to, .. }] if to == "bob"), "{effects:?}");
    assert!(phone.model.line(line).unwrap().rings_here());
    // The bell rings on.
    assert_eq!(phone.after(3), [Effect::Bell]);
    assert_eq!(phone.after(1), []);
}

#[test]
fn keys_go_to_the_call_only_while_the_keypad_is_on() {
    let mut phone = Pure::new();
    assert_eq!(phone.key(Key::F(4)), []);
    assert!(!phone.model.is_keypad);
    let line = phone.talking_to("bob");
    phone.key(Key::F(4));
    assert_eq!(phone.key(Key::Char('1')), [Effect::Press(line, '1')]);
    assert_eq!(phone.key(Key::Char('d')), [Effect::Press(line, 'D')]);
    assert_eq!(phone.key(Key::Char('x')), []);
    assert_eq!(phone.model.dial.text(), "");
    // A call that comes does not take the keys; the end of the call does.
    phone.incoming(1, "sip:x@h", "X");
    assert_eq!(phone.key(Key::Char('#')), [Effect::Press(line, '#')]);
    phone.ended(line, Ended::RemoteHungUp);
    phone.type_text("2");
    assert_eq!(phone.model.dial.text(), "2");
}

#[test]
fn auto_answer_takes_the_first_call_and_lets_a_second_ring() {
    let mut phone = Pure::new();
    phone.key(Key::Control('n'));
    let (first, effects) = phone.incoming(1, "sip:x@h", "X");
    assert_eq!(effects, [Effect::Answer(first)]);
    let (second, effects) = phone.incoming(2, "sip:y@h", "Y");
    assert_eq!(effects, [Effect::Ring(second), Effect::Bell]);
}

#[test]
fn callers_are_sent_on_always_when_busy_or_after_a_while() {
    let to = |line, to: &str, why| Effect::Forward { line, to: to.to_owned(), why };
    let mut phone = Pure::new();
    phone.model.forwarding = Forwarding {
        busy: Some("Carol".to_owned()),
        no_answer: Some("99".to_owned()),
        no_answer_secs: 20,
        ..Forwarding::default()
    };
    let (first, effects) = phone.incoming(1, "sip:x@h", "X");
    assert_eq!(effects, [Effect::Ring(first), Effect::Bell]);
    let (second, effects) = phone.incoming(2, "sip:y@h", "Y");
    assert_eq!(effects[0], to(second, "4711", DiversionReason::Busy));
    phone.after(19);
    let effects = phone.after(1);
    assert_eq!(effects, [to(first, "99", DiversionReason::NoAnswer)]);
    assert_eq!(phone.after(20), []);
    phone.ended(first, Ended::Declined(StatusCode::MOVED_TEMPORARILY));
    phone.model.forwarding = Forwarding { always: Some("bob".to_owned()), ..Forwarding::default() };
    let (third, effects) = phone.incoming(3, "sip:z@h", "Z");
    assert_eq!(effects[0], to(third, "bob", DiversionReason::Unconditional));
    phone.model.forwarding = Forwarding { busy: Some("bob".to_owned()), ..Forwarding::default() };
    phone.model.is_do_not_disturb = true;
    let (fourth, effects) = phone.incoming(4, "sip:z@h", "Z");
    assert_eq!(effects[0], to(fourth, "bob", DiversionReason::DoNotDisturb));
    let list: Vec<(Way, &str)> =
        phone.entries().iter().map(|entry| (entry.way, entry.why.as_str())).collect();
    assert_eq!(list[1..], [(Way::Forwarded, "bob"), (Way::Forwarded, "99"), (Way::Forwarded, "Carol")]);
    assert_eq!(phone.model.calls.missed(), 0);
}

#[test]
fn it_does_not_quit_while_calls_are_up_unless_told_twice() {
    let mut phone = Pure::new();
    let line = phone.talking_to("bob");
    assert_eq!(phone.key(Key::Control('q')), []);
    assert_eq!(phone.model.quit, Quit::Asked);
    phone.key(Key::Tab);
    assert_eq!(phone.model.quit, Quit::No);
    phone.key(Key::Control('q'));
    assert_eq!(phone.key(Key::Control('q')), [Effect::Quit]);
    phone.ended(line, Ended::HungUp);
    assert_eq!(phone.entries().len(), 1);
    assert_eq!(Pure::new().key(Key::Control('q')), [Effect::Quit]);
    assert_eq!(Pure::new().event(Event::Stop), [Effect::Quit]);
}

#[test]
fn a_call_is_sent_on_and_nobody_is_called_without_us() {
    let mut phone = Pure::new();
    assert_eq!(phone.key(Key::Control('b')), []);
    assert!(phone.model.transfer.is_none());
    let line = phone.talking_to("bob");
    phone.key(Key::Control('b'));
    phone.type_text("carol");
    assert_eq!(phone.key(Key::Enter), [Effect::Transfer { line, to: "4711".to_owned() }]);
    phone.progress(line, Progress::TransferFailed(ruf_sip::Error::Refused(StatusCode::BUSY_HERE)));
    assert!(phone.model.notice.contains("not transferred: busy"), "{}", phone.model.notice);
    // Done: we hang up.
    let effects = phone.event(Event::Progress { line, progress: Progress::Transferred });
    assert_eq!(effects, [Effect::HangUp(line)]);
    phone.ended(line, Ended::HungUp);
    // The other way round.
    let line = phone.talking_to("dave");
    assert_eq!(phone.key(Key::Control('y')), []);
    phone.progress(line, Progress::Referred("sip:bob@example.org".to_owned()));
    assert_eq!(phone.model.lines.len(), 1);
    let new = LineId::Out(3);
    assert_eq!(phone.key(Key::Control('y')), [Effect::Hold(line), Effect::Follow { line, new }]);
    assert_eq!(phone.model.shown_line().unwrap().party.title(), "Bob Müller");
    assert_eq!(phone.key(Key::Control('y')), []);
}

#[test]
fn two_who_were_asked_one_after_the_other_are_put_together() {
    let mut phone = Pure::new();
    let first = phone.talking_to("bob");
    phone.key(Key::Control('b'));
    // There is nobody else.
    assert_eq!((phone.model.counterpart().is_none(), phone.key(Key::Enter)), (true, Vec::new()));
    assert!(phone.model.transfer.is_some());
    phone.key(Key::Escape);
    let second = phone.talking_to("carol");
    let together = [Effect::Connect { line: first, with: second }];
    phone.key(Key::Control('b'));
    assert_eq!(phone.key(Key::Enter), together);
    assert!(phone.model.transfer.is_none());
    // Whichever is in the window.
    phone.key(Key::F(3));
    assert_eq!(phone.model.shown, Some(first));
    phone.key(Key::Control('b'));
    assert_eq!(phone.key(Key::Enter), together);
    phone.ended(second, Ended::RemoteHungUp);
    let effects = phone.event(Event::Progress { line: first, progress: Progress::Transferred });
    assert_eq!(effects, [Effect::HangUp(first)]);
}

#[test]
fn those_who_are_up_confer_and_part_again() {
    let mut phone = Pure::new();
    assert_eq!(phone.key(Key::Control('k')), []);
    let first = phone.talking_to("bob");
    assert_eq!(phone.key(Key::Control('k')), []);
    assert!(phone.model.notice.starts_with("A conference takes two"), "{}", phone.model.notice);
    let second = phone.talking_to("carol");
    let both = vec![first, second];
    assert_eq!(phone.key(Key::Control('k')), [Effect::Resume(first), Effect::Confer(both.clone())]);
    // There is one microphone.
    assert_eq!(phone.key(Key::F(9)), [Effect::Mute(first, true), Effect::Mute(second, true)]);
    phone.key(Key::F(9));
    // One is held and taken back; the other talks on.
    assert_eq!(phone.key(Key::F(7)), [Effect::Hold(second)]);
    assert_eq!(phone.key(Key::F(7)), [Effect::Resume(second)]);
    // Apart again.
    assert_eq!(phone.key(Key::Control('k')), [Effect::Part(both.clone()), Effect::Hold(first)]);
    assert_eq!(phone.key(Key::Control('k')), [Effect::Resume(first), Effect::Confer(both)]);
    // A third comes: who confers is held, and comes back with it.
    let third = phone.talking_to("dave");
    assert!(phone.model.lines.iter().all(|line| line.is_held == (line.id != third)));
    let all = vec![first, second, third];
    let effects = phone.key(Key::Control('k'));
    assert_eq!(effects, [Effect::Resume(first), Effect::Resume(second), Effect::Confer(all)]);
    phone.ended(third, Ended::RemoteHungUp);
    assert!(phone.model.line(first).unwrap().is_conferring);
    let ended = Event::Progress { line: second, progress: Progress::Ended(Ended::RemoteHungUp) };
    assert!(phone.event(ended).contains(&Effect::Part(vec![first])));
    assert!(!phone.model.line(first).unwrap().is_conferring);
}

#[test]
fn commands_are_run_when_it_rings_is_answered_and_ends() {
    let mut phone = Pure::new();
    phone.model.hooks = Hooks::commands("a", "b", "c");
    let runs = |effects: Vec<Effect>| -> Vec<String> {
        let runs = effects.into_iter().filter(|effect| matches!(effect, Effect::Run(_)));
        runs.map(|run| format!("{run:?}")).collect()
    };
    let line = LineId::In(1);
    let from = "sip:bob@example.org".to_owned();
    let called =
        Event::Incoming { line, account: 0, from, display: "B".to_owned(), diverted: None, joins: None };
    let ringing = runs(phone.event(called));
    assert!(ringing.len() == 1 && ringing[0].contains("Command(\"a\")"), "{ringing:?}");
    assert!(ringing[0].contains("(\"name\", \"Bob Müller\")"), "{ringing:?}");
    phone.key(Key::F(5));
    let up = || Event::Progress { line, progress: Progress::Answered };
    assert!(runs(phone.event(up()))[0].contains("Command(\"b\")"));
    // Once.
    assert_eq!(runs(phone.event(up())), [""; 0]);
    let _ = phone.after(5);
    let ended = runs(phone.event(Event::Progress { line, progress: Progress::Ended(Ended::RemoteHungUp) }));
    assert!(ended[0].contains("Command(\"c\")") && ended[0].contains("(\"seconds\", \"5\")"), "{ended:?}");
}

#[test]
fn messages_come_and_go_in_their_tab() {
    let mut phone = Pure::new();
    let from = "sip:bob@example.org".to_owned();
    let message = Event::Message { account: 0, from: from.clone(), text: "hello".to_owned() };
    assert_eq!(phone.event(message), [Effect::Bell]);
    assert!(phone.model.notice.ends_with("Bob Müller: hello"), "{}", phone.model.notice);
    assert_eq!(phone.model.chat.unread(), 1);
    phone.key(Key::BackTab);
    assert_eq!((phone.model.tab, phone.model.chat.unread()), (Tab::Messages, 0));
    phone.type_text("hi 1");
    let write = Effect::Write { note: 0, account: 0, to: from, text: "hi 1".to_owned() };
    assert_eq!(phone.key(Key::Enter), [write]);
    assert_eq!(phone.key(Key::Enter), []);
    assert_eq!(phone.event(Event::Written { note: 0, outcome: Ok(()) }), []);
    // Somebody new.
    phone.key(Key::Escape);
    phone.type_text("carol");
    assert_eq!(phone.key(Key::Enter), []);
    assert_eq!(phone.model.chat.shown().unwrap().0.party.address, "4711");
}

#[test]
fn calls_are_bounded_and_what_is_not_known_changes_nothing() {
    let mut phone = Pure::new();
    for number in 0..8 {
        phone.incoming(number, "sip:x@h", "X");
    }
    let (_, effects) = phone.incoming(9, "sip:late@h", "late");
    assert_eq!(effects[0], Effect::Refuse(LineId::In(9), StatusCode::BUSY_HERE));
    assert_eq!((phone.entries().len(), phone.model.lines.len()), (1, 8));
    phone.type_text("bob");
    assert_eq!(phone.key(Key::Enter), []);
    assert_eq!(phone.model.dial.text(), "bob");
    phone.progress(LineId::In(77), Progress::Answered);
    phone.ended(LineId::Out(77), Ended::HungUp);
    assert_eq!(phone.entries().len(), 1);
}

#[test]
fn how_we_are_is_told_when_that_is_news_and_only_if_we_want_it() {
    let mut phone = Pure::new();
    assert_eq!(phone.key(Key::Control('d')), []);
    let mut phone = Pure::shown();
    assert_eq!(phone.event(Event::Tick), [Effect::Tell(Standing::There)]);
    assert_eq!(phone.event(Event::Tick), []);
    assert_eq!(phone.key(Key::Control('d')), [Effect::Tell(Standing::Busy)]);
    assert_eq!(phone.key(Key::Control('d')), [Effect::Tell(Standing::There)]);
    let (line, _) = phone.incoming(1, "sip:bob@example.org", "");
    let effects = phone.event(Event::Progress { line, progress: Progress::Answered });
    assert_eq!(effects, [Effect::Tell(Standing::Talking)]);
    let effects = phone.event(Event::Progress { line, progress: Progress::Ended(Ended::RemoteHungUp) });
    assert_eq!(effects.last(), Some(&Effect::Tell(Standing::There)));
}

#[test]
fn a_contact_is_watched_that_says_so() {
    let mut phone = Pure::new();
    assert_eq!(phone.model.watched().collect::<Vec<_>>(), [(0, "sip:bob@example.org")]);
    assert_eq!((phone.model.standing_of(0), phone.model.standing_of(1)), (Some(Standing::Unknown), None));
    assert_eq!(phone.event(Event::Standing { contact: 0, standing: Standing::Away }), []);
    assert_eq!(phone.model.standing_of(0), Some(Standing::Away));
}

#[test]
fn whoever_asks_to_watch_is_asked_about_once_with_the_keys_that_answer_and_refuse() {
    let mut phone = Pure::shown();
    let asks = |who: &str| Event::WatcherAsks { who: who.to_owned(), display: "B".to_owned() };
    for who in ["sip:bob@example.org", "sip:bob@example.org", "sip:x@h"] {
        let _ = phone.event(asks(who));
    }
    assert_eq!(phone.model.asking().map(Party::title), Some("Bob Müller"));
    // A call goes first.
    let (line, _) = phone.incoming(1, "sip:y@h", "Y");
    assert_eq!(phone.model.asking(), None);
    assert_eq!(phone.key(Key::F(6)), [Effect::Refuse(line, StatusCode::BUSY_HERE)]);
    phone.ended(line, Ended::Declined(StatusCode::BUSY_HERE));
    let said = |who: &str, may| Effect::Consent(Consent { who: who.to_owned(), may });
    phone.after(1);
    assert_eq!(phone.key(Key::F(5)), [said("sip:bob@example.org", true)]);
    phone.after(1);
    assert_eq!(phone.key(Key::F(6)), [said("sip:x@h", false)]);
    assert_eq!((phone.key(Key::F(5)), phone.model.asking()), (vec![], None));
}

#[test]
fn a_key_that_is_meant_for_a_call_says_nothing_of_who_may_watch() {
    let mut phone = Pure::shown();
    let who = "sip:bob@example.org".to_owned();
    let _ = phone.event(Event::WatcherAsks { who: who.clone(), display: String::new() });
    phone.after(60);
    // The caller gives up just before the key comes.
    for key in [Key::F(5), Key::F(6)] {
        let (line, _) = phone.incoming(1, "sip:y@h", "Y");
        phone.ended(line, Ended::RemoteCancelled);
        assert_eq!(phone.key(key), []);
        assert_eq!(phone.model.asking().map(Party::title), Some("Bob Müller"));
    }
    // Nor does a key that is pressed once more than was wanted answer what comes into sight then.
    let _ = phone.event(Event::WatcherAsks { who: "sip:x@h".to_owned(), display: String::new() });
    phone.after(1);
    assert_eq!(phone.key(Key::F(6)), [Effect::Consent(Consent { who, may: false })]);
    assert_eq!(phone.key(Key::F(6)), []);
    assert_eq!(phone.model.asking().map(Party::title), Some("sip:x@h"));
}
