//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1).
//!
//! ```text
//! RTP    header | encrypted payload           | MKI | tag      the tag is over all before the MKI, and the
//!                                                              rollover counter
//! RTCP   header | encrypted rest | E and index | MKI | tag     the tag is over all before the MKI
//! ```

use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::aes_cm::AesCm;
use crate::derive::{Master, Of, Part};
use crate::error::{Refused, WrongKey};
use crate::header::{RTCP_CLEAR_OCTETS, cut};
use crate::suite::Suite;
use crate::transform::{IndexWord, PacketId};

const SALT_OCTETS: usize = 14;
/// The key of the HMAC: 160 bits.
const AUTHENTICATION_OCTETS: usize = 20;

/// The session keys of RTP or of RTCP.
pub(crate) struct Counter {
    aes: AesCm,
    salt: Zeroizing<[u8; SALT_OCTETS]>,
    /// With its key taken in; each packet goes on from a copy.
    mac: Hmac<Sha1>,
    tag_octets: usize,
}

impl Counter {
    pub(crate) fn derive(suite: Suite, master: &Master, of: Of) -> Result<Counter, WrongKey> {
        let mut key = Zeroizing::new([0; 32]);
        let key = key.get_mut(..suite.key_octets()).ok_or(WrongKey)?;
        let mut salt = Zeroizing::new([0; SALT_OCTETS]);
        let mut authentication = Zeroizing::new([0; AUTHENTICATION_OCTETS]);
        master.derive(of, Part::Encryption, key);
        master.derive(of, Part::Salt, &mut *salt);
        master.derive(of, Part::Authentication, &mut *authentication);
        Ok(Counter {
            aes: AesCm::new(key)?,
            salt,
            mac: Hmac::new_from_slice(&*authentication).map_err(|_| WrongKey)?,
            tag_octets: match of {
                Of::Rtp => suite.rtp_growth_octets(),
                Of::Rtcp => suite.rtcp_growth_octets() - IndexWord::OCTETS,
            },
        })
    }

    pub(crate) fn tag_octets(&self) -> usize {
        self.tag_octets
    }

    // rfc3711 §3.3
    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let payload = packet.get_mut(header..).ok_or(Refused::Malformed)?;
        self.aes.apply(self.iv(id), payload);
        let mac = self.mac_of(packet).chain_update(rollovers(id));
        packet.extend_from_slice(mki);
        self.append_tag(packet, mac);
        Ok(())
    }

    // rfc3711 §3.3
    pub(crate) fn open_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: usize,
        id: PacketId,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let (signed, tag) = self.cut(packet, mki)?;
        let end = signed.len();
        verify(self.mac_of(signed).chain_update(rollovers(id)), tag)?;
        let payload = packet.get_mut(header..end).ok_or(Refused::Malformed)?;
        self.aes.apply(self.iv(id), payload);
        packet.truncate(end);
        Ok(())
    }

    // rfc3711 §3.4
    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        if word.encrypted() {
            let rest = packet.get_mut(RTCP_CLEAR_OCTETS..).ok_or(Refused::Malformed)?;
            self.aes.apply(self.iv(word.id(ssrc)), rest);
        }
        packet.extend_from_slice(&word.0.to_be_bytes());
        let mac = self.mac_of(packet);
        packet.extend_from_slice(mki);
        self.append_tag(packet, mac);
        Ok(())
    }

    // rfc3711 §3.4
    pub(crate) fn open_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: IndexWord,
        mki: &[u8],
    ) -> Result<(), Refused> {
        let (signed, tag) = self.cut(packet, mki)?;
        let end = signed.len().checked_sub(IndexWord::OCTETS).ok_or(Refused::Malformed)?;
        verify(self.mac_of(signed), tag)?;
        let rest = packet.get_mut(RTCP_CLEAR_OCTETS..end).ok_or(Refused::Malformed)?;
        if word.encrypted() {
            self.aes.apply(self.iv(word.id(ssrc)), rest);
        }
        packet.truncate(end);
        Ok(())
    }

    // rfc3711 §4.1.1
    fn iv(&self, id: PacketId) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.iter_mut().zip(self.salt.iter()).for_each(|(iv, salt)| *iv = *salt);
        let own = u128::from(id.ssrc) << 64 | u128::from(id.index) << 16;
        (u128::from_be_bytes(iv) ^ own).to_be_bytes()
    }

    fn mac_of(&self, signed: &[u8]) -> Hmac<Sha1> {
        self.mac.clone().chain_update(signed)
    }

    // rfc3711 §4.2.1
    fn append_tag(&self, packet: &mut Vec<u8>, mac: Hmac<Sha1>) {
        packet.extend(mac.finalize().into_bytes().iter().take(self.tag_octets));
    }

    /// What is signed, and its tag.
    fn cut<'a>(&self, packet: &'a [u8], mki: &[u8]) -> Result<(&'a [u8], &'a [u8]), Refused> {
        let (before, tag) = cut(packet, self.tag_octets)?;
        let (signed, theirs) = cut(before, mki.len())?;
        if theirs == mki { Ok((signed, tag)) } else { Err(Refused::OtherKey) }
    }
}

/// The rollover counter, which is signed and not sent.
// rfc3711 §4.2
fn rollovers(id: PacketId) -> [u8; 4] {
    ((id.index >> 16) as u32).to_be_bytes() // of 48 bits the upper 32
}

/// In a time that does not depend on where they differ.
fn verify(mac: Hmac<Sha1>, tag: &[u8]) -> Result<(), Refused> {
    mac.verify_truncated_left(tag).map_err(|_| Refused::NotAuthentic)
}
