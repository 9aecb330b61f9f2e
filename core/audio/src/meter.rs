//! [`tone_hz`]: which single tone a stretch of sound is. Tests and the self-test of the server hear
//! with it: not that packets came, but that the tone came.

use std::f64::consts::PI;

/// Samples below which a tone has no frequency worth the name.
const SAMPLES_MIN: usize = 128;
/// Samples looked at, at most: two seconds at 8000 Hz.
const SAMPLES_MAX: usize = 16_384;
/// Lines of the spectrum to either side that a tone spills into through the window.
const SPILL: usize = 3;
/// The share of all power that must be the tone's.
const SHARE_MIN: f64 = 0.6;
/// What is softer is silence, in dBFS.
const LEVEL_DBFS_MIN: f64 = -70.0;

/// The frequency in Hz and the level in dBFS (a sine of full scale is 0) of the tone that most of
/// this sound is; `None` for silence, noise, speech, several tones, or less than 128 samples.
///
/// The more samples, the finer: within a tenth of a Hz for half a second.
#[must_use]
pub fn tone_hz(samples: &[i16], rate_hz: u32) -> Option<(f32, f32)> {
    if samples.len() < SAMPLES_MIN {
        return None;
    }
    let len = (samples.len().min(SAMPLES_MAX) + 1).next_power_of_two() / 2;
    let power = power_spectrum(samples.get(..len)?);
    let total: f64 = power.iter().skip(1).sum();
    let (peak, _) = power.iter().enumerate().skip(1).max_by(|a, b| a.1.total_cmp(b.1))?;
    let lines = power.get(peak.saturating_sub(SPILL).max(1)..(peak + SPILL + 1).min(power.len()))?;
    let tone: f64 = lines.iter().sum();
    // A sine of amplitude 1 leaves len/4 times the window's power (3/8 len) on one side.
    let amplitude = (tone / (len as f64 * len as f64 * 3.0 / 32.0)).sqrt() / 32_768.0;
    let level_dbfs = 20.0 * amplitude.max(1e-9).log10();
    if tone < SHARE_MIN * total || level_dbfs < LEVEL_DBFS_MIN {
        return None;
    }
    let line = peak as f64 + summit(&power, peak)?;
    Some(((line * f64::from(rate_hz) / len as f64) as f32, level_dbfs as f32))
}

/// How far beside its line the peak really is, -0.5 to 0.5: for the Hann window the ratio of the two
/// highest lines says it exactly.
fn summit(power: &[f64], peak: usize) -> Option<f64> {
    let magnitude = |line: usize| power.get(line).copied().unwrap_or(0.0).sqrt();
    let (below, here, above) = (magnitude(peak.checked_sub(1)?), magnitude(peak), magnitude(peak + 1));
    let beside = |other: f64| (2.0 * other - here) / (other + here);
    Some(if above > below { beside(above) } else { -beside(below) }.clamp(-0.5, 0.5))
}

/// The power of each line from 0 to half the rate, through a Hann window.
fn power_spectrum(samples: &[i16]) -> Vec<f64> {
    let len = samples.len();
    let mean = samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / len as f64;
    let windowed = samples.iter().enumerate().map(|(n, sample)| {
        let window = 0.5 - 0.5 * (2.0 * PI * n as f64 / len as f64).cos();
        ((f64::from(*sample) - mean) * window, 0.0)
    });
    let spectrum = transform(&windowed.collect::<Vec<_>>());
    spectrum.iter().take(len / 2).map(|(re, im)| re * re + im * im).collect()
}

/// The Fourier transform of a power of two of values: that of its halves, even and odd, combined.
fn transform(values: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if values.len() < 2 {
        return values.to_vec();
    }
    let half = |first: usize| transform(&values.iter().skip(first).step_by(2).copied().collect::<Vec<_>>());
    let (even, odd) = (half(0), half(1));
    let turned: Vec<_> = (odd.iter().enumerate())
        .map(|(line, (re, im))| {
            let (sin, cos) = (-2.0 * PI * line as f64 / values.len() as f64).sin_cos();
            (re * cos - im * sin, re * sin + im * cos)
        })
        .collect();
    let pairs = || even.iter().zip(&turned);
    pairs().map(|(a, b)| (a.0 + b.0, a.1 + b.1)).chain(pairs().map(|(a, b)| (a.0 - b.0, a.1 - b.1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, amplitude: f64, rate_hz: u32, count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| (amplitude * (2.0 * PI * hz * n as f64 / f64::from(rate_hz) + 0.3).sin()).round() as i16)
            .collect()
    }

    #[test]
    fn a_tone_is_named_to_a_tenth_of_a_hertz_and_of_a_decibel() {
        for rate_hz in [8_000, 16_000, 48_000] {
            for hz in [100.3, 425.0, 440.7, 1_004.1, 3_399.9] {
                for amplitude in [32_000.0, 1_000.0] {
                    let (heard, level) =
                        tone_hz(&sine(hz, amplitude, rate_hz, rate_hz as usize), rate_hz).expect("a tone");
                    assert!((f64::from(heard) - hz).abs() < 0.1, "{hz} heard as {heard}");
                    let sent = 20.0 * (amplitude / 32_768.0).log10();
                    assert!((f64::from(level) - sent).abs() < 0.1, "{sent} dB heard as {level}");
                }
            }
        }
    }

    #[test]
    fn a_single_frame_is_enough_for_a_rough_idea() {
        let (hz, _) = tone_hz(&sine(1_000.0, 9_000.0, 8_000, 160), 8_000).expect("a tone");
        assert!((hz - 1_000.0).abs() < 5.0, "{hz}");
    }

    #[test]
    fn silence_noise_two_tones_and_too_little_are_no_tone() {
        assert_eq!(tone_hz(&[0; 8_000], 8_000), None);
        assert_eq!(tone_hz(&[500; 8_000], 8_000), None);
        assert_eq!(tone_hz(&sine(440.0, 9_000.0, 8_000, 127), 8_000), None);
        let mut seed = 1_u32;
        let noise: Vec<i16> = (0..8_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 18) as i16
            })
            .collect();
        assert_eq!(tone_hz(&noise, 8_000), None);
        let three = [697.0, 1_209.0, 2_000.0].map(|hz| sine(hz, 5_000.0, 8_000, 8_000));
        let sum: Vec<i16> = (0..8_000).map(|n| three.iter().map(|tone| tone[n]).sum()).collect();
        assert_eq!(tone_hz(&sum, 8_000), None);
    }
}
