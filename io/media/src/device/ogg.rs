//! Opus in Ogg files (RFC 7845).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, SeekFrom, Write};
use std::path::Path;

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Decoder, Encoder};
use ruf_audio::{Frame, Rate};

use super::{FLUSH_FRAMES, recorder};
use crate::codec::opus_ticks;

/// Samples a second, and units of the granule position.
const RATE: Rate = Rate::Hz48000;
/// Bits a second, for speech in one channel and in two.
const BITRATE_BPS: [i32; 2] = [32_000, 56_000];
/// Octets of a packet, at most.
const PACKET_BYTES_MAX: usize = 1_275;
/// Channels that are mixed into one without a word on which is which.
const CHANNELS_MAX: u8 = 2;

/// Reads a file, mixed into one channel.
pub(super) struct Reader {
    packets: PacketReader<BufReader<File>>,
    head: Head,
    decoder: Decoder,
    /// Samples of the whole, and of them those that were read.
    total: u64,
    read: u64,
    /// Samples of the beginning that are not heard, and are still to be left out.
    skip: u64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> io::Result<Reader> {
        let mut packets = PacketReader::new(BufReader::new(File::open(path)?));
        let head = Head::read(&mut packets)?;
        let total = length(&mut packets, &head)?;
        let decoder = Decoder::new(RATE.hz(), Channels::Mono).map_err(io::Error::other)?;
        let mut reader = Reader { packets, head, decoder, total, read: 0, skip: 0 };
        reader.rewind()?;
        Ok(reader)
    }

    pub(super) fn rate_hz(&self) -> u32 {
        RATE.hz()
    }

    /// Samples of the whole file.
    pub(super) fn len(&self) -> u64 {
        self.total
    }

    /// To the beginning.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.packets.seek_bytes(SeekFrom::Start(0))?;
        Head::read(&mut self.packets)?;
        self.decoder.reset_state().map_err(io::Error::other)?;
        // rfc7845 §5.1: in 256ths of a decibel
        self.decoder.set_gain(self.head.gain).map_err(io::Error::other)?;
        (self.read, self.skip) = (0, self.head.pre_skip);
        Ok(())
    }

    /// Appends the next packet's samples; false at the end.
    pub(super) fn read(&mut self, samples: &mut Vec<i16>) -> bool {
        while self.read < self.total
            && let Some(packet) = self.next()
        {
            let Some(ticks) = opus_ticks(&packet) else { continue };
            let mut decoded = vec![0; ticks as usize];
            if self.decoder.decode(&packet, &mut decoded, false).is_err() {
                // A packet that is broken is silence.
                decoded.fill(0);
            }
            let skipped = self.skip.min(decoded.len() as u64);
            self.skip -= skipped;
            let left = usize::try_from(self.total - self.read).unwrap_or(usize::MAX);
            let heard = decoded.iter().skip(skipped as usize).take(left);
            self.read += heard.len() as u64;
            samples.extend(heard);
            return true;
        }
        false
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        next(&mut self.packets, self.head.serial)
    }
}

/// The next packet of a stream; nothing at its end, or where the file is broken.
fn next(packets: &mut PacketReader<BufReader<File>>, serial: u32) -> Option<Vec<u8>> {
    loop {
        let packet = packets.read_packet().ok()??;
        if packet.stream_serial() == serial {
            return Some(packet.data);
        }
    }
}

/// How many samples are heard: those that the packets hold, but for those that are left out at the
/// beginning and, if the last position says so, at the end.
// rfc7845 §4.3, §4.4
fn length(packets: &mut PacketReader<BufReader<File>>, head: &Head) -> io::Result<u64> {
    let (mut held, mut end) = (0_u64, None);
    while let Ok(Some(packet)) = packets.read_packet() {
        if packet.stream_serial() == head.serial {
            held += u64::from(opus_ticks(&packet.data).unwrap_or(0));
            end = packet.last_in_stream().then_some(packet.absgp_page());
        }
    }
    let held = end.map_or(held, |end| held.min(end));
    match held.saturating_sub(head.pre_skip) {
        0 => Err(io::Error::other("it holds no sound")),
        len => Ok(len),
    }
}

/// What stands at the beginning.
// rfc7845 §5.1
struct Head {
    serial: u32,
    pre_skip: u64,
    gain: i32,
}

impl Head {
    /// Reads both headers.
    fn read(packets: &mut PacketReader<BufReader<File>>) -> io::Result<Head> {
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
        let first = packets.read_packet().map_err(io::Error::other)?;
        let first = first.ok_or_else(|| wrong("it is empty"))?;
        let head = first.data.strip_prefix(b"OpusHead").ok_or_else(|| wrong("it is Ogg, but not Opus"))?;
        let [version, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family, ..] = *head
        else {
            return Err(wrong("its header is cut off"));
        };
        if version >> 4 != 0 {
            return Err(wrong("it is of a newer version of Opus in Ogg"));
        }
        if family != 0 || !(1..=CHANNELS_MAX).contains(&channels) {
            return Err(wrong("it has more than two channels"));
        }
        let head = Head {
            serial: first.stream_serial(),
            pre_skip: u64::from(u16::from_le_bytes([skip_low, skip_high])),
            gain: i32::from(i16::from_le_bytes([gain_low, gain_high])),
        };
        let tags = next(packets, head.serial).filter(|tags| tags.starts_with(b"OpusTags"));
        tags.map(|_| head).ok_or_else(|| wrong("its second header is missing"))
    }
}

/// Writes a file. What was written is whole each second.
pub(super) struct Writer {
    packets: PacketWriter<'static, BufWriter<File>>,
    encoder: Encoder,
    channels: usize,
    serial: u32,
    /// Samples that are to be left out at the beginning.
    pre_skip: u64,
    /// Frames that were written.
    frames: u32,
}

impl Writer {
    /// Of one channel, or of two.
    pub(super) fn begin(file: File, channels: Channels) -> io::Result<Writer> {
        let packets = PacketWriter::new(BufWriter::new(file));
        let mut encoder = Encoder::new(RATE.hz(), channels, Application::Voip).map_err(io::Error::other)?;
        let channels = channels as usize;
        let bitrate = BITRATE_BPS.get(channels - 1).copied().map_or(Bitrate::Auto, Bitrate::Bits);
        encoder.set_bitrate(bitrate).map_err(io::Error::other)?;
        let pre_skip = encoder.get_lookahead().map_err(io::Error::other)?;
        let pre_skip = u16::try_from(pre_skip).map_err(io::Error::other)?;
        let mut serial = [0; 4];
        getrandom::fill(&mut serial).map_err(|error| io::Error::other(error.to_string()))?;
        let serial = u32::from_le_bytes(serial);
        let mut writer =
            Writer { packets, encoder, channels, serial, pre_skip: u64::from(pre_skip), frames: 0 };
        writer.headers(channels as u8, pre_skip)?;
        Ok(writer)
    }

    // rfc7845 §5.1, §5.2
    fn headers(&mut self, channels: u8, pre_skip: u16) -> io::Result<()> {
        let [skip_low, skip_high] = pre_skip.to_le_bytes();
        let rate = RATE.hz().to_le_bytes();
        let head = [&b"OpusHead"[..], &[1, channels, skip_low, skip_high], &rate, &[0, 0, 0]].concat();
        let vendor = b"ruf";
        let tags = [&b"OpusTags"[..], &[vendor.len() as u8, 0, 0, 0], vendor, &[0; 4]].concat();
        for header in [head, tags] {
            self.packets.write_packet(header, self.serial, PacketWriteEndInfo::EndPage, 0)?;
        }
        self.packets.inner_mut().flush()
    }

    fn packet(&mut self, channels: &[&Frame], end: PacketWriteEndInfo, position: u64) -> io::Result<()> {
        let sample = |at: usize| channels.iter().map(move |frame| frame.get(at).copied().unwrap_or(0));
        let samples: Vec<i16> = (0..RATE.frame_len()).flat_map(sample).collect();
        let packet = self.encoder.encode_vec(&samples, PACKET_BYTES_MAX).map_err(io::Error::other)?;
        self.packets.write_packet(packet, self.serial, end, position)
    }
}

impl recorder::File for Writer {
    fn rate(&self) -> Rate {
        RATE
    }

    fn write(&mut self, channels: &[&Frame]) -> io::Result<bool> {
        self.frames += 1;
        let is_second = self.frames.is_multiple_of(FLUSH_FRAMES);
        let end = if is_second { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        let position = u64::from(self.frames) * RATE.frame_len() as u64;
        self.packet(channels, end, position)?;
        if is_second {
            self.packets.inner_mut().flush()?;
        }
        Ok(is_second)
    }

    /// The encoder still holds what came last.
    // rfc7845 §4.4
    fn end(&mut self) -> io::Result<()> {
        let silence = Frame::silence(RATE);
        let position = u64::from(self.frames) * RATE.frame_len() as u64 + self.pre_skip;
        let channels = [&silence, &silence];
        let channels = channels.get(..self.channels).unwrap_or(&channels);
        self.packet(channels, PacketWriteEndInfo::EndStream, position)?;
        self.packets.inner_mut().flush()
    }
}
