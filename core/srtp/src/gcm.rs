//! AES-GCM (RFC 7714 §8, §9). Its tag is part of the cipher text.
//!
//! ```text
//! RTP    header | encrypted payload | tag | MKI                  signed too: the header
//! RTCP   header | encrypted rest    | tag | E and index | MKI    signed too: header, E and index
//! RTCP   the packet in the clear    | tag | E and index | MKI    signed: the packet, E and index
//! ```

use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use crate::derive::{Master, Of, Part};
use crate::error::{Refused, WrongKey};
use crate::header::{RTCP_CLEAR_OCTETS, cut};
use crate::suite::Suite;
use crate::transform::{IndexWord, PacketId};

const SALT_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;

/// The session keys of RTP or of RTCP.
pub(crate) struct Gcm {
    aes: AesGcm,
    salt: Zeroizing<[u8; SALT_OCTETS]>,
}

impl Gcm {
    pub(crate) fn derive(suite: Suite, master: &Master, of: Of) -> Result<Gcm, WrongKey> {
        let mut key = Zeroizing::new([0; 32]);
        let key = key.get_mut(..suite.key_octets()).ok_or(WrongKey)?;
        let mut salt = Zeroizing::new([0; SALT_OCTETS]);
        master.derive(of, Part::Encryption, key);
        master.derive(of, Part::Salt, &mut *salt);
        Ok(Gcm { aes: AesGcm::new(key)?, salt })
    }

    // rfc7714 §8.2
    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let (header, payload) = packet.split_at_mut_checked(header).ok_or(Refused::Malformed)?;
        let tag = self.aes.seal(self.iv(id), header, payload)?;
        packet.extend_from_slice(&tag);
        packet.extend_from_slice(mki);
        Ok(())
    }

    // rfc7714 §8.2
    pub(crate) fn open_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let end = our_end(packet, mki)?.checked_sub(TAG_OCTETS).ok_or(Refused::Malformed)?;
        let (header, payload) = packet.split_at_mut_checked(header).ok_or(Refused::Malformed)?;
        let payload_octets = end.checked_sub(header.len()).ok_or(Refused::Malformed)?;
        let (payload, rest) = payload.split_at_mut_checked(payload_octets).ok_or(Refused::Malformed)?;
        let tag = rest.first_chunk().ok_or(Refused::Malformed)?;
        self.aes.open(self.iv(id), header, payload, tag)?;
        packet.truncate(end);
        Ok(())
    }

    // rfc7714 §9.2, §9.3
    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let (iv, end) = (self.iv(word.id(ssrc)), packet.len());
        let tag = if word.encrypted() {
            let (header, rest) =
                packet.split_first_chunk_mut::<RTCP_CLEAR_OCTETS>().ok_or(Refused::Malformed)?;
            self.aes.seal(iv, &signed(*header, word), rest)?
        } else {
            packet.extend_from_slice(&word.0.to_be_bytes());
            let tag = self.aes.seal(iv, packet, &mut [])?;
            packet.truncate(end);
            tag
        };
        packet.extend_from_slice(&tag);
        packet.extend_from_slice(&word.0.to_be_bytes());
        packet.extend_from_slice(mki);
        Ok(())
    }

    // rfc7714 §9.2, §9.3
    pub(crate) fn open_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let iv = self.iv(word.id(ssrc));
        let our_end = our_end(packet, mki)?;
        let end = our_end.checked_sub(TAG_OCTETS + IndexWord::OCTETS).ok_or(Refused::Malformed)?;
        let rest_octets = end.checked_sub(RTCP_CLEAR_OCTETS).ok_or(Refused::Malformed)?;
        if word.encrypted() {
            let (header, rest) =
                packet.split_first_chunk_mut::<RTCP_CLEAR_OCTETS>().ok_or(Refused::Malformed)?;
            let (rest, tag) = rest.split_at_mut_checked(rest_octets).ok_or(Refused::Malformed)?;
            let tag = tag.first_chunk().ok_or(Refused::Malformed)?;
            self.aes.open(iv, &signed(*header, word), rest, tag)?;
        } else {
            // What is signed stands on both sides of the tag: the word changes places with it, and back
            // when it is refused.
            let tag_and_word = end..our_end;
            packet.get_mut(tag_and_word.clone()).ok_or(Refused::Malformed)?.rotate_left(TAG_OCTETS);
            let (signed, tag) = cut(packet, TAG_OCTETS + mki.len())?;
            let tag = tag.first_chunk().ok_or(Refused::Malformed)?;
            if let Err(refused) = self.aes.open(iv, signed, &mut [], tag) {
                packet.get_mut(tag_and_word).ok_or(Refused::Malformed)?.rotate_right(TAG_OCTETS);
                return Err(refused);
            }
        }
        packet.truncate(end);
        Ok(())
    }

    // rfc7714 §8.1, §9.1: the same for both, since an index of SRTCP has no upper octets
    fn iv(&self, id: PacketId) -> [u8; SALT_OCTETS] {
        let own = u128::from(id.ssrc) << 48 | u128::from(id.index);
        let mut iv = *self.salt;
        iv.iter_mut().zip(own.to_be_bytes().iter().skip(4)).for_each(|(iv, own)| *iv ^= own);
        iv
    }
}

/// Where a packet without its master key identifier ends, which must be ours.
fn our_end(packet: &[u8], mki: &[u8]) -> Result<usize, Refused> {
    let (ours, theirs) = cut(packet, mki.len())?;
    if theirs == mki { Ok(ours.len()) } else { Err(Refused::OtherKey) }
}

/// What is signed of an encrypted packet of RTCP beside what is encrypted.
fn signed(header: [u8; RTCP_CLEAR_OCTETS], word: IndexWord) -> [u8; RTCP_CLEAR_OCTETS + IndexWord::OCTETS] {
    let mut signed = [0; RTCP_CLEAR_OCTETS + IndexWord::OCTETS];
    let parts = header.into_iter().chain(word.0.to_be_bytes());
    signed.iter_mut().zip(parts).for_each(|(signed, part)| *signed = part);
    signed
}

/// AES with its key; the key is erased when it is dropped.
#[expect(clippy::large_enum_variant, reason = "a call has four, and nothing holds many of them")]
enum AesGcm {
    Of128(Aes128Gcm),
    Of256(Aes256Gcm),
}

impl AesGcm {
    fn new(key: &[u8]) -> Result<AesGcm, WrongKey> {
        Aes128Gcm::new_from_slice(key)
            .map(AesGcm::Of128)
            .or_else(|_| Aes256Gcm::new_from_slice(key).map(AesGcm::Of256))
            .map_err(|_| WrongKey)
    }

    fn seal(
        &self,
        iv: [u8; SALT_OCTETS],
        clear: &[u8],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_OCTETS], Refused> {
        let tag = match self {
            AesGcm::Of128(aes) => aes.encrypt_in_place_detached(&iv.into(), clear, octets),
            AesGcm::Of256(aes) => aes.encrypt_in_place_detached(&iv.into(), clear, octets),
        };
        tag.map(Into::into).map_err(|_| Refused::Malformed) // it would be of 2^36 octets
    }

    /// Refused, it leaves the octets as they are: the tag is compared first, in constant time.
    fn open(
        &self,
        iv: [u8; SALT_OCTETS],
        clear: &[u8],
        octets: &mut [u8],
        tag: &[u8; TAG_OCTETS],
    ) -> Result<(), Refused> {
        match self {
            AesGcm::Of128(aes) => aes.decrypt_in_place_detached(&iv.into(), clear, octets, tag.into()),
            AesGcm::Of256(aes) => aes.decrypt_in_place_detached(&iv.into(), clear, octets, tag.into()),
        }
        .map_err(|_| Refused::NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{RtpHeader, rtcp_ssrc};
    use crate::vectors::{self, hex};
    use serde_json::Value;

    /// With a session's key and salt, as the RFC has them, and not a master's.
    fn keyed(vectors: &Value, vector: &Value) -> Gcm {
        let key = hex(&vectors[format!("key_{}", vector["bits"])]);
        let salt = hex(&vectors["salt"]).try_into().unwrap();
        Gcm { aes: AesGcm::new(&key).unwrap(), salt: Zeroizing::new(salt) }
    }

    #[test]
    fn the_packets_of_rtp_come_out() {
        // tests rfc7714 §8.1, §8.2
        let vectors = vectors::read(vectors::RFC_7714);
        let all = vectors["rtp"].as_array().unwrap();
        assert_eq!(all.len(), 4);
        for vector in all {
            let gcm = keyed(&vectors, vector);
            let (plain, sealed) = (hex(&vector["plain"]), hex(&vector["protected"]));
            let header = RtpHeader::read(&plain).unwrap();
            let id = PacketId { ssrc: header.ssrc, index: header.sequence_number.into() };
            // The RFC's packets that are only signed are packets without a payload to us.
            let encrypted = vector["encrypted"].as_bool().unwrap();
            let header = if encrypted { header.octets } else { plain.len() };
            let mut packet = plain.clone();
            gcm.seal_rtp(&mut packet, header, id, &[]).unwrap();
            assert_eq!(packet, sealed, "{}", vector["section"]);
            gcm.open_rtp(&mut packet, header, id, &[]).unwrap();
            assert_eq!(packet, plain, "{}", vector["section"]);
        }
    }

    #[test]
    fn the_packets_of_rtcp_come_out() {
        // tests rfc7714 §9.1, §9.2, §9.3
        let vectors = vectors::read(vectors::RFC_7714);
        let all = vectors["rtcp"].as_array().unwrap();
        assert_eq!(all.len(), 4);
        for vector in all {
            let gcm = keyed(&vectors, vector);
            let (plain, sealed) = (hex(&vector["plain"]), hex(&vector["protected"]));
            let ssrc = rtcp_ssrc(&plain).unwrap();
            let index = vectors["rtcp_index"].as_u64().unwrap() as u32;
            let word = IndexWord::new(vector["encrypted"].as_bool().unwrap(), index);
            let mut packet = plain.clone();
            gcm.seal_rtcp(&mut packet, ssrc, word, &[]).unwrap();
            assert_eq!(packet, sealed, "{}", vector["section"]);
            gcm.open_rtcp(&mut packet, ssrc, word, &[]).unwrap();
            assert_eq!(packet, plain, "{}", vector["section"]);
        }
    }
}
