//! Numbers that nobody else has, from a seed that the shell draws: an SSRC, where sequence and timestamp begin, when
//! RTCP is sent (RFC 3550 §5.1, §8.1). No keys are made of them.

/// A stream of numbers (SplitMix64). The same seed gives the same stream.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed: 64 random bits, or in a test a number that replays.
    pub fn from_seed(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// 32 bits.
    pub fn u32(&mut self) -> u32 {
        (self.u64() >> 32) as u32
    }

    /// 16 bits.
    pub fn u16(&mut self) -> u16 {
        (self.u64() >> 48) as u16
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.u32()) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_stream() {
        // The first numbers of SplitMix64 from 0, as published by its author.
        let mut random = Random::from_seed(0);
        assert_eq!([random.u64(), random.u64()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
        let mut other = Random::from_seed(1);
        assert_ne!(random.u32(), other.u32());
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&other.unit())));
    }
}
