//! Randomness for machines that may not ask the system for it: a ChaCha8 stream, seeded by the
//! shell from the system's source, or by a test with a number that replays.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::time::Duration;

/// A seeded source of random numbers. The same seed gives the same stream.
#[derive(Clone)]
pub struct Entropy(ChaCha8Rng);

impl Entropy {
    /// The stream of this seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Entropy(ChaCha8Rng::from_seed(seed))
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Fills `out` with random octets.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// A time from nothing to `most`, each as likely: so that those who wait do not all come back at once.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.u32()) / f64::from(u32::MAX))
    }

    /// `len` random characters of `[A-Za-z0-9]` without `e`: tags, branches, Call-IDs. 5.93 bits each: 11 hold
    /// more than the 32 bits that a tag must have. No token spells `CSeq`: there are programs (SIPp) that take the first
    /// such four octets of a message for the header.
    // rfc3261 §19.3
    pub fn token(&mut self, len: usize) -> String {
        const ALPHABET: &[u8; 61] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcd9fghijklmnopqrstuvwxyz012345678";
        let mut token = String::with_capacity(len);
        while token.len() < len {
            for octet in self.u64().to_le_bytes() {
                // Six bits; 61 to 63 are thrown away, so that every character is equally likely.
                if let Some(&character) = ALPHABET.get(usize::from(octet & 63))
                    && token.len() < len
                {
                    token.push(char::from(character));
                }
            }
        }
        token
    }

    /// A second stream, independent of what this one gives from here on.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Entropy::from_seed(seed)
    }
}

impl std::fmt::Debug for Entropy {
    /// Says nothing of the state: it is as secret as the keys drawn from it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_anywhere_up_to_the_most() {
        let mut entropy = Entropy::from_seed([5; 32]);
        let most = Duration::from_secs(10);
        let times: Vec<Duration> = (0..200).map(|_| entropy.up_to(most)).collect();
        assert!(times.iter().all(|time| *time <= most));
        let tenths = |time: &Duration| time.as_secs();
        assert!((0..10).all(|tenth| times.iter().any(|time| tenths(time) == tenth)), "{times:?}");
        assert_eq!(entropy.up_to(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn one_seed_gives_one_stream_and_a_token_is_made_of_letters_and_digits() {
        let (mut a, mut b) = (Entropy::from_seed([7; 32]), Entropy::from_seed([7; 32]));
        let token = a.token(1_000);
        assert_eq!(token, b.token(1_000));
        assert_ne!(token, a.token(1_000));
        assert_eq!(token.len(), 1_000);
        assert!(token.bytes().all(|octet| octet.is_ascii_alphanumeric() && octet != b'e'));
        assert_eq!(format!("{a:?}"), "Entropy");
        assert_ne!(a.fork().u64(), a.u64());
    }
}
