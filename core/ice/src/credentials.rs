//! [`Credentials`]: by which one side knows that a check is for it, and from whom it gave its own (RFC 8445 §7.2.2).

use std::fmt;

use crate::random::Random;

/// 48 bits: what tells sessions apart.
// rfc8839 §5.4: at least 24
const UFRAG_LETTERS: usize = 8;
/// 144 bits.
// rfc8839 §5.4: at least 128
const PWD_LETTERS: usize = 24;

/// The name and password of one side, for one session.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The username fragment.
    pub ufrag: String,
    /// The password.
    pub pwd: String,
}

impl Credentials {
    /// New ones, from 256 random bits.
    pub fn new(seed: [u8; 32]) -> Credentials {
        let mut random = Random::from_seed(seed);
        Credentials { ufrag: random.letters(UFRAG_LETTERS), pwd: random.letters(PWD_LETTERS) }
    }
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}
