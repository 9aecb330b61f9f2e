//! One band of G.722: an adaptive quantiser around an adaptive predictor (G.722 §3, §4).
//!
//! Encoder and decoder hold the same [`Band`] and feed it the same codes, so that both predict the
//! same. All arithmetic is of the Recommendation: 16-bit words that saturate, products of 32 bits.

use super::tables::{
    HIGH, HIGH_DECISION, HIGH_STEPS, HIGH_VALUES, LOW, LOW_DECISIONS, LOW_STEPS, LOW_VALUES_4_BIT,
    LOW_VALUES_6_BIT, OCTAVE, Scale,
};

/// The lower band, 0 to 4 kHz: 6 bits a sample.
#[derive(Clone)]
pub(super) struct LowBand(Band);

impl LowBand {
    pub(super) const fn new() -> LowBand {
        LowBand(Band::new(&LOW))
    }

    /// The code of 6 bits for a sample of 15 bits.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let band = &mut self.0;
        let error = saturate(sample - band.expected);
        let magnitude = if error < 0 { !error } else { error };
        let level =
            LOW_DECISIONS.partition_point(|decision| magnitude >= ((decision << 3) * band.scale) >> 15);
        // Codes fall as levels rise, on either side; 0 to 3 would be all zeroes at 48 kbit/s and are
        // never sent, which is why the two smallest negative levels stand apart.
        let code = match (error < 0, level as u8) {
            (true, level @ 0..=1) => 63 - level,
            (true, level) => 33 - level,
            (false, level) => 61 - level,
        };
        self.follow(code);
        code
    }

    /// The sample for a code of 6 bits.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let value = entry(&LOW_VALUES_6_BIT, code);
        let sample = limit_15_bits(self.0.expected + ((self.0.scale * value) >> 15));
        self.follow(code);
        sample
    }

    fn follow(&mut self, code: u8) {
        let code = code >> 2;
        self.0.follow(entry(&LOW_VALUES_4_BIT, code), entry(&LOW_STEPS, code), &LOW);
    }
}

/// The upper band, 4 to 8 kHz: 2 bits a sample.
#[derive(Clone)]
pub(super) struct HighBand(Band);

impl HighBand {
    pub(super) const fn new() -> HighBand {
        HighBand(Band::new(&HIGH))
    }

    /// The code of 2 bits for a sample of 15 bits.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.0.expected);
        let magnitude = if error < 0 { !error } else { error };
        let outer = magnitude >= ((HIGH_DECISION << 3) * self.0.scale) >> 15;
        let code = match (error < 0, outer) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.follow(code);
        code
    }

    /// The sample for a code of 2 bits.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let value = entry(&HIGH_VALUES, code);
        let sample = limit_15_bits(self.0.expected + ((self.0.scale * value) >> 15));
        self.follow(code);
        sample
    }

    fn follow(&mut self, code: u8) {
        self.0.follow(entry(&HIGH_VALUES, code), entry(&HIGH_STEPS, code), &HIGH);
    }
}

/// What both bands have: two poles, six zeroes, and a scale. Newest values stand first.
#[derive(Clone)]
struct Band {
    /// The next sample as predicted.
    expected: i32,
    /// What the zeroes contribute to it.
    expected_of_zeroes: i32,
    /// The two newest reconstructed samples.
    rebuilt: [i32; 2],
    /// The signs of the two newest partially reconstructed samples: -1 or 0.
    partial_signs: [i32; 2],
    poles: [i32; 2],
    /// The six newest quantised differences.
    differences: [i32; 6],
    zeroes: [i32; 6],
    /// Logarithm of the scale, and the scale.
    log: i32,
    scale: i32,
}

impl Band {
    const fn new(scale: &Scale) -> Band {
        Band {
            expected: 0,
            expected_of_zeroes: 0,
            rebuilt: [0; 2],
            partial_signs: [0; 2],
            poles: [0; 2],
            differences: [0; 6],
            zeroes: [0; 6],
            log: 0,
            scale: scale.start,
        }
    }

    /// Takes in a code: its value relative to the scale, and by how much it moves the scale.
    fn follow(&mut self, value: i32, step: i32, limits: &Scale) {
        let difference = (self.scale * value) >> 15;
        self.adapt_scale(step, limits);
        self.adapt_poles(saturate(self.expected_of_zeroes + difference));
        self.adapt_zeroes(difference);
        let rebuilt = saturate(self.expected + difference);
        self.predict(rebuilt);
    }

    fn adapt_scale(&mut self, step: i32, limits: &Scale) {
        self.log = (((self.log * 127) >> 7) + step).clamp(0, limits.log_max);
        let fraction = entry(&OCTAVE, ((self.log >> 6) & 31) as u8);
        // The lower band has one octave more than its shift: the top one shifts up.
        let shift = limits.shift - (self.log >> 11);
        self.scale = (if shift < 0 { fraction << -shift } else { fraction >> shift }) << 2;
    }

    fn adapt_poles(&mut self, partial: i32) {
        let sign = partial >> 15;
        let [newer, older] = self.partial_signs;
        let [first, second] = self.poles;

        let lean = saturate(first << 2);
        let lean = if sign == newer { -lean } else { lean }.min(32_767);
        let kick = if sign == older { 128 } else { -128 };
        let second = (kick + (lean >> 7) + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);

        let kick = if sign == newer { 192 } else { -192 };
        let bound = 15_360 - second;
        let first = saturate(kick + ((first * 32_640) >> 15)).clamp(-bound, bound);

        self.poles = [first, second];
        self.partial_signs = [sign, newer];
    }

    fn adapt_zeroes(&mut self, difference: i32) {
        let kick = if difference == 0 { 0 } else { 128 };
        for (zero, older) in self.zeroes.iter_mut().zip(self.differences) {
            let kick = if older >> 15 == difference >> 15 { kick } else { -kick };
            *zero = saturate(kick + ((*zero * 32_640) >> 15));
        }
        self.differences.rotate_right(1);
        self.differences[0] = difference;
    }

    fn predict(&mut self, rebuilt: i32) {
        self.rebuilt = [rebuilt, self.rebuilt[0]];
        let of_poles = weighted_sum(&self.poles, &self.rebuilt);
        let of_zeroes = weighted_sum(&self.zeroes, &self.differences);
        self.expected_of_zeroes = of_zeroes;
        self.expected = saturate(of_poles + of_zeroes);
    }
}

/// The oldest term first, since each sum saturates.
fn weighted_sum<const N: usize>(weights: &[i32; N], values: &[i32; N]) -> i32 {
    let terms = weights.iter().zip(values).rev();
    terms.fold(0, |sum, (weight, value)| saturate(sum + ((weight * saturate(2 * value)) >> 15)))
}

/// Limits to a word of 16 bits.
pub(super) fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// Limits to the 15 bits that a band's sample has.
pub(super) fn limit_15_bits(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// An entry of a table whose length is the power of two that the code's bits reach.
fn entry<const N: usize>(table: &[i32; N], code: u8) -> i32 {
    const { assert!(N.is_power_of_two()) };
    #[allow(clippy::indexing_slicing)] // the mask keeps it inside
    table[usize::from(code) & (N - 1)]
}
