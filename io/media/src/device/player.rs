//! [`Player`]: files as a source.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ruf_audio::{Frame, Rate, Resampler};

use super::{FileError, Source, ogg, wav};

/// Plays a file once, or over and over; then it says nothing. WAV of any rate and number of channels, and Opus in
/// Ogg of one or two.
pub struct Player {
    file: Format,
    rate: Rate,
    /// `None`: the file has the rate.
    resampler: Option<Resampler>,
    is_looping: bool,
    /// Read, and not said yet.
    read: Vec<i16>,
    ready: Vec<i16>,
    is_over: bool,
}

/// What the file is, by how it begins.
enum Format {
    Wav(wav::Reader),
    Ogg(Box<ogg::Reader>),
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("millis", &self.millis()).finish_non_exhaustive()
    }
}

impl Player {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, or is none of those that can be played.
    pub fn open(path: &Path) -> Result<Player, FileError> {
        let file = Format::open(path)
            .map_err(|error| FileError(format!("{} cannot be played: {error}", path.display())))?;
        let rate_hz = file.rate_hz();
        let rates = [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000];
        let rate = rates.into_iter().find(|rate| rate.hz() >= rate_hz).unwrap_or(Rate::Hz48000);
        let resampler = (rate.hz() != rate_hz).then(|| Resampler::new(rate_hz, rate.hz()));
        let (read, ready) = (Vec::new(), Vec::new());
        Ok(Player { file, rate, resampler, is_looping: false, read, ready, is_over: false })
    }

    /// Begins again when it is over.
    #[must_use]
    pub fn looping(self) -> Player {
        Player { is_looping: true, ..self }
    }

    /// How long the file is, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.file.len() * 1_000 / u64::from(self.file.rate_hz())
    }

    fn read(&mut self) {
        self.read.clear();
        if !self.file.read(&mut self.read) {
            self.is_over = !self.is_looping || self.file.rewind().is_err();
        }
        match &mut self.resampler {
            Some(resampler) => resampler.convert(&self.read, &mut self.ready),
            None => self.ready.append(&mut self.read),
        }
    }
}

impl Source for Player {
    fn frame(&mut self) -> Option<Frame> {
        while self.ready.len() < self.rate.frame_len() && !self.is_over {
            self.read();
        }
        if self.ready.is_empty() {
            return None;
        }
        let frame = Frame::of(self.rate, &self.ready);
        self.ready.drain(..self.rate.frame_len().min(self.ready.len()));
        Some(frame)
    }
}

impl Format {
    fn open(path: &Path) -> std::io::Result<Format> {
        let mut begins = [0; 4];
        // A shorter file is no WAV file either, which is then said.
        let is_whole = File::open(path)?.read_exact(&mut begins).is_ok();
        Ok(match &begins {
            b"OggS" if is_whole => Format::Ogg(Box::new(ogg::Reader::open(path)?)),
            _ => Format::Wav(wav::Reader::open(path)?),
        })
    }

    fn rate_hz(&self) -> u32 {
        match self {
            Format::Wav(reader) => reader.rate_hz(),
            Format::Ogg(reader) => reader.rate_hz(),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Format::Wav(reader) => reader.len(),
            Format::Ogg(reader) => reader.len(),
        }
    }

    fn read(&mut self, samples: &mut Vec<i16>) -> bool {
        match self {
            Format::Wav(reader) => reader.read(samples),
            Format::Ogg(reader) => reader.read(samples),
        }
    }

    fn rewind(&mut self) -> std::io::Result<()> {
        match self {
            Format::Wav(reader) => reader.rewind(),
            Format::Ogg(reader) => reader.rewind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::scratch::Place;
    use hound::{SampleFormat, WavSpec, WavWriter};
    use ruf_audio::tone_hz;

    /// 730 ms of 440 Hz in two channels, by another program.
    const OPUS: &[u8] = include_bytes!("../../../../tests/data/audio/440hz-stereo.opus");

    /// Half a second of a tone in all channels.
    fn wav(name: &str, sample_rate: u32, channels: u16, sample_format: SampleFormat) -> Place {
        let place = Place::new(name);
        let bits_per_sample = if sample_format == SampleFormat::Float { 32 } else { 24 };
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        let mut writer = WavWriter::create(&place.0, spec).unwrap();
        for at in 0..sample_rate / 2 {
            let sample = (at as f32 / sample_rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 0.5;
            for _ in 0..channels {
                match sample_format {
                    SampleFormat::Float => writer.write_sample(sample).unwrap(),
                    SampleFormat::Int => writer.write_sample((sample * 8_388_607.0) as i32).unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
        place
    }

    /// All that is said, once, and at which rate.
    fn said(player: &mut Player) -> (Vec<i16>, u32) {
        let frames: Vec<Frame> = std::iter::from_fn(|| player.frame()).collect();
        (frames.iter().flat_map(|frame| frame.iter().copied()).collect(), frames[0].rate().hz())
    }

    #[test]
    fn files_of_any_rate_are_played_once_at_their_pitch() {
        for (rate, channels, format) in [
            (8_000, 1, SampleFormat::Int),
            (44_100, 2, SampleFormat::Int),
            (16_000, 2, SampleFormat::Float),
            (96_000, 1, SampleFormat::Int),
        ] {
            let place = wav(&format!("{rate}.wav"), rate, channels, format);
            let mut player = Player::open(&place.0).unwrap();
            assert_eq!(player.millis(), 500);
            let (samples, rate_hz) = said(&mut player);
            let frames = samples.len() / (rate_hz as usize / 50);
            assert!((25..=26).contains(&frames), "{rate}: {frames}");
            let middle = &samples[samples.len() / 8..samples.len() * 3 / 4];
            let (hz, dbfs) = tone_hz(middle, rate_hz).unwrap();
            assert!((hz - 440.0).abs() < 2.0 && (dbfs + 6.0).abs() < 1.0, "{rate}: {hz} Hz, {dbfs} dBFS");
        }
    }

    #[test]
    fn opus_of_another_program_is_played_from_its_first_to_its_last_sample() {
        // tests rfc7845 §4.3, §4.4, §5.1
        let place = Place::holding("foreign.opus", OPUS);
        let mut player = Player::open(&place.0).unwrap();
        assert_eq!(player.millis(), 730);
        let (samples, rate_hz) = said(&mut player);
        assert_eq!((rate_hz, samples.len()), (48_000, 37 * 960));
        assert!(samples[730 * 48..].iter().all(|sample| *sample == 0));
        assert!(samples[..100].iter().any(|sample| sample.unsigned_abs() > 2_000), "it begins at once");
        let (hz, dbfs) = tone_hz(&samples[2_000..34_000], rate_hz).unwrap();
        assert!((hz - 440.0).abs() < 0.5 && (dbfs + 12.0).abs() < 1.0, "{hz} Hz, {dbfs} dBFS");
    }

    #[test]
    fn a_looping_file_is_never_over() {
        let wav = wav("looping.wav", 8_000, 1, SampleFormat::Int);
        let opus = Place::holding("looping.opus", OPUS);
        for place in [wav, opus] {
            let mut player = Player::open(&place.0).unwrap().looping();
            let frames: Vec<Frame> = std::iter::from_fn(|| player.frame()).take(200).collect();
            let samples: Vec<i16> = frames[100..].iter().flat_map(|frame| frame.iter().copied()).collect();
            let (hz, _) = tone_hz(&samples, frames[0].rate().hz()).unwrap();
            assert!((hz - 440.0).abs() < 5.0, "{hz}");
        }
    }

    #[test]
    fn what_is_no_sound_is_said_in_a_sentence() {
        let page = |at: usize, octet: u8| {
            let mut octets = OPUS.to_vec();
            octets[at] = octet;
            octets
        };
        let files: [(&str, Vec<u8>); 6] = [
            ("empty", Vec::new()),
            ("words", b"no sound at all, just words".to_vec()),
            ("page", OPUS[..40].to_vec()),
            ("headers", OPUS[..100].to_vec()),
            ("checksum", page(28, b'X')),
            ("nothing", OPUS[..4].to_vec()),
        ];
        for (name, octets) in files {
            let place = Place::holding(name, &octets);
            let error = Player::open(&place.0).unwrap_err().to_string();
            assert!(error.contains("cannot be played: "), "{name}: {error}");
        }
        assert!(Player::open(Path::new("/nowhere/at/all.wav")).is_err());
    }

    #[test]
    fn a_file_that_is_cut_off_or_broken_within_ends_there() {
        let cut = Place::holding("cut.opus", &OPUS[..OPUS.len() - 300]);
        if let Ok(mut player) = Player::open(&cut.0) {
            assert!(said(&mut player).0.len() < 36 * 960);
        }
        let whole = wav("whole.wav", 8_000, 1, SampleFormat::Int);
        let octets = std::fs::read(&whole.0).unwrap();
        let cut = Place::holding("cut.wav", &octets[..octets.len() / 2]);
        let mut player = Player::open(&cut.0).unwrap();
        let len = said(&mut player).0.len();
        assert!((1_900..2_300).contains(&len), "{len}");
    }
}
