//! The transform of a suite, with the keys of RTP or of RTCP (RFC 3711 §3.3, §3.4).

use crate::counter::Counter;
use crate::derive::{Master, Of};
use crate::error::{Refused, WrongKey};
use crate::gcm::Gcm;
use crate::suite::Suite;

/// What makes the vector of a packet its own. It may be there once for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketId {
    pub(crate) ssrc: u32,
    /// Rollover counter and sequence number, or the index of SRTCP.
    pub(crate) index: u64,
}

/// The E-flag and the index, as a packet of SRTCP carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexWord(pub(crate) u32);

impl IndexWord {
    pub(crate) const OCTETS: usize = 4;
    /// The highest index.
    pub(crate) const INDEX_MAX: u32 = (1 << 31) - 1;

    pub(crate) fn new(encrypted: bool, index: u32) -> IndexWord {
        IndexWord(u32::from(encrypted) << 31 | index & IndexWord::INDEX_MAX)
    }

    pub(crate) fn encrypted(self) -> bool {
        self.0 >> 31 == 1
    }

    pub(crate) fn index(self) -> u64 {
        u64::from(self.0 & IndexWord::INDEX_MAX)
    }

    pub(crate) fn id(self, ssrc: u32) -> PacketId {
        PacketId { ssrc, index: self.index() }
    }
}

/// The keys of a session: two transforms of one suite.
pub(crate) struct Keys {
    pub(crate) rtp: Transform,
    pub(crate) rtcp: Transform,
}

impl Keys {
    pub(crate) fn derive(suite: Suite, key_salt: &[u8]) -> Result<Keys, WrongKey> {
        let master = Master::new(suite, key_salt)?;
        Ok(Keys {
            rtp: Transform::derive(suite, &master, Of::Rtp)?,
            rtcp: Transform::derive(suite, &master, Of::Rtcp)?,
        })
    }
}

/// A transform. The packets it is given have a header, of `header` octets where that is said.
pub(crate) enum Transform {
    Counter(Counter),
    Gcm(Gcm),
}

impl Transform {
    fn derive(suite: Suite, master: &Master, of: Of) -> Result<Transform, WrongKey> {
        Ok(match suite {
            Suite::AesCm128HmacSha1_80
            | Suite::AesCm128HmacSha1_32
            | Suite::Aes256CmHmacSha1_80
            | Suite::Aes256CmHmacSha1_32 => Transform::Counter(Counter::derive(suite, master, of)?),
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => Transform::Gcm(Gcm::derive(suite, master, of)?),
        })
    }

    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        match self {
            Transform::Counter(counter) => counter.seal_rtp(packet, header, id, mki),
            Transform::Gcm(gcm) => gcm.seal_rtp(packet, header, id, mki),
        }
    }

    /// Refused, it leaves the packet as it is.
    pub(crate) fn open_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        match self {
            Transform::Counter(counter) => counter.open_rtp(packet, header, id, mki),
            Transform::Gcm(gcm) => gcm.open_rtp(packet, header, id, mki),
        }
    }

    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        match self {
            Transform::Counter(counter) => counter.seal_rtcp(packet, ssrc, word, mki),
            Transform::Gcm(gcm) => gcm.seal_rtcp(packet, ssrc, word, mki),
        }
    }

    /// The word that a packet carries, before anything is known of it.
    pub(crate) fn index_word(&self, packet: &[u8], mki: &[u8]) -> Option<IndexWord> {
        let behind = mki.len()
            + match self {
                Transform::Counter(counter) => counter.tag_octets(),
                Transform::Gcm(_) => 0, // its tag stands before the word
            };
        let (before, _) = packet.split_at_checked(packet.len().checked_sub(behind)?)?;
        before.last_chunk().map(|word| IndexWord(u32::from_be_bytes(*word)))
    }

    /// Refused, it leaves the packet as it is.
    pub(crate) fn open_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        match self {
            Transform::Counter(counter) => counter.open_rtcp(packet, ssrc, word, mki),
            Transform::Gcm(gcm) => gcm.open_rtcp(packet, ssrc, word, mki),
        }
    }
}
