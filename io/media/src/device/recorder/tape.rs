//! [`Tape`]: what was heard and said and waits for the disk, and the thread that writes it. Whoever has sound to record
//! puts it here and goes on at once: a disk that is slow is never waited for on the thread of sound.
//!
//! What waits is bounded. What does not fit is counted, and is silence in the file, so that the file keeps its time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ruf_audio::{Converter, Frame, Mix, Rate};

/// Frames that wait for the disk, at most: 10 s.
pub(super) const WAITING_FRAMES_MAX: usize = 500;

/// A file that is written frame by frame, and is whole when it is dropped.
pub(in super::super) trait File: Send {
    /// The rate of all frames.
    fn rate(&self) -> Rate;

    /// A frame of each channel.
    fn write(&mut self, channels: &[&Frame]) -> io::Result<()>;
}

/// Between a call and the thread that writes what is recorded of it.
#[derive(Debug, Default)]
pub(in super::super) struct Tape {
    waiting: Mutex<Waiting>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    /// The last that was said; it is recorded with what is heard next.
    said: Option<Box<Frame>>,
    counts: Counts,
    /// Nothing more is taken.
    is_closed: bool,
}

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Frames that are in the file, or will be.
    pub(super) frames: u64,
    /// Of them those that are silence, since they did not fit.
    pub(super) lost: u64,
    /// Why nothing could be written any more.
    pub(super) trouble: Option<String>,
}

/// What is written in one go.
#[derive(Debug)]
enum Piece {
    Heard {
        heard: Box<Frame>,
        said: Option<Box<Frame>>,
    },
    /// So many frames did not fit.
    Lost(u64),
}

impl Tape {
    /// 20 ms were heard.
    pub(in super::super) fn hear(&self, frame: &Frame) {
        let mut waiting = self.waiting();
        let said = waiting.said.take();
        if waiting.is_closed {
            return;
        }
        waiting.counts.frames += 1;
        if waiting.pieces.len() < WAITING_FRAMES_MAX {
            waiting.pieces.push_back(Piece::Heard { heard: Box::new(frame.clone()), said });
        } else {
            waiting.counts.lost += 1;
            match waiting.pieces.back_mut() {
                Some(Piece::Lost(frames)) => *frames += 1,
                Some(Piece::Heard { .. }) | None => waiting.pieces.push_back(Piece::Lost(1)),
            }
        }
        self.woken.notify_one();
    }

    /// 20 ms were said, or nothing was.
    pub(in super::super) fn say(&self, frame: Option<&Frame>) {
        self.waiting().said = frame.cloned().map(Box::new);
    }

    pub(super) fn counts(&self) -> Counts {
        self.waiting().counts.clone()
    }

    /// Nothing more is taken; what waits is still written.
    pub(super) fn close(&self) {
        self.waiting().is_closed = true;
        self.woken.notify_one();
    }

    /// Writes what comes until it is closed, or nothing can be written any more. On a thread of its own.
    pub(super) fn write(&self, mut file: impl File, is_mixed: bool) {
        let rate = file.rate();
        let silence = Frame::silence(rate);
        let (mut hears, mut says) = (Converter::new(), Converter::new());
        let mut written = 0;
        while let Some(piece) = self.next() {
            let (frames, heard, said) = match piece {
                Piece::Lost(frames) => (frames, silence.clone(), silence.clone()),
                Piece::Heard { heard, said } => {
                    let said = said.map(|said| says.convert(*said, rate));
                    (1, hears.convert(*heard, rate), said.unwrap_or_else(|| silence.clone()))
                }
            };
            let outcome = (0..frames).try_for_each(|_| {
                if is_mixed {
                    file.write(&[&mixed(&heard, &said)])?;
                } else {
                    file.write(&[&heard, &said])?;
                }
                written += 1;
                Ok(())
            });
            if let Err(error) = outcome {
                // A full disk ends the recording, not the call.
                self.fail(written, &error);
            }
        }
    }

    /// What is to be written next; nothing: that was all.
    fn next(&self) -> Option<Piece> {
        let waits = |waiting: &mut Waiting| waiting.pieces.is_empty() && !waiting.is_closed;
        let mut waiting =
            self.woken.wait_while(self.waiting(), waits).unwrap_or_else(PoisonError::into_inner);
        waiting.pieces.pop_front()
    }

    fn fail(&self, written: u64, error: &io::Error) {
        let mut waiting = self.waiting();
        waiting.is_closed = true;
        waiting.pieces.clear();
        waiting.counts.frames = written;
        waiting.counts.trouble = Some(error.to_string());
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both in one channel; they have the same rate.
fn mixed(heard: &Frame, said: &Frame) -> Frame {
    let mut mix = Mix::new(heard.rate());
    let _ = mix.add(heard) && mix.add(said);
    mix.all()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::Recorder;
    use super::*;
    use crate::device::{Null, wav};

    /// The longest that is waited for what another thread does.
    const WAIT: Duration = Duration::from_secs(20);

    /// A file on a disk that does nothing until it is let go.
    struct Stuck {
        file: std::fs::File,
        is_free: mpsc::Receiver<()>,
    }

    impl Write for Stuck {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            // For good, once the other end is gone.
            let _ = self.is_free.recv();
            self.file.write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Seek for Stuck {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn a_disk_that_hangs_holds_up_no_sound_and_what_it_lost_is_silence_at_its_time() {
        let path = std::env::temp_dir().join(format!("ruf-media-tape-{}.wav", std::process::id()));
        let recorder;
        // Closed first whatever happens: then nobody waits for the disk.
        let (free, is_free) = mpsc::channel();
        let file = Stuck { file: std::fs::File::create(&path).unwrap(), is_free };
        recorder = Recorder::write(wav::Writer::begin(file, 2).unwrap(), false).unwrap();
        let mut sink = recorder.heard(Box::new(Null));
        let (goes_on, went_on) = mpsc::channel();
        let sound = thread::spawn(move || {
            // Every frame says in which second it was heard.
            for frame in 0..1_000_i16 {
                sink.hear(&Frame::of(Rate::Hz16000, &[1 + frame / 50; 320]));
                goes_on.send(()).unwrap();
            }
            sink
        });
        for frame in 0..1_000 {
            assert!(went_on.recv_timeout(WAIT).is_ok(), "after {frame} frames the sound waits for the disk");
        }
        let mut sink = sound.join().unwrap();
        assert_eq!((recorder.millis(), recorder.trouble()), (20_000, None));
        let lost = recorder.lost_millis() / 20;
        let fitted = WAITING_FRAMES_MAX as u64;
        // What was on its way to the disk when that stopped does not wait any more.
        assert!((1_000 - fitted - 50..=1_000 - fitted).contains(&lost), "{lost}");
        drop(free);
        // There is room again.
        let deadline = Instant::now() + WAIT;
        while !recorder.0.tape.waiting().pieces.is_empty() {
            assert!(Instant::now() < deadline, "not all is written");
            thread::yield_now();
        }
        sink.hear(&Frame::of(Rate::Hz16000, &[77; 320]));
        drop(recorder);
        // The end of a call that is still there keeps nothing open.
        sink.hear(&Frame::silence(Rate::Hz16000));
        let heard: Vec<i16> =
            hound::WavReader::open(&path).unwrap().samples().step_by(640).map(Result::unwrap).collect();
        let second = |frame: u64| if frame < 1_000 - lost { 1 + (frame / 50) as i16 } else { 0 };
        let wanted: Vec<i16> = (0..1_000).map(second).chain([77]).collect();
        assert_eq!(heard, wanted);
        std::fs::remove_file(&path).unwrap();
    }
}
