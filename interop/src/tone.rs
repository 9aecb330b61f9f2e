//! Tones: making one for a phone to say, and telling which one was heard.

use std::f64::consts::TAU;
use std::path::Path;

use crate::failure::Outcome;

/// Samples a second, everywhere here.
pub(crate) const RATE: u32 = 8_000;
/// How far a tone may be off, in hertz.
const OFF_MAX: u32 = 5;
/// Peak of a tone that we make.
const AMPLITUDE: f64 = 12_000.0;
/// The band searched, in hertz: what a telephone passes.
const BAND: std::ops::RangeInclusive<u32> = 200..=3_400;
/// Share of the energy in the peak from which it counts as a tone, not as speech or music.
const PURITY: f64 = 0.6;
/// Share of the energy from which a tone is one among others.
const SHARE: f64 = 0.1;
/// Mean amplitude below which nothing is heard: comfort noise and rounding stay below, a tone far above.
const SILENCE: f64 = 100.0;

/// Writes a WAV file (16 bit, mono) with a tone of `hertz` for `secs` seconds.
pub(crate) fn write_wav(path: &Path, hertz: u32, secs: u32) -> Outcome<()> {
    let data_bytes = secs * RATE * 2;
    let mut wav = Vec::with_capacity(44 + data_bytes as usize);
    wav.extend(b"RIFF");
    wav.extend((36 + data_bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1u16, 1].map(u16::to_le_bytes).concat()); // PCM, one channel
    wav.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    wav.extend([2u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend(data_bytes.to_le_bytes());
    for sample in sine(hertz, secs * RATE) {
        wav.extend(sample.to_le_bytes());
    }
    Ok(std::fs::write(path, wav)?)
}

fn sine(hertz: u32, count: u32) -> impl Iterator<Item = i16> {
    let step = TAU * f64::from(hertz) / f64::from(RATE);
    (0..count).map(move |n| (AMPLITUDE * (step * f64::from(n)).sin()) as i16)
}

/// Is there anything to hear?
pub(crate) fn is_silent(samples: &[i16]) -> bool {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).abs()).sum();
    sum < SILENCE * samples.len().max(1) as f64
}

/// Is what was heard the tone that was wanted?
pub(crate) fn is(heard: u32, wanted: u32) -> bool {
    heard.abs_diff(wanted) <= OFF_MAX
}

/// The tone in `samples`, in hertz, if they hold a tone at all. Half a second tells it to a hertz.
pub(crate) fn heard(samples: &[i16]) -> Option<u32> {
    if samples.is_empty() || is_silent(samples) {
        return None;
    }
    let length = samples.len() as f64;
    // A Hann window keeps the energy of a tone near its peak, wherever the cut falls.
    let windowed: Vec<f64> = samples
        .iter()
        .enumerate()
        .map(|(n, &sample)| f64::from(sample) * (0.5 - 0.5 * (TAU * n as f64 / length).cos()))
        .collect();
    let energy: f64 = windowed.iter().map(|sample| sample * sample).sum();
    let (peak, hertz) = BAND
        .map(|hertz| (power(&windowed, f64::from(hertz)), hertz))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    // For a pure tone under this window the peak holds 1/3 of length times energy.
    (peak * 3.0 / (length * energy) > PURITY).then_some(hertz)
}

/// Is this tone among others in `samples`? None of them is much louder than another.
pub(crate) fn has(samples: &[i16], hertz: u32) -> bool {
    let length = samples.len() as f64;
    let samples: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    let near = (hertz - OFF_MAX..=hertz + OFF_MAX).map(|hertz| power(&samples, f64::from(hertz)));
    // A pure tone's power is half of length times energy.
    near.fold(0.0, f64::max) * 2.0 / (length * energy).max(1.0) > SHARE
}

/// The power of `samples` at one frequency (Goertzel).
fn power(samples: &[f64], hertz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hertz / f64::from(RATE)).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        (one, two) = (sample + coefficient * one - two, one);
    }
    one * one + two * two - coefficient * one * two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_told_to_a_hertz() {
        for hertz in [300, 441, 620, 1_003, 3_000] {
            let tone: Vec<i16> = sine(hertz, 4_000).collect();
            assert!(heard(&tone).is_some_and(|found| found.abs_diff(hertz) <= 1), "{hertz}");
        }
    }

    #[test]
    fn noise_two_tones_and_silence_are_no_tone() {
        let mut state = 1u32;
        let noise: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 4
        })
        .take(4_000)
        .collect();
        assert_eq!(heard(&noise), None);
        let two: Vec<i16> = sine(440, 4_000).zip(sine(620, 4_000)).map(|(a, b)| a / 2 + b / 2).collect();
        assert_eq!(heard(&two), None);
        assert!(has(&two, 440) && has(&two, 620) && !has(&two, 840));
        assert!(!has(&noise, 620) && !has(&[0; 4_000], 440));
        assert_eq!(heard(&[0; 4_000]), None);
        assert!(is_silent(&[8, -8, 8, -8]));
    }

    #[test]
    fn a_wav_file_has_its_length_in_its_head() {
        let path = std::env::temp_dir().join(format!("ruf-interop-tone-{}.wav", std::process::id()));
        write_wav(&path, 440, 1).expect("written");
        let wav = std::fs::read(&path).expect("read");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(wav.len(), 44 + 16_000);
        assert_eq!(wav.get(40..44), Some(16_000u32.to_le_bytes().as_slice()));
    }
}
