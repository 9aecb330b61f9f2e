//! [`Machine`]: what voicemail does in a call: a greeting, a beep, and then what the caller says goes into a file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ruf_sip::device::{Null, Player, Recorded, Recorder, ToneGenerator};
use ruf_sip::{Frame, Rate, Source, Tone};
use tokio::task;
use tokio::time::{Instant, timeout};

use super::super::sound::Ends;
use super::super::sound_file;
use super::super::voicemail::Taking;
use crate::phone::recording::{DISK_MAX, finish};

/// Frames of 20 ms before the greeting, since the first of a call may be lost; and between it and the beep, in which
/// the recording begins.
const LEAD_FRAMES: u32 = 30;
const PAUSE_FRAMES: u32 = 30;
/// How long the beep is.
const BEEP_FRAMES: u32 = 20;
const BEEP: Tone = Tone::sine(1_000.0, -12.0);
/// What a recording has of both, before the caller is to speak.
const PRELUDE_MILLIS: u64 = 20 * (PAUSE_FRAMES + BEEP_FRAMES) as u64;
/// Whoever says less then has left no message.
const SAID_MILLIS_MIN: u64 = 800;

/// Voicemail in one call.
pub(super) struct Machine {
    /// Until it is said; in here, since tasks share what they hold.
    greeting: Mutex<Option<Player>>,
    is_greeted: Arc<AtomicBool>,
    recorder: Recorder,
    file: PathBuf,
    /// How long a message may be.
    lasts: Duration,
    /// When that is over, once there is one.
    until: Option<Instant>,
    is_done: bool,
}

/// What a caller left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Its file, and its length in milliseconds.
    pub(super) message: Option<(PathBuf, u64)>,
    /// Why that is not all.
    pub(super) trouble: Option<String>,
}

/// What is to be done for it now.
pub(super) enum Turn {
    /// Nothing.
    Wait,
    /// What is heard is the message from now on.
    Record,
    /// That was all.
    HangUp,
    /// What is said cannot be kept, or no longer; why.
    Fail(String),
}

impl Machine {
    /// One more message can be taken.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(super) async fn new(taking: Taking) -> Result<Machine, String> {
        let (file, greeting) = (taking.file.clone(), taking.greeting.clone());
        let look = task::spawn_blocking(move || {
            let folder = file.parent().unwrap_or(Path::new(""));
            let taken = bytes_in(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            // A greeting that has gone leaves the beep.
            Ok::<_, String>((taken, greeting.and_then(|file| Player::open(&file).ok())))
        });
        let late = |_| format!("{}: the disk does not answer", taking.file.display());
        let seen = timeout(DISK_MAX, look).await.map_err(late)?.map_err(|error| error.to_string())?;
        let (taken, greeting) = seen?;
        if taken >= taking.space_mib * 1_024 * 1_024 {
            return Err(format!("messages take {} MiB already", taking.space_mib));
        }
        // Who cannot keep a message does not ask for one.
        let (recorder, file) = sound_file::begin(&taking.file, Recorder::mixed_private).await?;
        Ok(Machine {
            greeting: Mutex::new(greeting),
            is_greeted: Arc::default(),
            recorder,
            file,
            lasts: Duration::from_millis(PRELUDE_MILLIS) + Duration::from_secs(taking.secs),
            until: None,
            is_done: false,
        })
    }

    /// What the caller hears, once; nobody here hears the caller.
    pub(super) fn ends(&mut self) -> Ends {
        let greeting = Greeting {
            lead: LEAD_FRAMES,
            player: self.greeting.get_mut().unwrap_or_else(PoisonError::into_inner).take(),
            is_over: Arc::clone(&self.is_greeted),
            after: 0,
            beep: ToneGenerator::new(BEEP, Rate::Hz16000),
        };
        Ends { source: Box::new(greeting), sink: Box::new(Null), recorder: None }
    }

    /// Some time went by.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        if self.is_done {
            return Turn::Wait;
        }
        let turn = match (self.recorder.trouble(), self.until) {
            (Some(why), _) => Turn::Fail(why),
            (None, None) if self.is_greeted.load(Ordering::Relaxed) => {
                self.until = Some(now + self.lasts);
                Turn::Record
            }
            (None, Some(until)) if now >= until => Turn::HangUp,
            (None, None | Some(_)) => Turn::Wait,
        };
        self.is_done = matches!(turn, Turn::HangUp | Turn::Fail(_));
        turn
    }

    /// What takes the message.
    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The caller is gone.
    pub(super) async fn left(self) -> Left {
        let Machine { recorder, file, .. } = self;
        let Recorded { millis, trouble, .. } = finish(recorder).await;
        let look = task::spawn_blocking(move || {
            let is_there = millis >= PRELUDE_MILLIS + SAID_MILLIS_MIN && file.exists();
            if !is_there {
                remove(&file);
            }
            is_there.then_some((file, millis))
        });
        // A disk that hangs has none.
        let message = timeout(DISK_MAX, look).await.ok().and_then(Result::ok).flatten();
        Left { message, trouble }
    }

    /// It has ended the call.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Somebody wants to talk to the caller: there is no message.
    pub(super) fn give_up(self) {
        // Nobody waits for it.
        task::spawn_blocking(move || remove(&self.file));
    }
}

/// What the files of a folder take; one that is not there has none.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    Ok(entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum())
}

fn remove(file: &Path) {
    // What stays is a short file in a folder of ours.
    let _ = sound_file::delete(file);
}

/// A greeting, a pause, a beep, and then silence.
struct Greeting {
    lead: u32,
    player: Option<Player>,
    is_over: Arc<AtomicBool>,
    /// Frames since it was over.
    after: u32,
    beep: ToneGenerator,
}

impl Source for Greeting {
    fn frame(&mut self) -> Option<Frame> {
        let silence = Some(Frame::silence(Rate::Hz16000));
        if self.lead > 0 {
            self.lead -= 1;
            return silence;
        }
        if let Some(frame) = self.player.as_mut().and_then(Player::frame) {
            return Some(frame);
        }
        // The file is free.
        self.player = None;
        self.is_over.store(true, Ordering::Relaxed);
        self.after = self.after.saturating_add(1);
        match self.after {
            after if after > PAUSE_FRAMES && after <= PAUSE_FRAMES + BEEP_FRAMES => self.beep.frame(),
            _ => silence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_sip::{Sink, tone_hz};

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            Folder(std::env::temp_dir().join(format!("ruf-machine-{}-{name}", std::process::id())))
        }

        fn taking(&self) -> Taking {
            Taking { file: self.0.join("m.opus"), greeting: None, secs: 3, space_mib: 1 }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn heard(recorder: &Recorder, millis: u64) {
        let mut sink = recorder.heard(Box::new(Null));
        for _ in 0..millis / 20 {
            sink.hear(&Frame::silence(Rate::Hz8000));
        }
    }

    #[tokio::test]
    async fn after_the_greeting_it_beeps_and_records_from_before_the_beep() {
        let folder = Folder::new("beep");
        fs::create_dir_all(&folder.0).unwrap();
        let greeting = folder.0.join("greeting.wav");
        let recorder = Recorder::mixed(&greeting).unwrap();
        let mut tone = recorder.said(Box::new(ToneGenerator::new(Tone::sine(500.0, -12.0), Rate::Hz16000)));
        let mut ear = recorder.heard(Box::new(Null));
        for _ in 0..50 {
            let _ = tone.frame();
            ear.hear(&Frame::silence(Rate::Hz16000));
        }
        drop((tone, ear));
        assert_eq!(recorder.finish(Duration::from_secs(20)).millis, 1_000);
        let mut machine = Machine::new(Taking { greeting: Some(greeting), ..folder.taking() }).await.unwrap();
        let Ends { mut source, .. } = machine.ends();
        let mut next = |frames: u32| -> Vec<i16> {
            (0..frames).flat_map(|_| source.frame().unwrap().to_vec()).collect()
        };
        let hz = |samples: &[i16]| tone_hz(samples, 16_000).map(|(hz, _)| hz.round());
        assert_eq!(hz(&next(LEAD_FRAMES)), None);
        assert_eq!(hz(&next(50)), Some(500.0));
        let now = Instant::now();
        assert!(matches!(machine.turn(now), Turn::Wait));
        next(1);
        assert!(matches!(machine.turn(now), Turn::Record));
        assert_eq!(hz(&next(PAUSE_FRAMES - 1)), None);
        assert_eq!(hz(&next(BEEP_FRAMES)), Some(1_000.0));
        assert!(next(100).iter().all(|sample| *sample == 0));
        assert!(matches!(machine.turn(now + Duration::from_secs(3)), Turn::Wait));
        assert!(matches!(machine.turn(now + Duration::from_secs(4)), Turn::HangUp));
        assert!(matches!(machine.turn(now + Duration::from_secs(5)), Turn::Wait), "once");
    }

    #[tokio::test]
    async fn who_says_nothing_leaves_nothing_and_no_message_is_written_over() {
        let folder = Folder::new("left");
        let left = async |millis: u64| {
            let mut machine = Machine::new(folder.taking()).await.unwrap();
            let Ends { mut source, .. } = machine.ends();
            assert!((0..=LEAD_FRAMES).all(|_| source.frame().is_some()));
            assert!(matches!(machine.turn(Instant::now()), Turn::Record));
            heard(machine.recorder(), millis);
            machine
        };
        let message =
            |name: &str, millis| Left { message: Some((folder.0.join(name), millis)), trouble: None };
        assert_eq!(left(1_780).await.left().await, Left::default());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
        assert_eq!(left(1_800).await.left().await, message("m.opus", 1_800));
        assert_eq!(left(2_000).await.left().await, message("m-2.opus", 2_000));
        left(2_000).await.give_up();
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::read_dir(&folder.0).unwrap().count() > 2 {
            assert!(Instant::now() < deadline, "it stays");
            task::yield_now().await;
        }
        // In the last moment: it has ended the call.
        let mut done = left(2_000).await;
        let last = Instant::now() + Duration::from_secs(4);
        assert!(matches!(done.turn(last), Turn::HangUp) && done.is_done());
        assert_eq!(done.left().await, message("m-3.opus", 2_000));
        assert_eq!(Machine::new(folder.taking()).await.unwrap().left().await, Left::default());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn a_message_that_is_gone_is_none_and_that_is_said() {
        let folder = Folder::new("gone");
        let mut machine = Machine::new(folder.taking()).await.unwrap();
        let Ends { mut source, .. } = machine.ends();
        assert!((0..=LEAD_FRAMES).all(|_| source.frame().is_some()));
        assert!(matches!(machine.turn(Instant::now()), Turn::Record));
        heard(machine.recorder(), 2_000);
        fs::remove_dir_all(&folder.0).unwrap();
        let Left { message, trouble } = machine.left().await;
        assert_eq!(message, None);
        assert_eq!(trouble.unwrap(), "the file was deleted meanwhile");
    }

    #[tokio::test]
    async fn a_folder_that_is_full_takes_no_more() {
        let folder = Folder::new("full");
        assert!(Machine::new(folder.taking()).await.is_ok(), "there is none yet");
        fs::create_dir_all(&folder.0).unwrap();
        fs::File::create(folder.0.join("old.opus")).unwrap().set_len(1_024 * 1_024).unwrap();
        let why = Machine::new(folder.taking()).await.map(drop).unwrap_err();
        assert_eq!(why, "messages take 1 MiB already");
    }

    #[tokio::test]
    async fn who_can_keep_no_message_asks_for_none() {
        let folder = Folder::new("unkept");
        let file = folder.0.join("x".repeat(300)).with_extension("opus");
        let why = Machine::new(Taking { file, ..folder.taking() }).await.map(drop).unwrap_err();
        assert!(why.contains("cannot be written: File name too long"), "{why}");
    }
}
