//! Noise: white ([`Noise`]), and comfort noise ([`ComfortNoise`]), which tells a listener that the
//! line is still there while the other side says nothing.
//!
//! Not here: the payload that describes it (RFC 3389) and when it is sent: core/rtp.

/// Reflection coefficients taken from a description; what is finer than so many is not heard.
const ORDER_MAX: usize = 12;
/// Coefficients stay so far inside the unit circle that the filter dies away.
const REFLECTION_MAX: f32 = 0.99;

/// White noise from a seed: the same seed, the same noise.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
}

impl Noise {
    /// Any seed will do.
    #[must_use]
    pub const fn new(seed: u32) -> Noise {
        // The generator stands still at zero and nowhere else.
        Noise { state: if seed == 0 { 0x9E37_79B9 } else { seed } }
    }

    /// Fills with noise of a level in -dBov (127: silence).
    pub fn fill(&mut self, level_dbov: u8, samples: &mut [i16]) {
        let amplitude = amplitude(level_dbov);
        for sample in samples {
            *sample = (self.next() * amplitude) as i16;
        }
    }

    /// Evenly spread, with a mean square of 1.
    pub(crate) fn next(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        (self.state >> 8) as f32 * (2.0 * SPREAD / 16_777_216.0) - SPREAD
    }
}

/// Half the width of an even spread with a mean square of 1: the root of 3.
const SPREAD: f32 = 1.732_050_8;

/// The root mean square for a level in -dBov.
fn amplitude(level_dbov: u8) -> f32 {
    if level_dbov >= crate::SILENCE_DBOV {
        0.0
    } else {
        32_768.0 * 10.0_f32.powf(-f32::from(level_dbov) / 20.0)
    }
}

/// Noise like that which the far side described.
#[derive(Clone, Debug)]
pub struct ComfortNoise {
    noise: Noise,
    /// The root mean square now, and where it goes to: a step would be heard.
    amplitude: f32,
    target: f32,
    reflections: [f32; ORDER_MAX],
    /// The lattice's backward values.
    backward: [f32; ORDER_MAX],
}

impl ComfortNoise {
    /// Silence, until something was described.
    #[must_use]
    pub const fn new(seed: u32) -> ComfortNoise {
        ComfortNoise {
            noise: Noise::new(seed),
            amplitude: 0.0,
            target: 0.0,
            reflections: [0.0; ORDER_MAX],
            backward: [0.0; ORDER_MAX],
        }
    }

    /// Takes a description: the level in -dBov, and reflection coefficients between -1 and 1, which
    /// may be none (white noise).
    pub fn describe(&mut self, level_dbov: u8, reflections: impl IntoIterator<Item = f32>) {
        self.target = amplitude(level_dbov);
        let reflections = reflections.into_iter().chain(std::iter::repeat(0.0));
        for (mine, told) in self.reflections.iter_mut().zip(reflections) {
            *mine = told.clamp(-REFLECTION_MAX, REFLECTION_MAX);
        }
    }

    /// Fills with the noise described.
    pub fn fill(&mut self, samples: &mut [i16]) {
        // What the filter adds in power is taken from what it is fed with.
        let gain = self.reflections.iter().map(|k| 1.0 - k * k).product::<f32>().sqrt();
        let step = (self.target - self.amplitude) / samples.len().max(1) as f32;
        for sample in samples {
            self.amplitude += step;
            let fed = self.noise.next() * self.amplitude * gain;
            *sample = self.filtered(fed) as i16;
        }
    }

    /// One step of the all-pole lattice.
    fn filtered(&mut self, fed: f32) -> f32 {
        let mut forward = fed;
        // The backward value of each stage goes up to the next one.
        let mut above: Option<&mut f32> = None;
        for (k, backward) in self.reflections.iter().zip(self.backward.iter_mut()).rev() {
            forward -= k * *backward;
            if let Some(above) = above {
                *above = *backward + k * forward;
            }
            above = Some(backward);
        }
        if let Some(lowest) = above {
            *lowest = forward;
        }
        forward
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level_dbov;

    fn made(level_dbov: u8, reflections: &[f32]) -> Vec<i16> {
        let mut comfort = ComfortNoise::new(2);
        comfort.describe(level_dbov, reflections.iter().copied());
        let mut samples = vec![0; 16_000];
        comfort.fill(&mut samples[..160]);
        comfort.fill(&mut samples);
        samples
    }

    /// How like a sound is itself so many samples later, -1 to 1.
    fn likeness(samples: &[i16], lag: usize) -> f32 {
        let product = |(a, b): (&i16, &i16)| f64::from(*a) * f64::from(*b);
        let whole: f64 = samples.iter().zip(samples).map(product).sum();
        (samples.iter().zip(&samples[lag..]).map(product).sum::<f64>() / whole) as f32
    }

    #[test]
    fn noise_has_the_level_asked_for_and_a_seed_repeats_it() {
        for level in [10, 30, 60] {
            let (mut one, mut same) = ([0; 8_000], [0; 8_000]);
            Noise::new(5).fill(level, &mut one);
            Noise::new(5).fill(level, &mut same);
            assert_eq!(one, same);
            assert!(level_dbov(&one).abs_diff(level) <= 1);
        }
        let mut none = [9; 10];
        Noise::new(0).fill(127, &mut none);
        assert_eq!(none, [0; 10]);
    }

    #[test]
    fn comfort_noise_has_the_level_and_the_colour_described() {
        for (k1, k2) in [(0.0, 0.0), (-0.8, 0.0), (0.6, 0.0), (-0.5, 0.5), (0.3, -0.6)] {
            let noise = made(40, &[k1, k2]);
            assert!(level_dbov(&noise).abs_diff(40) <= 1, "{k1} {k2}");
            // What Levinson's recursion says of a filter with these coefficients.
            let first = -k1;
            let second = -k2 * (1.0 - k1 * k1) + k1 * k1;
            assert!((likeness(&noise, 1) - first).abs() < 0.03, "{k1} {k2}: {}", likeness(&noise, 1));
            assert!((likeness(&noise, 2) - second).abs() < 0.03, "{k1} {k2}: {}", likeness(&noise, 2));
        }
    }

    #[test]
    fn nothing_described_is_silence_and_a_new_description_comes_in_gently() {
        let mut comfort = ComfortNoise::new(3);
        let mut samples = [1; 160];
        comfort.fill(&mut samples);
        assert_eq!(samples, [0; 160]);
        comfort.describe(20, []);
        comfort.fill(&mut samples);
        assert!(level_dbov(&samples[..40]) > level_dbov(&samples[120..]) + 6);
    }

    #[test]
    fn no_description_makes_the_filter_run_away() {
        for seed in 1..200 {
            let mut source = Noise::new(seed);
            let wild: Vec<f32> = (0..20).map(|_| source.next()).collect();
            for reflections in [wild, vec![-2.0; 13], vec![f32::MAX; 13]] {
                assert!(level_dbov(&made(60, &reflections)) > 40, "{reflections:?}");
            }
        }
    }
}
