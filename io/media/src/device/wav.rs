//! WAV files: played from any rate and number of channels, recorded with what both sides say in one channel each.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use ruf_audio::{Frame, Rate, Resampler};

use super::{Sink, Source};

/// Frames between two times that the header of a recording is made true: a process that dies loses this much.
const FLUSH_FRAMES: u32 = 50;

/// Why a file cannot be played or recorded: one sentence.
#[derive(Debug)]
pub struct WavError(String);

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WavError {}

/// Where a file is read.
type Reader = WavReader<BufReader<File>>;

/// Plays a file once, or over and over; then it says nothing.
pub struct WavPlayer {
    reader: Reader,
    rate: Rate,
    /// `None`: the file has the rate.
    resampler: Option<Resampler>,
    is_looping: bool,
    /// Read, and not said yet.
    ready: Vec<i16>,
    is_over: bool,
}

impl fmt::Debug for WavPlayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WavPlayer").field("spec", &self.reader.spec()).finish_non_exhaustive()
    }
}

impl WavPlayer {
    /// Opens a file of any rate and number of channels, of integers or floats.
    ///
    /// # Errors
    /// It cannot be read, or is no WAV file.
    pub fn open(path: &Path) -> Result<WavPlayer, WavError> {
        let wrong = |why: &dyn fmt::Display| WavError(format!("{} cannot be played: {why}", path.display()));
        let reader = WavReader::open(path).map_err(|error| wrong(&error))?;
        let WavSpec { channels, sample_rate, .. } = reader.spec();
        if channels == 0 || sample_rate == 0 {
            return Err(wrong(&"it has no channel or no rate"));
        }
        if reader.duration() == 0 {
            return Err(wrong(&"it holds no sound"));
        }
        let rates = [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000];
        let rate = rates.into_iter().find(|rate| rate.hz() >= sample_rate).unwrap_or(Rate::Hz48000);
        let resampler = (rate.hz() != sample_rate).then(|| Resampler::new(sample_rate, rate.hz()));
        Ok(WavPlayer { reader, rate, resampler, is_looping: false, ready: Vec::new(), is_over: false })
    }

    /// Begins again when it is over.
    #[must_use]
    pub fn looping(self) -> WavPlayer {
        WavPlayer { is_looping: true, ..self }
    }

    /// How long the file is, in milliseconds.
    pub fn millis(&self) -> u64 {
        u64::from(self.reader.duration()) * 1_000 / u64::from(self.reader.spec().sample_rate.max(1))
    }

    /// Reads 20 ms of the file, all channels mixed into one.
    fn read(&mut self) {
        let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = self.reader.spec();
        let wanted = (sample_rate / 50).max(1) as usize * usize::from(channels);
        let samples: Vec<f32> = match sample_format {
            SampleFormat::Float => self.reader.samples::<f32>().take(wanted).map_while(Result::ok).collect(),
            SampleFormat::Int => {
                let scale = 1.0 / (1_u64 << (bits_per_sample.clamp(1, 32) - 1)) as f32;
                let read = self.reader.samples::<i32>().take(wanted).map_while(Result::ok);
                read.map(|sample| sample as f32 * scale).collect()
            }
        };
        if samples.len() < wanted {
            // A file that is cut off within ends where it is cut.
            self.is_over = !self.is_looping || self.reader.seek(0).is_err();
        }
        let mono = samples.chunks(usize::from(channels)).map(|all| {
            let mean = all.iter().sum::<f32>() / all.len() as f32;
            (mean.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16
        });
        let mono: Vec<i16> = mono.collect();
        match &mut self.resampler {
            Some(resampler) => resampler.convert(&mono, &mut self.ready),
            None => self.ready.extend(mono),
        }
    }
}

impl Source for WavPlayer {
    fn frame(&mut self) -> Option<Frame> {
        while self.ready.len() < self.rate.frame_len() && !self.is_over {
            self.read();
        }
        if self.ready.is_empty() {
            return None;
        }
        let len = self.rate.frame_len().min(self.ready.len());
        let samples: Vec<i16> = self.ready.drain(..len).collect();
        Some(Frame::of(self.rate, &samples))
    }
}

/// Records a call: what is heard on the left, what is said on the right, at 16000 Hz. The file is whole at any time,
/// but for the last second.
#[derive(Clone)]
pub struct WavRecorder(Arc<Mutex<Recording>>);

struct Recording {
    /// `None`: it could not be written any more.
    writer: Option<WavWriter<BufWriter<File>>>,
    said: Option<Frame>,
    unflushed: u32,
}

/// The rate of a recording.
const RECORDED: Rate = Rate::Hz16000;

impl fmt::Debug for WavRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WavRecorder").finish()
    }
}

impl WavRecorder {
    /// Begins a file; what it was before is gone.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path) -> Result<WavRecorder, WavError> {
        let spec = WavSpec {
            channels: 2,
            sample_rate: RECORDED.hz(),
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = WavWriter::create(path, spec)
            .map_err(|error| WavError(format!("{} cannot be written: {error}", path.display())))?;
        Ok(WavRecorder(Arc::new(Mutex::new(Recording { writer: Some(writer), said: None, unflushed: 0 }))))
    }

    /// Records what is heard, and passes it on.
    pub fn heard(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(Heard { recorder: self.clone(), next: sink, resampler: None })
    }

    /// Records what this source says.
    pub fn said(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Said { recorder: self.clone(), source, resampler: None })
    }
}

impl Recording {
    fn write(&mut self, heard: &Frame) {
        let said = self.said.take().unwrap_or_else(|| Frame::silence(RECORDED));
        let Some(writer) = &mut self.writer else { return };
        let written = heard.iter().zip(said.iter()).try_for_each(|(heard, said)| {
            writer.write_sample(*heard)?;
            writer.write_sample(*said)
        });
        self.unflushed += 1;
        let written = match self.unflushed >= FLUSH_FRAMES {
            true => written.and_then(|()| writer.flush()),
            false => written,
        };
        if self.unflushed >= FLUSH_FRAMES {
            self.unflushed = 0;
        }
        // A full disk ends the recording, not the call.
        if written.is_err() {
            self.writer = None;
        }
    }
}

struct Heard {
    recorder: WavRecorder,
    next: Box<dyn Sink>,
    resampler: Option<(Rate, Resampler)>,
}

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        self.next.hear(frame);
        let frame = recorded(frame, &mut self.resampler);
        self.recorder.0.lock().unwrap_or_else(PoisonError::into_inner).write(&frame);
    }
}

struct Said {
    recorder: WavRecorder,
    source: Box<dyn Source>,
    resampler: Option<(Rate, Resampler)>,
}

impl Source for Said {
    fn frame(&mut self) -> Option<Frame> {
        let frame = self.source.frame();
        let said = frame.as_ref().map(|frame| recorded(frame, &mut self.resampler));
        self.recorder.0.lock().unwrap_or_else(PoisonError::into_inner).said = said;
        frame
    }
}

/// A frame at the rate of recordings.
fn recorded(frame: &Frame, resampler: &mut Option<(Rate, Resampler)>) -> Frame {
    if frame.rate() == RECORDED {
        return frame.clone();
    }
    if resampler.as_ref().is_none_or(|(rate, _)| *rate != frame.rate()) {
        *resampler = Some((frame.rate(), Resampler::new(frame.rate().hz(), RECORDED.hz())));
    }
    match resampler {
        Some((_, resampler)) => resampler.convert_frame(frame, RECORDED),
        None => Frame::silence(RECORDED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Null, ToneGenerator};
    use ruf_audio::{Tone, tone_hz};

    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            Place(std::env::temp_dir().join(format!("ruf-media-{}-{name}.wav", std::process::id())))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// Half a second of a tone in all but the last of so many channels.
    fn file(name: &str, sample_rate: u32, channels: u16, format: SampleFormat) -> Place {
        let place = Place::new(name);
        let bits_per_sample = if format == SampleFormat::Float { 32 } else { 24 };
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: format };
        let mut writer = WavWriter::create(&place.0, spec).unwrap();
        for at in 0..sample_rate / 2 {
            let sample = (at as f32 / sample_rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 0.5;
            for _ in 0..channels {
                match format {
                    SampleFormat::Float => writer.write_sample(sample).unwrap(),
                    SampleFormat::Int => writer.write_sample((sample * 8_388_607.0) as i32).unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
        place
    }

    #[test]
    fn files_of_any_rate_are_played_once_at_their_pitch() {
        for (rate, channels, format) in [
            (8_000, 1, SampleFormat::Int),
            (44_100, 2, SampleFormat::Int),
            (16_000, 2, SampleFormat::Float),
            (96_000, 1, SampleFormat::Int),
        ] {
            let place = file(&format!("{rate}"), rate, channels, format);
            let mut player = WavPlayer::open(&place.0).unwrap();
            assert_eq!(player.millis(), 500);
            let frames: Vec<Frame> = std::iter::from_fn(|| player.frame()).collect();
            assert!((25..=26).contains(&frames.len()), "{rate}: {}", frames.len());
            let samples: Vec<i16> = frames[3..20].iter().flat_map(|frame| frame.iter().copied()).collect();
            let (hz, dbfs) = tone_hz(&samples, frames[0].rate().hz()).unwrap();
            assert!((hz - 440.0).abs() < 2.0 && (dbfs + 6.0).abs() < 1.0, "{rate}: {hz} Hz, {dbfs} dBFS");
        }
    }

    #[test]
    fn a_looping_file_is_never_over_and_what_is_no_file_is_said() {
        let place = file("looping", 8_000, 1, SampleFormat::Int);
        let mut player = WavPlayer::open(&place.0).unwrap().looping();
        assert!((0..200).all(|_| player.frame().is_some()));
        std::fs::write(&place.0, "no sound").unwrap();
        assert!(WavPlayer::open(&place.0).unwrap_err().to_string().contains("cannot be played"));
        assert!(WavPlayer::open(Path::new("/nowhere/at/all.wav")).is_err());
        assert!(WavRecorder::create(Path::new("/nowhere/at/all.wav")).is_err());
    }

    #[test]
    fn a_recording_has_both_sides_and_is_whole_before_it_ends() {
        let place = Place::new("recording");
        let recorder = WavRecorder::create(&place.0).unwrap();
        let mut sink = recorder.heard(Box::new(Null));
        let tone = ToneGenerator::new(Tone::sine(700.0, -6.0), Rate::Hz16000);
        let mut source = recorder.said(Box::new(tone));
        let mut far = ToneGenerator::new(Tone::sine(440.0, -6.0), Rate::Hz8000);
        for _ in 0..110 {
            sink.hear(&far.frame().unwrap());
            let _ = source.frame();
        }
        // As after kill -9: nothing was closed.
        let mut reader = WavReader::open(&place.0).unwrap();
        assert_eq!(reader.duration(), 100 * 320);
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        for (channel, wanted) in [(0, 440.0), (1, 700.0)] {
            let side: Vec<i16> = samples.iter().skip(channel + 640).step_by(2).copied().collect();
            let (hz, _) = tone_hz(&side, 16_000).unwrap();
            assert!((hz - wanted).abs() < 2.0, "{channel}: {hz}");
        }
        drop((sink, source, recorder));
        assert_eq!(WavReader::open(&place.0).unwrap().duration(), 110 * 320);
    }
}
