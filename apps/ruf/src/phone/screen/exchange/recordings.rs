//! [`Recordings`]: what is recorded of one call: at a key, by voicemail, and by the plan for sound. The call never waits
//! for the disk, but its end does. Not here: where the files are (`sound_file`).

use std::mem;

use ruf_sip::device::{Recorder, Tap};
use tokio::task::JoinSet;

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
    /// Those that wait for the disk.
    finishing: JoinSet<()>,
}

impl Recordings {
    /// Records from now on.
    pub(super) fn begin(&mut self, recorder: Recorder) {
        self.tap.record(Some(&recorder));
        let before = self.at_key.replace(recorder);
        self.finish(before);
        self.has_lost = false;
    }

    /// No longer.
    pub(super) fn stop(&mut self) {
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
    pub(super) fn finish(&mut self, recorder: Option<Recorder>) {
        if let Some(recorder) = recorder {
            self.finishing.spawn(finish(recorder));
        }
    }

    /// Why nothing can be recorded any more.
    pub(super) fn trouble(&self) -> Option<String> {
        self.at_key.as_ref().and_then(Recorder::trouble)
    }

    /// A part is silence since the disk is too slow, of what is recorded at a key or else of this; once.
    pub(super) fn has_lost(&mut self, or: Option<&Recorder>) -> bool {
        let loses = self.at_key.as_ref().or(or).is_some_and(|recorder| recorder.lost_millis() > 0);
        loses && !mem::replace(&mut self.has_lost, true)
    }

    /// The call is over: all files are whole after this.
    pub(super) async fn end(&mut self) {
        self.stop();
        self.plan(None);
        while self.finishing.join_next().await.is_some() {}
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

    #[tokio::test]
    async fn that_a_disk_is_too_slow_is_told_once() {
        let path = std::env::temp_dir().join(format!("ruf-recordings-{}.opus", std::process::id()));
        // A pipe takes a few seconds of sound, and then nothing until somebody reads.
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut recordings = Recordings::default();
        // Closed first whatever happens: then nobody waits for the pipe.
        let mut reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        recordings.begin(Recorder::create(&path).unwrap());
        let mut sink = recordings.tap.heard(Box::new(Null));
        let mut tone = ToneGenerator::new(Tone::sine(700.0, -10.0), Rate::Hz16000);
        assert!(!recordings.has_lost(None));
        let mut frames = 0;
        while !recordings.has_lost(None) {
            sink.hear(&tone.frame().unwrap());
            frames += 1;
            assert!(frames < 50_000, "the pipe takes it all");
        }
        assert!(!recordings.has_lost(None), "once");
        recordings.stop();
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
        recordings.end().await;
        assert!(read.await.unwrap().starts_with(b"OggS"));
        fs::remove_file(&path).unwrap();
    }
}
