//! What `ruf phone` keeps of a call's sound, as a person has it kept: keys go in, the screen is read, and the files are
//! listened to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;
mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use scene::{Scene, has_tone, is_documented, write_tone};
use server::until;

/// The files of a folder, by their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_call_is_recorded_at_a_key_with_both_sides_and_the_list_says_so() {
    let scene = Scene::new("tui-record");
    let place = &scene.server.place;
    let text = fs::read_to_string(&scene.config).unwrap();
    fs::write(&scene.config, format!("{text}[recording]\nfolder = \"calls\"\n")).unwrap();
    write_tone(&place.path("bob.wav"), 620, 60);
    let bob = scene.bob(&["answer", "--play", place.path("bob.wav").to_str().unwrap()]);
    bob.says("listening", 1);
    let screen = scene.screen();
    screen.keys(&["C-e"]);
    screen.shows(&["Only who talks can be recorded."]);
    screen.type_text("bob");
    screen.keys(&["Enter"]);
    screen.shows(&["talking", "^E Record │", "They [######"]);
    // While we are muted, nothing of us is heard, and nothing is recorded.
    screen.keys(&["F9"]);
    screen.shows(&["MUTED"]);
    screen.keys(&["C-e"]);
    screen.shows(&["─ RECORDING: Bob Baker ┐"]);
    let calls = place.path("calls");
    let file = until("a recording", || files(&calls).first().cloned());
    until("the far side in it", || has_tone(&file, 0, 620).then_some(()));
    assert!(!has_tone(&file, 1, 440));
    screen.keys(&["F9"]);
    let wanted = [
        "─ RECORDING: Bob Baker ┐",
        "Recorded into 20",
        "They [######",
        "You [######",
        "^E Stop recording │",
    ];
    is_documented("recording.txt", &screen.shows(&wanted));
    until("our side, too", || has_tone(&file, 1, 440).then_some(()));
    // It goes on while the call is held, and in whatever tab one is.
    screen.keys(&["F7"]);
    screen.shows(&["ON HOLD", "─ RECORDING: Bob Baker ┐"]);
    screen.keys(&["F7"]);
    screen.shows(&["talking"]);
    screen.keys(&["C-e"]);
    let shown = screen.shows(&["the recording has ended", "^E Record │"]);
    assert!(!shown.contains("RECORDING"), "{shown}");
    let length = fs::metadata(&file).unwrap().len();
    screen.keys(&["F8"]);
    screen.shows(&["No call."]);
    screen.keys(&["Tab"]);
    screen.shows(&["dialled     Bob Baker                00:0", "  recorded"]);
    screen.keys(&["C-q"]);
    screen.ends();
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.permissions().mode() & 0o777, found.len()), (0o600, length));
    assert!(file.to_str().unwrap().ends_with("_Bob_Baker.wav"), "{}", file.display());
    assert_eq!(files(&calls), [file]);
}

#[test]
fn who_is_not_answered_leaves_a_message_that_is_played_and_deleted() {
    let scene = Scene::new("tui-voicemail");
    let place = &scene.server.place;
    write_tone(&place.path("bob.wav"), 620, 60);
    write_tone(&place.path("greeting.wav"), 500, 1);
    let text = fs::read_to_string(&scene.config).unwrap();
    let table =
        "[voicemail]\non = true\nno_answer_secs = 1\ngreeting = \"greeting.wav\"\nfolder = \"messages\"\n";
    fs::write(&scene.config, text + table).unwrap();
    let screen = scene.screen();
    let said = place.path("bob.wav");
    let calls = |record: &str| {
        let record = place.path(record);
        let bob = ["call", "alice", "--play", said.to_str().unwrap(), "--record", record.to_str().unwrap()];
        (scene.bob(&bob), record)
    };
    screen.shows(&["^V [x] Voicemail"]);
    let (bob, heard) = calls("first.wav");
    screen.shows(&["CALLS YOU"]);
    let wanted = ["Bob Baker", "leaves a message", "F5 Answer  F8 Hang up │", "MOS "];
    is_documented("voicemail.txt", &screen.shows(&wanted));
    let messages = place.path("messages");
    let file = until("a message", || files(&messages).first().cloned());
    until("the greeting", || has_tone(&heard, 0, 500).then_some(()));
    until("more than a second of it", || (fs::metadata(&file).unwrap().len() > 8_000).then_some(()));
    let hang_up = std::process::Command::new("kill").args(["-INT", &bob.child.id().to_string()]).status();
    assert!(hang_up.unwrap().success());
    bob.says("ended", 1);
    screen.shows(&["Bob Baker: left a message, 00:0", "Calls (1)", "Voicemail (1)"]);
    screen.keys(&["Tab", "Down"]);
    let wanted = ["MISSED      Bob Baker", "NEW message 00:0", "Space plays, Del deletes a message"];
    is_documented("messages.txt", &screen.shows(&wanted));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(has_no_tone_yet(&place.path("")));
    screen.keys(&["Space"]);
    screen.shows(&["Playing, Space stops: Bob Baker", " message 00:0"]);
    until("it is heard", || {
        let played = files(&place.path("")).into_iter().filter(|file| is_heard_file(file));
        played.into_iter().any(|file| has_tone(&file, 0, 620)).then_some(())
    });
    // It outlives the phone, and that it was heard does, too.
    screen.keys(&["C-q"]);
    screen.ends();
    drop(screen);
    let screen = scene.screen();
    screen.keys(&["Tab", "Down"]);
    let shown = screen.shows(&[" message 00:0", "^V [x] Voicemail  "]);
    assert!(!shown.contains("NEW"), "{shown}");
    screen.keys(&["DC"]);
    screen.shows(&["Del once more deletes the message of Bob Baker"]);
    screen.keys(&["DC"]);
    let shown = screen.shows(&["The message is deleted.", "MISSED      Bob Baker"]);
    assert!(!shown.contains("message 00:"), "{shown}");
    assert_eq!(files(&messages), [] as [PathBuf; 0]);
    // Whoever leaves one can be talked to: then there is none.
    let (bob, heard) = calls("second.wav");
    screen.shows(&["leaves a message"]);
    until("it is being left", || files(&messages).first().cloned());
    screen.keys(&["F5"]);
    screen.shows(&["talking", "They [######", "You [######"]);
    until("we are heard", || has_tone(&heard, 0, 440).then_some(()));
    assert_eq!(files(&messages), [] as [PathBuf; 0]);
    screen.keys(&["F8"]);
    bob.says("ended", 1);
    screen.keys(&["Escape"]);
    screen.shows(&["received    Bob Baker"]);
    screen.keys(&["C-q"]);
    screen.ends();
}

#[test]
fn while_nobody_is_to_disturb_a_message_is_taken_at_once_and_ends_when_its_time_is_over() {
    let scene = Scene::new("tui-disturb");
    let place = &scene.server.place;
    write_tone(&place.path("bob.wav"), 620, 60);
    let text = fs::read_to_string(&scene.config).unwrap();
    let table = "[voicemail]\non = true\nmessage_secs = 2\nmessages = 1\nfolder = \"messages\"\n";
    fs::write(&scene.config, format!("do_not_disturb = true\n{text}{table}")).unwrap();
    let screen = scene.screen();
    screen.shows(&["^D [x] Do not disturb", "^V [x] Voicemail"]);
    let said = place.path("bob.wav");
    let bob = scene.bob(&["call", "alice", "--play", said.to_str().unwrap()]);
    // It never rings.
    bob.says("answered", 1);
    assert_eq!(bob.says("ended", 1)[0]["why"], "the far side hung up");
    screen.shows(&["Bob Baker: left a message, 00:0", "Calls (1)", "Voicemail (1)"]);
    screen.keys(&["Tab"]);
    screen.shows(&["MISSED      Bob Baker                NEW message 00:0"]);
    assert_eq!(files(&place.path("messages")).len(), 1);
    // There is room for no other.
    let busy = scene.bob(&["call", "alice", "--play", said.to_str().unwrap()]);
    assert_eq!(busy.says("ended", 1)[0]["why"], "busy");
    assert_eq!(files(&place.path("messages")).len(), 1);
    screen.keys(&["C-q"]);
    screen.ends();
}

/// A file in which the phone heard something.
fn is_heard_file(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("heard"))
}

/// Nobody here heard who leaves a message.
fn has_no_tone_yet(folder: &Path) -> bool {
    files(folder).iter().filter(|file| is_heard_file(file)).all(|file| !has_tone(file, 0, 620))
}
