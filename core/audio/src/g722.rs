//! G.722 at 64 kbit/s: 7 kHz of speech, 16000 samples a second, 8 bits for each two.
//!
//! A quadrature mirror filter parts the sound into two bands of 8000 samples a second, and each is
//! coded by an adaptive quantiser around an adaptive predictor ([`band`]). Written from the ITU-T
//! Recommendation, in its integer arithmetic, and bit-exact with it.
//!
//! Not here: the modes of 56 and 48 kbit/s, which SIP does not use, and the clock of RTP, which
//! counts 8000 a second for this codec (RFC 3551 §4.5.2) and is the business of who sends it.

mod band;
mod tables;

use band::{HighBand, LowBand, limit_15_bits, saturate};
use tables::MIRROR;

/// Samples of each of the signal's two phases that the mirror filter looks at.
const TAPS: usize = MIRROR.len();

/// Sound to octets.
#[derive(Clone)]
pub struct G722Encoder {
    /// The first samples of the newest pairs, and the second ones.
    phases: [Phase; 2],
    low: LowBand,
    high: HighBand,
}

impl G722Encoder {
    /// An encoder that heard nothing yet.
    #[must_use]
    pub const fn new() -> G722Encoder {
        G722Encoder { phases: [Phase::new(), Phase::new()], low: LowBand::new(), high: HighBand::new() }
    }

    /// Appends the octets of these samples (16000 Hz) to a payload, one for each two; an odd one at
    /// the end is left out.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.extend(samples.as_chunks::<2>().0.iter().map(|pair| self.octet(*pair)));
    }

    fn octet(&mut self, [first, second]: [i16; 2]) -> u8 {
        let [firsts, seconds] = &mut self.phases;
        firsts.push(first);
        seconds.push(second);
        let (first, second) = (firsts.filter(&MIRROR), seconds.filter(&MIRROR_BACKWARDS));
        // The filter's sum is 2^13 wide, and a band has one bit less than the sound.
        let low = limit_15_bits((second + first) >> 14);
        let high = limit_15_bits((second - first) >> 14);
        (self.high.encode(high) << 6) | self.low.encode(low)
    }
}

impl Default for G722Encoder {
    fn default() -> G722Encoder {
        G722Encoder::new()
    }
}

/// Octets to sound.
#[derive(Clone)]
pub struct G722Decoder {
    /// Differences of the bands' newest samples, and their sums.
    phases: [Phase; 2],
    low: LowBand,
    high: HighBand,
}

impl G722Decoder {
    /// A decoder that heard nothing yet.
    #[must_use]
    pub const fn new() -> G722Decoder {
        G722Decoder { phases: [Phase::new(), Phase::new()], low: LowBand::new(), high: HighBand::new() }
    }

    /// Writes the samples (16000 Hz) of a payload, two for each octet, as many as there is room
    /// for; says how many.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        let pairs = samples.as_chunks_mut::<2>().0;
        for (pair, octet) in pairs.iter_mut().zip(payload) {
            *pair = self.pair(*octet);
        }
        2 * pairs.len().min(payload.len())
    }

    /// Takes in the sound that stands for a payload which did not come, so that the next one meets
    /// the state it was made for as nearly as the sound was guessed. Nothing else brings a decoder
    /// back for 60 ms.
    ///
    /// `sound` is what was played, from [`Self::LEAD`] samples behind the gap's beginning to as many
    /// behind its end; `before` are the samples right before that, as many as the filter looks at.
    pub fn follow(&mut self, before: &[i16; 2 * TAPS], sound: &[i16]) {
        let mut phases = [Phase::new(), Phase::new()];
        for (n, sample) in before.iter().enumerate() {
            let [firsts, seconds] = &mut phases;
            if n % 2 == 0 { firsts.push(*sample) } else { seconds.push(*sample) }
        }
        let mut encoder = G722Encoder { phases, low: self.low.clone(), high: self.high.clone() };
        for pair in sound.as_chunks::<2>().0 {
            self.pair(encoder.octet(*pair));
        }
    }

    /// By how many samples sound comes out of a decoder later than it went into its encoder.
    pub const LEAD: usize = 2 * TAPS - 2;

    fn pair(&mut self, octet: u8) -> [i16; 2] {
        let low = self.low.decode(octet & 0x3F);
        let high = self.high.decode(octet >> 6);
        let [differences, sums] = &mut self.phases;
        // Two samples of 15 bits fit one word.
        differences.push((low - high) as i16);
        sums.push((low + high) as i16);
        let pair = [differences.filter(&MIRROR_BACKWARDS), sums.filter(&MIRROR)];
        pair.map(|sum| saturate(sum >> 11) as i16)
    }
}

impl Default for G722Decoder {
    fn default() -> G722Decoder {
        G722Decoder::new()
    }
}

/// Every second sample of a signal, as far back as the mirror filter looks; the oldest first.
#[derive(Clone)]
struct Phase([i16; TAPS]);

impl Phase {
    const fn new() -> Phase {
        Phase([0; TAPS])
    }

    fn push(&mut self, sample: i16) {
        self.0.rotate_left(1);
        self.0[TAPS - 1] = sample;
    }

    fn filter(&self, coefficients: &[i16; TAPS]) -> i32 {
        self.0.iter().zip(coefficients).map(|(sample, by)| i32::from(*sample) * i32::from(*by)).sum()
    }
}

/// The coefficients between those of [`MIRROR`].
const MIRROR_BACKWARDS: [i16; TAPS] = {
    let mut backwards = MIRROR;
    backwards.as_mut_slice().reverse();
    backwards
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise in bursts of every loudness up to the full scale, then a square wave at full scale:
    /// what makes every word of the arithmetic saturate somewhere.
    fn sound() -> Vec<i16> {
        let mut seed = 1_u32;
        let noise = (0..16_000).map(|n| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 >> (n / 500 * 7 % 16)
        });
        let square = (0..4_000).map(|n| if n / (3 + n / 500) % 2 == 0 { i16::MAX } else { i16::MIN });
        noise.chain(square).collect()
    }

    /// FNV-1a.
    fn checksum(octets: impl IntoIterator<Item = u8>) -> u64 {
        octets
            .into_iter()
            .fold(0xCBF2_9CE4_8422_2325, |sum, octet| (sum ^ u64::from(octet)).wrapping_mul(0x0100_0000_01B3))
    }

    fn decoded(payload: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; 2 * payload.len()];
        assert_eq!(G722Decoder::new().decode(payload, &mut samples), samples.len());
        samples
    }

    /// The sums are of what the reference program of ITU-T G.191 (STL2023) makes of the same sound;
    /// it and this code also agree on its own test sequence, both ways.
    #[test]
    fn sound_of_every_loudness_encodes_and_decodes_as_by_the_reference() {
        let mut payload = Vec::new();
        G722Encoder::new().encode(&sound(), &mut payload);
        assert_eq!(payload.len(), 10_000);
        assert_eq!(checksum(payload.iter().copied()), ENCODED);
        assert_eq!(checksum(decoded(&payload).into_iter().flat_map(i16::to_le_bytes)), DECODED);
    }

    #[test]
    fn codes_that_no_encoder_sends_decode_as_by_the_reference() {
        let payload: Vec<u8> = sound().into_iter().map(|sample| sample.to_le_bytes()[0]).collect();
        assert!((0..4).all(|code| payload.iter().any(|octet| octet & 0x3F == code)));
        assert_eq!(checksum(decoded(&payload).into_iter().flat_map(i16::to_le_bytes)), NEVER_SENT);
    }

    #[test]
    fn frame_by_frame_is_the_same_as_all_at_once() {
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        G722Encoder::new().encode(&sound(), &mut whole);
        let mut encoder = G722Encoder::new();
        sound().chunks(320).for_each(|frame| encoder.encode(frame, &mut parts));
        assert_eq!(whole, parts);
    }

    #[test]
    fn an_odd_sample_and_a_payload_that_is_too_long_are_left_out() {
        let mut payload = Vec::new();
        G722Encoder::new().encode(&[0; 5], &mut payload);
        assert_eq!(payload, [0xFA, 0xFA]);
        let mut samples = [7; 3];
        assert_eq!(G722Decoder::new().decode(&payload, &mut samples), 2);
        assert_eq!(samples, [0, -1, 7]);
    }

    #[test]
    fn after_a_gap_a_decoder_that_followed_the_sound_is_nearer_to_it() {
        let mut seed = 1_u32;
        // Coloured noise, to which the predictors have adapted.
        let mut last = 0.0;
        let sound: Vec<i16> = (0..6_400)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                last = 0.95 * last + f64::from((seed >> 20) as i16 - 2_048);
                last as i16
            })
            .collect();
        let mut payload = Vec::new();
        G722Encoder::new().encode(&sound, &mut payload);
        let whole = decoded(&payload);
        let mut fresh = G722Decoder::new();
        fresh.decode(&payload[..1_600], &mut [0; 3_200]);
        let mut followed = fresh.clone();
        let gap = 3_200 + G722Decoder::LEAD..3_520 + G722Decoder::LEAD;
        followed.follow(whole[gap.start - 24..gap.start].try_into().unwrap(), &whole[gap]);
        let [lost, followed] = [fresh, followed].map(|mut decoder| {
            let mut heard = [0; 320];
            decoder.decode(&payload[1_760..1_920], &mut heard);
            let errors =
                heard.iter().zip(&whole[3_520..]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            errors.sum::<f64>()
        });
        assert!(followed * 10.0 < lost, "{followed} to {lost}");
    }

    #[test]
    fn a_tone_comes_out_as_it_went_in_but_for_its_delay() {
        let tone: Vec<i16> = (0..3_200).map(|n| (8_000.0 * (f64::from(n) * 0.4).sin()) as i16).collect();
        let mut payload = Vec::new();
        G722Encoder::new().encode(&tone, &mut payload);
        let heard = decoded(&payload);
        let error: f64 = tone[800..3_000]
            .iter()
            .zip(&heard[800 + G722Decoder::LEAD..])
            .map(|(sent, heard)| f64::from(*sent - *heard).powi(2))
            .sum();
        let power = 2_200.0 * 8_000.0_f64.powi(2) / 2.0;
        assert!(10.0 * (power / error).log10() > 30.0, "{}", 10.0 * (power / error).log10());
    }

    const ENCODED: u64 = 0x9EE9_DAAB_1684_675D;
    const DECODED: u64 = 0xD3C0_B3E1_A75D_634C;
    const NEVER_SENT: u64 = 0xC666_D2D9_455C_4321;
}
