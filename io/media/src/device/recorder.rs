//! [`Recorder`]: both sides of a call into a file.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opus::Channels;
use ruf_audio::{Converter, FRAME_MS, Frame, Mix, Rate};

use super::{FileError, Sink, Source, Tap, ogg, wav};

/// Records a call into a file: Opus in Ogg if its name ends in `.opus`, `.ogg` or `.oga`, otherwise WAV. The file is
/// whole at any time, but for the last second.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Recording>>);

struct Recording {
    /// Or why it could not be written any more.
    file: Result<Format, String>,
    rate: Rate,
    is_mixed: bool,
    said: Option<Frame>,
    /// That were written.
    frames: u64,
}

enum Format {
    Wav(wav::Writer),
    Ogg(Box<ogg::Writer>),
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
    /// It cannot be written.
    pub fn create(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, File::create(path), false)
    }

    /// Begins a file of one channel, in which both are heard.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn mixed(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, File::create(path), true)
    }

    /// As [`Recorder::create`], where no such file is; its owner alone may read it.
    ///
    /// # Errors
    /// There is one, or it cannot be written.
    pub fn create_private(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, private(path), false)
    }

    /// As [`Recorder::mixed`], where no such file is; its owner alone may read it.
    ///
    /// # Errors
    /// There is one, or it cannot be written.
    pub fn mixed_private(path: &Path) -> Result<Recorder, FileError> {
        Recorder::begin(path, private(path), true)
    }

    fn begin(path: &Path, file: io::Result<File>, is_mixed: bool) -> Result<Recorder, FileError> {
        let (file, rate) = file
            .and_then(|file| Format::begin(path, file, is_mixed))
            .map_err(|error| FileError(format!("{} cannot be written: {error}", path.display())))?;
        let recording = Recording { file: Ok(file), rate, is_mixed, said: None, frames: 0 };
        Ok(Recorder(Arc::new(Mutex::new(recording))))
    }

    /// Records what is heard, and passes it on.
    pub fn heard(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        self.tap().heard(sink)
    }

    /// Records what this source says.
    pub fn said(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        self.tap().said(source)
    }

    /// How long what was recorded is, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.recording().frames * u64::from(FRAME_MS)
    }

    /// Why nothing is recorded any more, though it should be: a disk is full.
    pub fn trouble(&self) -> Option<String> {
        self.recording().file.as_ref().err().cloned()
    }

    /// 20 ms were heard.
    pub(super) fn hear(&self, frame: &Frame, converter: &mut Converter) {
        let mut recording = self.recording();
        let heard = converter.convert(frame.clone(), recording.rate);
        recording.write(&heard);
    }

    /// 20 ms were said, or nothing was.
    pub(super) fn say(&self, frame: Option<&Frame>, converter: &mut Converter) {
        let mut recording = self.recording();
        let rate = recording.rate;
        recording.said = frame.map(|frame| converter.convert(frame.clone(), rate));
    }

    fn tap(&self) -> Tap {
        let tap = Tap::default();
        tap.record(Some(self.clone()));
        tap
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new file for its owner alone.
fn private(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    how.open(path)
}

impl Recording {
    fn write(&mut self, heard: &Frame) {
        let said = self.said.take().unwrap_or_else(|| Frame::silence(self.rate));
        let Ok(file) = &mut self.file else { return };
        let written = if self.is_mixed {
            let mut mix = Mix::new(self.rate);
            // Both have the rate.
            let _ = mix.add(heard) && mix.add(&said);
            file.write(&[&mix.all()])
        } else {
            file.write(&[heard, &said])
        };
        match written {
            Ok(()) => self.frames += 1,
            // A full disk ends the recording, not the call.
            Err(error) => self.file = Err(error.to_string()),
        }
    }
}

impl Format {
    /// What the name asks for.
    fn begin(path: &Path, file: File, is_mixed: bool) -> io::Result<(Format, Rate)> {
        let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        if ["opus", "ogg", "oga"].into_iter().any(ends) {
            let channels = if is_mixed { Channels::Mono } else { Channels::Stereo };
            let writer = ogg::Writer::begin(file, channels)?;
            return Ok((Format::Ogg(Box::new(writer)), ogg::Writer::RATE));
        }
        Ok((Format::Wav(wav::Writer::begin(file, if is_mixed { 1 } else { 2 })?), wav::Writer::RATE))
    }

    /// A frame of each channel.
    fn write(&mut self, channels: &[&Frame]) -> io::Result<()> {
        match self {
            Format::Wav(writer) => writer.write(channels),
            Format::Ogg(writer) => writer.write(channels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Null, Player, ToneGenerator};
    use ruf_audio::{Tone, tone_hz};

    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            Place(std::env::temp_dir().join(format!("ruf-media-recorder-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

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
        let mut reader = hound::WavReader::open(&place.0).unwrap();
        assert_eq!(reader.duration(), 100 * 320);
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        for (channel, wanted) in [(0, 440.0), (1, 700.0)] {
            let side: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
            assert!(is(&side, Rate::Hz16000, wanted));
        }
        drop(recorder);
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
            let millis = Player::open(&place.0).unwrap().millis();
            assert!((1_980..=2_000).contains(&millis), "{millis}");
            drop(recorder);
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
        drop(recorder);
        let mut reader = hound::WavReader::open(&place.0).unwrap();
        assert_eq!((reader.spec().channels, reader.duration()), (1, 110 * 320));
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert!(is(&samples, Rate::Hz16000, 440.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_ends_the_recording_and_says_so() {
        let full = || OpenOptions::new().write(true).open("/dev/full");
        let recorder = Recorder::begin(Path::new("full.wav"), full(), false).unwrap();
        assert_eq!((recorder.millis(), recorder.trouble()), (0, None));
        recorded(&recorder);
        assert!(recorder.trouble().unwrap().contains("No space left"));
        assert!(recorder.millis() < 1_020, "{}", recorder.millis());
        let error = Recorder::begin(Path::new("full.opus"), full(), false).unwrap_err();
        assert!(error.to_string().contains("full.opus cannot be written: No space left"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_new_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new("private.wav");
        let recorder = Recorder::create_private(&place.0).unwrap();
        recorded(&recorder);
        assert_eq!(recorder.millis(), 2_200);
        assert_eq!(std::fs::metadata(&place.0).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Recorder::mixed_private(&place.0).unwrap_err().to_string().contains("exists"));
        drop(recorder);
        assert_eq!(hound::WavReader::open(&place.0).unwrap().duration(), 110 * 320);
    }

    #[test]
    fn where_nothing_can_be_written_it_is_said() {
        for name in ["/nowhere/at/all.wav", "/nowhere/at/all.opus"] {
            let error = Recorder::create(Path::new(name)).unwrap_err();
            assert!(error.to_string().contains("cannot be written: "));
        }
    }
}
