//! The side that receives (RFC 3711 §3.3, §3.4).

use std::fmt;

use crate::error::{Refused, WrongKey};
use crate::header::{RtpHeader, rtcp_ssrc};
use crate::streams::Streams;
use crate::suite::Suite;
use crate::transform::{Keys, PacketId};
use crate::window::Window;

/// A key, and the streams that were received under it: of each SSRC how far it is and what of it was there.
/// Only a packet that proved to be of the key changes that. It is kept while the key is in use: a second one
/// for the same key would take again what the first one took.
///
/// RTCP is taken encrypted and, with a tag, in the clear: it says itself what it is.
pub struct Unprotect {
    suite: Suite,
    keys: Keys,
    rtp: Streams<Window>,
    rtcp: Streams<Window>,
    mki: Vec<u8>,
}

/// One round of sequence numbers.
const ROUND: u64 = 1 << 16;

impl Unprotect {
    /// A receiver with the master key and, right behind it, its salt.
    ///
    /// # Errors
    /// They are not as long as [the suite says](Suite::key_salt_octets).
    pub fn new(suite: Suite, key_salt: &[u8]) -> Result<Unprotect, WrongKey> {
        Ok(Unprotect {
            suite,
            keys: Keys::derive(suite, key_salt)?,
            rtp: Streams::new(),
            rtcp: Streams::new(),
            mki: Vec::new(),
        })
    }

    /// Each packet names its master key, with as many octets as these; others than these are
    /// [refused](Refused::OtherKey) (RFC 3711 §3.1; RFC 4568 §6.1).
    pub fn with_mki(self, mki: &[u8]) -> Unprotect {
        Unprotect { mki: mki.to_vec(), ..self }
    }

    /// The next key for the same streams: rollover counters and windows go on.
    ///
    /// # Errors
    /// It is not as long as the suite says; then the old one stays in use.
    // rfc3711 §3.3.1, §3.4
    pub fn rekey(&mut self, key_salt: &[u8]) -> Result<(), WrongKey> {
        self.keys = Keys::derive(self.suite, key_salt)?;
        Ok(())
    }

    /// Turns a protected packet into the packet of RTP that was sent.
    ///
    /// # Errors
    /// Any [`Refused`]; the packet is left as it came.
    // rfc3711 §3.3, §3.3.2
    pub fn rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let header = RtpHeader::read(packet).ok_or(Refused::Malformed)?;
        let mut open = |index: u64| {
            let id = PacketId { ssrc: header.ssrc, index };
            self.keys.rtp.open_rtp(packet, header.octets, id, &self.mki).map(|()| index)
        };
        let number = u64::from(header.sequence_number);
        let index = match self.rtp.get(header.ssrc) {
            Some(window) => {
                let index = window.index_of(header.sequence_number)?;
                window.check(index)?;
                open(index)?
            }
            None => {
                self.rtp.room()?;
                // rfc3711 §3.3.1: the rollover counter begins at zero. Who began near its end may have
                // rolled over before we heard of it, and would never be heard again: see ADR 24.
                open(number).or_else(|refused| match refused {
                    Refused::NotAuthentic if number < ROUND / 2 => open(number + ROUND),
                    _ => Err(refused),
                })?
            }
        };
        self.rtp.enter(header.ssrc, index);
        Ok(())
    }

    /// Turns a protected packet into the compound packet of RTCP that was sent.
    ///
    /// # Errors
    /// Any [`Refused`]; the packet is left as it came.
    // rfc3711 §3.4
    pub fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let ssrc = rtcp_ssrc(packet).ok_or(Refused::Malformed)?;
        let word = self.keys.rtcp.index_word(packet, &self.mki).ok_or(Refused::Malformed)?;
        match self.rtcp.get(ssrc) {
            Some(window) => window.check(word.index())?,
            None => self.rtcp.room()?,
        }
        self.keys.rtcp.open_rtcp(packet, ssrc, word, &self.mki)?;
        self.rtcp.enter(ssrc, word.index());
        Ok(())
    }
}

/// Without the keys.
impl fmt::Debug for Unprotect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unprotect")
            .field("suite", &self.suite)
            .field("rtp", &self.rtp)
            .field("rtcp", &self.rtcp)
            .finish_non_exhaustive()
    }
}
