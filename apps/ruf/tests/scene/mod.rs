//! A server, `ruf phone` in a terminal (by tmux), and the phones for scripts at the far ends.
#![allow(dead_code)] // not every file of tests needs every verb

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::server::{Place, Server, ruf, run, until};

/// A terminal of 80 columns and 24 rows with `ruf phone` in it.
pub(crate) struct Screen {
    socket: PathBuf,
}

impl Screen {
    pub(crate) fn open(place: &Path, config: &Path) -> Screen {
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

    pub(crate) fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Waits until all of this is on the screen.
    pub(crate) fn shows(&self, wanted: &[&str]) -> String {
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
    pub(crate) fn ends(&self) {
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
pub(crate) struct Far {
    pub(crate) child: Child,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Far {
    pub(crate) fn start(arguments: &[&str]) -> Far {
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
    pub(crate) fn says(&self, event: &str, times: usize) -> Vec<Value> {
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
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) config: PathBuf,
}

impl Scene {
    pub(crate) fn new(name: &str) -> Scene {
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
        write_tone(&server.place.path("tone.wav"), 440, 1);
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

    pub(crate) fn screen(&self) -> Screen {
        let screen = Screen::open(&self.server.place.path(""), &self.config);
        screen.shows(&["* sip:alice@phones.test  registered"]);
        screen
    }

    pub(crate) fn bob(&self, arguments: &[&str]) -> Far {
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
        // It is known when the far side's first report has come. And a machine that is busy makes a bad line. Midnight
        // comes whenever it wants.
        words.replace(" round trip 0 ms", "").replace("BAD LINE ", "").replace("0-0-0 ", "today ")
    };
    screen.lines().map(row).collect()
}

/// The screen is the one in `docs/phone`.
pub(crate) fn is_documented(name: &str, screen: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/phone").join(name);
    let screen: String = screen.lines().map(|row| row.trim_end().to_owned() + "\n").collect();
    if std::env::var_os("RUF_WRITE_SCREENS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &screen).unwrap();
    }
    let documented = fs::read_to_string(&file).unwrap();
    assert_eq!(lasting(&screen), lasting(&documented), "{name}\n{screen}");
}

/// A tone for so long.
pub(crate) fn write_tone(path: &Path, hertz: u32, secs: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut tone = hound::WavWriter::create(path, spec).unwrap();
    for at in 0..8_000 * secs {
        let phase = at as f32 / 8_000.0 * hertz as f32 * std::f32::consts::TAU;
        tone.write_sample((phase.sin() * 9_000.0) as i16).unwrap();
    }
    tone.finalize().unwrap();
}

/// Whether a tone is heard for a second somewhere on this side of a file; a file that is still being written counts.
pub(crate) fn has_tone(file: &Path, side: usize, hertz: u32) -> bool {
    let Ok(mut reader) = hound::WavReader::open(file) else { return false };
    let (sides, rate) = (usize::from(reader.spec().channels), reader.spec().sample_rate);
    let samples: Vec<i16> = reader.samples().map_while(Result::ok).skip(side).step_by(sides).collect();
    let is_it = |(hz, _): (f32, f32)| (hz - hertz as f32).abs() < 3.0;
    samples.chunks_exact(rate as usize / 2).filter_map(|part| ruf_audio::tone_hz(part, rate)).any(is_it)
}
