//! [`stretch`]: a piece of sound made a few milliseconds longer or shorter, and heard as it was.
//!
//! One period of the voice is put in or taken out, and blended over its own length, so that neither
//! pitch nor loudness changes. By how much and when a stream should be stretched is for the jitter
//! buffer to say (core/rtp).

use crate::Rate;
use crate::level_dbov;
use crate::pitch::Pitch;

/// No shorter period is put in or taken out: it would not be worth the blending.
const PERIOD_MIN_MS_HALVES: usize = 5;
const PERIOD_MAX_MS: u32 = 15;
/// So like must two periods be that one may stand for both.
const LIKENESS_MIN: f32 = 0.75;
/// What is softer than this is no voice, and may be cut anywhere.
const QUIET_DBOV: u8 = 55;

/// Makes a piece (10 ms or more; a frame or two) longer by up to `by` samples, or shorter if that is
/// negative, and says by how much: 0 where it would be heard, or when `by` is less than 2.5 ms.
pub fn stretch(rate: Rate, samples: &mut Vec<i16>, by: isize) -> isize {
    let longest = by.unsigned_abs().min(rate.samples(PERIOD_MAX_MS)).min(samples.len() / 2);
    let shortest = rate.samples(1) * PERIOD_MIN_MS_HALVES / 2;
    if longest < shortest {
        return 0;
    }
    let Some(period) = period(rate, samples, shortest, longest) else { return 0 };
    let last = samples.split_off(samples.len() - period);
    let before = samples.split_off(samples.len() - period);
    if by < 0 {
        samples.extend(blend(&before, &last));
        -(period as isize)
    } else {
        samples.extend_from_slice(&before);
        samples.extend(blend(&last, &before));
        samples.extend(last);
        period as isize
    }
}

/// Nobody speaks in this piece: it may be cut anywhere.
pub fn is_quiet(samples: &[i16]) -> bool {
    level_dbov(samples) >= QUIET_DBOV
}

/// After how many samples the end of the piece is like itself, if it is.
fn period(rate: Rate, samples: &[i16], shortest: usize, longest: usize) -> Option<usize> {
    if is_quiet(samples) {
        return Some(longest);
    }
    let sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let pitch = Pitch::of(&sound, rate, samples.len() - longest, shortest..=longest)?;
    (pitch.likeness >= LIKENESS_MIN).then_some(pitch.lag)
}

/// From the one to the other.
fn blend<'a>(from: &'a [i16], to: &'a [i16]) -> impl Iterator<Item = i16> + 'a {
    let len = from.len() as f32;
    from.iter().zip(to).enumerate().map(move |(n, (from, to))| {
        let share = (n as f32 + 0.5) / len;
        (f32::from(*from) * (1.0 - share) + f32::from(*to) * share) as i16
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Noise, Tone, ToneSource, tone_hz};

    fn sine(hz: f32, rate: Rate) -> Vec<i16> {
        let mut sound = vec![0; rate.samples(4_000)];
        ToneSource::new(Tone::sine(hz, -10.0), rate).fill(&mut sound);
        sound
    }

    /// Every tenth frame stretched by up to 10 ms, either way.
    fn stretched(sound: &[i16], rate: Rate, by_ms: isize) -> Vec<i16> {
        let mut output = Vec::new();
        for (n, frame) in sound.chunks(rate.frame_len()).enumerate() {
            let mut piece = frame.to_vec();
            if n % 10 == 5 {
                let by = by_ms * rate.samples(1) as isize;
                let done = stretch(rate, &mut piece, by);
                assert_eq!(piece.len() as isize, frame.len() as isize + done);
                assert!(done != 0 && done.signum() == by.signum() && done.abs() <= by.abs());
            }
            output.extend(piece);
        }
        output
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_is_smooth_while_its_length_changes() {
        for rate in [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000] {
            for hz in [180.0, 440.0, 1_000.0] {
                let sound = sine(hz, rate);
                let step = |sound: &[i16]| sound.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
                for by_ms in [-8, 8] {
                    let output = stretched(&sound, rate, by_ms);
                    assert!(output.len().abs_diff(sound.len()) > rate.samples(50), "{hz} Hz by {by_ms} ms");
                    let (heard, level) = tone_hz(&output, rate.hz()).expect("a tone");
                    assert!(
                        (heard - hz).abs() < 2.0 && (level + 10.0).abs() < 0.5,
                        "{hz}: {heard} Hz, {level} dB"
                    );
                    assert!(step(&output) <= step(&sound[200..]).map(|step| step + step / 8));
                }
            }
        }
    }

    #[test]
    fn noise_is_left_alone_and_quiet_is_cut_as_asked() {
        let mut noise = vec![0; 160];
        Noise::new(1).fill(20, &mut noise);
        let before = noise.clone();
        assert_eq!(stretch(Rate::Hz8000, &mut noise, -60), 0);
        assert_eq!(noise, before);
        Noise::new(1).fill(60, &mut noise);
        assert_eq!(stretch(Rate::Hz8000, &mut noise, -60), -60);
        assert_eq!(stretch(Rate::Hz8000, &mut noise, 40), 40);
        assert_eq!(noise.len(), 140);
    }

    #[test]
    fn too_little_to_do_or_to_do_it_with_does_nothing() {
        for (len, by) in [(160, 19), (160, -19), (160, 0), (30, 80), (0, 80), (0, isize::MIN)] {
            let mut sound = vec![0; len];
            assert_eq!(stretch(Rate::Hz8000, &mut sound, by), 0);
            assert_eq!(sound.len(), len);
        }
        let mut sound = vec![0; 160];
        assert_eq!(stretch(Rate::Hz8000, &mut sound, isize::MIN), -80);
    }
}
