//! The side that sends (RFC 3711 §3.3, §3.4).

use std::fmt;

use crate::error::{Refused, WrongKey};
use crate::header::{RtpHeader, rtcp_ssrc};
use crate::streams::Streams;
use crate::suite::Suite;
use crate::transform::{IndexWord, Keys, PacketId};
use crate::window::Window;

/// A key, and the streams that are sent under it. Each SSRC has its own numbers.
///
/// What a key protects must be told from all else it protects: a key has one sender, and belongs in no second
/// `Protect` while its streams go on. No index is used twice: a packet of RTP whose sequence number was sent is
/// [refused](Refused::Replayed), and so is one that lies further back than the
/// [window](crate::WINDOW_PACKETS); who sends something again sends the protected packet. Packets of RTP may
/// otherwise come in any order, with gaps of less than 2^15. A stream should begin with a sequence number below
/// 2^15: if it rolls over before the other side has seen any of it, it may be lost there (RFC 4568 §6.4).
pub struct Protect {
    suite: Suite,
    keys: Keys,
    rtp: Streams<Window>,
    /// The index that comes next.
    rtcp: Streams<u32>,
    mki: Vec<u8>,
    encrypts_rtcp: bool,
}

impl Protect {
    /// A sender with the master key and, right behind it, its salt.
    ///
    /// # Errors
    /// They are not as long as [the suite says](Suite::key_salt_octets).
    pub fn new(suite: Suite, key_salt: &[u8]) -> Result<Protect, WrongKey> {
        Ok(Protect {
            suite,
            keys: Keys::derive(suite, key_salt)?,
            rtp: Streams::new(),
            rtcp: Streams::new(),
            mki: Vec::new(),
            encrypts_rtcp: true,
        })
    }

    /// Names the master key in each packet, with these octets (RFC 3711 §3.1; RFC 4568 §6.1).
    pub fn with_mki(self, mki: &[u8]) -> Protect {
        Protect { mki: mki.to_vec(), ..self }
    }

    /// Signs RTCP and does not encrypt it: `UNENCRYPTED_SRTCP` (RFC 4568 §6.3.2).
    pub fn with_clear_rtcp(self) -> Protect {
        Protect { encrypts_rtcp: false, ..self }
    }

    /// The next key for the same streams: rollover counters and indices go on.
    ///
    /// # Errors
    /// It is not as long as the suite says; then the old one stays in use.
    // rfc3711 §3.3.1, §3.4
    pub fn rekey(&mut self, key_salt: &[u8]) -> Result<(), WrongKey> {
        self.keys = Keys::derive(self.suite, key_salt)?;
        Ok(())
    }

    /// Protects a packet of RTP where it lies. It grows by [`Suite::rtp_growth_octets`] and the name of the
    /// master key; nothing is allocated if there is room for that.
    ///
    /// # Errors
    /// [`Malformed`](Refused::Malformed), [`Replayed`](Refused::Replayed), [`TooOld`](Refused::TooOld),
    /// [`KeyExhausted`](Refused::KeyExhausted), [`TooManyStreams`](Refused::TooManyStreams).
    // rfc3711 §3.3, §3.3.1, §4.1.1, §9.1, rfc7714 §8.4
    pub fn rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let header = RtpHeader::read(packet).ok_or(Refused::Malformed)?;
        let index = match self.rtp.get(header.ssrc) {
            Some(window) => {
                let index = window.index_of(header.sequence_number)?;
                window.check(index)?;
                index
            }
            None => {
                self.rtp.room()?;
                u64::from(header.sequence_number) // the rollover counter begins at zero
            }
        };
        self.rtp.enter(header.ssrc, index);
        self.keys.rtp.seal_rtp(packet, header.octets, PacketId { ssrc: header.ssrc, index }, &self.mki)
    }

    /// Protects a compound packet of RTCP where it lies. It grows by [`Suite::rtcp_growth_octets`] and the
    /// name of the master key.
    ///
    /// # Errors
    /// [`Malformed`](Refused::Malformed), [`KeyExhausted`](Refused::KeyExhausted),
    /// [`TooManyStreams`](Refused::TooManyStreams).
    // rfc3711 §3.4, §9.2, rfc7714 §9.4
    pub fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let ssrc = rtcp_ssrc(packet).ok_or(Refused::Malformed)?;
        let index = match self.rtcp.get_mut(ssrc) {
            Some(next) if *next > IndexWord::INDEX_MAX => return Err(Refused::KeyExhausted),
            Some(next) => {
                *next += 1;
                *next - 1
            }
            None => {
                self.rtcp.room()?;
                self.rtcp.begin(ssrc, 1);
                0
            }
        };
        let word = IndexWord::new(self.encrypts_rtcp, index);
        self.keys.rtcp.seal_rtcp(packet, ssrc, word, &self.mki)
    }
}

/// Without the keys.
impl fmt::Debug for Protect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protect")
            .field("suite", &self.suite)
            .field("rtp", &self.rtp)
            .field("rtcp", &self.rtcp)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::STREAMS_MAX;
    use crate::vectors::{self, hex};

    fn rtp(ssrc: u32, sequence_number: u16) -> Vec<u8> {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence_number.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x55; 20]);
        packet
    }

    fn rtcp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
    }

    fn protect() -> Protect {
        Protect::new(Suite::AesCm128HmacSha1_80, &[1; 30]).unwrap()
    }

    #[test]
    fn the_packets_of_another_implementation_come_out() {
        // tests rfc3711 §3.3, §3.3.1, §3.4, §4.1.1, §4.2, §4.2.1, §4.3.1, §4.3.2, §5.2, rfc6188 §4, rfc7714 §11
        let vectors = vectors::read(vectors::PEER);
        let sessions = vectors["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 2 * Suite::ALL.len());
        for session in sessions {
            let name = session["suite"].as_str().unwrap();
            let suite = Suite::ALL.into_iter().find(|suite| format!("{suite:?}") == name).unwrap();
            let mut protect = Protect::new(suite, &hex(&session["key_salt"])).unwrap();
            protect = protect.with_mki(&hex(&session["mki"]));
            if session["clear_rtcp"].as_bool().unwrap() {
                protect = protect.with_clear_rtcp();
            }
            for ssrc in [0xcafe_0001, 0xcafe_0002] {
                protect.rtcp.begin(ssrc, 1); // theirs has its first packet at one
            }
            for vector in session["packets"].as_array().unwrap() {
                let mut packet = hex(&vector["plain"]);
                match vector["kind"].as_str().unwrap() {
                    "rtp" => protect.rtp(&mut packet).unwrap(),
                    _ => protect.rtcp(&mut packet).unwrap(),
                }
                assert_eq!(packet, hex(&vector["protected"]), "{name} {vector}");
            }
        }
    }

    #[test]
    fn no_index_is_used_twice() {
        // tests rfc3711 §4.1.1, §9.1, rfc7714 §8.4
        let mut protect = protect();
        assert_eq!(protect.rtp(&mut rtp(1, 500)), Ok(()));
        assert_eq!(protect.rtp(&mut rtp(1, 700)), Ok(()));
        assert_eq!(protect.rtp(&mut rtp(1, 699)), Ok(()));
        let mut again = rtp(1, 700);
        assert_eq!(protect.rtp(&mut again), Err(Refused::Replayed));
        assert_eq!(again, rtp(1, 700));
        assert_eq!(protect.rtp(&mut rtp(1, 500)), Err(Refused::TooOld));
        assert_eq!(protect.rtp(&mut rtp(1, 65_000)), Err(Refused::TooOld), "before the first round");
        assert_eq!(protect.rtp(&mut rtp(2, 500)), Ok(()), "another stream has its own");
    }

    #[test]
    fn a_key_ends_with_its_indices() {
        // tests rfc3711 §9.2, rfc7714 §9.4
        let mut protect = protect();
        protect.rtp.enter(1, (1 << 48) - 2);
        assert_eq!(protect.rtp(&mut rtp(1, u16::MAX)), Ok(()));
        assert_eq!(protect.rtp(&mut rtp(1, 0)), Err(Refused::KeyExhausted));
        protect.rtcp.begin(1, IndexWord::INDEX_MAX);
        assert_eq!(protect.rtcp(&mut rtcp(1)), Ok(()));
        assert_eq!(protect.rtcp(&mut rtcp(1)), Err(Refused::KeyExhausted));
        assert_eq!(protect.rtcp(&mut rtcp(1)), Err(Refused::KeyExhausted));
    }

    #[test]
    fn the_index_of_rtcp_counts_from_zero() {
        // tests rfc3711 §3.4
        let mut protect = protect();
        for (ssrc, index) in [(1, 0), (1, 1), (2, 0), (1, 2)] {
            let mut packet = rtcp(ssrc);
            protect.rtcp(&mut packet).unwrap();
            assert_eq!(packet[8..12], (1u32 << 31 | index).to_be_bytes());
        }
    }

    #[test]
    fn the_next_key_goes_on_where_the_last_one_was() {
        // tests rfc3711 §3.3.1, §3.4
        let mut protect = protect();
        assert_eq!(protect.rtp(&mut rtp(1, 500)), Ok(()));
        assert_eq!(protect.rtcp(&mut rtcp(1)), Ok(()));
        assert_eq!(protect.rekey(&[2; 29]), Err(WrongKey));
        protect.rekey(&[2; 30]).unwrap();
        assert_eq!(protect.rtp(&mut rtp(1, 500)), Err(Refused::Replayed));
        let mut packet = rtcp(1);
        protect.rtcp(&mut packet).unwrap();
        assert_eq!(packet[8..12], (1u32 << 31 | 1).to_be_bytes());
    }

    #[test]
    fn there_is_an_end_to_streams() {
        let mut protect = protect();
        for ssrc in 0..STREAMS_MAX as u32 {
            assert_eq!(protect.rtp(&mut rtp(ssrc, 1)), Ok(()));
            assert_eq!(protect.rtcp(&mut rtcp(ssrc)), Ok(()));
        }
        let one_more = STREAMS_MAX as u32;
        assert_eq!(protect.rtp(&mut rtp(one_more, 1)), Err(Refused::TooManyStreams));
        assert_eq!(protect.rtcp(&mut rtcp(one_more)), Err(Refused::TooManyStreams));
        assert_eq!(protect.rtp(&mut rtp(0, 2)), Ok(()));
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", Protect::new(Suite::AeadAes128Gcm, &[0xab; 28]).unwrap());
        assert!(
            shown.contains("AeadAes128Gcm") && !shown.contains("171") && !shown.contains("ab"),
            "{shown}"
        );
    }
}
