//! The suites: which ciphers, and how long keys, salts and tags are.
//!
//! Their names in a description are core/sdp's.

/// A suite of ciphers (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 with tags of 80 bits.
    AesCm128HmacSha1_80,
    /// The same with tags of 32 bits for RTP; RTCP keeps 80.
    AesCm128HmacSha1_32,
    /// AES-256 in counter mode, HMAC-SHA1 with tags of 80 bits.
    Aes256CmHmacSha1_80,
    /// The same with tags of 32 bits for RTP; RTCP keeps 80.
    Aes256CmHmacSha1_32,
    /// AES-128-GCM.
    AeadAes128Gcm,
    /// AES-256-GCM.
    AeadAes256Gcm,
}

impl Suite {
    /// Every one, for whoever goes through them.
    pub const ALL: [Suite; 6] = [
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32,
        Suite::Aes256CmHmacSha1_80,
        Suite::Aes256CmHmacSha1_32,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
    ];

    /// How long master key and master salt are together, in octets: what SDP carries in one piece.
    pub fn key_salt_octets(self) -> usize {
        self.key_octets() + self.salt_octets()
    }

    /// The master key, and each session's key of the cipher.
    pub(crate) fn key_octets(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 | Suite::AeadAes128Gcm => 16,
            Suite::Aes256CmHmacSha1_80 | Suite::Aes256CmHmacSha1_32 | Suite::AeadAes256Gcm => 32,
        }
    }

    fn salt_octets(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80
            | Suite::AesCm128HmacSha1_32
            | Suite::Aes256CmHmacSha1_80
            | Suite::Aes256CmHmacSha1_32 => 14,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 12,
        }
    }

    /// How many octets a packet of RTP grows by, without a master key identifier.
    pub fn rtp_growth_octets(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::Aes256CmHmacSha1_80 => 10,
            Suite::AesCm128HmacSha1_32 | Suite::Aes256CmHmacSha1_32 => 4,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16, // rfc7714 §13.2
        }
    }

    /// How many octets a packet of RTCP grows by, without a master key identifier. They count in the share
    /// of RTCP in the bandwidth (RFC 3711 §3.4).
    pub fn rtcp_growth_octets(self) -> usize {
        match self {
            // rfc3711 §5.2, rfc6188 §4: for RTCP never less than 80 bits
            Suite::AesCm128HmacSha1_80
            | Suite::AesCm128HmacSha1_32
            | Suite::Aes256CmHmacSha1_80
            | Suite::Aes256CmHmacSha1_32 => 10 + 4,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16 + 4,
        }
    }
}
