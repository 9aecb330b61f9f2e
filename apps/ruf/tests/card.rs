//! Calls with a sound card. PulseAudio is the card, with a speaker that leads nowhere and a microphone into which tones
//! are played, and it is taken away in the middle of a call; ALSA leads there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod server;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use server::{Place, ruf, until};

/// One second of what the speaker plays is listened to.
const SECOND_OCTETS: usize = 96_000;

/// A process that ends with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Program {
        Program(command.stdin(Stdio::null()).spawn().expect("it is installed: `dev/setup test` does that"))
    }

    fn interrupt(mut self) -> bool {
        let told = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        assert!(told.unwrap().success());
        until("it has ended", || self.0.try_wait().unwrap()).success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with the socket of a sound server, and a file that leads ALSA there.
struct Sound {
    place: Place,
}

impl Sound {
    fn new() -> Sound {
        let place = Place::new("card");
        let devices = [("speaker", "ear"), ("microphone", "mouth.monitor")].map(|(name, device)| {
            let socket = place.path("sound.socket").display().to_string();
            format!("pcm.{name} {{ type pulse server \"unix:{socket}\" device \"{device}\" hint {{ show on description \"a {name}\" }} }}\n")
        });
        fs::write(place.path("asound.conf"), devices.concat()).unwrap();
        Sound { place }
    }

    /// Starts the server, and what is spoken.
    fn start(&self) -> [Program; 2] {
        let mut command = Command::new("pulseaudio");
        let socket = self.place.path("sound.socket").display().to_string();
        command.args([
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disable-shm=yes",
        ]);
        for module in ["module-null-sink sink_name=ear", "module-null-sink sink_name=mouth"] {
            command.arg("-L").arg(module);
        }
        command.arg("-L").arg(format!("module-native-protocol-unix socket={socket} auth-anonymous=1"));
        let home = self.place.path("");
        command.env("HOME", &home).env("XDG_RUNTIME_DIR", &home).stderr(Stdio::null());
        let server = Program::start(&mut command);
        until("the sound server", || {
            let asked = self.client("pactl").arg("info").output().unwrap();
            asked.status.success().then_some(())
        });
        let spoken =
            Program::start(self.client("paplay").args(["-d", "mouth"]).arg(self.tone(700.0, 24_000)));
        [server, spoken]
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PULSE_SERVER", format!("unix:{}", self.place.path("sound.socket").display()));
        command.env("HOME", self.place.path("")).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Waits until the speaker plays a tone.
    fn plays(&self, hz: f32) {
        until("the tone from the speaker", || {
            let mut command = self.client("parec");
            command.args(["-d", "ear.monitor", "--rate=48000", "--channels=1", "--format=s16le"]);
            let mut recorded = Program::start(command.stdout(Stdio::piped()));
            let mut octets = vec![0; SECOND_OCTETS];
            recorded.0.stdout.take().unwrap().read_exact(&mut octets).unwrap();
            let samples: Vec<i16> =
                octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            let heard = ruf_audio::tone_hz(&samples, 48_000);
            heard.filter(|(heard, dbfs)| (heard - hz).abs() < 3.0 && *dbfs > -20.0)
        });
    }

    /// A minute of a tone, with a pause after so many samples, if any: what never pauses is noise, and taken out.
    fn tone(&self, hz: f32, pulse: u32) -> PathBuf {
        let file = self.place.path(&format!("{hz}.wav"));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut tone = hound::WavWriter::create(&file, spec).unwrap();
        for at in 0..48_000_u32 * 60 {
            let is_pause = at.checked_div(pulse).is_some_and(|pulses| pulses % 2 == 1);
            let level = if is_pause { 0.0 } else { 9_000.0 };
            let sample = (at as f32 / 48_000.0 * hz * std::f32::consts::TAU).sin() * level;
            tone.write_sample(sample as i16).unwrap();
        }
        tone.finalize().unwrap();
        file
    }

    fn ruf(&self, arguments: &[&str]) -> Command {
        let mut command = ruf();
        command.args(arguments).env("ALSA_CONFIG_PATH", self.place.path("asound.conf"));
        command
    }
}

/// What a command said so far, of one event.
fn said(file: &Path, event: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let told = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    told.filter(|told| told["event"] == event)
        .map(|told| told["of"].as_str().unwrap_or("").to_owned())
        .collect()
}

#[test]
fn a_call_is_heard_and_spoken_by_a_card_and_goes_on_without_it() {
    let sound = Sound::new();
    let card = sound.start();
    let listed = sound.ruf(&["phone", "--devices"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("speaker\t") && listed.contains("a microphone"), "{listed}");
    let log = sound.place.path("answer.log");
    let arguments =
        ["answer", "--listen", "127.0.0.1:0", "--json", "--speaker", "speaker", "--microphone", "microphone"];
    let mut answer = sound.ruf(&arguments);
    let answer = Program::start(answer.stdout(fs::File::create(&log).unwrap()));
    let to = until("it listens", || said(&log, "listening").pop());
    // Who speaks against a tone that never pauses is taken for its echo, as far as anybody can tell.
    let (tone, heard) = (sound.tone(440.0, 72_000), sound.place.path("heard.wav"));
    let call = ["call", &to, "--play", tone.to_str().unwrap(), "--record", heard.to_str().unwrap()];
    let call = Program::start(ruf().args(call).stdout(Stdio::null()));
    sound.plays(440.0);
    let before = said(&log, "sound").len();
    drop(card);
    let lost = |told: &String| told != "is back";
    let told = until("the loss is told", || said(&log, "sound").into_iter().skip(before).find(lost));
    assert!(told.contains("the speaker") || told.contains("the microphone"), "{told}");
    let card = sound.start();
    sound.plays(440.0);
    until("it is back", || said(&log, "sound").pop().filter(|told| told == "is back"));
    until("what is spoken", || is_heard_so_far(&heard).then_some(()));
    assert_eq!(said(&log, "ended"), [""; 0], "no call has ended");
    assert!(call.interrupt(), "both heard each other");
    until("the call has ended", || said(&log, "ended").pop());
    assert!(answer.interrupt());
    drop(card);
    let mut heard = hound::WavReader::open(heard).unwrap();
    let rate_hz = heard.spec().sample_rate;
    let samples: Vec<i16> = heard.samples().map(Result::unwrap).step_by(2).collect();
    assert!(is_heard(&samples, rate_hz), "what was spoken");
}

/// The same of a recording that goes on: the length in its head is not right yet.
fn is_heard_so_far(file: &Path) -> bool {
    let octets = fs::read(file).unwrap_or_default();
    let Some((head, sound)) = octets.split_first_chunk::<44>() else { return false };
    let rate_hz = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
    let samples = sound.chunks_exact(4).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    is_heard(&samples.collect::<Vec<_>>(), rate_hz)
}

/// Whether what is spoken into the microphone is there, loud and clear.
fn is_heard(samples: &[i16], rate_hz: u32) -> bool {
    let mut parts = samples.chunks(rate_hz as usize / 5);
    parts.any(|part| {
        ruf_audio::tone_hz(part, rate_hz).is_some_and(|(hz, dbfs)| (hz - 700.0).abs() < 5.0 && dbfs > -20.0)
    })
}
