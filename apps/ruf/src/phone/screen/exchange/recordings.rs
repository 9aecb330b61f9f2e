//! [`Recordings`]: what is recorded of one call: at a key, by voicemail, and by the plan for sound. The call never waits
//! for the disk, but its end does. Not here: where the files are (`sound_file`).

use std::mem;
use std::path::PathBuf;

use ruf_sip::device::{Recorded, Recorder, Tap};
use tokio::task::JoinSet;

use super::super::sound_file;
use crate::phone::recording::finish;

/// The recordings of a call.
#[derive(Default)]
pub(super) struct Recordings {
    /// Where its sound goes through.
    pub(super) tap: Tap,
    /// What goes through there goes here, too.
    at_key: Option<Recorder>,
    /// That a part of a recording is silence was told.
    has_lost: bool,
    planned: Option<Recorder>,
    /// One for a key that waits for its file.
    beginning: JoinSet<Begun>,
    /// Those that wait for the disk.
    finishing: JoinSet<Recorded>,
}

/// A recording and its file, or why there is none.
pub(super) type Begun = Result<(Recorder, PathBuf), String>;

impl Recordings {
    /// Is to record into this file, or into one of a name like it, as soon as it is there.
    pub(super) fn ask(&mut self, file: PathBuf) {
        self.beginning.spawn(async move { sound_file::begin(&file, Recorder::create_private).await });
    }

    /// What came of that; `None`: nothing is asked for. May be dropped and called again.
    pub(super) async fn begun(&mut self) -> Option<Begun> {
        self.beginning.join_next().await?.ok()
    }

    /// Records from now on.
    pub(super) fn begin(&mut self, recorder: Recorder) {
        self.tap.record(Some(&recorder));
        let before = self.at_key.replace(recorder);
        self.finish(before);
        self.has_lost = false;
    }

    /// No longer.
    pub(super) fn stop(&mut self) {
        self.beginning = JoinSet::new();
        self.tap.record(None);
        let recorder = self.at_key.take();
        self.finish(recorder);
    }

    /// The plan for sound records into this from now on.
    pub(super) fn plan(&mut self, recorder: Option<Recorder>) {
        let before = mem::replace(&mut self.planned, recorder);
        self.finish(before);
    }

    /// A recording is over.
    fn finish(&mut self, recorder: Option<Recorder>) {
        if let Some(recorder) = recorder {
            self.finishing.spawn(finish(recorder));
        }
    }

    /// Nothing can be recorded any more at a key, and why: said once.
    pub(super) fn fails(&mut self) -> Option<String> {
        let trouble = self.at_key.as_ref().and_then(Recorder::trouble)?;
        self.tap.record(None);
        self.at_key = None;
        Some(trouble)
    }

    /// A part is silence since the disk is too slow, of what is recorded at a key or else of this; once.
    pub(super) fn has_lost(&mut self, or: Option<&Recorder>) -> bool {
        let loses = self.at_key.as_ref().or(or).is_some_and(|recorder| recorder.lost_millis() > 0);
        loses && !mem::replace(&mut self.has_lost, true)
    }

    /// The call is over: all files are whole after this, or why one of them is not.
    pub(super) async fn end(&mut self) -> Option<String> {
        self.stop();
        self.plan(None);
        let mut trouble = None;
        while let Some(finished) = self.finishing.join_next().await {
            trouble = trouble.or(finished.ok().and_then(|recorded| recorded.trouble));
        }
        trouble
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::process::Command;

    use ruf_sip::device::{Null, ToneGenerator};
    use ruf_sip::{Rate, Source, Tone};

    use super::*;

    /// A pipe: it takes a few seconds of sound, and then nothing until somebody reads.
    struct Pipe {
        path: PathBuf,
        /// Nobody reads; with this dropped, nobody will.
        reader: fs::File,
    }

    impl Pipe {
        fn new(name: &str) -> Pipe {
            let path =
                std::env::temp_dir().join(format!("ruf-recordings-{}-{name}.opus", std::process::id()));
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            let reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
            Pipe { path, reader }
        }

        /// Records into it, and hears until something holds.
        fn until(&self, recordings: &mut Recordings, holds: impl Fn(&mut Recordings) -> bool) {
            recordings.begin(Recorder::create(&self.path).unwrap());
            let mut sink = recordings.tap.heard(Box::new(Null));
            let mut tone = ToneGenerator::new(Tone::sine(700.0, -10.0), Rate::Hz16000);
            assert!(!holds(recordings));
            let mut frames = 0;
            while !holds(recordings) {
                sink.hear(&tone.frame().unwrap());
                frames += 1;
                assert!(frames < 50_000, "the pipe takes it all");
            }
        }
    }

    #[tokio::test]
    async fn who_stops_before_there_is_a_file_has_none() {
        let mut recordings = Recordings::default();
        let folder = std::env::temp_dir().join(format!("ruf-recordings-{}", std::process::id()));
        recordings.ask(folder.join("first.opus"));
        recordings.stop();
        assert!(recordings.begun().await.is_none());
        recordings.ask(folder.join("second.opus"));
        let (recorder, file) = recordings.begun().await.unwrap().unwrap();
        assert_eq!(file, folder.join("second.opus"));
        recordings.begin(recorder);
        assert_eq!(recordings.end().await, None);
        // The first was not begun, or too late.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while fs::read_dir(&folder).unwrap().count() > 1 {
            assert!(std::time::Instant::now() < deadline, "it stays");
            tokio::task::yield_now().await;
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn that_a_disk_is_too_slow_is_told_once() {
        let mut recordings = Recordings::default();
        let pipe = Pipe::new("slow");
        pipe.until(&mut recordings, |recordings| recordings.has_lost(None));
        assert!(!recordings.has_lost(None), "once");
        recordings.stop();
        let Pipe { path, mut reader } = pipe;
        let read = tokio::task::spawn_blocking(move || {
            let mut file = Vec::new();
            let mut octets = [0; 4_096];
            // Until the last page, which says so.
            while !file.windows(6).any(|window: &[u8]| window == b"OggS\0\x04") {
                let read = io::Read::read(&mut reader, &mut octets).unwrap();
                file.extend_from_slice(&octets[..read]);
            }
            file
        });
        assert_eq!(recordings.end().await, None);
        assert!(read.await.unwrap().starts_with(b"OggS"));
        fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_hangs_does_not_keep_a_call_from_its_end() {
        let mut recordings = Recordings::default();
        let pipe = Pipe::new("hangs");
        pipe.until(&mut recordings, |recordings| recordings.has_lost(None));
        assert_eq!(recordings.end().await.unwrap(), "the disk has not taken the rest in 5 s");
        fs::remove_file(&pipe.path).unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_fails_is_told_once() {
        let mut recordings = Recordings::default();
        let pipe = Pipe::new("fails");
        pipe.until(&mut recordings, |recordings| recordings.has_lost(None));
        drop(pipe.reader);
        let trouble = loop {
            if let Some(trouble) = recordings.fails() {
                break trouble;
            }
            tokio::task::yield_now().await;
        };
        assert!(trouble.contains("Broken pipe"), "{trouble}");
        assert_eq!((recordings.fails(), recordings.end().await), (None, None));
        fs::remove_file(&pipe.path).unwrap();
    }
}
