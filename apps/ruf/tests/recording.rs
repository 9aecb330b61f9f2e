//! What `ruf call` and `ruf answer` record, and what becomes of that on a disk that hangs, fails or is gone: no call waits
//! for it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;
mod server;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use scene::{has_tone, write_tone};
use server::{Place, ruf, until};

/// Linux's.
const O_NONBLOCK: i32 = 0o4000;
/// A pipe has room for so many octets, or for none.
const PAGE: usize = 4_096;
/// For the headers of a recording.
const ROOM: usize = 500;

/// A phone, and what it says line by line.
struct Phone {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
    said: Vec<String>,
}

impl Phone {
    fn start(arguments: &[&str]) -> Phone {
        Phone::run(ruf().args(arguments).args(["--listen", "127.0.0.1:0"]))
    }

    fn run(command: &mut Command) -> Phone {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = Box::new(BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok));
        Phone { child, lines, said: Vec::new() }
    }

    /// The next line that begins so, without that; what it says before is kept.
    fn says(&mut self, begin: &str) -> String {
        for line in self.lines.by_ref() {
            self.said.push(line.clone());
            if let Some(rest) = line.strip_prefix(begin) {
                return rest.trim().to_owned();
            }
        }
        panic!("it ended and never said {begin:?}, but {:?}", self.said);
    }

    fn terminate(&self) {
        let kill = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// All that it said, once it has ended well.
    fn ends(mut self) -> Vec<String> {
        let rest: Vec<String> = self.lines.by_ref().collect();
        self.said.extend(rest);
        assert!(matches!(self.child.wait().unwrap().code(), Some(0 | 5)), "{:?}", self.said);
        std::mem::take(&mut self.said)
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A disk that takes how a recording begins, and then nothing: a pipe that nobody reads, for as long as this file is kept.
fn hanging(place: &Place) -> (PathBuf, File) {
    let path = place.path("pipe.opus");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let open = OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(&path);
    let mut pipe = open.unwrap();
    let mut page = [0; PAGE];
    while pipe.write(&page).is_ok() {}
    pipe.read_exact(&mut page).unwrap();
    pipe.write_all(&page[ROOM..]).unwrap();
    (path, pipe)
}

/// A call that is recorded into this, and the phone at its other end, which has much to say.
fn call(place: &Place, record: &Path, lasts: &str) -> (Phone, Phone) {
    let tone = place.path("tone.wav");
    write_tone(&tone, 440, 1);
    let mut bob = Phone::start(&["answer", "--once", "--play", tone.to_str().unwrap()]);
    let at = bob.says("listening");
    let alice = Phone::start(&["call", &at, "--record", record.to_str().unwrap(), "--for", lasts]);
    (alice, bob)
}

#[test]
fn a_disk_that_hangs_keeps_no_call_from_its_end() {
    let place = Place::new("recording-hangs");
    let (pipe, _reader) = hanging(&place);
    let (mut alice, bob) = call(&place, &pipe, "2");
    alice.says("hung up");
    // The far side knows; the rest is between alice and the disk.
    assert!(bob.ends().contains(&"the far side hung up".to_owned()));
    alice.says("note waiting for the disk to take the rest of the recording");
    let said = alice.ends();
    assert_eq!(
        said.last().unwrap(),
        "recording 0.0 s of it are in the file: the disk has not taken the rest in 5 s"
    );
}

#[test]
fn who_waits_for_a_disk_that_hangs_ends_by_a_signal() {
    let place = Place::new("recording-signal");
    let (pipe, _reader) = hanging(&place);
    let (mut alice, bob) = call(&place, &pipe, "2");
    alice.says("note waiting for the disk");
    alice.terminate();
    let said = alice.ends();
    assert_eq!(said.last().unwrap(), "recording its end may not be in the file: the disk was not waited for");
    drop(bob);
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_not_the_call() {
    let place = Place::new("recording-fails");
    let (pipe, reader) = hanging(&place);
    let (mut alice, _bob) = call(&place, &pipe, "60");
    alice.says("answered");
    drop(reader);
    assert!(alice.says("recording").starts_with("Broken pipe"));
    alice.terminate();
    alice.says("hung up");
    let said = alice.ends();
    assert!(
        said.last().unwrap().starts_with("recording 0.0 s of it are in the file: Broken pipe"),
        "{said:?}"
    );
    // What can take nothing is said before anybody is called.
    let full = ruf().args(["call", "sip:bob@127.0.0.1:9", "--record", "/dev/full"]).output().unwrap();
    assert_eq!(full.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&full.stderr).contains("/dev/full cannot be written: No space left"));
}

#[test]
fn each_call_that_is_answered_has_a_recording_of_its_own_and_one_that_cannot_be_made_ends_none() {
    let place = Place::new("recording-each");
    let folder = place.path("calls");
    fs::create_dir(&folder).unwrap();
    let mut bob = Phone::start(&["answer", "--echo", "--record", folder.join("bob.wav").to_str().unwrap()]);
    let at = bob.says("listening");
    let files = ["bob.wav", "bob-2.wav"].map(|name| folder.join(name));
    let hertz = [440, 620];
    for (file, hertz) in files.iter().zip(hertz) {
        let tone = place.path("tone.wav");
        write_tone(&tone, hertz, 2);
        let mut alice = Phone::start(&["call", &at, "--play", tone.to_str().unwrap()]);
        if hertz == 620 {
            assert_eq!(bob.says("note recorded into"), file.to_str().unwrap());
        }
        alice.says("hung up");
        bob.says("the far side hung up");
    }
    // A folder that is gone.
    let kept = place.path("kept");
    fs::rename(&folder, &kept).unwrap();
    let mut alice = Phone::start(&["call", &at, "--for", "1"]);
    assert!(bob.says("recording").contains("cannot be written: No such file"));
    alice.says("hung up");
    assert!(alice.ends().iter().any(|line| line.contains("packets sent")));
    bob.says("the far side hung up");
    bob.terminate();
    let said = bob.ends();
    assert!(!said.iter().any(|line| line.contains("are in the file")), "{said:?}");
    for (name, (its, other)) in ["bob.wav", "bob-2.wav"].iter().zip([(440, 620), (620, 440)]) {
        let file = kept.join(name);
        assert!(has_tone(&file, 0, its) && !has_tone(&file, 0, other), "{name}");
    }
}

#[test]
fn a_file_that_may_grow_no_more_ends_the_recording_and_not_the_call() {
    let place = Place::new("recording-limit");
    let mut bob = Phone::start(&["answer", "--once", "--echo"]);
    let at = bob.says("listening");
    let file = place.path("limited.wav");
    // In blocks of 512 or 1,024 octets: a second of sound has 64,000.
    let line = format!(
        "ulimit -f 100; exec {} call {at} --record {} --listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_ruf"),
        file.display()
    );
    let mut alice = Phone::run(Command::new("sh").args(["-c", &line]));
    assert!(alice.says("recording").starts_with("File too large"));
    alice.terminate();
    alice.says("hung up");
    let said = alice.ends();
    let last = said.last().unwrap();
    assert!(last.ends_with(" s of it are in the file: File too large (os error 27)"), "{said:?}");
    let secs = hound::WavReader::open(&file).unwrap().duration() / 16_000;
    assert_eq!(last, &format!("recording {secs}.0 s of it are in the file: File too large (os error 27)"));
    assert!(bob.ends().contains(&"the far side hung up".to_owned()));
}

#[test]
fn what_is_played_or_being_recorded_is_not_written_over() {
    let place = Place::new("recording-over");
    let (tone, other) = (place.path("tone.wav"), place.path("other.wav"));
    write_tone(&tone, 440, 1);
    std::os::unix::fs::symlink(&tone, &other).unwrap();
    let before = fs::read(&tone).unwrap();
    let [tone, other] = [&tone, &other].map(|path| path.to_str().unwrap());
    let refused = |arguments: &[&str]| {
        let done = ruf().args(arguments).args(["--listen", "127.0.0.1:0"]).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    for arguments in [["call", "sip:bob@127.0.0.1:9"], ["answer", "--once"]] {
        let said = refused(&[&arguments[..], &["--play", tone, "--record", other]].concat());
        assert!(said.contains("--record would write over what --play says"), "{said}");
        // Nor is anything, for a line that is wrong.
        refused(&[&arguments[..], &["--play", "/nowhere", "--record", tone]].concat());
    }
    assert_eq!(fs::read(tone).unwrap(), before);
    let kept = place.path("kept.wav");
    let (mut alice, _bob) = call(&place, &kept, "60");
    alice.says("answered");
    let said = refused(&["call", "sip:bob@127.0.0.1:9", "--record", kept.to_str().unwrap()]);
    assert!(said.contains("kept.wav cannot be written: another recording goes into it"), "{said}");
}

#[test]
fn a_pipe_that_nobody_reads_keeps_nobody_from_ending_the_command() {
    let place = Place::new("recording-opens");
    let pipe = place.path("pipe.opus");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut bob = Phone::start(&["answer", "--record", pipe.to_str().unwrap()]);
    let state = format!("/proc/{}/stat", bob.child.id());
    until("it waits for somebody who reads", || {
        fs::read_to_string(&state).unwrap().contains(") S ").then_some(())
    });
    bob.terminate();
    until("it ends", || bob.child.try_wait().unwrap());
}
