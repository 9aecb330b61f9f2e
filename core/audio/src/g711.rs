//! G.711: A-law and mu-law, 8 bits a sample at 8000 Hz (RFC 3551 §4.5.14).
//!
//! One look-up a sample either way. The tables are worked out by the compiler from the laws'
//! segments, and the tests hold every entry against the decision values of the Recommendation.
//! Even bits of an A-law octet are inverted and all bits of a mu-law octet, as on the wire.

/// Which of the two laws.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Law {
    /// PCMA, payload type 8: 13 bits of range.
    A,
    /// PCMU, payload type 0: 14 bits of range.
    Mu,
}

impl Law {
    /// The octet for a sample.
    #[must_use]
    pub const fn encode(self, sample: i16) -> u8 {
        // The shifted sample has 12 or 14 bits, as many as number its table's entries.
        #[allow(clippy::indexing_slicing)]
        match self {
            Law::A => A_OCTETS[(sample as u16 >> A_DROPPED) as usize],
            Law::Mu => MU_OCTETS[(sample as u16 >> MU_DROPPED) as usize],
        }
    }

    /// The sample for an octet.
    #[must_use]
    pub const fn decode(self, octet: u8) -> i16 {
        #[allow(clippy::indexing_slicing)] // 256 entries, one for each octet
        match self {
            Law::A => A_SAMPLES[octet as usize],
            Law::Mu => MU_SAMPLES[octet as usize],
        }
    }

    /// Appends the octets of these samples to a payload.
    pub fn encode_to(self, samples: &[i16], payload: &mut Vec<u8>) {
        match self {
            Law::A => payload.extend(samples.iter().map(|sample| Law::A.encode(*sample))),
            Law::Mu => payload.extend(samples.iter().map(|sample| Law::Mu.encode(*sample))),
        }
    }

    /// Writes the samples of a payload, as many as there is room for; says how many.
    pub fn decode_to(self, payload: &[u8], samples: &mut [i16]) -> usize {
        for (sample, octet) in samples.iter_mut().zip(payload) {
            *sample = self.decode(*octet);
        }
        samples.len().min(payload.len())
    }
}

/// Low bits of a 16-bit sample that A-law does not look at: it tells apart 2048 magnitudes.
const A_DROPPED: u32 = 4;
/// Low bits of a 16-bit sample that mu-law does not look at: it tells apart 8192 magnitudes.
const MU_DROPPED: u32 = 2;
/// Added to a magnitude, it makes mu-law's segments start at powers of two.
const MU_BIAS: u16 = 33;
/// The largest biased magnitude that mu-law tells from a smaller one.
const MU_CLIP: u16 = 0x1FFF;
/// A-law inverts every second bit.
const A_MASK: u8 = 0x55;

static A_OCTETS: [u8; 1 << (16 - A_DROPPED)] = a_octets();
static MU_OCTETS: [u8; 1 << (16 - MU_DROPPED)] = mu_octets();
static A_SAMPLES: [i16; 256] = a_samples();
static MU_SAMPLES: [i16; 256] = mu_samples();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn a_octets() -> [u8; 1 << (16 - A_DROPPED)] {
    let mut octets = [0; 1 << (16 - A_DROPPED)];
    let mut index = 0;
    while index < octets.len() {
        let sample = ((index as u16) << A_DROPPED) as i16;
        let (sign, magnitude) = split(sample >> A_DROPPED, 0x80);
        // The lowest two segments have the same step, so the first of them starts at 0.
        let segment = if magnitude < 32 { magnitude >> 4 } else { magnitude.ilog2() as u16 - 3 };
        let step = if segment < 2 { magnitude } else { magnitude >> (segment - 1) } & 0x0F;
        octets[index] = (sign | (segment << 4 | step) as u8) ^ A_MASK;
        index += 1;
    }
    octets
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn mu_octets() -> [u8; 1 << (16 - MU_DROPPED)] {
    let mut octets = [0; 1 << (16 - MU_DROPPED)];
    let mut index = 0;
    while index < octets.len() {
        let sample = ((index as u16) << MU_DROPPED) as i16;
        let (sign, magnitude) = split(sample >> MU_DROPPED, 0x80);
        let biased = if magnitude > MU_CLIP - MU_BIAS { MU_CLIP } else { magnitude + MU_BIAS };
        let segment = biased.ilog2() as u16 - 5;
        let step = (biased >> (segment + 1)) & 0x0F;
        octets[index] = sign | (0x7F - (segment << 4 | step) as u8);
        index += 1;
    }
    octets
}

/// The sign bit and the magnitude; a negative one counts from -1, as one's complement does.
const fn split(sample: i16, positive: u8) -> (u8, u16) {
    if sample < 0 { (0, !sample as u16) } else { (positive, sample as u16) }
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn a_samples() -> [i16; 256] {
    let mut samples = [0; 256];
    let mut octet = 0;
    while octet < samples.len() {
        let plain = octet as u8 ^ A_MASK;
        let (segment, step) = ((plain >> 4) & 7, (plain & 0x0F) as i16);
        // The middle of the interval, in sixteenths of the smallest step.
        let magnitude = if segment == 0 { step << 4 | 8 } else { ((step | 16) << 4 | 8) << (segment - 1) };
        samples[octet] = if plain & 0x80 == 0 { -magnitude } else { magnitude };
        octet += 1;
    }
    samples
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn mu_samples() -> [i16; 256] {
    let mut samples = [0; 256];
    let mut octet = 0;
    while octet < samples.len() {
        let plain = !(octet as u8);
        let (segment, step) = ((plain >> 4) & 7, (plain & 0x0F) as i16);
        let magnitude = ((((step << 1) | MU_BIAS as i16) << segment) - MU_BIAS as i16) << MU_DROPPED;
        samples[octet] = if plain & 0x80 == 0 { magnitude } else { -magnitude };
        octet += 1;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The segments of G.711 table 1a (A-law) and 2a (mu-law): intervals of a segment, their width
    /// in units of the uniform scale, from the origin outwards.
    fn segments(law: Law) -> Vec<(usize, i32)> {
        match law {
            Law::A => vec![(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)],
            Law::Mu => {
                vec![(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)]
            }
        }
    }

    /// Decision values x(0), x(1), ... and quantised values y(1), y(2), ... of the tables.
    fn table(law: Law) -> (Vec<i32>, Vec<i32>) {
        let (mut decisions, mut values) = (vec![0], Vec::new());
        for (count, width) in segments(law) {
            for _ in 0..count {
                let low = decisions[decisions.len() - 1];
                decisions.push(low + width);
                // The first value of mu-law is 0 itself, all others stand in the middle.
                values.push(if width == 1 { 0 } else { low + width / 2 });
            }
        }
        (decisions, values)
    }

    /// 16-bit units in one unit of the law's uniform scale.
    fn unit(law: Law) -> i32 {
        match law {
            Law::A => 8,
            Law::Mu => 4,
        }
    }

    /// The octet of interval `n` (from 0) on a side, after the inversion of bits.
    fn character(law: Law, n: usize, positive: bool) -> u8 {
        let n = u8::try_from(n).unwrap();
        match law {
            Law::A => (n | if positive { 0x80 } else { 0 }) ^ 0x55,
            Law::Mu => !(n | if positive { 0 } else { 0x80 }),
        }
    }

    #[test]
    fn the_tables_of_the_recommendation_end_where_it_says() {
        assert_eq!(table(Law::A).0.last(), Some(&4096));
        assert_eq!(table(Law::A).1.last(), Some(&4032));
        assert_eq!(table(Law::Mu).0.last(), Some(&8159));
        assert_eq!(table(Law::Mu).1.last(), Some(&8031));
        assert_eq!((table(Law::A).1.len(), table(Law::Mu).1.len()), (128, 128));
    }

    #[test]
    fn every_octet_decodes_to_the_value_of_the_recommendation() {
        for law in [Law::A, Law::Mu] {
            for (n, value) in table(law).1.into_iter().enumerate() {
                let value = i16::try_from(value * unit(law)).unwrap();
                assert_eq!(law.decode(character(law, n, true)), value);
                assert_eq!(law.decode(character(law, n, false)), -value);
            }
        }
    }

    #[test]
    fn every_sample_encodes_to_the_interval_it_lies_in() {
        for law in [Law::A, Law::Mu] {
            let decisions = table(law).0;
            for sample in i16::MIN..=i16::MAX {
                let positive = sample >= 0;
                // A negative sample mirrors the positive one above it, so that none is without a mirror.
                let magnitude = i32::from(if positive { sample } else { !sample }) / unit(law);
                let n = decisions.partition_point(|decision| *decision <= magnitude) - 1;
                assert_eq!(law.encode(sample), character(law, n.min(127), positive), "{law:?} {sample}");
            }
        }
    }

    #[test]
    fn what_was_decoded_encodes_to_itself() {
        for octet in 0..=255 {
            assert_eq!(Law::A.encode(Law::A.decode(octet)), octet);
            // Mu-law has two zeroes; the negative one is never sent.
            let same = if octet == 0x7F { 0xFF } else { octet };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(octet)), same);
        }
    }

    #[test]
    fn a_payload_is_appended_and_a_short_one_fills_what_it_can() {
        let mut payload = vec![1];
        Law::Mu.encode_to(&[0, i16::MIN, i16::MAX], &mut payload);
        assert_eq!(payload, [1, 0xFF, 0x00, 0x80]);
        let mut samples = [1; 4];
        assert_eq!(Law::A.decode_to(&[0xD5, 0x2A], &mut samples), 2);
        assert_eq!(samples, [8, -32256, 1, 1]);
    }
}
