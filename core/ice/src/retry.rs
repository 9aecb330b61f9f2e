//! [`Retry`]: when a request over UDP is sent again, and when it is given up (RFC 8489 §6.2.1).

use std::time::Duration;

/// How long an answer may take before the request is sent again; doubled each time.
// rfc8489 §6.2.1, rfc8445 §14.3
pub(crate) const RTO: Duration = Duration::from_millis(500);
/// How often it is sent at all.
const SENT_MAX: u32 = 7;
/// For how many of the first intervals the last one is waited for.
const LAST_WAIT: u32 = 16;

/// What is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// To be sent again.
    Again,
    /// No answer comes any more.
    Over,
}

/// The clock of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    rto: Duration,
    sent: u32,
    next: Duration,
}

impl Retry {
    /// It is sent now.
    pub(crate) fn new(now: Duration, rto: Duration) -> Retry {
        Retry { rto, sent: 1, next: now + rto }
    }

    /// What is due at this time.
    pub(crate) fn due(&mut self, now: Duration) -> Due {
        if now < self.next {
            return Due::Nothing;
        }
        if self.sent == SENT_MAX {
            return Due::Over;
        }
        let wait = if self.sent + 1 == SENT_MAX { LAST_WAIT } else { 1 << self.sent };
        self.sent += 1;
        self.next = now + self.rto * wait;
        Due::Again
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Duration {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_seven_times_and_then_given_up() {
        // tests rfc8489 §6.2.1
        let mut retry = Retry::new(Duration::ZERO, RTO);
        let mut happened = Vec::new();
        for ms in (0..=39_500).step_by(100) {
            match retry.due(Duration::from_millis(ms)) {
                Due::Nothing => {}
                due => happened.push((ms, due)),
            }
        }
        let again = |ms| (ms, Due::Again);
        let expected = [again(500), again(1_500), again(3_500), again(7_500), again(15_500), again(31_500)];
        assert_eq!(happened[..6], expected);
        assert_eq!(happened[6..], [(39_500, Due::Over)]);
    }
}
