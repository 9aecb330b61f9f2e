//! [`Random`]: what nobody guesses, from a seed that the shell draws: transaction numbers, tiebreakers, and the
//! credentials of a session (RFC 8489 §5, RFC 8445 §16.1).

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::message::Transaction;

/// A stream of random octets. The same seed gives the same.
#[derive(Clone, Debug)]
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn from_seed(seed: [u8; 32]) -> Random {
        Random(ChaCha20Rng::from_seed(seed))
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) fn transaction(&mut self) -> Transaction {
        let mut transaction = [0; 12];
        self.0.fill_bytes(&mut transaction);
        transaction
    }

    /// So many letters and digits that may stand in an ufrag or a password: six bits each.
    // rfc8839 §5.4
    pub(crate) fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut octets = vec![0; count];
        self.0.fill_bytes(&mut octets);
        let letter = |octet: u8| LETTERS.get(usize::from(octet % 64)).copied().unwrap_or(b'A');
        octets.into_iter().map(|octet| char::from(letter(octet))).collect()
    }
}
