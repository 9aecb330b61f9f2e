//! The pitch of a stretch of sound: after how long it is most like itself. What concealment repeats,
//! and what time-scaling takes out or puts in, are whole periods of it.

use std::ops::RangeInclusive;

use crate::Rate;
use crate::product::product;

/// The rate at which all lags are tried; the best one is refined at the sound's own.
const COARSE_HZ: usize = 8_000;

/// After how many samples a sound is most like itself, and how like: 1 is the same, 0 nothing alike.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Pitch {
    pub(crate) lag: usize,
    pub(crate) likeness: f32,
}

impl Pitch {
    /// Of the last `window` samples, which are compared with what stood so many samples before them.
    /// `None` if the sound is shorter than the window and the longest lag together.
    pub(crate) fn of(sound: &[f32], rate: Rate, window: usize, lags: RangeInclusive<usize>) -> Option<Pitch> {
        let (shortest, longest) = (*lags.start(), *lags.end());
        let sound = sound.get(sound.len().checked_sub(window + longest)?..)?;
        let step = rate.hz() as usize / COARSE_HZ;
        let coarse: Vec<f32> = sound.rchunks_exact(step).rev().map(|group| group.iter().sum()).collect();
        let best = best(&coarse, window / step, shortest.div_ceil(step)..=longest / step)?;
        if step == 1 {
            return Some(best);
        }
        let around = (best.lag - 1) * step..=(best.lag + 1) * step;
        self::best(sound, window, shortest.max(*around.start())..=longest.min(*around.end()))
    }
}

fn best(sound: &[f32], window: usize, lags: RangeInclusive<usize>) -> Option<Pitch> {
    let end = sound.get(sound.len().checked_sub(window)?..)?;
    let pitches = lags.filter_map(|lag| {
        let start = sound.len().checked_sub(window + lag)?;
        Some(Pitch { lag, likeness: likeness(end, sound.get(start..start + window)?) })
    });
    pitches.max_by(|a, b| a.likeness.total_cmp(&b.likeness))
}

/// The cosine between two sounds of one length: 1 if they differ in loudness alone.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    // A mean square of 1 at least, so that silence is like nothing.
    product(a, b) / (product(a, a) * product(b, b)).sqrt().max(a.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Noise;

    /// Pulses that die away, as a voice makes them.
    fn voice(period: usize, count: usize) -> Vec<f32> {
        (0..count).map(|n| 8_000.0 * (-((n % period) as f32) / 20.0).exp()).collect()
    }

    #[test]
    fn a_voice_is_found_at_every_rate() {
        for rate in [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000] {
            for tenths_ms in [51, 71, 73, 100, 148] {
                let period = rate.hz() as usize * tenths_ms / 10_000;
                let (window, lags) = (rate.samples(20), rate.samples(5)..=rate.samples(15));
                let found = Pitch::of(&voice(period, rate.samples(60)), rate, window, lags).unwrap();
                assert!(found.lag.is_multiple_of(period) && found.likeness > 0.99, "{period}: {found:?}");
            }
        }
    }

    #[test]
    fn a_period_between_two_that_were_tried_is_found_above_and_below() {
        for period in 341..347 {
            let angle = |n: usize| std::f32::consts::TAU * n as f32 / period as f32;
            let sine: Vec<f32> = (0..2_880).map(|n| 8_000.0 * angle(n).sin()).collect();
            let found = Pitch::of(&sine, Rate::Hz48000, 960, 240..=480).unwrap();
            assert!(found.lag == period && found.likeness > 0.99, "{period}: {found:?}");
        }
    }

    #[test]
    fn noise_and_silence_are_like_nothing() {
        let mut noise = Noise::new(3);
        let hiss: Vec<f32> = (0..480).map(|_| noise.next() * 1_000.0).collect();
        let of = |sound: &[f32]| Pitch::of(sound, Rate::Hz8000, 160, 40..=120).unwrap();
        assert!(of(&hiss).likeness < 0.5);
        assert_eq!(of(&[0.0; 480]).likeness, 0.0);
        assert_eq!(Pitch::of(&hiss[..279], Rate::Hz8000, 160, 40..=120), None);
    }
}
