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
    write_tone(&place.path("bob.wav"), 620);
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
