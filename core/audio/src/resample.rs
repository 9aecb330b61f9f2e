//! [`Resampler`]: sound from one number of samples a second to another.
//!
//! A low-pass filter (windowed sinc, Kaiser) is kept as a bank of phases, and each sample that
//! comes out is one product of a phase with what came in. Any two rates have a bank of as many
//! phases as their ratio needs; a small skew on top, by which the clock of a far device is followed,
//! lies between two phases and is interpolated.

use std::f64::consts::PI;
use std::sync::Arc;

use crate::product::{LANES, product};
use crate::{Frame, Rate};

/// Zero crossings of the sinc on either side: the longer, the steeper. At 8000 Hz: 4 ms of delay.
const CROSSINGS: usize = 32;
/// Stop-band attenuation that the window is made for.
const STOP_DB: f64 = 75.0;
/// Phases from which interpolation between two is better than the stop-band.
const PHASES_SMOOTH: usize = 128;
/// Phases of two rates with no better common measure.
const PHASES_MAX: usize = 512;
/// Samples taken in at a time.
const CHUNK: usize = Rate::Hz48000.frame_len();
/// The largest skew, in parts per million: far more than two crystals differ by.
const SKEW_PPM_MAX: i32 = 50_000;

/// Turns sound of one rate into sound of another; it allocates when made and not afterwards.
///
/// A clone shares its bank of phases, so for many parties make one and clone it.
#[derive(Clone)]
pub struct Resampler {
    bank: Arc<Bank>,
    from_hz: u32,
    to_hz: u32,
    skew_ppm: i32,
    /// What the filter still needs of earlier input, then the newest chunk.
    window: Vec<f32>,
    /// Where the next output lies: whole samples into the chunk, and parts of one ([`Self::parts`]).
    whole: usize,
    part: u64,
}

impl Resampler {
    /// From one number of samples a second to another. Zero counts as one.
    #[must_use]
    pub fn new(from_hz: u32, to_hz: u32) -> Resampler {
        let (from_hz, to_hz) = (from_hz.max(1), to_hz.max(1));
        let phases = (to_hz / common_measure(from_hz, to_hz)) as usize;
        let bank = Bank::new(from_hz, to_hz, if phases > PHASES_MAX { PHASES_MAX } else { phases });
        let window = vec![0.0; bank.taps - 1 + CHUNK];
        Resampler { bank: Arc::new(bank), from_hz, to_hz, skew_ppm: 0, window, whole: 0, part: 0 }
    }

    /// Lets input run faster (positive) or slower than its rate says, in parts per million, from
    /// now on: as it does when the device that made it has another clock. At most 5 percent.
    ///
    /// The first skew makes a finer bank; it alone allocates.
    pub fn set_skew_ppm(&mut self, skew_ppm: i32) {
        self.skew_ppm = skew_ppm.clamp(-SKEW_PPM_MAX, SKEW_PPM_MAX);
        let phases = self.bank.phases;
        if self.skew_ppm != 0 && phases < PHASES_SMOOTH {
            let finer = phases * PHASES_SMOOTH.div_ceil(phases);
            self.bank = Arc::new(Bank::new(self.from_hz, self.to_hz, finer));
        }
    }

    /// Appends what these samples become. Without a skew it is as long as they are, to the very
    /// sample; it comes [`Self::delay_ms`] late.
    pub fn convert(&mut self, input: &[i16], output: &mut Vec<i16>) {
        self.run(input, |sample| output.push(sample));
    }

    /// What a frame becomes at another rate. Silence stands for what a skew lacks.
    #[must_use]
    pub fn convert_frame(&mut self, input: &Frame, rate: Rate) -> Frame {
        let mut frame = Frame::silence(rate);
        let mut places = frame.iter_mut();
        self.run(input, |sample| {
            if let Some(place) = places.next() {
                *place = sample;
            }
        });
        frame
    }

    /// By how much sound comes out later than it went in, in milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> f32 {
        1_000.0 * self.bank.taps as f32 / 2.0 / self.from_hz as f32
    }

    fn run(&mut self, input: &[i16], mut put: impl FnMut(i16)) {
        let kept = self.bank.taps - 1;
        let step = u64::from(self.from_hz) * u64::from(1_000_000_u32.saturating_add_signed(self.skew_ppm));
        let parts = self.parts();
        for chunk in input.chunks(CHUNK) {
            for (place, sample) in self.window.iter_mut().skip(kept).zip(chunk) {
                *place = f32::from(*sample);
            }
            while self.whole < chunk.len() {
                let window = self.window.get(self.whole..).unwrap_or_default();
                put(round(self.bank.filter(window, self.part, parts)));
                self.part += step;
                self.whole += (self.part / parts) as usize;
                self.part %= parts;
            }
            self.whole -= chunk.len();
            self.window.copy_within(chunk.len()..chunk.len() + kept, 0);
        }
    }

    /// How many parts one input sample has, so that every step is a whole number of them.
    fn parts(&self) -> u64 {
        u64::from(self.to_hz) * 1_000_000
    }
}

/// Frames of whatever rate, as frames of the rate that is wanted; the two may change at any time.
#[derive(Clone, Default)]
pub struct Converter {
    made: Option<(Rate, Rate, Resampler)>,
}

impl Converter {
    /// Nothing is made until it is needed.
    #[must_use]
    pub const fn new() -> Converter {
        Converter { made: None }
    }

    /// The frame at that rate. A change of either rate makes a new resampler, which is heard as a
    /// gap of a few milliseconds.
    #[must_use]
    pub fn convert(&mut self, frame: Frame, to: Rate) -> Frame {
        let from = frame.rate();
        if from == to {
            self.made = None;
            return frame;
        }
        let fits = |made: &(Rate, Rate, Resampler)| (made.0, made.1) == (from, to);
        if !self.made.as_ref().is_some_and(fits) {
            self.made = Some((from, to, Resampler::new(from.hz(), to.hz())));
        }
        self.made.as_mut().map_or(frame.clone(), |(_, _, resampler)| resampler.convert_frame(&frame, to))
    }
}

/// The filter at every phase.
struct Bank {
    phases: usize,
    /// Length of a phase, a multiple of [`LANES`].
    taps: usize,
    /// One phase after the other, and a last one that is the first, one sample later.
    coefficients: Vec<f32>,
}

impl Bank {
    fn new(from_hz: u32, to_hz: u32, phases: usize) -> Bank {
        // Going down, the filter is as much longer as its pass-band is narrower.
        let narrower = (f64::from(to_hz) / f64::from(from_hz)).min(1.0);
        let taps = (2.0 * CROSSINGS as f64 / narrower).ceil() as usize;
        let taps = taps.next_multiple_of(LANES);
        let transition = (STOP_DB - 8.0) / (2.285 * 2.0 * CROSSINGS as f64) / PI;
        let cutoff = narrower * (1.0 - transition / 2.0);
        let mut coefficients = Vec::with_capacity((phases + 1) * taps);
        for phase in 0..=phases {
            let offset = phase as f64 / phases as f64;
            let row: Vec<f64> = (0..taps)
                .map(|tap| {
                    // The newest sample stands last; the output lies half a filter behind it.
                    let distance = tap as f64 - (taps / 2 - 1) as f64 - offset;
                    cutoff * sinc(cutoff * distance) * kaiser(distance / (taps / 2) as f64)
                })
                .collect();
            let sum: f64 = row.iter().sum();
            coefficients.extend(row.iter().map(|coefficient| (coefficient / sum) as f32));
        }
        Bank { phases, taps, coefficients }
    }

    /// One output, `part` of `parts` behind the window's middle.
    fn filter(&self, window: &[f32], part: u64, parts: u64) -> f32 {
        let scaled = part * self.phases as u64;
        let (phase, rest) = ((scaled / parts) as usize, scaled % parts);
        let row = |phase: usize| {
            let start = phase * self.taps;
            self.coefficients.get(start..start + self.taps).unwrap_or_default()
        };
        let here = product(window, row(phase));
        if rest == 0 {
            return here;
        }
        let next = product(window, row(phase + 1));
        here + (next - here) * (rest as f64 / parts as f64) as f32
    }
}

/// The nearest sample; beyond full scale, full scale.
fn round(value: f32) -> i16 {
    // Truncation of what is never negative rounds, and the cast saturates.
    ((value + 32_768.5) as u16 ^ 0x8000) as i16
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window over -1 to 1.
fn kaiser(x: f64) -> f64 {
    let beta = 0.1102 * (STOP_DB - 8.7);
    bessel((1.0 - x * x).max(0.0).sqrt() * beta) / bessel(beta)
}

/// The modified Bessel function of the first kind, of order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..40 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

fn common_measure(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_measure(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone_hz;

    const RATES: [u32; 5] = [8_000, 16_000, 22_050, 44_100, 48_000];

    fn tone(hz: f64, rate_hz: u32, seconds: f64) -> Vec<i16> {
        let count = (seconds * f64::from(rate_hz)) as u32;
        (0..count)
            .map(|n| (16_384.0 * (2.0 * PI * hz * f64::from(n) / f64::from(rate_hz)).sin()).round() as i16)
            .collect()
    }

    fn converted(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
        let mut output = Vec::new();
        Resampler::new(from_hz, to_hz).convert(input, &mut output);
        output
    }

    /// Mean power relative to a sine of full scale, without the ends.
    fn power_db(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let sum: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        10.0 * (sum / middle.len() as f64 / (32_768.0_f64.powi(2) / 2.0)).max(1e-12).log10()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_its_level_between_any_two_rates() {
        for (from, to) in RATES.iter().flat_map(|from| RATES.map(|to| (*from, to))) {
            for hz in [300.0, 1_000.0, 3_350.0] {
                let output = converted(from, to, &tone(hz, from, 1.0));
                let (heard, level) = tone_hz(&output[output.len() / 4..], to).expect("a tone");
                assert!((f64::from(heard) - hz).abs() < 0.5, "{from} to {to}: {hz} came as {heard}");
                assert!((level + 6.02).abs() < 0.2, "{from} to {to}: {hz} at {level} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_silent_in_it() {
        for (from, to) in [(48_000, 8_000), (48_000, 16_000), (16_000, 8_000), (44_100, 8_000)] {
            for above in [1.01, 1.25, 1.5, 1.9] {
                let hz = f64::from(to) / 2.0 * above;
                let output = converted(from, to, &tone(hz, from, 0.5));
                assert!(power_db(&output) < -66.0, "{from} to {to}: {hz} Hz left {} dB", power_db(&output));
            }
        }
    }

    #[test]
    fn no_image_appears_above_the_lower_rate() {
        for (from, to) in [(8_000, 48_000), (16_000, 48_000), (8_000, 16_000), (8_000, 44_100)] {
            let output = converted(from, to, &tone(3_000.0, from, 0.5));
            // Back down, then up again: what is left of the difference are images.
            let middle = &output[output.len() / 4..];
            let sine = tone_hz(middle, to).expect("a tone");
            let rest = power_db(middle) - f64::from(sine.1);
            assert!(rest.abs() < 0.05, "{from} to {to}: {rest} dB beside the tone");
            assert!(power_db(&notched(middle, 3_000.0, to)) < -62.0, "{from} to {to}");
        }
    }

    /// Without its sine of that frequency, by least squares.
    fn notched(samples: &[i16], hz: f64, rate_hz: u32) -> Vec<i16> {
        let angle = |n: usize| 2.0 * PI * hz * n as f64 / f64::from(rate_hz);
        let count = samples.len() - samples.len() % (rate_hz as usize / 10);
        let samples = &samples[..count];
        let sum = |f: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(n, sample)| f64::from(*sample) * f(angle(n))).sum::<f64>() * 2.0
                / count as f64
        };
        let (sin, cos) = (sum(f64::sin), sum(f64::cos));
        let rest = |(n, sample): (usize, &i16)| {
            (f64::from(*sample) - sin * angle(n).sin() - cos * angle(n).cos()).round() as i16
        };
        samples.iter().enumerate().map(rest).collect()
    }

    #[test]
    fn a_frame_becomes_a_frame_to_the_sample() {
        for (from, to) in
            [(Rate::Hz8000, Rate::Hz48000), (Rate::Hz48000, Rate::Hz8000), (Rate::Hz16000, Rate::Hz8000)]
        {
            let sound = tone(440.0, from.hz(), 1.0);
            let (mut whole, mut resampler) = (Vec::new(), Resampler::new(from.hz(), to.hz()));
            resampler.clone().convert(&sound, &mut whole);
            assert_eq!(whole.len(), to.hz() as usize);
            let frames: Vec<i16> = sound
                .chunks(from.frame_len())
                .flat_map(|samples| resampler.convert_frame(&Frame::of(from, samples), to).to_vec())
                .collect();
            assert_eq!(frames, whole);
        }
    }

    #[test]
    fn a_converter_follows_both_rates() {
        let mut converter = Converter::new();
        for (from, to) in [(8, 8), (8, 48), (16, 48), (48, 16), (16, 16)] {
            let [from, to] = [from, to].map(|khz| Rate::of_hz(khz * 1_000).unwrap());
            let sound = tone(440.0, from.hz(), 1.0);
            let frames: Vec<i16> = sound
                .chunks(from.frame_len())
                .flat_map(|samples| converter.convert(Frame::of(from, samples), to).to_vec())
                .collect();
            let (hz, level) = tone_hz(&frames[to.hz() as usize / 4..], to.hz()).unwrap();
            assert!((hz - 440.0).abs() < 0.5 && (level + 6.0).abs() < 0.1, "{from:?} {to:?}");
            assert!(from != to || frames == sound);
        }
    }

    #[test]
    fn a_skew_stretches_time_by_parts_per_million() {
        for ppm in [-300, 250, 20_000] {
            let mut resampler = Resampler::new(8_000, 8_000);
            resampler.set_skew_ppm(ppm);
            let mut output = Vec::new();
            resampler.convert(&tone(1_000.0, 8_000, 4.0), &mut output);
            let factor = 1.0 + f64::from(ppm) / 1e6;
            assert!((output.len() as f64 - 32_000.0 / factor).abs() <= 1.0);
            let middle = &output[8_000..];
            let (hz, _) = tone_hz(middle, 8_000).expect("a tone");
            assert!((f64::from(hz) - 1_000.0 * factor).abs() < 0.05, "{ppm} ppm: {hz} Hz");
            if ppm == 20_000 {
                assert!(power_db(&notched(middle, 1_020.0, 8_000)) < -62.0, "nothing but the tone");
            }
        }
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> =
            (0..8_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let output = converted(8_000, 48_000, &square);
        // The filter overshoots at each edge; a wrapped sample would jump to the other side.
        assert!(output.windows(2).all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 30_000));
        assert!(output.contains(&i16::MAX) && output.contains(&i16::MIN));
    }

    #[test]
    fn odd_rates_and_nothing_at_all_do_no_harm() {
        assert!(converted(0, 0, &[]).is_empty());
        assert_eq!(converted(7_919, 48_000, &[100; 7_919]).len(), 48_000);
        assert_eq!(converted(48_000, 11_025, &[100; 48_000]).len(), 11_025);
    }
}
