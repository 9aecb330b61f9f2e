//! `a=crypto`: keys of SRTP in the description (RFC 4568 §9).
//!
//! Which suites there are and how long their keys is here; what they compute is the media engine's, which
//! suite is taken is the offer's and answer's.

use std::fmt;

use crate::base64;
use crate::section::Attribute;
use crate::word::number;

/// The highest length of a master key's identifier, in octets (RFC 4568 §6.1).
const MKI_OCTETS_MAX: u8 = 128;
/// The most packets that a key may protect, in each suite (RFC 4568 §6.2).
const LIFETIME_PACKETS_MAX: u64 = 1 << 48;

/// A suite of SRTP: RFC 4568 §6.2, RFC 6188, RFC 7714.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`.
    AesCm128HmacSha1_32,
    /// `AES_256_CM_HMAC_SHA1_80`.
    Aes256CmHmacSha1_80,
    /// `AES_256_CM_HMAC_SHA1_32`.
    Aes256CmHmacSha1_32,
    /// `AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// Any other, as it is written.
    Other(String),
}

impl Suite {
    /// Reads a `<crypto-suite>`.
    pub fn parse(word: &str) -> Suite {
        match word {
            "AES_CM_128_HMAC_SHA1_80" => Suite::AesCm128HmacSha1_80,
            "AES_CM_128_HMAC_SHA1_32" => Suite::AesCm128HmacSha1_32,
            "AES_256_CM_HMAC_SHA1_80" => Suite::Aes256CmHmacSha1_80,
            "AES_256_CM_HMAC_SHA1_32" => Suite::Aes256CmHmacSha1_32,
            "AEAD_AES_128_GCM" => Suite::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => Suite::AeadAes256Gcm,
            _ => Suite::Other(word.to_owned()),
        }
    }

    /// How long key and salt are together, in octets; `None` of one that is not known.
    pub fn key_salt_octets(&self) -> Option<usize> {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => Some(16 + 14),
            Suite::Aes256CmHmacSha1_80 | Suite::Aes256CmHmacSha1_32 => Some(32 + 14),
            Suite::AeadAes128Gcm => Some(16 + 12),
            Suite::AeadAes256Gcm => Some(32 + 12),
            Suite::Other(_) => None,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::Aes256CmHmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::Aes256CmHmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Suite::Other(word) => word,
        })
    }
}

/// A master key and its salt (RFC 4568 §6.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MasterKey {
    /// Key and salt, one behind the other.
    pub key_salt: Vec<u8>,
    /// How many packets it may protect, if it is said.
    pub lifetime_packets: Option<u64>,
    /// Its identifier, and how many octets this takes in a packet.
    pub mki: Option<(u64, u8)>,
}

impl MasterKey {
    /// One without lifetime and identifier.
    pub fn new(key_salt: Vec<u8>) -> MasterKey {
        MasterKey { key_salt, lifetime_packets: None, mki: None }
    }

    fn parse(value: &str) -> Option<MasterKey> {
        // rfc4568 §6.1, §9.2
        let mut parts = value.strip_prefix("inline:")?.split('|');
        let mut key = MasterKey::new(base64::decode(parts.next()?)?);
        for part in parts {
            match part.split_once(':') {
                Some((mki, octets)) if key.mki.is_none() => {
                    let octets =
                        plain_number(octets).filter(|octets| (1..=MKI_OCTETS_MAX).contains(octets))?;
                    key.mki = Some((plain_number(mki)?, octets));
                }
                None if key.lifetime_packets.is_none() && key.mki.is_none() => {
                    key.lifetime_packets = Some(match part.strip_prefix("2^") {
                        Some(power) => 1u64.checked_shl(plain_number(power)?)?,
                        None => plain_number(part)?,
                    });
                }
                Some(_) | None => return None,
            }
        }
        Some(key)
    }
}

/// A number without zeroes before it (RFC 4568 §4.1, §6.1).
fn plain_number<T: std::str::FromStr>(word: &str) -> Option<T> {
    number(word).filter(|_| word == "0" || !word.starts_with('0')) // rfc4568 §4.1, §6.1
}

impl fmt::Display for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inline:{}", base64::encode(&self.key_salt))?;
        match self.lifetime_packets {
            Some(packets) if packets.is_power_of_two() => write!(f, "|2^{}", packets.trailing_zeros())?,
            Some(packets) => write!(f, "|{packets}")?,
            None => {}
        }
        match self.mki {
            Some((mki, octets)) => write!(f, "|{mki}:{octets}"),
            None => Ok(()),
        }
    }
}

/// Without the key.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("octets", &self.key_salt.len())
            .field("lifetime_packets", &self.lifetime_packets)
            .field("mki", &self.mki)
            .finish()
    }
}

/// `a=crypto`. It prints its key; its `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Crypto {
    /// Which of the lines of a media it is; the answer names the offered one by it.
    pub tag: u32,
    /// The suite.
    pub suite: Suite,
    /// At least one.
    pub keys: Vec<MasterKey>,
    /// `KDR=1`, `UNENCRYPTED_SRTCP`, as they are written.
    pub session_parameters: Vec<String>,
}

impl Crypto {
    /// A line of one key.
    pub fn new(tag: u32, suite: Suite, key: MasterKey) -> Crypto {
        Crypto { tag, suite, keys: vec![key], session_parameters: Vec::new() }
    }

    /// Whether its keys are as long as the suite's are, and live no longer; several can be told apart. Of a suite
    /// that is not known none is.
    pub fn is_valid(&self) -> bool {
        // rfc4568 §6.1
        let fits = |key: &MasterKey| {
            Some(key.key_salt.len()) == self.suite.key_salt_octets()
                && key.lifetime_packets.is_none_or(|packets| (1..=LIFETIME_PACKETS_MAX).contains(&packets))
        };
        let mki_octets = |key: &MasterKey| key.mki.map(|(_, octets)| octets);
        let first = self.keys.first().and_then(mki_octets);
        let told_apart = self.keys.len() < 2 || first.is_some();
        told_apart && self.keys.iter().all(|key| fits(key) && mki_octets(key) == first)
    }
}

impl Attribute for Crypto {
    const NAME: &'static str = "crypto";
    const EXPECTED: &'static str = "`a=crypto:<tag> <suite> inline:<key>[|<lifetime>][|<mki>:<length>] ...`";

    fn parse(value: &str) -> Option<Crypto> {
        // rfc4568 §9.1
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|word| word.len() <= 9).and_then(plain_number)?;
        let suite = words.next()?;
        if !suite.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_') {
            return None;
        }
        let keys = words.next()?.split(';').map(MasterKey::parse).collect::<Option<_>>()?;
        Some(Crypto {
            tag,
            suite: Suite::parse(suite),
            keys,
            session_parameters: words.map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.tag, self.suite)?;
        for (at, key) in self.keys.iter().enumerate() {
            let parting = if at == 0 { "" } else { ";" };
            write!(f, "{parting}{key}")?;
        }
        self.session_parameters.iter().try_for_each(|parameter| write!(f, " {parameter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_rfc_4568_are_read_and_printed() {
        // tests rfc4568 §6.1, §9.1, §9.2
        for value in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP",
            "2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP",
            "3 AES_CM_128_HMAC_SHA1_32 inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|1066:4",
            "4 AEAD_AES_128_GCM inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNA==|1000",
        ] {
            assert_eq!(Crypto::parse(value).unwrap().to_string(), value);
        }
    }

    #[test]
    fn what_is_no_crypto_line_is_refused() {
        // tests rfc4568 §4.1, §6.1
        for wrong in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "x AES_CM_128_HMAC_SHA1_80 inline:YUJD",
            "1 AES_CM_128_HMAC_SHA1_80 outline:YUJD",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YU!JD",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD;",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD|1:4|2^3",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD|2^64",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD|1:129",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD|01:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD|2^048",
            "01 AES_CM_128_HMAC_SHA1_80 inline:YUJD",
            "1 AES-CM inline:YUJD",
        ] {
            assert_eq!(Crypto::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_fits_its_suite_and_is_not_shown() {
        // tests rfc4568 §6.1, §6.2
        let crypto = |octets| Crypto::new(1, Suite::AesCm128HmacSha1_80, MasterKey::new(vec![7; octets]));
        assert!(crypto(30).is_valid() && !crypto(31).is_valid());
        assert!(!Crypto { suite: Suite::Other("X".to_owned()), ..crypto(30) }.is_valid());
        let with = |keys: &[(Option<u64>, Option<u8>)]| {
            let key = |(at, said): (u64, &(Option<u64>, Option<u8>))| MasterKey {
                lifetime_packets: said.0,
                mki: said.1.map(|octets| (at, octets)),
                ..MasterKey::new(vec![7; 30])
            };
            Crypto { keys: (1..).zip(keys).map(key).collect(), ..crypto(30) }.is_valid()
        };
        let lives = |packets| with(&[(Some(packets), None)]);
        assert!(lives(1 << 48) && !lives((1 << 48) + 1) && !lives(0));
        assert!(with(&[(None, Some(4)), (None, Some(4))]));
        assert!(!with(&[(None, Some(4)), (None, Some(1))]) && !with(&[(None, None), (None, None)]));
        assert!(!format!("{:?}", crypto(30)).contains('7'));
    }
}
