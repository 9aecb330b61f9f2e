//! `ruf phone` as a person uses it: keys go in and the screen is read, by tmux; the far ends are `ruf answer` and `ruf call`.
//!
//! Two of the screens are kept in `docs/phone`; with `RUF_WRITE_SCREENS=1` they are written anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;
mod server;

use std::fs;
use std::process::Command;
use std::sync::Mutex;

use scene::{Far, Scene, Screen, is_documented};
use server::{run, until};

#[test]
fn a_person_calls_mutes_holds_presses_keys_and_hangs_up() {
    let scene = Scene::new("tui-call");
    let bob = scene.bob(&["answer", "--echo"]);
    bob.says("listening", 1);
    let screen = scene.screen();
    screen.type_text("bob b");
    screen.shows(&["Call: bob b", "Bob Baker", "sip:bob@phones.test"]);
    screen.keys(&["Down", "Enter"]);
    bob.says("answered", 1);
    // What we say comes back, is measured, and is of the codec that both agreed on.
    let wanted = ["Bob Baker", "F8 Hang up", "talking", "opus", "MOS 4.", "round trip", "They [######"];
    is_documented("call.txt", &screen.shows(&wanted));
    screen.keys(&["F9"]);
    screen.shows(&["MUTED", "They [          ]"]);
    screen.keys(&["F9"]);
    screen.shows(&["talking", "They [######"]);
    screen.keys(&["F7"]);
    screen.shows(&["ON HOLD"]);
    bob.says("held", 1);
    screen.keys(&["F7"]);
    screen.shows(&["talking", "They [######"]);
    bob.says("resumed", 1);
    screen.keys(&["F4"]);
    screen.shows(&["KEYPAD"]);
    screen.keys(&["4", "2", "#"]);
    let keys = bob.says("key", 3);
    let keys: Vec<&str> = keys.iter().map(|said| said["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["4", "2", "#"]);
    screen.keys(&["F8"]);
    screen.shows(&["No call.", "Bob Baker: you hung up"]);
    bob.says("ended", 1);
    screen.keys(&["Tab"]);
    screen.shows(&["[Calls]", "dialled     Bob Baker"]);
    screen.keys(&["C-q"]);
    screen.ends();
    // The far side was recorded: our own tone, echoed.
    let mut heard = hound::WavReader::open(scene.server.place.path("heard.wav")).unwrap();
    let samples: Vec<i16> = heard.samples().map(Result::unwrap).step_by(2).collect();
    let loud = samples.chunks(8_000).filter_map(|part| ruf_audio::tone_hz(part, 16_000));
    assert!(loud.into_iter().any(|(hz, _)| (hz - 440.0).abs() < 3.0));
}

#[test]
fn who_calls_is_seen_answered_or_missed_and_the_list_outlives_the_phone() {
    let scene = Scene::new("tui-called");
    let screen = scene.screen();
    let bob = scene.bob(&["call", "alice", "--for", "1"]);
    is_documented("incoming.txt", &screen.shows(&["Bob Baker", "CALLS YOU", "F5 Answer  F6 Refuse │"]));
    // Enter is no answer.
    screen.keys(&["Enter"]);
    screen.shows(&["CALLS YOU", "Whom?"]);
    screen.keys(&["F5"]);
    screen.shows(&["talking", "F8 Hang up │"]);
    let ended = bob.says("ended", 1);
    assert!(ended[0]["received"].as_u64().unwrap() > 20, "{ended:?}");
    screen.shows(&["No call.", "Bob Baker: they hung up"]);
    // One that nobody takes, whose caller gives up.
    let bob = scene.bob(&["call", "alice"]);
    screen.shows(&["CALLS YOU"]);
    let interrupt = Command::new("kill").args(["-INT", &bob.child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    bob.says("ended", 1);
    screen.shows(&["Calls (1)", "No call."]);
    // It is counted until it is looked at, whatever becomes of the phone meanwhile.
    screen.keys(&["C-q"]);
    screen.ends();
    drop(screen);
    let screen = scene.screen();
    screen.shows(&["Calls (1)"]);
    screen.keys(&["Tab"]);
    let list = screen.shows(&["[Calls]"]);
    let rows: Vec<&str> = list.lines().filter(|row| row.contains("Bob Baker")).collect();
    assert!(rows.len() == 2 && rows[0].contains("MISSED") && rows[1].contains("received"), "{list}");
    screen.keys(&["C-q"]);
    screen.ends();
}

#[test]
fn a_signal_and_a_wrong_file_end_it_in_words_with_the_terminal_given_back() {
    let scene = Scene::new("tui-stop");
    let bob = scene.bob(&["answer", "--echo"]);
    bob.says("listening", 1);
    let screen = scene.screen();
    screen.type_text("bob");
    screen.keys(&["Enter"]);
    bob.says("answered", 1);
    let pid = fs::read_to_string(scene.server.place.path("phone.pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    bob.says("ended", 1);
    screen.ends();
    drop(screen);
    let text = fs::read_to_string(&scene.config).unwrap() + "\n[sounds]\n";
    fs::write(&scene.config, &text).unwrap();
    let screen = Screen::open(&scene.server.place.path(""), &scene.config);
    screen.shows(&["it ended with 2", "phone.toml:", "`sounds` is no key here"]);
    // It is as it was.
    assert_eq!(fs::read_to_string(&scene.config).unwrap(), text);
}

#[test]
fn what_is_written_arrives_on_both_sides() {
    let scene = Scene::new("tui-chat");
    let bob = scene.bob(&["answer", "--echo"]);
    bob.says("listening", 1);
    let screen = scene.screen();
    let at = scene.server.address("udp").to_string();
    let us =
        ["--account", "bob@phones.test", "--password", "secret", "--listen", "127.0.0.1:0", "--server", &at];
    let written = run(&[&["message", "alice", "are you there?"], &us[..]].concat());
    assert_eq!(written.status.code(), Some(0));
    screen.shows(&["Messages (1)", "Message: Bob Baker: are you there?"]);
    screen.keys(&["BTab"]);
    screen.shows(&["[Messages]", "Bob Baker  sip:bob@phones.test", "<   are you there?"]);
    screen.type_text("yes, I am");
    screen.keys(&["Enter"]);
    let note = bob.says("message", 1);
    assert_eq!(note[0]["text"], "yes, I am");
    let shown = screen.shows(&[">   yes, I am"]);
    assert!(!shown.contains("NOT SENT"), "{shown}");
    // To nobody.
    screen.keys(&["Escape"]);
    screen.shows(&["Write to:"]);
    screen.type_text("nobody");
    screen.keys(&["Enter"]);
    screen.shows(&["nobody", "Enter sends."]);
    screen.type_text("hello?");
    screen.keys(&["Enter"]);
    screen.shows(&["NOT SENT: nobody has that address"]);
    screen.keys(&["C-q"]);
    screen.ends();
}

#[test]
fn contacts_show_how_they_are_and_we_are_seen() {
    let scene = Scene::new("tui-presence");
    let text = fs::read_to_string(&scene.config).unwrap();
    fs::write(&scene.config, format!("presence = true\n{text}watch = true\n")).unwrap();
    let bob = scene.bob(&["answer", "--presence", "busy"]);
    bob.says("listening", 1);
    let screen = scene.screen();
    screen.keys(&["Tab", "Tab"]);
    let shown = screen.shows(&["[Contacts]", "Bob Baker                    busy"]);
    is_documented("contacts.txt", &shown);
    let at = scene.server.address("udp").to_string();
    let us =
        ["--account", "bob@phones.test", "--password", "secret", "--listen", "127.0.0.1:0", "--server", &at];
    let watching = Far::start(&[&["watch", "alice"], &us[..]].concat());
    // She is asked whether he may.
    screen.shows(&["Bob Baker asks to see how you are: F5 yes  F6 no"]);
    // A key counts once the question has been there for a moment.
    until("she has said so", || {
        screen.keys(&["F5"]);
        (!screen.text().contains("asks to see")).then_some(())
    });
    assert_eq!(watching.says("presence", 1)[0]["activities"], serde_json::json!([]));
    screen.keys(&["C-d"]);
    assert_eq!(watching.says("presence", 2)[1]["activities"], serde_json::json!(["busy"]));
    screen.keys(&["C-q"]);
    screen.ends();
    assert_eq!(watching.says("presence", 3)[2]["there"], false);
}

/// What a process holds: its descriptors, its UDP ports, and its threads.
fn holds(pid: &str) -> (usize, usize, usize) {
    let list = |name: &str| fs::read_dir(format!("/proc/{pid}/{name}")).unwrap();
    let descriptors: Vec<String> = list("fd")
        // One may be closed while it is looked at.
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    let ports: Vec<String> = ["udp", "udp6"]
        .iter()
        .flat_map(|name| {
            let table = fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap();
            let inodes = table.lines().skip(1).map(|row| row.split_whitespace().nth(9).unwrap().to_owned());
            inodes.collect::<Vec<_>>()
        })
        .collect();
    let is_port = |target: &&String| ports.iter().any(|inode| **target == format!("socket:[{inode}]"));
    (descriptors.len(), descriptors.iter().filter(is_port).count(), list("task").count())
}

#[test]
fn sixty_calls_leave_no_descriptor_port_or_thread_behind() {
    let scene = Scene::new("tui-many");
    let bob = scene.bob(&["answer", "--echo"]);
    bob.says("listening", 1);
    let screen = scene.screen();
    let pid = fs::read_to_string(scene.server.place.path("phone.pid")).unwrap();
    let before = holds(pid.trim());
    assert!(before.1 > 0, "it has a port for signalling");
    for number in 1..=60 {
        // Every fifth time they call.
        let caller = (number % 5 == 0).then(|| scene.bob(&["call", "alice"]));
        if caller.is_some() {
            screen.shows(&["CALLS YOU"]);
            screen.keys(&["F5"]);
        } else {
            screen.type_text("bob");
            screen.keys(&["Enter"]);
        }
        screen.shows(&["talking"]);
        assert!(holds(pid.trim()).1 > before.1, "and two for sound");
        screen.keys(&["F8"]);
        screen.shows(&["No call."]);
        if let Some(caller) = caller {
            caller.says("ended", 1);
        }
    }
    let held = Mutex::new(before);
    let is_same = std::panic::catch_unwind(|| {
        until("what was before", || {
            *held.lock().unwrap() = holds(pid.trim());
            (*held.lock().unwrap() == before).then_some(())
        });
    });
    assert!(
        is_same.is_ok(),
        "descriptors, ports, threads: {before:?} before, {:?} after",
        held.lock().unwrap()
    );
    screen.keys(&["C-q"]);
    screen.ends();
}
