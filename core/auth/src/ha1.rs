//! H(A1): what is stored of a password, one hash per algorithm, bound to user and realm
//! (RFC 7616 §3.4.2, §5.6), and the hash that stands for a user's name (§3.4.4).

use crate::algorithm::{Algorithm, Hex};
use std::fmt;
use std::str::FromStr;

/// H(user ":" realm ":" password) per algorithm. As good as the password within its realm: it is
/// never logged, and prints only through [`Ha1::to_text`]. Octets, not their text: there is one for every account.
#[derive(Clone, Default)]
pub struct Ha1 {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    sha512_256: Option<[u8; 32]>,
}

impl Ha1 {
    /// Of a password, for every algorithm.
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        let mut all = Ha1::default();
        for algorithm in Algorithm::ALL {
            all.set(algorithm, &ha1(algorithm, user, realm, password));
        }
        all
    }

    /// For an algorithm; `None` where only others were stored.
    pub fn get(&self, algorithm: Algorithm) -> Option<Hex> {
        match algorithm {
            Algorithm::Md5 => self.md5.map(|octets| Hex::of(&octets)),
            Algorithm::Sha256 => self.sha256.map(|octets| Hex::of(&octets)),
            Algorithm::Sha512_256 => self.sha512_256.map(|octets| Hex::of(&octets)),
        }
    }

    fn set(&mut self, algorithm: Algorithm, hash: &Hex) {
        match algorithm {
            Algorithm::Md5 => self.md5 = Some(hash.octets()),
            Algorithm::Sha256 => self.sha256 = Some(hash.octets()),
            Algorithm::Sha512_256 => self.sha512_256 = Some(hash.octets()),
        }
    }

    /// The text to store: `MD5:<hex> SHA-256:<hex> SHA-512-256:<hex>`. Read back by [`str::parse`].
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for algorithm in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256] {
            if let Some(hash) = self.get(algorithm) {
                let gap = if text.is_empty() { "" } else { " " };
                text.push_str(&format!("{gap}{algorithm}:{hash}"));
            }
        }
        text
    }
}

/// One H(A1).
// rfc7616 §3.4.2
pub(crate) fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Hex {
    algorithm.hash(&[user.as_bytes(), b":", realm.as_bytes(), b":", password.as_bytes()])
}

/// The name a client sends instead of the user's when asked to hide it (`userhash=true`).
// rfc7616 §3.4.4
pub fn userhash(algorithm: Algorithm, user: &str, realm: &str) -> Hex {
    algorithm.hash(&[user.as_bytes(), b":", realm.as_bytes()])
}

impl PartialEq for Ha1 {
    fn eq(&self, other: &Self) -> bool {
        Algorithm::ALL.into_iter().all(|algorithm| match (self.get(algorithm), other.get(algorithm)) {
            (Some(one), Some(two)) => one.same(&two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        })
    }
}

impl Eq for Ha1 {}

impl fmt::Debug for Ha1 {
    /// Shows nothing of the hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1")
    }
}

/// The text is not what [`Ha1::to_text`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnHa1;

impl fmt::Display for NotAnHa1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected hashes such as MD5:<32 hexadecimal digits> SHA-256:<64 of them>")
    }
}

impl std::error::Error for NotAnHa1 {}

impl FromStr for Ha1 {
    type Err = NotAnHa1;

    fn from_str(text: &str) -> Result<Self, NotAnHa1> {
        let mut ha1 = Ha1::default();
        for part in text.split_ascii_whitespace() {
            let (name, hex) = part.split_once(':').ok_or(NotAnHa1)?;
            let algorithm: Algorithm = name.parse().map_err(|_| NotAnHa1)?;
            let hash = Hex::parse(hex.as_bytes()).filter(|hash| hash.as_bytes().len() == algorithm.hex_len());
            ha1.set(algorithm, &hash.ok_or(NotAnHa1)?);
        }
        match ha1 {
            Ha1 { md5: None, sha256: None, sha512_256: None } => Err(NotAnHa1),
            ha1 => Ok(ha1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stored_as_text_and_read_back() {
        let ha1 = Ha1::new("alice", "example.org", "secret");
        let text = ha1.to_text();
        assert_eq!(text.parse(), Ok(ha1.clone()));
        assert_eq!(text.split(' ').count(), 3);
        assert_ne!(ha1, Ha1::new("alice", "example.com", "secret"));
        let old: Ha1 = "md5:939e7578ed9e3c518a452acee763bce9".parse().unwrap();
        assert!(old.get(Algorithm::Sha256).is_none() && old.get(Algorithm::Md5).is_some());
        for bad in ["", "MD5", "MD5:", "MD5:12", "SHA-256:939e7578ed9e3c518a452acee763bce9", "MD4:00"] {
            assert_eq!(bad.parse::<Ha1>(), Err(NotAnHa1), "{bad}");
        }
        assert_eq!(format!("{ha1:?}"), "Ha1");
    }

    #[test]
    fn what_is_no_hash_is_told_what_one_looks_like() {
        assert!(NotAnHa1.to_string().contains("MD5:<32"));
    }
}
