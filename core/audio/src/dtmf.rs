//! DTMF in sound (ITU-T Q.23, Q.24): [`DtmfDetector`] hears digits that were pressed.
//!
//! Two frequencies of two groups, alone and about equally loud. Most phones send digits as events of
//! RTP instead (RFC 4733), which is in core/rtp; sounding digits is in `tones`.

use std::f32::consts::TAU;

use crate::Rate;

const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// By row, then column.
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Blocks of 12.75 ms: two whole ones lie in the 40 ms that Q.24 lets a digit be short.
const BLOCK_AT_8000: usize = 102;
/// Blocks that must agree until a digit is begun, or is over.
const BLOCKS_AGREE: u8 = 2;
/// The softest sine that counts, as mean square: -42 dBFS.
const POWER_MIN: f32 = 32_768.0 * 32_768.0 / 2.0 * 6.3e-5;
/// The share of all power that must be in the two sines.
const SHARE_MIN: f32 = 0.75;
/// By how much a group's sine must stand above the others of its group, in power: 6 dB.
const ABOVE_GROUP: f32 = 4.0;
/// By how much the groups' sines may differ, in power: 10 dB.
const TWIST_MAX: f32 = 10.0;

/// The two frequencies of a digit.
pub(crate) fn frequencies_hz(digit: char) -> Option<[f32; 2]> {
    let digit = digit.to_ascii_uppercase();
    let mut rows = KEYS.iter().zip(ROWS_HZ);
    rows.find_map(|(keys, row)| {
        let column = keys.iter().position(|key| *key == digit)?;
        COLUMNS_HZ.get(column).map(|column| [row, *column])
    })
}

/// Hears digits in sound.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    rows: [Resonator; 4],
    columns: [Resonator; 4],
    /// Samples in a block, how many of it were heard, and their sum of squares.
    block: usize,
    heard: usize,
    energy: f32,
    /// What the newest blocks agree upon, and how many they are.
    candidate: Option<char>,
    agree: u8,
    /// The digit that sounds.
    digit: Option<char>,
}

impl DtmfDetector {
    /// It heard nothing yet.
    #[must_use]
    pub fn new(rate: Rate) -> DtmfDetector {
        let resonators = |hz: [f32; 4]| hz.map(|hz| Resonator::new(hz, rate));
        DtmfDetector {
            rows: resonators(ROWS_HZ),
            columns: resonators(COLUMNS_HZ),
            block: BLOCK_AT_8000 * rate.hz() as usize / 8_000,
            heard: 0,
            energy: 0.0,
            candidate: None,
            agree: 0,
            digit: None,
        }
    }

    /// Listens on; each digit is appended once, when it has begun for certain.
    pub fn listen(&mut self, samples: &[i16], digits: &mut String) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at((self.block - self.heard).min(rest.len()));
            self.rows.iter_mut().chain(&mut self.columns).for_each(|resonator| resonator.hear(now));
            self.energy += now.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum::<f32>();
            self.heard += now.len();
            if self.heard == self.block {
                let seen = self.block_ends();
                if let Some(digit) = self.agrees(seen) {
                    digits.push(digit);
                }
            }
            rest = later;
        }
    }

    /// The digit of the block, and a new block.
    fn block_ends(&mut self) -> Option<char> {
        let len = self.block as f32;
        let power = |resonator: &mut Resonator| resonator.take() / (len * len) * 2.0;
        let (rows, columns) = (self.rows.each_mut().map(power), self.columns.each_mut().map(power));
        let total = std::mem::take(&mut self.energy) / len;
        self.heard = 0;
        let ((row, row_power), (column, column_power)) = strongest(rows).zip(strongest(columns))?;
        let alone = row_power + column_power > SHARE_MIN * total;
        let level = row_power < TWIST_MAX * column_power && column_power < TWIST_MAX * row_power;
        let loud = row_power.min(column_power) > POWER_MIN;
        if alone && level && loud { KEYS.get(row)?.get(column).copied() } else { None }
    }

    /// The digit that begins now.
    fn agrees(&mut self, seen: Option<char>) -> Option<char> {
        self.agree = if seen == self.candidate { self.agree.saturating_add(1) } else { 1 };
        self.candidate = seen;
        if self.agree < BLOCKS_AGREE || seen == self.digit {
            return None;
        }
        self.digit = seen;
        seen
    }
}

/// The place and power of the one that stands above its group.
fn strongest(powers: [f32; 4]) -> Option<(usize, f32)> {
    let (place, power) = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let above = powers.iter().enumerate().all(|(other, its)| other == place || its * ABOVE_GROUP < *power);
    above.then_some((place, *power))
}

/// Goertzel's: the power of one frequency in a block.
#[derive(Clone, Debug)]
struct Resonator {
    twice_cos: f32,
    newer: f32,
    older: f32,
}

impl Resonator {
    fn new(hz: f32, rate: Rate) -> Resonator {
        Resonator { twice_cos: 2.0 * (TAU * hz / rate.hz() as f32).cos(), newer: 0.0, older: 0.0 }
    }

    fn hear(&mut self, samples: &[i16]) {
        for sample in samples {
            let next = f32::from(*sample) + self.twice_cos * self.newer - self.older;
            (self.newer, self.older) = (next, self.newer);
        }
    }

    /// The squared magnitude, and an empty block.
    fn take(&mut self) -> f32 {
        let (newer, older) = (std::mem::take(&mut self.newer), std::mem::take(&mut self.older));
        newer * newer + older * older - self.twice_cos * newer * older
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Noise, Tone, ToneSource};

    const ALL: &str = "1234567890*#ABCD";

    fn pressed(digits: &str, ms: u32, pause_ms: u32, rate: Rate) -> Vec<i16> {
        let mut sound = vec![0; rate.samples(50)];
        for digit in digits.chars() {
            let mut press = vec![0; rate.samples(ms + pause_ms)];
            ToneSource::new(Tone::dtmf(digit, ms).unwrap(), rate).fill(&mut press);
            sound.extend(press);
        }
        sound.extend(vec![0; rate.samples(50)]);
        sound
    }

    fn heard(sound: &[i16], rate: Rate) -> String {
        let (mut detector, mut digits) = (DtmfDetector::new(rate), String::new());
        sound.chunks(rate.frame_len()).for_each(|frame| detector.listen(frame, &mut digits));
        digits
    }

    #[test]
    fn every_digit_is_heard_once_at_every_rate_long_or_short() {
        for rate in [Rate::Hz8000, Rate::Hz16000, Rate::Hz48000] {
            for (ms, pause_ms) in [(45, 45), (100, 100), (600, 60)] {
                assert_eq!(heard(&pressed(ALL, ms, pause_ms, rate), rate), ALL, "{ms} ms");
            }
        }
        assert_eq!(heard(&pressed("1155", 60, 60, Rate::Hz8000), Rate::Hz8000), "1155");
    }

    #[test]
    fn soft_loud_and_noisy_digits_are_heard() {
        let clean = pressed(ALL, 70, 70, Rate::Hz8000);
        let soft: Vec<i16> = clean.iter().map(|sample| sample / 20).collect();
        let loud: Vec<i16> = clean.iter().map(|sample| sample.saturating_mul(4)).collect();
        let mut hiss = vec![0; clean.len()];
        Noise::new(4).fill(35, &mut hiss);
        let noisy: Vec<i16> = clean.iter().zip(&hiss).map(|(a, b)| a + b).collect();
        for sound in [soft, loud, noisy] {
            assert_eq!(heard(&sound, Rate::Hz8000), ALL);
        }
    }

    #[test]
    fn noise_other_tones_and_too_short_digits_are_not_heard() {
        let mut noise = vec![0; 80_000];
        Noise::new(9).fill(15, &mut noise);
        assert_eq!(heard(&noise, Rate::Hz8000), "");
        for tone in
            [Tone::sine(697.0, -6.0), Tone::sine(1_300.0, -6.0), Tone::dial(crate::Region::NorthAmerica)]
        {
            let mut sound = vec![0; 16_000];
            ToneSource::new(tone, Rate::Hz8000).fill(&mut sound);
            assert_eq!(heard(&sound, Rate::Hz8000), "");
        }
        assert_eq!(heard(&pressed("159", 12, 60, Rate::Hz8000), Rate::Hz8000), "");
    }

    #[test]
    fn one_group_much_louder_than_the_other_is_no_digit() {
        let mut sound = vec![0; 1_600];
        let mut column = sound.clone();
        ToneSource::new(Tone::sine(770.0, -8.0), Rate::Hz8000).fill(&mut sound);
        ToneSource::new(Tone::sine(1_336.0, -21.0), Rate::Hz8000).fill(&mut column);
        let twisted: Vec<i16> = sound.iter().zip(&column).map(|(a, b)| a + b).collect();
        assert_eq!(heard(&twisted, Rate::Hz8000), "");
    }
}
