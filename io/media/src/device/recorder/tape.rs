//! [`Tape`]: what was heard and said and waits for the disk, and the thread that writes it. Whoever has sound to record
//! puts it here and goes on at once: a disk that is slow is never waited for on the thread of sound.
//!
//! What waits is bounded. What does not fit is counted, and is silence in the file, so that the file keeps its time.
//! What was taken is counted, and what of it is in the file: a disk that fails makes the first the second.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ruf_audio::{Converter, FRAME_MS, Frame, Mix, Rate};

use super::Recorded;

/// Frames that wait for the disk, at most: 10 s.
pub(super) const WAITING_FRAMES_MAX: usize = 500;

/// A file that is written frame by frame.
pub(in super::super) trait File: Send {
    /// The rate of all frames.
    fn rate(&self) -> Rate;

    /// A frame of each channel. `true`: all that was written is in the file now, as whoever reads it finds.
    fn write(&mut self, channels: &[&Frame]) -> io::Result<bool>;

    /// That was all: it is in the file after this.
    fn end(&mut self) -> io::Result<()>;
}

/// Between a call and the thread that writes what is recorded of it.
#[derive(Debug, Default)]
pub(in super::super) struct Tape {
    waiting: Mutex<Waiting>,
    /// There is something to write, or nothing will be any more; and: nothing is written any more.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    /// The last that was said; it is recorded with what is heard next.
    said: Option<Box<Frame>>,
    /// What is in the file, or will be.
    taken: Count,
    /// What is in the file.
    kept: Count,
    /// Nothing more is taken.
    is_closed: bool,
    /// Nothing more is written.
    is_over: bool,
    /// Why nothing could be written any more.
    trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    frames: u64,
    /// Of them those that are silence, since they did not fit.
    lost: u64,
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
        waiting.taken.frames += 1;
        if waiting.pieces.len() < WAITING_FRAMES_MAX {
            waiting.pieces.push_back(Piece::Heard { heard: Box::new(frame.clone()), said });
        } else {
            waiting.taken.lost += 1;
            match waiting.pieces.back_mut() {
                Some(Piece::Lost(frames)) => *frames += 1,
                Some(Piece::Heard { .. }) | None => waiting.pieces.push_back(Piece::Lost(1)),
            }
        }
        self.changed.notify_all();
    }

    /// 20 ms were said, or nothing was.
    pub(in super::super) fn say(&self, frame: Option<&Frame>) {
        self.waiting().said = frame.cloned().map(Box::new);
    }

    /// With what still waits for the disk.
    pub(super) fn recorded(&self) -> Recorded {
        let waiting = self.waiting();
        waiting.taken.recorded(waiting.trouble.clone())
    }

    /// Nothing more is taken; what waits is still written.
    pub(super) fn close(&self) {
        self.waiting().is_closed = true;
        self.changed.notify_all();
    }

    /// What is in the file when all is written, or when this time is over.
    pub(super) fn written(&self, patience: Duration) -> Recorded {
        let is_written = |waiting: &mut Waiting| !waiting.is_over;
        let outcome = self.changed.wait_timeout_while(self.waiting(), patience, is_written);
        let (waiting, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        let late = || format!("the disk has not taken the rest in {} s", patience.as_secs_f64());
        let trouble = waiting.trouble.clone().or_else(|| (!waiting.is_over).then(late));
        waiting.kept.recorded(trouble)
    }

    /// Writes what comes until it is closed, or nothing can be written any more. On a thread of its own. `sync` has the
    /// disk keep what the file holds.
    pub(super) fn write(&self, mut file: impl File, is_mixed: bool, sync: impl FnOnce() -> io::Result<()>) {
        let written = self.copy(&mut file, is_mixed).and_then(|count| {
            file.end()?;
            self.waiting().kept = count;
            sync()
        });
        if written.is_ok() {
            // It is free before anybody hears that it is over.
            drop(file);
        }
        // A full disk ends the recording, not the call.
        let mut waiting = self.waiting();
        if let Err(error) = written {
            waiting.trouble = Some(error.to_string());
            waiting.taken = waiting.kept;
        }
        waiting.pieces.clear();
        (waiting.is_closed, waiting.is_over) = (true, true);
        self.changed.notify_all();
    }

    /// Writes all that comes, and says how much that was.
    fn copy(&self, file: &mut impl File, is_mixed: bool) -> io::Result<Count> {
        let rate = file.rate();
        let silence = Frame::silence(rate);
        let (mut hears, mut says) = (Converter::new(), Converter::new());
        let mut count = Count::default();
        while let Some(piece) = self.next() {
            let (frames, lost, heard, said) = match piece {
                Piece::Lost(frames) => (frames, 1, silence.clone(), silence.clone()),
                Piece::Heard { heard, said } => {
                    let said = said.map(|said| says.convert(*said, rate));
                    (1, 0, hears.convert(*heard, rate), said.unwrap_or_else(|| silence.clone()))
                }
            };
            for _ in 0..frames {
                let is_kept = match is_mixed {
                    true => file.write(&[&mixed(&heard, &said)])?,
                    false => file.write(&[&heard, &said])?,
                };
                count.frames += 1;
                count.lost += lost;
                if is_kept {
                    self.waiting().kept = count;
                }
            }
        }
        Ok(count)
    }

    /// What is to be written next; nothing: that was all.
    fn next(&self) -> Option<Piece> {
        let waits = |waiting: &mut Waiting| waiting.pieces.is_empty() && !waiting.is_closed;
        let mut waiting =
            self.changed.wait_while(self.waiting(), waits).unwrap_or_else(PoisonError::into_inner);
        waiting.pieces.pop_front()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn recorded(self, trouble: Option<String>) -> Recorded {
        let millis = |frames| frames * u64::from(FRAME_MS);
        Recorded { millis: millis(self.frames), lost_millis: millis(self.lost), trouble }
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
    use std::path::Path;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use super::super::Recorder;
    use super::*;
    use crate::device::scratch::Place;
    use crate::device::{Null, wav};

    /// The longest that is waited for what another thread does.
    const WAIT: Duration = Duration::from_secs(20);

    /// A file on a disk that does nothing, once the header is there, until it is let go; and then takes no more than
    /// this.
    struct Stuck {
        file: std::fs::File,
        is_free: mpsc::Receiver<()>,
        bytes_max: u64,
    }

    impl Stuck {
        fn recorder(path: &Path, bytes_max: u64) -> (Recorder, mpsc::Sender<()>) {
            let (free, is_free) = mpsc::channel();
            let file = Stuck { file: std::fs::File::create(path).unwrap(), is_free, bytes_max };
            let file = wav::Writer::begin(file, 2).unwrap();
            (Recorder::write(file, false, || Ok(())).unwrap(), free)
        }
    }

    impl Write for Stuck {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let at = self.file.stream_position()?;
            if at > 0 {
                // For good, once the other end is gone.
                let _ = self.is_free.recv();
            }
            let room = usize::try_from(self.bytes_max.saturating_sub(at)).unwrap();
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.file.write(&octets[..octets.len().min(room)])
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
        let Place(path) = &Place::new("late.wav");
        let (recorder, free) = Stuck::recorder(path, u64::MAX);
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
        while !recorder.0.0.waiting().pieces.is_empty() {
            assert!(Instant::now() < deadline, "not all is written");
            thread::yield_now();
        }
        sink.hear(&Frame::of(Rate::Hz16000, &[77; 320]));
        // The end of a call that is still there keeps nothing open.
        let [millis, lost_millis] = [1_001, lost].map(|frames| frames * 20);
        assert_eq!(recorder.finish(WAIT), Recorded { millis, lost_millis, trouble: None });
        sink.hear(&Frame::silence(Rate::Hz16000));
        let heard: Vec<i16> =
            hound::WavReader::open(path).unwrap().samples().step_by(640).map(Result::unwrap).collect();
        // What was lost may be followed by what fitted again, before the disk hung.
        let is_silence = |sound: &&i16| **sound == 0;
        let is_in_time = |(frame, sound): (usize, &i16)| *sound == 0 || *sound == 1 + (frame / 50) as i16;
        let (last, before) = heard.split_last().unwrap();
        assert_eq!((*last, before.len(), before.iter().filter(is_silence).count() as u64), (77, 1_000, lost));
        assert!(before.iter().enumerate().all(is_in_time), "{heard:?}");
    }

    /// So many frames of sound, each of them loud.
    fn heard(recorder: &Recorder, frames: u64) {
        let mut sink = recorder.heard(Box::new(Null));
        (0..frames).for_each(|_| sink.hear(&Frame::of(Rate::Hz16000, &[9; 320])));
    }

    #[test]
    fn who_drops_or_finishes_a_recording_does_not_wait_for_a_disk_that_hangs() {
        let Place(path) = &Place::new("hangs.wav");
        for is_dropped in [true, false] {
            let (recorder, free) = Stuck::recorder(path, u64::MAX);
            heard(&recorder, 60);
            let (tells, told) = mpsc::channel();
            thread::spawn(move || {
                let recorded = match is_dropped {
                    true => {
                        drop(recorder);
                        Recorded::default()
                    }
                    false => recorder.finish(Duration::ZERO),
                };
                tells.send(recorded).unwrap();
            });
            let recorded = told.recv_timeout(WAIT).unwrap();
            let trouble = (!is_dropped).then(|| "the disk has not taken the rest in 0 s".to_owned());
            assert_eq!(recorded, Recorded { trouble, ..Recorded::default() });
            // It is written all the same, when that becomes possible.
            drop(free);
            let deadline = Instant::now() + WAIT;
            while hound::WavReader::open(path).unwrap().duration() < 60 * 320 {
                assert!(Instant::now() < deadline, "not all is written");
                thread::yield_now();
            }
        }
    }

    #[test]
    fn a_disk_that_is_full_ends_the_recording_and_what_is_counted_is_in_the_file() {
        let Place(path) = &Place::new("full.wav");
        // With room for 12.5 s; 10 s wait, the rest is lost.
        let (recorder, free) = Stuck::recorder(path, 44 + 625 * 1_280);
        heard(&recorder, 800);
        assert!(recorder.lost_millis() > 4_000 && recorder.trouble().is_none());
        drop(free);
        let deadline = Instant::now() + WAIT;
        while recorder.trouble().is_none() {
            assert!(Instant::now() < deadline, "it is not said");
            thread::yield_now();
        }
        // What comes now is not recorded.
        heard(&recorder, 10);
        let told = (recorder.millis(), recorder.lost_millis());
        let recorded = recorder.finish(WAIT);
        assert_eq!((recorded.millis, recorded.lost_millis), told);
        assert_eq!(recorded.trouble.unwrap(), "no storage space");
        let samples: Vec<i16> =
            hound::WavReader::open(path).unwrap().samples().step_by(640).map(Result::unwrap).collect();
        let lost = samples.iter().filter(|sample| **sample == 0).count();
        assert_eq!([samples.len(), lost].map(|frames| frames as u64 * 20), [told.0, told.1]);
        assert_eq!(told.0, 12_000);
    }

    #[test]
    fn a_disk_that_fails_at_the_very_end_is_said_and_what_it_did_not_take_is_not_counted() {
        let Place(path) = &Place::new("end.wav");
        // It has room for what comes within a second, but not for what comes then.
        let (recorder, free) = Stuck::recorder(path, 44 + 60 * 1_280);
        drop(free);
        heard(&recorder, 70);
        assert_eq!(recorder.trouble(), None);
        let recorded = recorder.finish(WAIT);
        let trouble = Some("no storage space".to_owned());
        assert_eq!(recorded, Recorded { millis: 1_000, lost_millis: 0, trouble });
        assert_eq!(hound::WavReader::open(path).unwrap().duration(), 50 * 320);
        // Or that it cannot keep what it took.
        let file = wav::Writer::begin(std::fs::File::create(path).unwrap(), 2).unwrap();
        let recorder = Recorder::write(file, false, || Err(io::Error::other("broken"))).unwrap();
        heard(&recorder, 70);
        let recorded = recorder.finish(WAIT);
        assert_eq!(recorded, Recorded { millis: 1_400, lost_millis: 0, trouble: Some("broken".to_owned()) });
    }
}
