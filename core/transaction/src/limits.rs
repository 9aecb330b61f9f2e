//! The bounds of the table and the three base timers of RFC 3261 section 17 (Table 4).
//!
//! The durations that a machine arms are all made here, so that each has its own queue in
//! [`ruf_message::Deadlines`]. Not here: when they are armed (each machine's own file).

use std::time::Duration;

/// How many transactions the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Client transactions opened by [`crate::Transactions::send`]. The CANCEL of an INVITE is
    /// not counted: there is at most one for each INVITE, and refusing it would leave a phone
    /// ringing.
    pub clients_max: usize,
    /// Server transactions opened by [`crate::Transactions::accept`] that are not over but for Timer J. Of those
    /// that are, which take a hundred octets each, as many are kept beside them, the youngest.
    pub servers_max: usize,
}

impl Default for Limits {
    /// A million of each: at 64*T1 that is 32,000 new INVITEs a second on either side.
    fn default() -> Self {
        Limits { clients_max: 1 << 20, servers_max: 1 << 20 }
    }
}

/// The base timers, RFC 3261 table 4; every other timer is a multiple of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// T1, the estimate of the round-trip time.
    pub t1: Duration,
    /// T2, the longest retransmission interval of a non-INVITE request and of a final response.
    pub t2: Duration,
    /// T4, how long a message stays in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            t1: Duration::from_millis(500), // rfc3261 §17.1.1.1
            t2: Duration::from_secs(4),     // rfc3261 §17.1.2.2
            t4: Duration::from_secs(5),     // rfc3261 §17.1.2.2
        }
    }
}

/// Timer A doubles from T1; its interval after this many retransmissions would end at or after
/// Timer B, so it is not armed again (seven requests in all).
pub(crate) const TIMER_A_RETRANSMITS_MAX: u8 = 6;
/// How long an INVITE's user may be silent before the machine says 100 itself.
pub(crate) const TRYING_DELAY: Duration = Duration::from_millis(200);
/// Timer D is at least this on unreliable transports, whatever T1 is.
pub(crate) const TIMER_D_MIN: Duration = Duration::from_secs(32);

// rfc3261 §17.1.1.2: "64*T1 is equal to the amount of time required to send seven requests":
// the sixth retransmission leaves at (2^6 - 1) * T1, before Timer B at 64 * T1.
const _: () = assert!((1u32 << TIMER_A_RETRANSMITS_MAX) - 1 < 64);

impl Timers {
    /// Timers B, F, H, J, L, M and the wait after a CANCEL.
    pub(crate) fn timeout(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer A after `retransmits` retransmissions: T1 doubling, no cap.
    pub(crate) fn timer_a(&self, retransmits: u8) -> Duration {
        self.t1 * (1 << retransmits.min(TIMER_A_RETRANSMITS_MAX))
    }

    /// Timers E and G after `retransmits` retransmissions: T1 doubling, at most T2.
    pub(crate) fn capped(&self, retransmits: u8) -> Duration {
        self.timer_a(retransmits).min(self.t2)
    }

    /// Timer D on an unreliable transport.
    pub(crate) fn timer_d(&self) -> Duration {
        self.timeout().max(TIMER_D_MIN) // rfc3261 §17.1.1.2
    }

    /// When a client's Timer E is first reset to T2: from here on a 100 to a non-INVITE helps.
    pub(crate) fn trying_non_invite(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for retransmits in 0..TIMER_A_RETRANSMITS_MAX {
            let interval = self.capped(retransmits);
            if interval >= self.t2 {
                break;
            }
            sum += interval;
        }
        sum.max(self.t1) // rfc4320 §4.1
    }

    /// How long a non-INVITE server transaction lives without a final response: until the client
    /// has given up (Timer F) and its last retransmission has left the network (T4).
    pub(crate) fn non_invite_lifetime(&self) -> Duration {
        self.timeout() + self.t4
    }

    /// What is left of that when a 100 is due.
    pub(crate) fn non_invite_lifetime_after_trying(&self) -> Duration {
        self.non_invite_lifetime().saturating_sub(self.trying_non_invite())
    }

    /// Every duration that is ever armed, each once.
    pub(crate) fn durations(&self) -> Vec<Duration> {
        let mut all: Vec<Duration> = (0..TIMER_A_RETRANSMITS_MAX)
            .flat_map(|n| [self.timer_a(n), self.capped(n)])
            .chain([
                self.t2,
                self.t4,
                self.timeout(),
                self.timer_d(),
                self.trying_non_invite(),
                self.non_invite_lifetime_after_trying(),
                TRYING_DELAY,
            ])
            .collect();
        all.sort();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_a_doubles_and_timers_e_and_g_stop_at_t2() {
        // tests rfc3261 §17.1.1.2, rfc3261 §17.1.2.2
        let t = Timers::default();
        let ms = |d: Duration| d.as_millis();
        let a: Vec<u128> = (0..6).map(|n| ms(t.timer_a(n))).collect();
        assert_eq!(a, [500, 1000, 2000, 4000, 8000, 16000]);
        let e: Vec<u128> = (0..6).map(|n| ms(t.capped(n))).collect();
        assert_eq!(e, [500, 1000, 2000, 4000, 4000, 4000]);
    }

    #[test]
    fn timer_e_reaches_t2_after_three_and_a_half_seconds() {
        // tests rfc4320 §4.1
        assert_eq!(Timers::default().trying_non_invite(), Duration::from_millis(3500));
    }

    #[test]
    fn timer_d_never_falls_below_32_seconds() {
        // tests rfc3261 §17.1.1.2
        let t = Timers { t1: Duration::from_millis(10), ..Timers::default() };
        assert_eq!(t.timer_d(), Duration::from_secs(32));
        assert_eq!(t.timeout(), Duration::from_millis(640));
    }

    #[test]
    fn every_duration_that_is_armed_is_known_before_and_once() {
        let t = Timers::default();
        let all = t.durations();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        for armed in [t.timer_a(0), t.timer_a(5), t.capped(3), t.timer_d(), t.timeout(), t.t4, TRYING_DELAY] {
            assert!(all.contains(&armed), "{armed:?}");
        }
    }
}
