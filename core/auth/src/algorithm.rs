//! The hash algorithms of Digest and their hexadecimal results (RFC 7616 §3.3, §6.1; RFC 8760 §2.1).
//! What is hashed is [`Digest`](crate::Digest)'s business.

use md5::Md5;
use sha2::{Sha256, Sha512_256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// A hash algorithm of the Digest scheme.
// rfc8760 §2.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// For phones that know nothing better.
    Md5,
    /// The one that must be there.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

impl Algorithm {
    /// All, the strongest first.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];

    /// What a server offers when nothing else was said, in this order.
    pub const DEFAULT: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    /// The token of the `algorithm` parameter: `SHA-256`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Reads an `algorithm` parameter: the algorithm, and whether it is the `-sess` variant.
    pub fn from_token(token: &[u8]) -> Option<(Self, bool)> {
        let (name, session) = match token.len().checked_sub(5).and_then(|at| token.split_at_checked(at)) {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case(b"-sess") => (name, true),
            Some(_) | None => (token, false),
        };
        let found =
            Self::ALL.into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.as_str().as_bytes()));
        found.map(|algorithm| (algorithm, session))
    }

    /// H(): the hash of the parts, one after the other, in hexadecimal.
    pub fn hash(self, parts: &[&[u8]]) -> Hex {
        match self {
            Algorithm::Md5 => Hex::of(&hash::<Md5>(parts)),
            Algorithm::Sha256 => Hex::of(&hash::<Sha256>(parts)),
            Algorithm::Sha512_256 => Hex::of(&hash::<Sha512_256>(parts)),
        }
    }

    /// Characters of a result.
    pub const fn hex_len(self) -> usize {
        match self {
            Algorithm::Md5 => 32,
            Algorithm::Sha256 | Algorithm::Sha512_256 => 64,
        }
    }
}

fn hash<D: sha2::Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no algorithm of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one of SHA-256, SHA-512-256, MD5")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// As [`Algorithm::from_token`], without the `-sess` variants: those are a client's choice.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        match Self::from_token(text.as_bytes()) {
            Some((algorithm, false)) => Ok(algorithm),
            Some((_, true)) | None => Err(UnknownAlgorithm),
        }
    }
}

/// A hash in lower-case hexadecimal, 32 or 64 characters, held in place.
// rfc8760 §2.2
#[derive(Clone, Copy)]
pub struct Hex {
    characters: [u8; 64],
    len: usize,
}

impl Hex {
    pub(crate) fn of(octets: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = Hex { characters: [0; 64], len: octets.len() * 2 };
        for (pair, octet) in hex.characters.chunks_exact_mut(2).zip(octets) {
            if let [high, low] = pair {
                // A nibble is below 16.
                #[allow(clippy::indexing_slicing)]
                {
                    *high = DIGITS[usize::from(octet >> 4)];
                    *low = DIGITS[usize::from(octet & 15)];
                }
            }
        }
        hex
    }

    /// Reads 32 or 64 hexadecimal digits of either case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let good = matches!(text.len(), 32 | 64) && text.iter().all(u8::is_ascii_hexdigit);
        let mut hex = Hex { characters: [0; 64], len: text.len() };
        hex.characters.get_mut(..text.len()).filter(|_| good)?.copy_from_slice(text);
        hex.characters.make_ascii_lowercase();
        Some(hex)
    }

    /// The octets that it writes; those beyond its own are zero.
    pub(crate) fn octets<const N: usize>(&self) -> [u8; N] {
        let value = |digit: &u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        let mut octets = [0; N];
        for (octet, pair) in octets.iter_mut().zip(self.as_bytes().chunks_exact(2)) {
            if let [high, low] = pair {
                *octet = value(high) << 4 | value(low);
            }
        }
        octets
    }

    /// The characters.
    pub fn as_bytes(&self) -> &[u8] {
        self.characters.get(..self.len).unwrap_or_default()
    }

    /// The characters as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn same(&self, other: &Hex) -> bool {
        bool::from(self.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Hex {
    /// Shows nothing: a hash may be as good as a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hex({} characters)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_the_one_the_rfcs_print() {
        // tests rfc3261 §22.4, rfc8760 §2.6
        assert_eq!(Algorithm::Md5.hash(&[]).as_str(), "d41d8cd98f00b204e9800998ecf8427e");
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Algorithm::Sha256.hash(&[b""]).as_str(), sha256);
    }

    #[test]
    fn digests_are_as_long_as_their_algorithm_says() {
        // tests rfc8760 §2.2
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.hash(&[b"x"]).as_str().len(), algorithm.hex_len());
        }
    }

    #[test]
    fn tokens_are_read_in_any_case_and_with_sess() {
        for algorithm in Algorithm::ALL {
            let session = format!("{}-SESS", algorithm.as_str().to_lowercase());
            assert_eq!(Algorithm::from_token(algorithm.as_str().as_bytes()), Some((algorithm, false)));
            assert_eq!(Algorithm::from_token(session.as_bytes()), Some((algorithm, true)));
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        for unknown in ["", "-sess", "SHA-1", "AKAv1-MD5", "MD5-session"] {
            assert_eq!(Algorithm::from_token(unknown.as_bytes()), None, "{unknown}");
        }
        assert_eq!("MD5-sess".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }

    #[test]
    fn hexadecimal_is_read_in_either_case_and_compared() {
        let hash = Algorithm::Md5.hash(&[b"a", b"b"]);
        assert!(Hex::parse(hash.as_str().to_uppercase().as_bytes()).unwrap().same(&hash));
        assert!(!Algorithm::Md5.hash(&[b"ac"]).same(&hash));
        assert!(!Algorithm::Sha256.hash(&[b"ab"]).same(&hash));
        assert!(Hex::of(&hash.octets::<16>()).same(&hash));
        for bad in ["", "abc", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0"] {
            assert!(Hex::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert_eq!(format!("{hash:?}"), "Hex(32 characters)");
    }

    #[test]
    fn an_unknown_algorithm_is_named_beside_the_known_ones() {
        let text = "SHA-1".parse::<Algorithm>().unwrap_err().to_string();
        assert!(Algorithm::DEFAULT.iter().all(|known| text.contains(known.as_str())), "{text}");
    }
}
