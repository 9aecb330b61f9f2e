//! From the master key to the keys of a session (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11). The rate of
//! derivation is zero: it happens once.

use zeroize::Zeroizing;

use crate::aes_cm::AesCm;
use crate::error::WrongKey;
use crate::suite::Suite;

/// Octets of a master salt in the derivation; a shorter one is filled up with zeros at its end.
const SALT_OCTETS: usize = 14;
/// Where in it the label of a key is laid over: before the six octets of the packets' index.
const LABEL_AT: usize = 7;

/// What the keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Rtp,
    Rtcp,
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Encryption,
    Authentication,
    Salt,
}

/// A master key and its salt.
pub(crate) struct Master {
    key: AesCm,
    salt: Zeroizing<[u8; SALT_OCTETS]>,
}

impl Master {
    pub(crate) fn new(suite: Suite, key_salt: &[u8]) -> Result<Master, WrongKey> {
        if key_salt.len() != suite.key_salt_octets() {
            return Err(WrongKey);
        }
        let (key, given) = key_salt.split_at_checked(suite.key_octets()).ok_or(WrongKey)?;
        let mut salt = Zeroizing::new([0; SALT_OCTETS]);
        salt.iter_mut().zip(given).for_each(|(salt, given)| *salt = *given);
        Ok(Master { key: AesCm::new(key)?, salt })
    }

    /// One key of a session, as long as its place.
    // rfc3711 §4.3.1, §4.3.2, §4.3.3, rfc6188 §3, rfc7714 §11
    pub(crate) fn derive(&self, of: Of, part: Part, key: &mut [u8]) {
        let label = match (of, part) {
            (Of::Rtp, Part::Encryption) => 0,
            (Of::Rtp, Part::Authentication) => 1,
            (Of::Rtp, Part::Salt) => 2,
            (Of::Rtcp, Part::Encryption) => 3,
            (Of::Rtcp, Part::Authentication) => 4,
            (Of::Rtcp, Part::Salt) => 5,
        };
        let mut iv = [0; 16];
        iv.iter_mut().zip(self.salt.iter()).for_each(|(iv, salt)| *iv = *salt);
        iv[LABEL_AT] ^= label;
        key.fill(0);
        self.key.apply(iv, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{self, hex};

    #[test]
    fn the_keys_of_the_rfcs_come_out() {
        // tests rfc3711 §4.3.1, §4.3.3, rfc6188 §3
        for (vectors, suite) in
            [(vectors::RFC_3711, Suite::AesCm128HmacSha1_80), (vectors::RFC_6188, Suite::Aes256CmHmacSha1_80)]
        {
            let vectors = vectors::read(vectors);
            let vector = &vectors["kdf"];
            let key_salt = [hex(&vector["master_key"]), hex(&vector["master_salt"])].concat();
            let master = Master::new(suite, &key_salt).unwrap();
            for (part, expected) in [
                (Part::Encryption, &vector["cipher_key"]),
                (Part::Salt, &vector["cipher_salt"]),
                (Part::Authentication, &vector["auth_key"]),
            ] {
                let expected = hex(expected);
                let mut key = vec![0xaa; expected.len()];
                master.derive(Of::Rtp, part, &mut key);
                assert_eq!(key, expected, "{} {part:?}", vectors["source"]);
            }
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for suite in Suite::ALL {
            for octets in 0..64 {
                let made = Master::new(suite, &vec![0; octets]).is_ok();
                assert_eq!(made, octets == suite.key_salt_octets(), "{suite:?} {octets}");
            }
        }
    }
}
