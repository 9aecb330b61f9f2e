//! AES in counter mode (RFC 3711 §4.1.1, RFC 6188 §2): the cipher of the counter suites, and what all
//! suites derive their keys with.

use aes::{Aes128, Aes256};
use ctr::CtrCore;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipherCore};
use ctr::flavors::Ctr128BE;

use crate::error::WrongKey;

/// AES with its key; the key is erased when it is dropped.
#[expect(clippy::large_enum_variant, reason = "a call has four, and nothing holds many of them")]
pub(crate) enum AesCm {
    Of128(Aes128),
    Of256(Aes256),
}

impl AesCm {
    pub(crate) fn new(key: &[u8]) -> Result<AesCm, WrongKey> {
        Aes128::new_from_slice(key)
            .map(AesCm::Of128)
            .or_else(|_| Aes256::new_from_slice(key).map(AesCm::Of256))
            .map_err(|_| WrongKey)
    }

    /// Lays the key stream that begins at `iv` over `octets`: what was plain is encrypted, what was
    /// encrypted is plain.
    // rfc3711 §4.1.1, rfc6188 §2
    pub(crate) fn apply(&self, iv: [u8; 16], octets: &mut [u8]) {
        match self {
            AesCm::Of128(aes) => {
                CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &iv.into()).apply_keystream_partial(octets.into());
            }
            AesCm::Of256(aes) => {
                CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &iv.into()).apply_keystream_partial(octets.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{self, hex};

    #[test]
    fn the_key_streams_of_the_rfcs_come_out() {
        // tests rfc3711 §4.1.1, rfc6188 §2
        for vectors in [vectors::RFC_3711, vectors::RFC_6188] {
            let vectors = vectors::read(vectors);
            let vector = &vectors["aes_cm"];
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&hex(&vector["session_salt"]));
            let octets = vector["keystream_octets"].as_u64().unwrap() as usize;
            let mut stream = vec![0; octets];
            AesCm::new(&hex(&vector["session_key"])).unwrap().apply(iv, &mut stream);
            let blocks = vector["keystream_at"].as_object().unwrap();
            assert_eq!(blocks.len(), 6);
            for (at, block) in blocks {
                let at = usize::from_str_radix(at, 16).unwrap();
                assert_eq!(stream[16 * at..16 * at + 16], hex(block), "{} {at}", vectors["source"]);
            }
        }
    }
}
