//! Who takes part in a session, as far as it is heard of them (RFC 3550 §6.2.1, §6.3.3 to §6.3.5).

use smallvec::SmallVec;
use std::time::Duration;

/// Others remembered; further ones are not counted.
const MEMBERS_MAX: usize = 128;

/// The others, by SSRC.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members(SmallVec<[Member; 2]>);

#[derive(Clone, Copy, Debug)]
struct Member {
    ssrc: u32,
    heard: Duration,
    /// When it sent RTP.
    sent: Option<Duration>,
}

impl Members {
    /// RTCP or, with `is_rtp`, RTP of it came.
    // rfc3550 §6.3.3
    pub(crate) fn hear(&mut self, now: Duration, ssrc: u32, is_rtp: bool) {
        let known = self.0.iter().position(|member| member.ssrc == ssrc);
        if known.is_none() && self.0.len() < MEMBERS_MAX {
            self.0.push(Member { ssrc, heard: now, sent: None });
        }
        if let Some(member) = self.0.iter_mut().find(|member| member.ssrc == ssrc) {
            member.heard = member.heard.max(now);
            if is_rtp {
                member.sent = Some(now);
            }
        }
    }

    /// It said BYE.
    // rfc3550 §6.3.4
    pub(crate) fn leave(&mut self, ssrc: u32) {
        self.0.retain(|member| member.ssrc != ssrc);
    }

    /// Forgets who was not heard for so long.
    // rfc3550 §6.3.5
    pub(crate) fn time_out(&mut self, now: Duration, silence: Duration, no_rtp: Duration) {
        self.0.retain(|member| now.saturating_sub(member.heard) < silence);
        for member in &mut self.0 {
            member.sent = member.sent.filter(|sent| now.saturating_sub(*sent) < no_rtp);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// How many of them send RTP.
    pub(crate) fn senders(&self) -> usize {
        self.0.iter().filter(|member| member.sent.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_and_leave_and_are_forgotten() {
        // tests rfc3550 §6.3.3, §6.3.4, §6.3.5
        let mut members = Members::default();
        let at = Duration::from_secs;
        members.hear(at(0), 1, true);
        members.hear(at(1), 2, false);
        members.hear(at(2), 1, false);
        assert_eq!((members.count(), members.senders()), (2, 1));
        members.time_out(at(11), at(25), at(10));
        assert_eq!((members.count(), members.senders()), (2, 0));
        members.time_out(at(26), at(25), at(10));
        assert_eq!(members.count(), 1);
        members.leave(1);
        assert_eq!(members.count(), 0);
        (0..1_000).for_each(|ssrc| members.hear(at(30), ssrc, false));
        assert_eq!(members.count(), MEMBERS_MAX);
    }
}
