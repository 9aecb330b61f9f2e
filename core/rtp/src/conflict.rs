//! Our own SSRC, heard from others: a collision is resolved once, a loop is then ignored (RFC 3550 §8.2).
//!
//! The caller keeps one list for RTP and one for RTCP. Not here: the BYE for the old SSRC, and the new one
//! ([`Sender::change_ssrc`](crate::Sender::change_ssrc)).

use smallvec::SmallVec;
use std::net::SocketAddr;
use std::time::Duration;

/// Addresses remembered; the one that was quiet longest goes first.
const CONFLICTS_MAX: usize = 8;
/// Ten intervals of RTCP.
// rfc3550 §8.2
const REMEMBERED: Duration = Duration::from_secs(50);

/// What a packet with our own SSRC means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another source has the same: say BYE for it and take another.
    Collision,
    /// Our own packets come back from there, and a new SSRC did not help: ignore it.
    Loop,
}

/// Where packets with our SSRC came from.
#[derive(Clone, Debug, Default)]
pub struct Conflicts(SmallVec<[(SocketAddr, Duration); 2]>);

impl Conflicts {
    /// A packet with our own SSRC came from there.
    // rfc3550 §8.2
    pub fn hear(&mut self, now: Duration, from: SocketAddr) -> Conflict {
        self.0.retain(|(_, last)| now.saturating_sub(*last) < REMEMBERED);
        if let Some((_, last)) = self.0.iter_mut().find(|(address, _)| *address == from) {
            *last = now;
            return Conflict::Loop;
        }
        if self.0.len() >= CONFLICTS_MAX
            && let Some(oldest) = (0..self.0.len()).min_by_key(|at| self.0.get(*at).map(|(_, last)| *last))
        {
            self.0.remove(oldest);
        }
        self.0.push((from, now));
        Conflict::Collision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_ssrc_is_chosen_once_for_each_address() {
        // tests rfc3550 §8.2
        let address = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let mut conflicts = Conflicts::default();
        let mut hear = |secs, port| conflicts.hear(Duration::from_secs(secs), address(port));
        assert_eq!(hear(0, 1), Conflict::Collision);
        assert_eq!((hear(1, 1), hear(40, 1)), (Conflict::Loop, Conflict::Loop));
        assert_eq!(hear(41, 2), Conflict::Collision);
        assert_eq!(hear(90, 1), Conflict::Collision, "forgotten");
        for port in 3..100 {
            assert_eq!(hear(90, port), Conflict::Collision);
        }
        assert_eq!(hear(91, 99), Conflict::Loop);
        assert_eq!(hear(91, 2), Conflict::Collision, "there were too many");
    }
}
