//! The devices of the system, by cpal: ALSA on Linux.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig,
};

use super::{Device, End, Shared};

/// The rate that is asked for.
const RATE_HZ: u32 = 48_000;
/// So much is played and recorded at a time, if the device can.
const PERIOD_MS: u32 = 10;
/// Samples that are added at a time.
const PIECE: usize = 1_024;
/// More channels are not asked for.
const CHANNELS_MAX: u16 = 2;

/// All that the system has.
///
/// # Errors
/// It has no sound at all: one sentence.
pub fn devices() -> Result<Vec<Device>, String> {
    let all = cpal::default_host().devices().map_err(|error| format!("there is no sound here: {error}"))?;
    let listed = all.filter_map(|device| {
        let about = device.description().ok()?;
        Some(Device {
            name: device.id().ok()?.id().to_owned(),
            about: about.name().to_owned(),
            speaks: device.supports_output(),
            hears: device.supports_input(),
        })
    });
    Ok(listed.collect())
}

/// It has a speaker that it takes where none is named.
pub(super) fn is_there() -> bool {
    let usual = cpal::default_host().default_output_device();
    usual.is_some_and(|device| device.default_output_config().is_ok())
}

/// An end that runs, until it is dropped.
pub(super) struct Opened {
    _stream: Stream,
    /// Pieces that were played or recorded.
    pieces: Arc<AtomicU64>,
    seen: (u64, Instant),
}

impl Opened {
    /// Opens the end that is meant, and runs it.
    ///
    /// # Errors
    /// Why there is no sound: one sentence.
    pub(super) fn open(
        end: End,
        shared: &Arc<Shared>,
        lost: mpsc::Sender<(End, String)>,
    ) -> Result<Opened, String> {
        let device = find(end, shared)?;
        let wrong = |error: cpal::Error| format!("{end} cannot be used: {error}");
        let config = chosen(end, &device).map_err(wrong)?;
        let pieces = Arc::new(AtomicU64::new(0));
        let line = Line { end, shared: Arc::clone(shared), pieces: Arc::clone(&pieces), lost };
        let stream = line.run(&device, &config).map_err(wrong)?;
        stream.play().map_err(wrong)?;
        Ok(Opened { _stream: stream, pieces, seen: (0, Instant::now()) })
    }

    /// For how long it played or recorded nothing.
    pub(super) fn idle(&mut self) -> Duration {
        let pieces = self.pieces.load(Ordering::Relaxed);
        if pieces != self.seen.0 {
            self.seen = (pieces, Instant::now());
        }
        self.seen.1.elapsed()
    }
}

fn find(end: End, shared: &Shared) -> Result<cpal::Device, String> {
    let host = cpal::default_host();
    let (name, default) = match end {
        End::Speaker => (&shared.speaker, host.default_output_device()),
        End::Microphone => (&shared.microphone, host.default_input_device()),
    };
    let Some(name) = name else { return default.ok_or_else(|| format!("there is no device for {end}")) };
    let all = host.devices().map_err(|error| format!("there is no sound here: {error}"))?;
    let fits: Vec<cpal::Device> = all
        .filter(|device| match end {
            End::Speaker => device.supports_output(),
            End::Microphone => device.supports_input(),
        })
        .collect();
    let is_named = |device: &&cpal::Device| device.id().is_ok_and(|id| id.id() == name);
    let is_like = |device: &&cpal::Device| {
        let about = device.description().map(|about| about.name().to_lowercase());
        about.is_ok_and(|about| about.contains(&name.to_lowercase()))
    };
    let found = fits.iter().find(is_named).or_else(|| fits.iter().find(is_like));
    found.cloned().ok_or_else(|| format!("`{name}` is no device for {end}"))
}

/// Our rate if the device has it, or its own.
fn chosen(end: End, device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    let (all, usual): (Vec<_>, _) = match end {
        End::Speaker => (device.supported_output_configs()?.collect(), device.default_output_config()),
        End::Microphone => (device.supported_input_configs()?.collect(), device.default_input_config()),
    };
    let known = [SampleFormat::I16, SampleFormat::F32, SampleFormat::I32];
    let mut fits = Vec::new();
    for range in all.into_iter().filter(|range| range.channels() <= CHANNELS_MAX) {
        let rank = known.iter().position(|format| *format == range.sample_format());
        fits.extend(rank.zip(range.try_with_sample_rate(RATE_HZ)));
    }
    fits.sort_by_key(|(rank, config)| (*rank, config.channels()));
    fits.into_iter().next().map_or(usual, |(_, config)| Ok(config))
}

/// What a running end needs.
struct Line {
    end: End,
    shared: Arc<Shared>,
    pieces: Arc<AtomicU64>,
    lost: mpsc::Sender<(End, String)>,
}

impl Line {
    fn run(self, device: &cpal::Device, config: &SupportedStreamConfig) -> Result<Stream, cpal::Error> {
        let mut asked = config.config();
        let period = config.sample_rate() * PERIOD_MS / 1_000;
        if let SupportedBufferSize::Range { min, max } = config.buffer_size()
            && (*min..=*max).contains(&period)
        {
            asked.buffer_size = BufferSize::Fixed(period);
        }
        match config.sample_format() {
            SampleFormat::I16 => self.run_as::<i16>(device, asked),
            SampleFormat::I32 => self.run_as::<i32>(device, asked),
            SampleFormat::F32 => self.run_as::<f32>(device, asked),
            format => Err(cpal::Error::with_message(
                ErrorKind::UnsupportedConfig,
                format!("its samples are {format}"),
            )),
        }
    }

    fn run_as<T>(self, device: &cpal::Device, config: StreamConfig) -> Result<Stream, cpal::Error>
    where
        T: SizedSample + FromSample<i16>,
        i16: FromSample<T>,
    {
        let Line { end, shared, pieces, lost } = self;
        let (channels, rate_hz) = (usize::from(config.channels.max(1)), config.sample_rate);
        let told = move |error: cpal::Error| match error.kind() {
            // It goes on.
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied | ErrorKind::Xrun => {}
            // Who keeps it has ended.
            _ => drop(lost.send((end, format!("{end} is lost: {error}")))),
        };
        // Nobody asks for more at a time than a second.
        let mut mono = Vec::with_capacity(rate_hz as usize);
        shared.runs_at(end, rate_hz);
        match end {
            End::Speaker => {
                let play = move |out: &mut [T], _: &cpal::OutputCallbackInfo| {
                    mono.resize(out.len() / channels, 0);
                    shared.play(rate_hz, &mut mono);
                    for (frame, sample) in out.chunks_mut(channels).zip(&mono) {
                        frame.fill(T::from_sample(*sample));
                    }
                    pieces.fetch_add(1, Ordering::Relaxed);
                };
                device.build_output_stream(config, play, told, None)
            }
            End::Microphone => {
                let record = move |recorded: &[T], _: &cpal::InputCallbackInfo| {
                    mono.clear();
                    mono.extend(recorded.chunks(channels).map(mean));
                    shared.record(rate_hz, &mono);
                    pieces.fetch_add(1, Ordering::Relaxed);
                };
                device.build_input_stream(config, record, told, None)
            }
        }
    }
}

impl Shared {
    /// An end is about to run at this rate: lanes are ready for it before it does.
    fn runs_at(&self, end: End, rate_hz: u32) {
        let mut state = self.state();
        match end {
            End::Speaker => {
                state.rates_hz.speaker = rate_hz;
                self.lanes().iter().for_each(|lane| lane.heard.run_at(|from_hz, _| (from_hz, rate_hz)));
            }
            End::Microphone => {
                state.rates_hz.microphone = rate_hz;
                self.lanes().iter().for_each(|lane| lane.spoken.run_at(|_, to_hz| (rate_hz, to_hz)));
            }
        }
    }

    /// What the card is to play next: all that the lanes have.
    fn play(&self, rate_hz: u32, samples: &mut [i16]) {
        samples.fill(0);
        let mut one = [0; PIECE];
        let lanes = self.lanes();
        for piece in samples.chunks_mut(PIECE) {
            for lane in lanes.iter() {
                let one = one.split_at_mut(piece.len().min(PIECE)).0;
                lane.heard.pull(rate_hz, one);
                piece.iter_mut().zip(one).for_each(|(sum, one)| *sum = sum.saturating_add(*one));
            }
        }
    }

    /// What the card recorded.
    fn record(&self, rate_hz: u32, samples: &[i16]) {
        self.lanes().iter().for_each(|lane| lane.spoken.push(rate_hz, samples));
    }
}

/// One channel of several.
fn mean<T: Sample>(channels: &[T]) -> i16
where
    i16: FromSample<T>,
{
    let sum: i32 = channels.iter().map(|sample| i32::from(i16::from_sample(*sample))).sum();
    let count = i32::try_from(channels.len()).unwrap_or(1).max(1);
    i16::try_from(sum / count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{Card, Heard, Sink, Source, Spoken};
    use super::*;
    use ruf_audio::{Frame, Rate};

    #[test]
    fn what_the_system_calls_allocates_and_frees_nothing_whoever_comes_and_goes() {
        let card = Card::new(None, None);
        let shared = &card.0;
        let comes = || {
            let seat = shared.seat(&mut shared.state());
            (Spoken(Arc::clone(&seat)), Heard(seat))
        };
        let mut calls: Vec<_> = (0..2).map(|_| comes()).collect();
        shared.runs_at(End::Speaker, 32_000);
        shared.runs_at(End::Microphone, 16_000);
        let (mut played, recorded) = ([0; 320], [1_000; 160]);
        let mut heard = 0;
        for turn in 0..400 {
            for (rate, (source, sink)) in [Rate::Hz8000, Rate::Hz48000].into_iter().zip(&mut calls) {
                if turn % 2 == 0 {
                    sink.hear(&Frame::of(rate, &[2_000; 960]));
                    assert!(source.frame().is_some());
                }
            }
            // One more comes; later the first goes.
            match turn {
                100 => calls.push(comes()),
                200 => drop(calls.remove(0)),
                _ => {}
            }
            let counted = allocation_counter::measure(|| {
                shared.play(32_000, &mut played);
                shared.record(16_000, &recorded);
            });
            assert_eq!((counted.count_total, counted.count_current), (0, 0), "turn {turn}");
            shared.tidy(&mut shared.state());
            heard += usize::from(played.iter().any(|sample| *sample != 0));
        }
        assert!(heard > 300, "{heard}");
        assert_eq!((shared.lanes().len(), shared.state().old.len()), (2, 0));
    }
}
