//! `ruf phone` as a person uses it: keys go in and the screen is read, by tmux; the far ends are `ruf answer` and `ruf call`.
//!
//! Two of the screens are kept in `docs/phone`; with `RUF_WRITE_SCREENS=1` they are written anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod server;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use server::{Place, Server, ruf, run, until};

/// A terminal of 80 columns and 24 rows with `ruf phone` in it.
struct Screen {
    socket: PathBuf,
}

impl Screen {
    fn open(place: &Path, config: &Path) -> Screen {
        // A server of its own: one that is killed may not be gone yet.
        static SCREENS: AtomicU32 = AtomicU32::new(0);
        let socket = place.join(format!("tmux-{}", SCREENS.fetch_add(1, Ordering::Relaxed)));
        let screen = Screen { socket };
        let state = format!("XDG_STATE_HOME={}", place.join("state").display());
        let error = place.join("phone.log").display().to_string();
        let pid = place.join("phone.pid").display().to_string();
        let program = format!(
            "sh -c 'echo $$ >{pid}; exec env TZ=UTC {state} {} phone --config {}' 2>{error}; \
             echo it ended with $?; cat {error}; sleep 600",
            env!("CARGO_BIN_EXE_ruf"),
            config.display()
        );
        screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &program]);
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments).env_remove("TMUX").stdin(Stdio::null());
        let done = command.output().expect("tmux is installed: `dev/setup test` does that");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Waits until all of this is on the screen.
    fn shows(&self, wanted: &[&str]) -> String {
        let last = Mutex::new(String::new());
        let shown = std::panic::catch_unwind(|| {
            until(&format!("{wanted:?} on the screen"), || {
                let text = self.text();
                *last.lock().unwrap() = text.clone();
                wanted.iter().all(|wanted| text.contains(wanted)).then_some(text)
            })
        });
        shown.unwrap_or_else(|_| panic!("{wanted:?} is not on the screen:\n{}", last.lock().unwrap()))
    }

    /// Waits until it has ended, with the terminal given back.
    fn ends(&self) {
        let shown = self.shows(&["it ended with 0"]);
        assert!(!shown.contains("F8"), "the screen was given back: {shown}");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

/// A command of the phone for scripts, and what it says.
struct Far {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Far {
    fn start(arguments: &[&str]) -> Far {
        let mut command = ruf();
        command.args(arguments).arg("--json").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (output, heard) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                heard.lock().unwrap().extend(serde_json::from_str::<Value>(&line).ok());
            }
        });
        Far { child, said }
    }

    /// Waits until it says so many of these events.
    fn says(&self, event: &str, times: usize) -> Vec<Value> {
        until(&format!("{event}, {times} times"), || {
            let said = self.said.lock().unwrap();
            let found: Vec<Value> = said.iter().filter(|said| said["event"] == event).cloned().collect();
            (found.len() >= times).then_some(found)
        })
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server with Alice and Bob, a tone to say, and Alice's file.
struct Scene {
    server: Server,
    config: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let place = Place::new(name);
        place.configure("[[domain]]\nname = \"phones.test\"\n");
        let config = place.path("ruf.toml");
        for name in ["alice", "bob"] {
            let list = place.path("users.csv");
            fs::write(&list, format!("{name}@phones.test,secret\n")).unwrap();
            let imported =
                run(&["user", "--config", config.to_str().unwrap(), "import", list.to_str().unwrap()]);
            assert!(imported.status.success());
        }
        let server = Server::start(place, |_| {});
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut tone = hound::WavWriter::create(server.place.path("tone.wav"), spec).unwrap();
        for at in 0..8_000_u32 {
            tone.write_sample(((at as f32 / 8_000.0 * 440.0 * std::f32::consts::TAU).sin() * 9_000.0) as i16)
                .unwrap();
        }
        tone.finalize().unwrap();
        let config = server.place.path("phone.toml");
        let text = format!(
            "sound = \"file:tone.wav,heard.wav\"\n\
             [[account]]\naddress = \"sip:alice@phones.test\"\npassword = \"secret\"\nserver = \"{}\"\n\
             listen = \"127.0.0.1:0\"\n\
             [[contact]]\nname = \"Bob Baker\"\naddress = \"sip:bob@phones.test\"\n",
            server.address("udp")
        );
        fs::write(&config, text).unwrap();
        Scene { server, config }
    }

    fn screen(&self) -> Screen {
        let screen = Screen::open(&self.server.place.path(""), &self.config);
        screen.shows(&["* sip:alice@phones.test  registered"]);
        screen
    }

    fn bob(&self, arguments: &[&str]) -> Far {
        let at = self.server.address("udp").to_string();
        let bob = ["--account", "bob@phones.test", "--password", "secret", "--listen", "127.0.0.1:0"];
        Far::start(&[arguments, &bob, &["--server", &at]].concat())
    }
}

/// What does not change from one run to the next: no figures, no levels, no distances.
fn lasting(screen: &str) -> Vec<String> {
    let row = |row: &str| {
        let row: String = row.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let row = row.replace('#', " ");
        let mut words = row.split_whitespace().collect::<Vec<_>>().join(" ");
        while words.contains("00") {
            words = words.replace("00", "0");
        }
        words
    };
    screen.lines().map(row).collect()
}

/// The screen is the one in `docs/phone`.
fn is_documented(name: &str, screen: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/phone").join(name);
    let screen: String = screen.lines().map(|row| row.trim_end().to_owned() + "\n").collect();
    if std::env::var_os("RUF_WRITE_SCREENS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &screen).unwrap();
    }
    let documented = fs::read_to_string(&file).unwrap();
    assert_eq!(lasting(&screen), lasting(&documented), "{name}\n{screen}");
}

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
