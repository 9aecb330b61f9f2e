//! `ruf call`, `ruf answer` and `ruf message` as a script uses them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod server;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;
use server::{Place, Server, ruf, run, until};

/// `ruf answer`, ended with the test.
struct Answering {
    child: Child,
    /// `None`: nobody reads what it says.
    output: Option<BufReader<ChildStdout>>,
    /// What it listens as.
    address: String,
}

impl Answering {
    fn start(arguments: &[&str]) -> Answering {
        Answering::start_by(ruf(), arguments)
    }

    /// In a terminal that may go, or in one that is not to matter.
    fn start_where(hangup: &str, arguments: &[&str]) -> Answering {
        let mut command = std::process::Command::new("env");
        command.arg(format!("--{hangup}-signal=HUP")).arg(ruf().get_program());
        Answering::start_by(command, arguments)
    }

    fn start_by(mut command: std::process::Command, arguments: &[&str]) -> Answering {
        command.args(["answer", "--json"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(listening["event"], "listening", "{line}");
        Answering { child, output: Some(output), address: listening["of"].as_str().unwrap().to_owned() }
    }

    fn directly(arguments: &[&str]) -> Answering {
        Answering::start(&[&["--listen", "127.0.0.1:0"], arguments].concat())
    }

    /// Its status and what it said, once it has ended by itself.
    fn end(mut self) -> (Option<i32>, Vec<Value>) {
        let mut text = String::new();
        self.output.take().unwrap().read_to_string(&mut text).unwrap();
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (self.child.wait().unwrap().code(), events)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that ends with the test, if it has not by itself.
struct Ended(Child);

impl Ended {
    fn interrupt(&self) {
        let kill = std::process::Command::new("kill").args(["-s", "INT", &self.0.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A tone of two seconds.
fn tone(file: &Path, hz: f32) {
    tone_for(file, hz, 2);
}

fn tone_for(file: &Path, hz: f32, secs: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    for at in 0..16_000 * secs {
        let sample = (at as f32 / 16_000.0 * hz * std::f32::consts::TAU).sin() * 10_000.0;
        writer.write_sample(sample as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// Whether this tone is heard somewhere on one side of a recording, for three frames on end. It need not be heard
/// throughout: a machine that is busy elsewhere brings frames too late to be played, and then there are gaps.
fn is_heard(file: &Path, channel: usize, hz: f32) -> bool {
    let mut reader = hound::WavReader::open(file).unwrap();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).skip(channel).step_by(2).collect();
    let tones = samples.windows(1_024).step_by(160).filter_map(|part| ruf_audio::tone_hz(part, 16_000));
    tones.into_iter().any(|(heard, dbfs)| (heard - hz).abs() < 3.0 && dbfs > -20.0)
}

/// Windows of 64 ms of one side of a recording in which this tone is heard and nothing else; a file that is still being
/// written counts.
fn windows(file: &Path, channel: usize, hz: f32) -> usize {
    let Ok(mut reader) = hound::WavReader::open(file) else { return 0 };
    let samples: Vec<i16> = reader.samples().map_while(Result::ok).skip(channel).step_by(2).collect();
    let tones = samples.chunks_exact(1_024).filter_map(|part| ruf_audio::tone_hz(part, 16_000));
    tones.filter(|(heard, dbfs)| (heard - hz).abs() < 3.0 && *dbfs > -20.0).count()
}

/// Waits until a far side was heard for so many windows: a machine that is busy elsewhere takes longer for that.
fn until_heard(file: &Path, hz: f32, wanted: usize) {
    let mut len = 0;
    until("the far side was heard for long enough", || {
        let found = std::fs::metadata(file).map_or(0, |file| file.len());
        let is_new = std::mem::replace(&mut len, found) != found;
        (is_new && windows(file, 0, hz) >= wanted).then_some(())
    });
}

/// How long both are heard before one hangs up. A window is longer than three packets.
const WINDOWS: usize = 51;

#[test]
fn both_sides_hear_each_other_and_say_how_it_went() {
    let place = Place::new("call");
    let [ours, theirs, by_us, by_them] =
        ["ours.wav", "theirs.wav", "by-us.wav", "by-them.wav"].map(|name| place.path(name));
    // Longer than anything is waited for.
    tone_for(&ours, 440.0, 60);
    tone_for(&theirs, 700.0, 60);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let answering = Answering::directly(&["--once", "--play", &text(&theirs), "--record", &text(&by_them)]);
    let mut calling = ruf();
    calling.args(["call", &answering.address, "--play", &text(&ours), "--record", &text(&by_us)]);
    calling.args(["--dtmf", "1#", "--srtp", "required"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut calling = Ended(calling.spawn().unwrap());
    until_heard(&by_them, 440.0, WINDOWS);
    until_heard(&by_us, 700.0, WINDOWS);
    calling.interrupt();
    let mut said = String::new();
    calling.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(calling.0.wait().unwrap().code(), Some(0), "{said}");
    assert!(
        said.contains("answered\n") && said.contains("hung up\n") && said.contains("opus, SRTP, "),
        "{said}"
    );
    let (status, events) = answering.end();
    assert_eq!(status, Some(0), "{events:?}");
    let keys: Vec<&str> = events.iter().filter_map(|event| event["key"].as_str()).collect();
    assert_eq!(keys, ["1", "#"]);
    let ended = events.last().unwrap();
    assert_eq!((&ended["why"], &ended["codec"]), (&"the far side hung up".into(), &"opus".into()));
    assert_eq!(ended["srtp"], "AeadAes256Gcm");
    // Of each window that is heard one packet came at least; how good that was is a matter of the machine.
    assert!(ended["received"].as_u64().unwrap() >= WINDOWS as u64, "{ended}");
    assert!(ended["mos"].is_number(), "{ended}");
    // The far side is on the left, what we said on the right.
    for (file, far, own) in [(&by_us, 700.0, 440.0), (&by_them, 440.0, 700.0)] {
        assert!(is_heard(file, 0, far) && is_heard(file, 1, own), "{}", file.display());
        assert!(!is_heard(file, 0, own) && !is_heard(file, 1, far), "{}", file.display());
    }
}

#[test]
fn a_call_through_the_server_with_passwords_is_heard() {
    let place = Place::new("call-served");
    let (file, recorded) = (place.path("tone.wav"), place.path("recorded.wav"));
    place.configure("[[domain]]\nname = \"phones.test\"\n");
    tone(&file, 523.0);
    let config = place.path("ruf.toml");
    for name in ["alice", "bob"] {
        let list = place.path("users.csv");
        std::fs::write(&list, format!("{name}@phones.test,secret\n")).unwrap();
        let imported = run(&["user", "--config", config.to_str().unwrap(), "import", list.to_str().unwrap()]);
        assert!(imported.status.success());
    }
    let server = Server::start(place, |_| {});
    let at = server.address("udp").to_string();
    let listen = ["--listen", "127.0.0.1:0", "--server", &at, "--password", "secret"];
    let bob =
        Answering::start(&[&listen[..], &["--account", "bob@phones.test", "--once", "--echo"]].concat());
    let alice = [&["call", "bob", "--account", "alice@phones.test"], &listen[..]].concat();
    let talk = ["--play", file.to_str().unwrap(), "--record", recorded.to_str().unwrap()];
    let called = run(&[&alice[..], &talk].concat());
    assert_eq!(called.status.code(), Some(0), "{}", String::from_utf8_lossy(&called.stderr));
    assert_eq!(bob.end().0, Some(0));
    assert!(is_heard(&recorded, 0, 523.0));
    // Nobody is there any more; a wrong password; a text.
    assert_eq!(run(&alice).status.code(), Some(4));
    let wrong =
        run(&["call", "bob", "--account", "alice@phones.test", "--server", &at, "--password", "wrong"]);
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(wrong.status.code() == Some(1) && said.contains("the name or the password is wrong"), "{said}");
    let bob = Answering::start(&[&listen[..], &["--account", "bob@phones.test"]].concat());
    let text = run(&[&["message", "bob", "hello", "--account", "alice@phones.test"], &listen[..]].concat());
    assert_eq!(text.status.code(), Some(0), "{}", String::from_utf8_lossy(&text.stderr));
    drop(bob);
}

#[test]
fn who_is_interrupted_hangs_up_and_says_how_it_went() {
    let place = Place::new("interrupted");
    let file = place.path("tone.wav");
    tone(&file, 440.0);
    for signal in ["INT", "TERM", "HUP"] {
        // One that waits for the next call, and is in one; and its caller.
        let arguments = ["--listen", "127.0.0.1:0", "--play", file.to_str().unwrap()];
        let answering = Answering::start_where("default", &arguments);
        let id = answering.child.id().to_string();
        let mut called = ruf();
        called.args(["call", &answering.address, "--echo", "--json"]).stdout(Stdio::piped());
        let mut called = called.spawn().unwrap();
        let mut said = BufReader::new(called.stdout.take().unwrap()).lines().map(Result::unwrap);
        said.by_ref().find(|line| line.contains("\"answered\"")).unwrap();
        let mut answering = answering;
        let answered = answering.output.as_mut().unwrap().by_ref().lines().map(Result::unwrap);
        answered.into_iter().find(|line| line.contains("\"answered\"")).unwrap();
        std::process::Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        let (status, events) = answering.end();
        assert_eq!(status, Some(0), "{events:?}");
        assert_eq!(events.last().unwrap()["why"], "hung up", "{events:?}");
        let last = said.last().unwrap();
        assert!(last.contains("the far side hung up"), "{last}");
        called.wait().unwrap();
    }
}

#[test]
fn who_is_to_outlive_the_terminal_does() {
    let bob = Answering::start_where("ignore", &["--listen", "127.0.0.1:0", "--echo", "--once"]);
    let id = bob.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "HUP", &id]).status().unwrap().success());
    let place = Place::new("outlives");
    let file = place.path("tone.wav");
    tone(&file, 440.0);
    let called = run(&["call", &bob.address, "--play", file.to_str().unwrap()]);
    assert_eq!(called.status.code(), Some(0), "{}", String::from_utf8_lossy(&called.stderr));
    let (status, events) = bob.end();
    assert_eq!(status, Some(0), "{events:?}");
}

#[test]
fn what_comes_to_nothing_has_its_status_and_its_words() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (arguments, status, words) in [
        (vec!["call".to_owned(), format!("sip:x@{nobody}")], 1, "nobody listens there"),
        (vec!["call".to_owned(), "sip:x@".to_owned()], 2, "is no SIP address"),
        (
            vec!["call".to_owned(), "x@h".to_owned(), "--play".to_owned(), "/nowhere".to_owned()],
            2,
            "cannot be played",
        ),
        (vec!["call".to_owned(), "x@h".to_owned(), "--dtmf".to_owned(), "1x".to_owned()], 2, "`x` is no key"),
        (
            vec!["call".to_owned(), "x@h".to_owned(), "--codecs".to_owned(), "GSM".to_owned()],
            2,
            "no codec of ours",
        ),
        (vec!["message".to_owned(), format!("x@{nobody}"), "hello".to_owned()], 1, "nobody listens there"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done = run(&arguments);
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn nobody_has_to_read_what_a_phone_says() {
    let mut bob = Answering::directly(&["--echo", "--once"]);
    // Each line that bob has to say comes to nothing.
    drop(bob.output.take());
    let called = run(&["call", &bob.address, "--for", "1", "--listen", "127.0.0.1:0"]);
    assert_eq!(called.status.code(), Some(0), "{called:?}");
    assert_eq!(bob.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn who_calls_during_a_call_waits_and_one_too_many_hears_busy() {
    let bob = Answering::directly(&["--echo"]);
    let account = ruf_sip::Account::direct("alice").listen("127.0.0.1:0".parse().unwrap());
    let alice = ruf_sip::Phone::open(account).await.unwrap();
    let mut first = alice.call(&bob.address).await.unwrap();
    first.answered().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..16 {
        waiting.push(alice.call(&bob.address).await.unwrap());
    }
    let busy = ruf_sip::Ended::Failed(ruf_sip::Error::Refused(ruf_sip::StatusCode::BUSY_HERE));
    assert_eq!(alice.call(&bob.address).await.unwrap().ended().await, busy);
    // Who gives up makes room.
    let given_up = waiting.remove(0);
    given_up.hang_up();
    waiting.push(alice.call(&bob.address).await.unwrap());
    assert_eq!(alice.call(&bob.address).await.unwrap().ended().await, busy);
    first.hang_up();
    waiting[0].answered().await.unwrap();
}

#[test]
fn without_a_codec_in_common_both_sides_say_so() {
    let answering = Answering::directly(&["--codecs", "PCMU", "--once"]);
    let called = run(&["call", &answering.address, "--codecs", "G722"]);
    let said = String::from_utf8_lossy(&called.stdout).into_owned();
    assert_eq!(called.status.code(), Some(1), "{said}");
    assert!(said.contains("no codec or encryption in common"), "{said}");
}

#[test]
fn over_every_transport_a_server_is_asked_and_over_tls_what_is_said_is_encrypted() {
    let place = Place::new("call-secure");
    let (file, recorded) = (place.path("tone.wav"), place.path("recorded.wav"));
    tone(&file, 523.0);
    let config = place.configure("[[domain]]\nname = \"open.test\"\nopen = true\n");
    let text = std::fs::read_to_string(&config).unwrap();
    let all = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\", \"udp:[::1]:0\"]\n";
    std::fs::write(&config, text.replace("listen = [\"udp:127.0.0.1:0\"]\n", all)).unwrap();
    let ca = place.path("data/tls/ca.pem");
    let server = Server::start(place, |_| {});
    let ca = ca.to_str().unwrap();
    for transport in ["udp", "tcp", "tls"] {
        let at = server.address(transport);
        let asked = run(&["ping", &format!("sip:{at};transport={transport}"), "--ca", ca]);
        let said = String::from_utf8_lossy(&[asked.stdout, asked.stderr].concat()).into_owned();
        assert!(said.starts_with(&format!("200 OK from {transport}:{at} in ")), "{said}");
    }
    let v6 = server.ready.split_whitespace().find_map(|place| place.strip_prefix("udp:[::1]:")).unwrap();
    assert_eq!(run(&["ping", &format!("sip:[::1]:{v6}")]).status.code(), Some(0));
    assert_eq!(run(&["ping", "sip:x@"]).status.code(), Some(2));
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(run(&["ping", &format!("sip:{nobody}")]).status.code(), Some(1));
    // A certificate that nobody vouches for.
    let secure = format!("127.0.0.1:{};transport=tls", server.address("tls").port());
    let distrusted = run(&["ping", &format!("sip:{secure}")]);
    assert_eq!(distrusted.status.code(), Some(1), "{}", String::from_utf8_lossy(&distrusted.stdout));

    let through = ["--server", &secure, "--ca", ca];
    let bob = Answering::start(&[&through[..], &["--account", "bob@open.test", "--once", "--echo"]].concat());
    let talk = ["call", "bob", "--account", "alice@open.test", "--json", "--play", file.to_str().unwrap()];
    let called = run(&[&talk[..], &through, &["--record", recorded.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&called.stdout).into_owned();
    assert_eq!(called.status.code(), Some(0), "{said}");
    let ended: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(ended["srtp"], "AeadAes256Gcm", "{said}");
    assert!(is_heard(&recorded, 0, 523.0));
    assert_eq!(bob.end().0, Some(0));
    // And without the server, by its certificate.
    let papers = ["pem", "key"].map(|end| server.place.path(&format!("data/tls/open.test.{end}")));
    let papers = ["--certificate", papers[0].to_str().unwrap(), "--key", papers[1].to_str().unwrap()];
    let bob =
        Answering::directly(&[&papers[..], &["--listen-tls", "127.0.0.1:0", "--once", "--echo"]].concat());
    assert!(bob.address.ends_with(";transport=tls"), "{}", bob.address);
    let distrusted = run(&["call", &bob.address]);
    let said = String::from_utf8_lossy(&distrusted.stdout).into_owned();
    assert!(said.contains("shows a certificate that is trusted"), "{said}");
    let talk = ["call", &bob.address, "--ca", ca, "--json", "--play", file.to_str().unwrap()];
    let called = run(&[&talk[..], &["--record", recorded.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&called.stdout).into_owned();
    assert_eq!(called.status.code(), Some(0), "{said}");
    assert!(said.contains("AeadAes256Gcm") && is_heard(&recorded, 0, 523.0), "{said}");
    assert_eq!(bob.end().0, Some(0));
}

#[test]
fn what_others_write_is_one_line_and_commands_no_terminal() {
    let mut command = ruf();
    command.args(["answer", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    output.read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("listening ").unwrap().to_owned();
    let mut answering = Answering { child, output: Some(output), address };
    assert!(run(&["message", &answering.address, "a\u{1b}[2J\r\nanswered"]).status.success());
    said.clear();
    answering.output.as_mut().unwrap().read_line(&mut said).unwrap();
    assert!(said.starts_with("note sip:") && said.ends_with(": a[2J answered\n"), "{said:?}");
}
