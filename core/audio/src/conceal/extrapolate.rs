//! How a voice would have gone on, if it did not change.
//!
//! A voice is a throat that pulses and a mouth that colours the pulses. The mouth is a linear
//! predictor; what it does not predict are the pulses, and the last period of those is repeated
//! through it. Because the predictor goes on from the very last samples, nothing has to be joined.

use std::f64::consts::PI;

use crate::Rate;
use crate::pitch::Pitch;
use crate::product::product;

/// What the end of the sound is judged by: 20 ms hold one period of any voice, and one phone.
pub(super) const WINDOW_MS: u32 = 20;
/// Periods that are repeated, in ms: two of a high voice are better than one, which would buzz.
const PERIOD_MIN_MS: u32 = 5;
pub(super) const PERIOD_MAX_MS: u32 = 15;
/// Below this window a period cannot be told.
const WINDOW_MIN_MS: u32 = 4;
/// Coefficients for each kHz that is sampled.
const ORDER_PER_KHZ: usize = 3;
/// Coefficients at most: the mouth has no more to it at 48000 Hz than at 16000 Hz.
const ORDER_MAX: usize = 48;
/// A little flatter than the spectrum seen, so that no tone rings on.
const FLATTEN: f64 = 0.994;
/// The predictor's window rises to here and then falls: the newest samples count most.
const WINDOW_PEAK: f64 = 0.85;

/// A sound that goes on.
#[derive(Clone, Debug)]
pub(super) struct Extrapolation {
    rate: Rate,
    /// What it goes on from, then what was made.
    sound: Vec<f32>,
    /// The last coefficient first, so that it lies as the samples do.
    predictor: Vec<f32>,
    /// One period of what is not predicted, and the place in it.
    pulses: Vec<f32>,
    at: usize,
}

impl Extrapolation {
    pub(super) fn new(rate: Rate, made_max: usize) -> Extrapolation {
        let kept = rate.samples(WINDOW_MS + PERIOD_MAX_MS);
        Extrapolation {
            rate,
            sound: Vec::with_capacity(kept + made_max),
            predictor: Vec::with_capacity(ORDER_MAX),
            pulses: Vec::with_capacity(rate.samples(PERIOD_MAX_MS)),
            at: 0,
        }
    }

    /// Goes on from the end of this sound. False if it is too short to tell how, and nothing is made.
    pub(super) fn start(&mut self, sound: impl Iterator<Item = f32>) -> bool {
        self.sound.clear();
        self.sound.extend(sound);
        self.pulses.clear();
        self.at = 0;
        self.predict();
        let ms = |ms| self.rate.samples(ms);
        // Of a short sound the window is what a long period leaves; of a shorter one, half.
        let len = self.sound.len();
        let longest = ms(PERIOD_MAX_MS).min(len.saturating_sub(ms(WINDOW_MIN_MS)));
        let window = ms(WINDOW_MS).min(len.saturating_sub(longest));
        let lags = ms(PERIOD_MIN_MS)..=longest;
        let Some(pitch) = Pitch::of(&self.sound, self.rate, window, lags) else { return false };
        let order = self.predictor.len();
        let from = len.saturating_sub(pitch.lag + order);
        let windows = self.sound.get(from..).unwrap_or_default().windows(order + 1);
        self.pulses.extend(windows.filter_map(|window| {
            let (now, before) = window.split_last()?;
            Some(now + product(before, &self.predictor))
        }));
        !self.pulses.is_empty()
    }

    /// The next sample; 0 if there was nothing to go on from.
    pub(super) fn next(&mut self) -> f32 {
        let Some(pulse) = self.pulses.get(self.at).copied() else { return 0.0 };
        let before = self.sound.get(self.sound.len() - self.predictor.len()..).unwrap_or_default();
        let made = pulse - product(before, &self.predictor);
        self.sound.push(made);
        self.at = (self.at + 1) % self.pulses.len();
        made
    }

    /// Levinson's recursion over the sound's correlations with itself.
    fn predict(&mut self) {
        let order = (ORDER_PER_KHZ * self.rate.samples(1)).min(ORDER_MAX);
        let correlations = self.correlations(order);
        // White noise 40 dB below, and a bit, so that neither a tone nor silence divides by nothing.
        let mut error = correlations.first().map_or(1.0, |power| power * 1.0001 + 1.0);
        let mut predictor: Vec<f64> = Vec::with_capacity(order);
        for reach in 1..=order {
            let seen = correlations.get(1..=reach).unwrap_or_default();
            let missed: f64 =
                std::iter::once(&1.0).chain(&predictor).zip(seen.iter().rev()).map(|(a, r)| a * r).sum();
            let reflection = -missed / error;
            let turned: Vec<f64> = predictor.iter().rev().map(|a| a * reflection).collect();
            predictor.iter_mut().zip(turned).for_each(|(a, turned)| *a += turned);
            predictor.push(reflection);
            error *= 1.0 - reflection * reflection;
        }
        let flatter = (1..).map(|power| FLATTEN.powi(power));
        let coefficients = predictor.iter().zip(flatter).map(|(a, by)| (a * by) as f32);
        self.predictor.clear();
        self.predictor.extend(coefficients);
        self.predictor.reverse();
    }

    fn correlations(&self, order: usize) -> Vec<f64> {
        let len = self.rate.samples(WINDOW_MS).min(self.sound.len());
        let newest = self.sound.get(self.sound.len() - len..).unwrap_or_default();
        let windowed = newest.iter().enumerate().map(|(n, sample)| {
            let at = (n as f64 + 0.5) / len as f64;
            let way = if at < WINDOW_PEAK { at / WINDOW_PEAK } else { (1.0 - at) / (1.0 - WINDOW_PEAK) };
            f64::from(*sample) * (0.5 - 0.5 * (PI * way).cos())
        });
        let windowed: Vec<f64> = windowed.collect();
        let with = |lag| windowed.iter().zip(windowed.iter().skip(lag)).map(|(a, b)| a * b).sum();
        (0..=order).map(with).collect()
    }
}

#[cfg(test)]
impl Extrapolation {
    pub(super) fn capacity(&self) -> usize {
        self.sound.capacity()
    }
}
