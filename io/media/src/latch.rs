//! [`Latch`]: whose packets are believed, and where ours go (symmetric RTP, RFC 4961).
//!
//! Signalling says where the far side is. Behind a NAT that is not where its packets come from, and whoever sends to
//! our port would like to be heard. So:
//!
//! - what comes from where signalling says is taken at once;
//! - before anything came from there, another address is taken once [`PROOF`] packets of one source came from it in
//!   sequence; those are kept, and not lost;
//! - then nobody else is heard. Only the signalled address itself, with the same proof, takes over from another; and
//!   the very stream that was heard (its SSRC, its sequence going on) may come from elsewhere after [`SILENCE`]: a NAT
//!   that forgot;
//! - a packet that was authenticated (SRTP), or comes by a way that ICE proved, needs no other proof.
//!
//! A new description from the far side begins anew.

use std::net::SocketAddr;
use std::time::Duration;

use ruf_rtp::Packet;

/// Packets in sequence that prove a source.
const PROOF: usize = 3;
/// The heard address may be followed by another when nothing came from it for so long.
const SILENCE: Duration = Duration::from_secs(2);
/// How far a stream that moved may have gone on: ten seconds at 20 ms.
const SEQUENCE_AHEAD_MAX: u16 = 500;
/// Addresses that may be at proving themselves; the oldest goes first.
const CANDIDATES_MAX: usize = 4;
/// Octets of a packet that are kept for a proof.
const PACKET_BYTES_MAX: usize = 1_500;

/// Whose packets are believed.
#[derive(Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    heard: Option<Heard>,
    /// The oldest first.
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    from: SocketAddr,
    at: Duration,
    ssrc: u32,
    sequence: u16,
}

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    kept: Vec<Vec<u8>>,
}

/// What is done with a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is heard, after those that were kept.
    Take(Vec<Vec<u8>>),
    /// It is kept, until more of its kind prove it.
    Kept,
    /// It is nobody's.
    Refuse,
}

impl Latch {
    pub(crate) fn new(signalled: SocketAddr) -> Latch {
        Latch { signalled, heard: None, candidates: Vec::new() }
    }

    /// Where our packets go.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.heard.map_or(self.signalled, |heard| heard.from)
    }

    /// Whether somebody is heard.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Signalling says where the far side is now.
    pub(crate) fn signal(&mut self, signalled: SocketAddr) {
        if self.signalled != signalled {
            *self = Latch::new(signalled);
        }
    }

    /// Whether RTCP from there is believed: it comes from the host that is heard, or signalled.
    pub(crate) fn is_host(&self, from: SocketAddr) -> bool {
        from.ip() == self.remote().ip()
    }

    /// A packet came.
    pub(crate) fn hear(
        &mut self,
        now: Duration,
        from: SocketAddr,
        packet: &Packet<'_>,
        datagram: &[u8],
        is_authentic: bool,
    ) -> Verdict {
        let heard = Heard { from, at: now, ssrc: packet.ssrc, sequence: packet.sequence };
        match self.heard {
            Some(before) if before.from == from => {
                self.heard = Some(heard);
                return Verdict::Take(Vec::new());
            }
            None if from == self.signalled => return self.take(heard),
            _ if is_authentic => return self.take(heard),
            Some(before) if from != self.signalled && !goes_on(before, heard) => {
                return Verdict::Refuse;
            }
            Some(_) | None => {}
        }
        self.prove(heard, datagram)
    }

    fn take(&mut self, heard: Heard) -> Verdict {
        self.heard = Some(heard);
        let mut candidates = std::mem::take(&mut self.candidates).into_iter();
        let kept = candidates.find(|candidate| candidate.from == heard.from);
        Verdict::Take(kept.map_or_else(Vec::new, |candidate| candidate.kept))
    }

    fn prove(&mut self, heard: Heard, datagram: &[u8]) -> Verdict {
        let next = heard.sequence.wrapping_add(1);
        let known = self.candidates.iter_mut().find(|candidate| candidate.from == heard.from);
        match known {
            Some(candidate) if (candidate.ssrc, candidate.next) == (heard.ssrc, heard.sequence) => {
                if candidate.kept.len() + 1 >= PROOF {
                    return self.take(heard);
                }
                candidate.next = next;
                candidate.kept.push(cut(datagram));
            }
            Some(candidate) => {
                *candidate =
                    Candidate { from: heard.from, ssrc: heard.ssrc, next, kept: vec![cut(datagram)] };
            }
            None => {
                if self.candidates.len() >= CANDIDATES_MAX {
                    self.candidates.remove(0);
                }
                let kept = vec![cut(datagram)];
                self.candidates.push(Candidate { from: heard.from, ssrc: heard.ssrc, next, kept });
            }
        }
        Verdict::Kept
    }
}

/// It is the stream that was heard, from elsewhere.
fn goes_on(before: Heard, heard: Heard) -> bool {
    let ahead = heard.sequence.wrapping_sub(before.sequence);
    heard.at.saturating_sub(before.at) >= SILENCE
        && heard.ssrc == before.ssrc
        && (1..=SEQUENCE_AHEAD_MAX).contains(&ahead)
}

fn cut(datagram: &[u8]) -> Vec<u8> {
    datagram.iter().take(PACKET_BYTES_MAX).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALLED: &str = "192.0.2.1:4000";
    const NAT: &str = "198.51.100.1:5000";
    const STRANGER: &str = "203.0.113.1:6000";

    struct Stage {
        latch: Latch,
        now: Duration,
    }

    impl Stage {
        fn new() -> Stage {
            Stage { latch: Latch::new(SIGNALLED.parse().unwrap()), now: Duration::ZERO }
        }

        /// A packet comes; how many were kept and are heard with it, or that it was kept or refused.
        fn hear(&mut self, from: &str, ssrc: u32, sequence: u16) -> Result<usize, Verdict> {
            self.hear_as(from, ssrc, sequence, false)
        }

        fn hear_as(
            &mut self,
            from: &str,
            ssrc: u32,
            sequence: u16,
            authentic: bool,
        ) -> Result<usize, Verdict> {
            self.now += Duration::from_millis(20);
            let packet = Packet { ssrc, sequence, payload: &[1, 2], ..Packet::default() };
            match self.latch.hear(self.now, from.parse().unwrap(), &packet, &[9; 12], authentic) {
                Verdict::Take(kept) => Ok(kept.len()),
                other => Err(other),
            }
        }

        fn remote(&self) -> String {
            self.latch.remote().to_string()
        }
    }

    #[test]
    fn what_comes_from_where_signalling_says_is_heard_at_once_and_strangers_are_not() {
        let mut stage = Stage::new();
        assert_eq!(stage.hear(SIGNALLED, 1, 10), Ok(0));
        for sequence in 0..20 {
            assert_eq!(stage.hear(STRANGER, 2, sequence), Err(Verdict::Refuse));
        }
        assert_eq!(stage.remote(), SIGNALLED);
    }

    #[test]
    fn behind_a_nat_three_packets_prove_an_address_and_none_is_lost() {
        let mut stage = Stage::new();
        assert_eq!(stage.hear(NAT, 1, 65_535), Err(Verdict::Kept));
        assert_eq!(stage.hear(NAT, 1, 0), Err(Verdict::Kept));
        assert_eq!(stage.remote(), SIGNALLED);
        assert_eq!(stage.hear(NAT, 1, 1), Ok(2));
        assert_eq!(stage.remote(), NAT);
        assert_eq!(stage.hear(STRANGER, 1, 2), Err(Verdict::Refuse));
        assert_eq!(stage.hear(NAT, 1, 2), Ok(0));
    }

    #[test]
    fn a_stranger_who_sends_at_random_does_not_keep_the_far_side_from_proving_itself() {
        let mut stage = Stage::new();
        for (sequence, heard) in [(1, Err(Verdict::Kept)), (2, Err(Verdict::Kept)), (3, Ok(2))] {
            assert_eq!(stage.hear(STRANGER, 9, sequence * 77), Err(Verdict::Kept));
            assert_eq!(stage.hear(NAT, 1, sequence), heard);
        }
    }

    #[test]
    fn packets_out_of_sequence_or_of_several_sources_prove_nothing() {
        let mut stage = Stage::new();
        for (ssrc, sequence) in [(1, 1), (1, 3), (2, 4), (2, 4), (3, 5), (3, 7), (1, 8)] {
            assert_eq!(stage.hear(STRANGER, ssrc, sequence), Err(Verdict::Kept));
        }
        assert_eq!(stage.remote(), SIGNALLED);
    }

    #[test]
    fn the_signalled_address_takes_over_from_another_with_the_same_proof() {
        let mut stage = Stage::new();
        for sequence in 0..5 {
            let _ = stage.hear(STRANGER, 7, sequence);
        }
        assert_eq!(stage.remote(), STRANGER);
        assert_eq!(stage.hear(SIGNALLED, 1, 10), Err(Verdict::Kept));
        assert_eq!(stage.hear(SIGNALLED, 1, 11), Err(Verdict::Kept));
        assert_eq!(stage.hear(SIGNALLED, 1, 12), Ok(2));
        assert_eq!(stage.hear(STRANGER, 7, 5), Err(Verdict::Refuse));
        assert_eq!(stage.remote(), SIGNALLED);
    }

    #[test]
    fn a_stream_that_falls_silent_and_goes_on_from_elsewhere_is_followed() {
        let mut stage = Stage::new();
        assert_eq!(stage.hear(SIGNALLED, 1, 100), Ok(0));
        assert_eq!(stage.hear(NAT, 1, 101), Err(Verdict::Refuse));
        stage.now += SILENCE;
        // Another stream, or another place in it, does not go on.
        assert_eq!(stage.hear(NAT, 2, 102), Err(Verdict::Refuse));
        assert_eq!(stage.hear(NAT, 1, 5_000), Err(Verdict::Refuse));
        for (sequence, heard) in [(150, Err(Verdict::Kept)), (151, Err(Verdict::Kept)), (152, Ok(2))] {
            assert_eq!(stage.hear(NAT, 1, sequence), heard);
        }
        assert_eq!(stage.remote(), NAT);
    }

    #[test]
    fn what_is_authentic_is_heard_from_anywhere() {
        let mut stage = Stage::new();
        assert_eq!(stage.hear_as(SIGNALLED, 1, 1, true), Ok(0));
        assert_eq!(stage.hear_as(NAT, 1, 2, true), Ok(0));
        assert_eq!(stage.remote(), NAT);
    }

    #[test]
    fn a_new_description_begins_anew_and_the_same_one_does_not() {
        let mut stage = Stage::new();
        assert_eq!(stage.hear(SIGNALLED, 1, 1), Ok(0));
        stage.latch.signal(SIGNALLED.parse().unwrap());
        assert_eq!(stage.hear(NAT, 1, 2), Err(Verdict::Refuse));
        stage.latch.signal(NAT.parse().unwrap());
        assert_eq!(stage.remote(), NAT);
        assert_eq!(stage.hear(NAT, 9, 2), Ok(0));
    }
}
