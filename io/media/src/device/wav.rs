//! WAV files.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec};
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
const HEADER_BYTES: u32 = 44;

/// Of what is written.
const RATE: Rate = Rate::Hz16000;

/// Writes a file. Each second what waits goes into it, and only then into its header, which so never says more than there
/// is.
pub(super) struct Writer<W> {
    file: W,
    channels: u16,
    /// Octets of samples that are in the file.
    kept: u32,
    /// Those that are not yet.
    waiting: Vec<u8>,
    frames: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// A pipe is refused: nobody goes back in one.
    pub(super) fn begin(mut file: W, channels: u16) -> io::Result<Writer<W>> {
        file.rewind()
            .map_err(|_| io::Error::other("WAV needs a file; Opus (.opus) goes into a pipe, too"))?;
        file.write_all(&header(channels, 0))?;
        Ok(Writer { file, channels, kept: 0, waiting: Vec::new(), frames: 0 })
    }

    fn keep(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(u64::from(HEADER_BYTES + self.kept)))?;
        self.file.write_all(&self.waiting)?;
        self.kept += self.waiting.len() as u32;
        self.waiting.clear();
        self.file.rewind()?;
        self.file.write_all(&header(self.channels, self.kept))
    }
}

/// How a file of so many octets of samples begins.
fn header(channels: u16, bytes: u32) -> Vec<u8> {
    let sample_bytes = size_of::<i16>() as u16;
    let block_bytes = channels * sample_bytes;
    let mut header = Vec::with_capacity(HEADER_BYTES as usize);
    header.extend(b"RIFF");
    header.extend((HEADER_BYTES - 8 + bytes).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    // Samples are integers.
    header.extend(1_u16.to_le_bytes());
    header.extend(channels.to_le_bytes());
    header.extend(RATE.hz().to_le_bytes());
    header.extend((RATE.hz() * u32::from(block_bytes)).to_le_bytes());
    header.extend(block_bytes.to_le_bytes());
    header.extend((8 * sample_bytes).to_le_bytes());
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    header
}

impl<W: Write + Seek + Send> recorder::File for Writer<W> {
    fn rate(&self) -> Rate {
        RATE
    }

    fn write(&mut self, channels: &[&Frame]) -> io::Result<bool> {
        let frame_bytes = (RATE.frame_len() * channels.len() * size_of::<i16>()) as u64;
        if (self.frames + 1) * frame_bytes > BYTES_MAX {
            return Err(io::Error::other("a WAV file holds no more"));
        }
        for at in 0..RATE.frame_len() {
            for sample in channels.iter().filter_map(|frame| frame.get(at)) {
                self.waiting.extend(sample.to_le_bytes());
            }
        }
        self.frames += 1;
        let is_second = self.frames.is_multiple_of(u64::from(FLUSH_FRAMES));
        if is_second {
            self.keep()?;
        }
        Ok(is_second)
    }

    fn end(&mut self) -> io::Result<()> {
        self.keep()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorder::File as _;

    #[test]
    fn a_file_begins_as_the_format_says() {
        let wanted =
            b"RIFF\x24\x05\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3e\0\0\0\xfa\0\0\x04\0\x10\0data\0\x05\0\0";
        assert_eq!(header(2, 1_280), wanted);
    }

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
