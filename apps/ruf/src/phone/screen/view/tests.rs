use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ruf_sip::{DiversionReason, Diverted, Ended, Error, Mailbox, StatusCode};

use super::super::event::{Event, Key, LineId, Progress, Quality, Registration, Sound};
use super::super::line::LineState;
use super::super::model::tests::Pure;
use super::super::standing::Standing;
use super::super::words::Language;
use super::view;

/// The rows of the screen, without what is blank at their ends.
fn screen(phone: &mut Pure, columns: u16, rows: u16) -> Vec<String> {
    let _ = phone.event(Event::Size(columns, rows));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view(&phone.model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(row).collect()
}

fn text(phone: &mut Pure) -> String {
    screen(phone, 80, 24).join("\n")
}

fn good(phone: &mut Pure, line: LineId, quality: Quality) {
    let sound = Sound { codec: Some("G722"), encryption: None, quality: Some(quality), heard: 7, said: 3 };
    let _ = phone.event(Event::Sound { line, sound });
}

const FINE: Quality = Quality { mos: 4.35, loss_percent: 0.0, jitter_ms: 2.2, round_trip_ms: Some(11.0) };

#[test]
fn a_call_and_whoever_rings_beside_it() {
    let mut phone = Pure::new();
    let _ = phone.event(Event::Account { account: 0, registration: Registration::Registered });
    let line = phone.talking_to("bob");
    good(&mut phone, line, FINE);
    phone.after(75);
    phone.incoming(1, "sip:4711@elsewhere.example", "a liar");
    phone.after(4);
    phone.key(Key::F(9));
    let wanted = " ruf phone  [Dial]  Calls   Contacts   Messages                           14:04
 * sip:alice@example.org  registered
 ^D [ ] Do not disturb  ^N [ ] Auto answer  ^V [ ] Voicemail      no sound card

 Call:

 Type a number, a name or an address, then Enter.






┌ Call ────────────────────────────────────────────────────────────────────────┐
│ Bob Müller                                                        F8 Hang up │
│ sip:bob@example.org                                                          │
│ talking  01:19  MUTED                                                        │
│ G722  not encrypted       MOS 4.3  loss 0.0 %  jitter 2 ms  round trip 11 ms │
│ They [#######   ]  You [          ]                                ^E Record │
│ Other calls: Carol CALLS YOU 00:04                                           │
└──────────────────────────────────────────────────────────────────────────────┘

F5 Answer  F6 Refuse  F7 Hold/resume  F8 Hang up  F9 Mute  ^B Transfer
F2 Redial  F3 Other call  F4 Keypad  Tab Next tab  ^Q Quit";
    assert_eq!(text(&mut phone), wanted, "\n{}", text(&mut phone));
}

#[test]
fn a_call_that_was_for_somebody_else_says_so() {
    let mut phone = Pure::new();
    let line = LineId::In(1);
    let display = "B. Müller".to_owned();
    let diverted = Diverted { uri: "sip:99@h".into(), display, reason: DiversionReason::Busy };
    let from = "sip:4711@elsewhere.example".to_owned();
    let called = Event::Incoming {
        line,
        account: 0,
        from,
        display: "X".to_owned(),
        diverted: Some(diverted),
        joins: None,
    };
    let _ = phone.event(called);
    let shown = text(&mut phone);
    assert!(shown.contains("│ sip:4711@elsewhere.example  for B. Müller   "), "{shown}");
    phone.model.words = Language::De.words();
    assert!(text(&mut phone).contains("  für B. Müller "));
}

#[test]
fn whoever_asks_to_watch_is_in_sight_until_the_user_says() {
    let mut phone = Pure::new();
    let _ =
        phone.event(Event::WatcherAsks { who: "sip:x@h".to_owned(), display: "Xenia\u{202e}".to_owned() });
    let shown = text(&mut phone);
    assert!(shown.contains(" Xenia asks to see how you are: F5 yes  F6 no"), "{shown}");
    phone.model.words = Language::De.words();
    let shown = text(&mut phone);
    assert!(shown.contains(" Xenia möchte sehen, wie es dir geht: F5 ja  F6 nein"), "{shown}");
    phone.after(1);
    phone.key(Key::F(6));
    assert!(!text(&mut phone).contains("Xenia"));
}

#[test]
fn a_contact_that_is_watched_shows_how_they_are() {
    let mut phone = Pure::new();
    let _ = phone.event(Event::Standing { contact: 0, standing: Standing::Talking });
    (0..2).for_each(|_| drop(phone.key(Key::Tab)));
    let shown = text(&mut phone);
    assert!(shown.contains("Bob Müller                   on the phone   sip:bob@example.org\n"), "{shown}");
    assert!(shown.contains("Carol                        4711\n"), "{shown}");
}

#[test]
fn nothing_moves_about_and_who_hangs_up_is_in_sight_whatever_goes_on() {
    let mut phone = Pure::new();
    let frame = |rows: &[String]| -> Vec<(usize, String)> {
        let fixed = |(_, row): &(usize, String)| row.starts_with(['┌', '└']) || row.starts_with('F');
        rows.iter().cloned().enumerate().filter(fixed).collect()
    };
    let still = frame(&screen(&mut phone, 80, 24));
    assert_eq!(still.len(), 4);
    let line = phone.talking_to("bob");
    phone.incoming(1, &format!("sip:{}@h", "x".repeat(150)), &"y".repeat(150));
    phone.incoming(2, "sip:z@h", "Z");
    phone.incoming(3, "sip:zz@h", "ZZ");
    for key in
        [Key::Tab, Key::Tab, Key::Tab, Key::F(7), Key::F(9), Key::F(4), Key::Control('d'), Key::Control('q')]
    {
        phone.key(key);
        let rows = screen(&mut phone, 80, 24);
        assert_eq!(frame(&rows), still, "{key:?}");
        assert!(
            rows[14].contains("Bob Müller") && rows[14].ends_with("F8 Hang up │"),
            "{key:?}: {}",
            rows[14]
        );
    }
    phone.key(Key::F(3));
    let rows = screen(&mut phone, 80, 24);
    assert!(rows[14].contains("yyy") && rows[14].ends_with("F5 Answer  F6 Refuse │"), "{}", rows[14]);
    phone.ended(line, Ended::RemoteHungUp);
    assert_eq!(frame(&screen(&mut phone, 80, 24)), still);
    // On a larger screen, too.
    let rows = screen(&mut phone, 132, 50);
    assert!(rows[40].ends_with("F5 Answer  F6 Refuse │"), "{}", rows.join("\n"));
}

#[test]
fn the_call_list_says_when_who_and_what_came_of_it() {
    let mut phone = Pure::new();
    let busy = phone.talking_to("dave");
    phone.after(61);
    phone.ended(busy, Ended::RemoteHungUp);
    phone.type_text("eve");
    phone.key(Key::Enter);
    let refusal = Ended::Failed(Error::Refused(StatusCode::BUSY_HERE));
    phone.ended(LineId::Out(2), refusal);
    assert!(text(&mut phone).contains("\n eve: busy\n"), "{}", text(&mut phone));
    for number in 0..2 {
        let (line, _) = phone.incoming(number, "sip:bob@example.org", "");
        phone.ended(line, Ended::RemoteCancelled);
    }
    phone.after(24 * 3_600);
    assert!(text(&mut phone).contains(" Calls (2) "));
    phone.key(Key::Tab);
    let rows = screen(&mut phone, 80, 24);
    assert!(rows[0].contains("[Calls]"));
    let wanted = [
        "   2026-11-29 14:04  MISSED      Bob Müller",
        "   2026-11-29 14:04  MISSED      Bob Müller",
        "   2026-11-29 14:04  dialled     eve                      busy",
        "   2026-11-29 14:03  dialled     sip:dave@example.org     01:01",
    ];
    assert_eq!(rows[3..7], wanted, "\n{}", rows.join("\n"));
    phone.key(Key::Down);
    let (line, _) = phone.incoming(7, "sip:new@h", "New");
    phone.ended(line, Ended::RemoteCancelled);
    let rows = screen(&mut phone, 80, 24);
    assert!(
        rows[3].starts_with(" > 2026-11-29 14:04  MISSED") && rows[12].ends_with("^ 1 newer above"),
        "{}",
        rows.join("\n")
    );
}

#[test]
fn who_is_recorded_is_in_sight_wherever_one_is_and_the_list_knows_it() {
    let mut phone = Pure::new();
    let line = phone.talking_to("bob");
    phone.key(Key::Control('e'));
    phone.progress(line, Progress::Recording("/calls/b.wav".into()));
    assert!(text(&mut phone).contains("^E Stop recording │"), "{}", text(&mut phone));
    phone.talking_to("carol");
    for keys in [[Key::F(4), Key::Tab], [Key::Tab, Key::Tab]] {
        keys.into_iter().for_each(|key| drop(phone.key(key)));
        let rows = screen(&mut phone, 80, 24);
        assert!(rows[13].ends_with("─ RECORDING: Bob Müller ┐"), "{}", rows.join("\n"));
    }
    let small = screen(&mut phone, 60, 20);
    assert!(small[1].contains("Carol RECORDING"), "{small:?}");
    let (mut phone, german) = (Pure::in_language(Language::De), Key::Control('e'));
    let line = phone.talking_to("bob");
    phone.key(german);
    let shown = text(&mut phone);
    assert!(shown.contains("─ AUFNAHME: Bob Müller ┐") && shown.contains("^E Aufnahme aus │"), "{shown}");
    phone.progress(line, Progress::Recording("/calls/b.wav".into()));
    phone.after(61);
    phone.ended(line, Ended::RemoteHungUp);
    phone.key(Key::Tab);
    assert!(text(&mut phone).contains("Bob Müller               01:01  aufgenommen"), "{}", text(&mut phone));
}

#[test]
fn what_waits_in_a_mailbox_is_in_sight_whichever_account_one_calls_as() {
    let waits = |new| Some(Mailbox { is_waiting: true, new_voice: new, old_voice: None });
    for (language, wanted, other) in [
        (Language::En, "mailbox: 3 new", "other mailbox: 3 new"),
        (Language::De, "Mailbox: 3 neu", "andere Mailbox: 3 neu"),
    ] {
        let mut phone = Pure::in_language(language);
        let nothing = |rows: &[String]| !rows[1].to_lowercase().contains("mailbox");
        assert!(nothing(&screen(&mut phone, 80, 24)));
        let _ = phone.event(Event::Mailbox { account: 0, mailbox: waits(Some(3)) });
        assert!(screen(&mut phone, 80, 24)[1].ends_with(wanted));
        let mut second = phone.model.accounts[0].clone();
        second.mailbox = None;
        phone.model.accounts.push(second);
        phone.key(Key::Control('t'));
        let rows = screen(&mut phone, 80, 24);
        assert!(
            rows[1].contains(&format!(" {other}  ^T ")) && rows[1].contains("alice@example.org"),
            "{rows:?}"
        );
        let _ = phone.event(Event::Mailbox { account: 1, mailbox: waits(None) });
        let rows = screen(&mut phone, 80, 24);
        assert!(rows[1].contains(&format!("ailbox: {}  ^T ", language.words().new)), "{rows:?}");
        let _ = phone.event(Event::Mailbox { account: 1, mailbox: Some(Mailbox::default()) });
        let _ = phone.event(Event::Mailbox { account: 0, mailbox: None });
        assert!(nothing(&screen(&mut phone, 80, 24)));
    }
}

#[test]
fn who_wants_to_join_a_call_says_so() {
    for (language, wanted) in
        [(Language::En, "X WANTS TO JOIN 00:00"), (Language::De, "X WILL DAZUKOMMEN 00:00")]
    {
        let mut phone = Pure::in_language(language);
        let bob = phone.talking_to("bob");
        let (from, display) = ("sip:x@h".to_owned(), "X".to_owned());
        let line = LineId::In(1);
        let called = Event::Incoming { line, account: 0, from, display, diverted: None, joins: Some(bob) };
        let _ = phone.event(called);
        let shown = text(&mut phone);
        assert!(shown.contains(wanted), "{shown}");
    }
}

#[test]
fn voicemail_is_in_sight_while_it_answers_and_so_is_what_it_took() {
    for language in [Language::En, Language::De] {
        let mut phone = Pure::in_language(language);
        let words = language.words();
        let (line, _) = phone.incoming(1, "sip:bob@example.org", "");
        if let Some(line) = phone.model.lines.first_mut() {
            line.state = LineState::Voicemail;
        }
        let rows = screen(&mut phone, 80, 24);
        assert!(
            rows[14].ends_with(&format!("F5 {}  F8 {} │", words.key_answer, words.key_hang_up)),
            "{rows:?}"
        );
        assert!(rows[16].contains(words.leaves_message), "{rows:?}");
        phone.progress(line, Progress::LeftMessage { file: "/m/1.opus".into(), millis: 65_999 });
        phone.ended(line, Ended::RemoteHungUp);
        phone.key(Key::Tab);
        phone.key(Key::Down);
        let rows = screen(&mut phone, 80, 24);
        assert!(rows[2].contains(&format!("^V [ ] {} (1)  ", words.voicemail)), "{rows:?}");
        assert!(rows[3].ends_with(&format!("{} 01:05", words.new_message)), "{rows:?}");
        assert!(rows[12].contains(words.kept_hint), "{rows:?}");
    }
}

#[test]
fn what_is_bad_is_said_and_what_is_unknown_is_not() {
    let mut phone = Pure::new();
    let line = phone.talking_to("bob");
    let sound = Sound { codec: Some("PCMU"), ..Sound::default() };
    let _ = phone.event(Event::Sound { line, sound });
    assert!(text(&mut phone).contains("PCMU  not encrypted  no sound has come yet"), "{}", text(&mut phone));
    good(&mut phone, line, Quality { mos: 2.1, loss_percent: 9.5, ..FINE });
    assert!(text(&mut phone).contains("BAD LINE MOS 2.1  loss 9.5 %"), "{}", text(&mut phone));
    let failed =
        |error| Event::Account { account: 0, registration: Registration::Failed { error, is_retried: true } };
    let _ = phone.event(failed(Error::Unreachable));
    let row = "! sip:alice@example.org  not registered: nobody listens there (tried again)";
    assert!(text(&mut phone).contains(row), "{}", text(&mut phone));
}

#[test]
fn a_chat_shows_the_last_words_and_what_did_not_arrive() {
    let mut phone = Pure::new();
    for at in 0..20 {
        let text = if at == 19 { "word ".repeat(30) } else { format!("number {at}") };
        let _ = phone.event(Event::Message { account: 0, from: "sip:x@h".to_owned(), text });
    }
    assert!(text(&mut phone).contains("Messages (20)"), "{}", text(&mut phone));
    phone.key(Key::BackTab);
    phone.type_text("an answer");
    phone.key(Key::Enter);
    let _ = phone.event(Event::Written { note: 0, outcome: Err(Error::Silence) });
    phone.type_text("more");
    let rows = screen(&mut phone, 80, 24);
    let shown = rows.join("\n");
    assert!(rows[3].starts_with(" sip:x@h") && rows[3].ends_with("1/1"), "{shown}");
    assert!(rows[4].starts_with(" 14:03 <   number 17"), "{shown}");
    assert!(
        rows[9].starts_with(" 14:03 >   an answer")
            && rows[10].ends_with("NOT SENT: nobody answered in time"),
        "{shown}"
    );
    assert!(rows[7].ends_with(" word") && rows[8].trim_start().starts_with("word "), "{shown}");
    assert_eq!(rows[11], " > more_", "{shown}");
}

#[test]
fn german_fits_too() {
    let mut phone = Pure::in_language(Language::De);
    let line = phone.talking_to("bob");
    good(&mut phone, line, FINE);
    phone.key(Key::F(7));
    let shown = text(&mut phone);
    for wanted in [
        "Wählen]  Anrufe   Kontakte",
        "^D [ ] Nicht stören  ^N [ ] Selbst annehmen  ^V [ ] AB           kein Tongerät",
        "F8 Auflegen │",
        "GEHALTEN  00:00",
        "F2 Wahlwiederh.  F3 And. Gespräch  F4 Tastenfeld  Tab Nächste Seite  ^Q Beenden",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
}

#[test]
fn a_screen_that_is_too_small_says_so_and_still_shows_the_call() {
    let mut phone = Pure::new();
    phone.talking_to("bob");
    for (columns, rows) in [(60, 24), (80, 10), (40, 2)] {
        let shown = screen(&mut phone, columns, rows);
        assert!(shown[0].starts_with("This phone needs 80 columns"), "{shown:?}");
        assert!(shown[1].contains("Bob Müller") && shown[1].ends_with("F8 Hang up"), "{shown:?}");
    }
    screen(&mut phone, 1, 1);
}
