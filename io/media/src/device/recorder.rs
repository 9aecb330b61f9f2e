//! [`Recorder`]: both sides of a call into a file. Not here: how that is opened, and kept by the disk (`place`); what
//! waits for the disk, and the thread that writes it (`tape`).

mod place;
mod tape;

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use opus::Channels;

use place::{emptied, keep, private};
pub(super) use tape::{File, Tape};

use super::{FileError, Sink, Source, Tap, ogg, wav};

/// Records a call into a file: Opus in Ogg if its name ends in `.opus`, `.ogg` or `.oga`, otherwise WAV. A thread of its
/// own writes it, so that no call waits for the disk; what the disk is too slow for is silence in the file
/// ([`Recorder::lost_millis`]). The file is whole at any time, but for the last second and for what waits for the disk.
///
/// A recording ends with the last clone of this, whatever its ends in a call still hear. A drop waits for nothing: the
/// rest is written while the process goes on. [`Recorder::finish`] waits, and says what became of it.
#[derive(Clone)]
pub struct Recorder(Arc<Open>);

/// The tape is written as long as there is this.
struct Open(Arc<Tape>);

/// What became of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How long what is in the file is, in milliseconds.
    pub millis: u64,
    /// How much of it is silence, in milliseconds, since the disk was too slow for it.
    pub lost_millis: u64,
    /// Why that is not all.
    pub trouble: Option<String>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorder").finish()
    }
}

impl Recorder {
    /// Begins a file of two channels: what is heard on the left, what is said on the right. What the file was before
    /// is gone.
    ///
    /// # Errors
    /// It cannot be written, or another recording is.
    pub fn create(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, emptied(path), false)
    }

    /// Begins a file of one channel, in which both are heard.
    ///
    /// # Errors
    /// As [`Recorder::create`].
    pub fn mixed(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, emptied(path), true)
    }

    /// As [`Recorder::create`], where no such file is; its owner alone may read it.
    ///
    /// # Errors
    /// There is one, or it cannot be written.
    pub fn create_private(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin_new(path, private(path), false)
    }

    /// As [`Recorder::mixed`], where no such file is; its owner alone may read it.
    ///
    /// # Errors
    /// There is one, or it cannot be written.
    pub fn mixed_private(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin_new(path, private(path), true)
    }

    /// One that was made for this is gone if it cannot be written.
    fn begin_new(path: &Path, file: io::Result<fs::File>, is_mixed: bool) -> Result<Recorder, FileError> {
        let is_made = file.is_ok();
        Recorder::begin(path, file, is_mixed).inspect_err(|_| {
            if is_made {
                // What stays is an empty file.
                let _ = fs::remove_file(path);
            }
        })
    }

    fn begin(path: &Path, file: io::Result<fs::File>, is_mixed: bool) -> Result<Recorder, FileError> {
        file.and_then(|file| {
            let kept = file.try_clone()?;
            let sync = move || keep(&kept);
            match is_opus(path) {
                true => {
                    let channels = if is_mixed { Channels::Mono } else { Channels::Stereo };
                    Recorder::write(ogg::Writer::begin(file, channels)?, is_mixed, sync)
                }
                false => {
                    Recorder::write(wav::Writer::begin(file, if is_mixed { 1 } else { 2 })?, is_mixed, sync)
                }
            }
        })
        .map_err(|error| FileError(format!("{} cannot be written: {error}", path.display())))
    }

    /// Into a file of one channel or of two; at the end `sync` has the disk keep it.
    fn write(
        file: impl File + 'static,
        is_mixed: bool,
        sync: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<Recorder> {
        let tape = Arc::new(Tape::default());
        let written = Arc::clone(&tape);
        let thread = thread::Builder::new().name("ruf-recorder".to_owned());
        // Nobody joins it: a disk that hangs would hold up whoever did.
        drop(thread.spawn(move || written.write(file, is_mixed, sync))?);
        Ok(Recorder(Arc::new(Open(tape))))
    }

    /// Records what is heard, and passes it on.
    pub fn heard(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        self.tap().heard(sink)
    }

    /// Records what this source says.
    pub fn said(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        self.tap().said(source)
    }

    /// How long what was recorded is, in milliseconds, with what still waits for the disk.
    pub fn millis(&self) -> u64 {
        self.0.0.recorded().millis
    }

    /// How much of it is silence, in milliseconds, since the disk was too slow for it.
    pub fn lost_millis(&self) -> u64 {
        self.0.0.recorded().lost_millis
    }

    /// Why nothing is recorded any more, though it should be: a disk is full.
    pub fn trouble(&self) -> Option<String> {
        self.0.0.recorded().trouble
    }

    /// Ends the recording, and waits until its file is whole and the disk has it, for so long at most; says what is in
    /// the file then. While there are clones of this it goes on, and nothing is waited for.
    pub fn finish(self, patience: Duration) -> Recorded {
        let tape = self.tape();
        match Arc::into_inner(self.0) {
            Some(last) => {
                drop(last);
                tape.written(patience)
            }
            None => tape.recorded(),
        }
    }

    /// Where a call puts what is to be recorded; it does not keep the recording going.
    pub(super) fn tape(&self) -> Arc<Tape> {
        Arc::clone(&self.0.0)
    }

    fn tap(&self) -> Tap {
        let tap = Tap::default();
        tap.record(Some(self));
        tap
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What the name asks for.
fn is_opus(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    ["opus", "ogg", "oga"].into_iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::scratch::Place;
    use crate::device::{Null, Player, ToneGenerator};
    use ruf_audio::{Rate, Tone, tone_hz};
    use std::time::Instant;

    /// The longest that is waited for what another thread does.
    const WAIT: Duration = Duration::from_secs(20);

    /// 2.2 s in which 440 Hz is heard and 700 Hz said, of a recorder that is still there.
    fn recorded(recorder: &Recorder) {
        let mut sink = recorder.heard(Box::new(Null));
        let tone = ToneGenerator::new(Tone::sine(700.0, -10.0), Rate::Hz16000);
        let mut source = recorder.said(Box::new(tone));
        let mut far = ToneGenerator::new(Tone::sine(440.0, -6.0), Rate::Hz8000);
        for _ in 0..110 {
            sink.hear(&far.frame().unwrap());
            let _ = source.frame();
        }
    }

    /// Waits for a state, with a deadline.
    fn until(what: &str, is: impl Fn() -> bool) {
        let deadline = Instant::now() + WAIT;
        while !is() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            thread::yield_now();
        }
    }

    /// Ends it; all is in the file.
    fn ends(recorder: Recorder) {
        assert_eq!(recorder.finish(WAIT), Recorded { millis: 2_200, lost_millis: 0, trouble: None });
    }

    fn is(samples: &[i16], rate: Rate, wanted: f32) -> bool {
        let middle = &samples[samples.len() / 4..];
        tone_hz(middle, rate.hz()).is_some_and(|(hz, _)| (hz - wanted).abs() < 2.0)
    }

    #[test]
    fn a_recording_has_both_sides_and_is_whole_before_it_ends() {
        let place = Place::new("sides.wav");
        let recorder = Recorder::create(&place.0).unwrap();
        recorded(&recorder);
        // As after kill -9: nothing was closed.
        let open = || hound::WavReader::open(&place.0);
        until("two seconds are whole", || open().is_ok_and(|reader| reader.duration() >= 100 * 320));
        let mut reader = open().unwrap();
        assert_eq!(reader.duration(), 100 * 320);
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        for (channel, wanted) in [(0, 440.0), (1, 700.0)] {
            let side: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
            assert!(is(&side, Rate::Hz16000, wanted));
        }
        ends(recorder);
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 110 * 320);
    }

    #[test]
    fn a_recording_in_opus_is_whole_before_it_ends_and_then_to_the_sample() {
        // tests rfc7845 §4.4, §5.1, §5.2
        for mixed in [false, true] {
            let place = Place::new(if mixed { "mixed.opus" } else { "sides.OGG" });
            let create = if mixed { Recorder::mixed } else { Recorder::create };
            let recorder = create(&place.0).unwrap();
            recorded(&recorder);
            let millis = || Player::open(&place.0).map_or(0, |player| player.millis());
            until("two seconds are whole", || millis() >= 1_980);
            assert!(millis() <= 2_000, "{}", millis());
            ends(recorder);
            let mut player = Player::open(&place.0).unwrap();
            assert_eq!(player.millis(), 2_200);
            let frames = std::iter::from_fn(|| player.frame());
            let samples: Vec<i16> = frames.flat_map(|frame| frame.to_vec()).collect();
            // Both are in it, and the louder is the one heard.
            assert!(is(&samples, Rate::Hz48000, 440.0));
        }
    }

    #[test]
    fn what_is_mixed_has_one_channel() {
        let place = Place::new("mixed.wav");
        let recorder = Recorder::mixed(&place.0).unwrap();
        recorded(&recorder);
        ends(recorder);
        let mut reader = hound::WavReader::open(&place.0).unwrap();
        assert_eq!((reader.spec().channels, reader.duration()), (1, 110 * 320));
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert!(is(&samples, Rate::Hz16000, 440.0));
    }

    #[test]
    fn a_file_can_be_read_from_its_first_moment() {
        // As after kill -9 within the first second.
        let place = Place::new("first.wav");
        let recorder = Recorder::create(&place.0).unwrap();
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 0);
        drop(recorder);
    }

    #[test]
    fn a_recording_goes_on_while_a_clone_of_its_recorder_is_there() {
        let place = Place::new("clones.wav");
        let (recorder, clone) =
            Recorder::create(&place.0).map(|recorder| (recorder.clone(), recorder)).unwrap();
        assert_eq!(clone.finish(WAIT), Recorded::default());
        recorded(&recorder);
        ends(recorder);
    }

    #[test]
    fn a_new_file_that_cannot_be_written_does_not_stay() {
        let place = Place::new("new.wav");
        std::fs::write(&place.0, "").unwrap();
        // As if the disk were full.
        let file = fs::File::open(&place.0);
        assert!(Recorder::begin_new(&place.0, file, false).is_err());
        assert!(!place.0.exists());
        std::fs::write(&place.0, "").unwrap();
        assert!(Recorder::create_private(&place.0).is_err());
        assert!(place.0.exists(), "it is another one's");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_takes_opus_and_a_recording_in_wav_is_refused_at_once() {
        let (mut reader, writer) = io::pipe().unwrap();
        let pipe = || Ok(std::os::fd::OwnedFd::from(writer.try_clone()?).into());
        let error = Recorder::begin(Path::new("pipe.wav"), pipe(), false).unwrap_err();
        assert!(error.to_string().contains("pipe.wav cannot be written: WAV needs a file"), "{error}");
        let recorder = Recorder::begin(Path::new("pipe.opus"), pipe(), false).unwrap();
        recorded(&recorder);
        ends(recorder);
        drop(writer);
        let mut octets = Vec::new();
        io::Read::read_to_end(&mut reader, &mut octets).unwrap();
        assert!(octets.starts_with(b"OggS"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_is_said_at_once() {
        let full = || fs::OpenOptions::new().write(true).open("/dev/full");
        for name in ["full.wav", "full.opus"] {
            let error = Recorder::begin(Path::new(name), full(), false).unwrap_err();
            assert!(
                error.to_string().contains(&format!("{name} cannot be written: No space left")),
                "{error}"
            );
        }
    }

    #[test]
    fn where_nothing_can_be_written_it_is_said() {
        for name in ["/nowhere/at/all.wav", "/nowhere/at/all.opus"] {
            let error = Recorder::create(Path::new(name)).unwrap_err();
            assert!(error.to_string().contains("cannot be written: "));
        }
    }
}
