//! WAV files.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use ruf_audio::{Frame, Rate};

use super::{FLUSH_FRAMES, recorder};

/// Reads a file of integers or floats, mixed into one channel.
pub(super) struct Reader(WavReader<BufReader<File>>);

impl Reader {
    pub(super) fn open(path: &Path) -> io::Result<Reader> {
        let reader = WavReader::open(path).map_err(io::Error::other)?;
        let WavSpec { channels, sample_rate, .. } = reader.spec();
        if channels == 0 || sample_rate == 0 {
            return Err(io::Error::other("it has no channel or no rate"));
        }
        if reader.duration() == 0 {
            return Err(io::Error::other("it holds no sound"));
        }
        Ok(Reader(reader))
    }

    pub(super) fn rate_hz(&self) -> u32 {
        self.0.spec().sample_rate
    }

    /// Samples of the whole file.
    pub(super) fn len(&self) -> u64 {
        u64::from(self.0.duration())
    }

    /// To the beginning.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.0.seek(0)
    }

    /// Appends 20 ms; false at the end. A file that is cut off ends where it is cut.
    pub(super) fn read(&mut self, mono: &mut Vec<i16>) -> bool {
        let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = self.0.spec();
        let wanted = (sample_rate / 50).max(1) as usize * usize::from(channels);
        let samples: Vec<f32> = match sample_format {
            SampleFormat::Float => self.0.samples::<f32>().take(wanted).map_while(Result::ok).collect(),
            SampleFormat::Int => {
                let scale = 1.0 / (1_u64 << (bits_per_sample.clamp(1, 32) - 1)) as f32;
                let read = self.0.samples::<i32>().take(wanted).map_while(Result::ok);
                read.map(|sample| sample as f32 * scale).collect()
            }
        };
        mono.extend(samples.chunks(usize::from(channels)).map(|all| {
            let mean = all.iter().sum::<f32>() / all.len() as f32;
            (mean.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16
        }));
        samples.len() == wanted
    }
}

/// What the format can count, but for its header.
const BYTES_MAX: u64 = u32::MAX as u64 - 1_024;

/// Writes a file. Its header is made true each second, and when it is dropped.
pub(super) struct Writer<W: Write + Seek> {
    file: WavWriter<BufWriter<W>>,
    frames: u64,
}

/// Of what is written.
const RATE: Rate = Rate::Hz16000;

impl<W: Write + Seek> Writer<W> {
    pub(super) fn begin(file: W, channels: u16) -> io::Result<Writer<W>> {
        let spec = WavSpec {
            channels,
            sample_rate: RATE.hz(),
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = WavWriter::new(BufWriter::new(file), spec).map_err(io::Error::other)?;
        Ok(Writer { file, frames: 0 })
    }
}

impl<W: Write + Seek + Send> recorder::File for Writer<W> {
    fn rate(&self) -> Rate {
        RATE
    }

    fn write(&mut self, channels: &[&Frame]) -> io::Result<()> {
        let frame_bytes = (RATE.frame_len() * channels.len() * size_of::<i16>()) as u64;
        if (self.frames + 1) * frame_bytes > BYTES_MAX {
            return Err(io::Error::other("a WAV file holds no more"));
        }
        for at in 0..RATE.frame_len() {
            for sample in channels.iter().filter_map(|frame| frame.get(at)) {
                self.file.write_sample(*sample).map_err(io::Error::other)?;
            }
        }
        self.frames += 1;
        if !self.frames.is_multiple_of(u64::from(FLUSH_FRAMES)) {
            return Ok(());
        }
        self.file.flush().map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorder::File as _;

    #[test]
    fn a_file_ends_before_its_length_cannot_be_written_any_more() {
        let path = std::env::temp_dir().join(format!("ruf-media-wav-{}", std::process::id()));
        let mut writer = Writer::begin(File::create(&path).unwrap(), 2).unwrap();
        let silence = Frame::silence(RATE);
        // 18 hours and a half.
        writer.frames = 3_355_441;
        writer.write(&[&silence, &silence]).unwrap();
        let error = writer.write(&[&silence, &silence]).unwrap_err();
        assert!(error.to_string().contains("holds no more"));
        std::fs::remove_file(&path).unwrap();
    }
}
