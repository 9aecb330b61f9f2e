//! When RTCP is sent (RFC 3550 §6.2, §6.3, §A.7): at random, so that nobody keeps step, and rarer the more there are.
//!
//! Not here: who there is and what is sent ([`Control`](crate::Control)).

use crate::random::Random;
use std::time::Duration;

/// Between two reports, on average, at least.
// rfc3550 §6.3.1
const INTERVAL_MIN_SECS: f64 = 5.0;
/// Of the bandwidth, for those who send, if they are few.
const SENDERS_SHARE: f64 = 0.25;
/// Reconsidering makes intervals longer; e - 3/2.
const COMPENSATION: f64 = std::f64::consts::E - 1.5;
/// From here on, a BYE waits for its turn.
// rfc3550 §6.3.7
const BYE_AT_ONCE_MEMBERS_MAX: usize = 50;

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// All of them, with ourselves.
    pub members: usize,
    /// Those who sent RTP lately, with ourselves.
    pub senders: usize,
    /// Whether we did.
    pub we_sent: bool,
}

/// The timer of one participant.
#[derive(Clone, Debug)]
pub struct Schedule {
    random: Random,
    /// For all RTCP of the session, in octets a second.
    bandwidth: f64,
    /// Of a packet, in octets, with UDP and IP.
    average_bytes: f64,
    last: Duration,
    next: Duration,
    members_before: usize,
    has_sent: bool,
    /// The next packet is a BYE; how many others have said theirs since, with ourselves.
    leaving: Option<usize>,
}

impl Schedule {
    /// Joins at `now`. `bandwidth` is for all RTCP of the session, in octets a second; the first packet will have about
    /// `first_bytes`, with UDP and IP.
    // rfc3550 §6.3.2
    pub fn new(now: Duration, seed: u64, bandwidth: f64, first_bytes: usize) -> Schedule {
        let mut schedule = Schedule {
            random: Random::from_seed(seed),
            bandwidth: bandwidth.max(1.0),
            average_bytes: first_bytes as f64,
            last: now,
            next: now,
            members_before: 1,
            has_sent: false,
            leaving: None,
        };
        schedule.next = now + schedule.interval(Group { members: 1, senders: 0, we_sent: false });
        schedule
    }

    /// The interval without chance.
    // rfc3550 §6.3.1 step 1, step 2, step 3
    fn fixed_secs(&self, group: Group) -> f64 {
        let (members, senders) = (group.members as f64, group.senders as f64);
        let (share, sharing) = match (senders <= members * SENDERS_SHARE, group.we_sent) {
            (true, true) => (SENDERS_SHARE, senders),
            (true, false) => (1.0 - SENDERS_SHARE, members - senders),
            (false, _) => (1.0, members),
        };
        let least = if self.has_sent { INTERVAL_MIN_SECS } else { INTERVAL_MIN_SECS / 2.0 };
        (self.average_bytes * sharing / (self.bandwidth * share)).max(least)
    }

    /// The interval by lot.
    // rfc3550 §6.3.1 step 4, step 5
    fn interval(&mut self, group: Group) -> Duration {
        let secs = self.fixed_secs(group) * (self.random.unit() + 0.5) / COMPENSATION;
        Duration::from_secs_f64(secs.min(1.0e6))
    }

    /// Who was silent for so long has left.
    // rfc3550 §6.3.5
    pub fn member_timeout(&self, group: Group) -> Duration {
        Duration::from_secs_f64((5.0 * self.fixed_secs(Group { we_sent: false, ..group })).min(1.0e6))
    }

    /// Who sent no RTP for so long is no sender.
    // rfc3550 §6.3.5, §6.3.8
    pub fn sender_timeout(&self, group: Group) -> Duration {
        Duration::from_secs_f64((2.0 * self.fixed_secs(group)).min(1.0e6))
    }

    /// When [`Schedule::expire`] is to be called.
    pub fn next(&self) -> Duration {
        self.next
    }

    /// Whether a packet is to be sent now; then [`Schedule::sent`] is told of it. Too early, it is not.
    // rfc3550 §6.3.6: others may have come meanwhile, so the interval is drawn again
    pub fn expire(&mut self, now: Duration, group: Group) -> bool {
        if now < self.next {
            return false;
        }
        let group = self.seen(group);
        let due = self.last + self.interval(group);
        self.members_before = group.members;
        if due > now {
            self.next = due;
        }
        due <= now
    }

    /// A packet of so many octets was sent.
    // rfc3550 §6.3.6
    pub fn sent(&mut self, now: Duration, bytes: usize, group: Group) {
        self.average(bytes);
        self.last = now;
        let interval = self.interval(self.seen(group));
        self.next = now + interval;
        self.has_sent = true;
    }

    /// A packet of so many octets came.
    // rfc3550 §6.3.3, §6.3.7: while we leave, only a BYE counts
    pub fn heard(&mut self, bytes: usize, is_bye: bool) {
        if let Some(left) = &mut self.leaving {
            *left += usize::from(is_bye);
        }
        if is_bye || self.leaving.is_none() {
            self.average(bytes);
        }
    }

    fn average(&mut self, bytes: usize) {
        self.average_bytes += (bytes as f64 - self.average_bytes) / 16.0;
    }

    /// Some have left: what is due comes sooner.
    // rfc3550 §6.3.4
    pub fn reconsider(&mut self, now: Duration, members: usize) {
        if members >= self.members_before || self.leaving.is_some() {
            return;
        }
        let part = members as f64 / self.members_before.max(1) as f64;
        self.next = now + self.next.saturating_sub(now).mul_f64(part);
        self.last = now.saturating_sub(now.saturating_sub(self.last).mul_f64(part));
        self.members_before = members;
    }

    /// We leave with a BYE of so many octets: at once, if that is `true`, and else when [`Schedule::expire`] says so.
    // rfc3550 §6.3.7
    pub fn leave(&mut self, now: Duration, bytes: usize, members: usize) -> bool {
        if members < BYE_AT_ONCE_MEMBERS_MAX {
            return true;
        }
        self.last = now;
        self.members_before = 1;
        self.has_sent = false;
        self.average_bytes = bytes as f64;
        self.leaving = Some(1);
        let interval = self.interval(Group { members: 1, senders: 0, we_sent: false });
        self.next = now + interval;
        false
    }

    /// Who counts: while we leave, those who leave.
    fn seen(&self, group: Group) -> Group {
        match self.leaving {
            Some(members) => Group { members, senders: 0, we_sent: false },
            None => group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Group = Group { members: 2, senders: 2, we_sent: true };
    /// Five percent of 80 kbit/s.
    const BANDWIDTH: f64 = 500.0;

    fn secs(time: Duration) -> f64 {
        time.as_secs_f64()
    }

    /// When packets are sent by one of a group, of 100 octets.
    fn times(seed: u64, group: Group, count: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(Duration::ZERO, seed, BANDWIDTH, 100);
        let mut times = Vec::new();
        while times.len() < count {
            let now = schedule.next();
            if schedule.expire(now, group) {
                schedule.sent(now, 100, group);
                times.push(secs(now));
            }
        }
        times
    }

    #[test]
    fn two_ends_of_a_call_send_every_five_seconds_or_so() {
        // tests rfc3550 §6.2, §6.3.1, §6.3.6
        let (least, most) = (0.5 / COMPENSATION, 1.5 / COMPENSATION);
        let mut firsts = Vec::new();
        let mut intervals = Vec::new();
        for seed in 0..200 {
            let times = times(seed, PAIR, 20);
            firsts.push(times[0]);
            intervals.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
        }
        assert!(firsts.iter().all(|first| (2.5 * least..=2.5 * most).contains(first)));
        assert!(intervals.iter().all(|interval| (5.0 * least..=5.0 * most).contains(interval)));
        let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
        assert!((4.5..5.5).contains(&mean), "{mean}");
        assert_ne!(times(1, PAIR, 3), times(2, PAIR, 3));
        assert_eq!(times(1, PAIR, 3), times(1, PAIR, 3));
    }

    #[test]
    fn a_large_group_keeps_to_its_bandwidth() {
        // tests rfc3550 §6.3.1
        let listeners = Group { members: 1_000, senders: 10, we_sent: false };
        let times = times(1, listeners, 50);
        let mean = (times[49] - times[9]) / 40.0;
        // 990 listeners of 100 octets share three quarters of 500 octets a second.
        let expected = 990.0 * 100.0 / 375.0;
        assert!((0.8 * expected..1.2 * expected).contains(&mean), "{mean} and not {expected}");
        let schedule = Schedule::new(Duration::ZERO, 1, BANDWIDTH, 100);
        let speaker = Group { we_sent: true, ..listeners };
        assert!((schedule.fixed_secs(speaker) - 10.0 * 100.0 / 125.0).abs() < 1e-9);
        let all = Group { members: 100, senders: 50, we_sent: true };
        assert!((schedule.fixed_secs(all) - 100.0 * 100.0 / 500.0).abs() < 1e-9);
        assert_eq!(schedule.member_timeout(PAIR), Duration::from_millis(12_500), "before the first report");
        assert_eq!(schedule.sender_timeout(PAIR), Duration::from_secs(5));
    }

    #[test]
    fn those_who_come_meanwhile_put_a_report_off() {
        // tests rfc3550 §6.3.6
        let mut schedule = Schedule::new(Duration::ZERO, 1, BANDWIDTH, 100);
        let now = schedule.next();
        assert!(!schedule.expire(now - Duration::from_millis(1), PAIR), "too early");
        assert!(!schedule.expire(now, Group { members: 10_000, senders: 0, we_sent: false }));
        assert!(secs(schedule.next()) > 500.0);
    }

    #[test]
    fn those_who_leave_bring_it_on() {
        // tests rfc3550 §6.3.4
        let mut schedule = Schedule::new(Duration::ZERO, 1, BANDWIDTH, 100);
        let crowd = Group { members: 1_000, senders: 0, we_sent: false };
        let now = schedule.next();
        assert!(!schedule.expire(now, crowd));
        let before = schedule.next() - now;
        schedule.reconsider(now, 100);
        assert!((secs(schedule.next() - now) - secs(before) / 10.0).abs() < 1e-6);
        schedule.reconsider(now, 500);
        assert!((secs(schedule.next() - now) - secs(before) / 10.0).abs() < 1e-6, "more are not fewer");
    }

    #[test]
    fn a_bye_waits_where_many_are() {
        // tests rfc3550 §6.3.7
        let mut schedule = Schedule::new(Duration::ZERO, 1, BANDWIDTH, 100);
        assert!(schedule.leave(Duration::from_secs(9), 80, 2));
        let now = Duration::from_secs(10);
        assert!(!schedule.leave(now, 80, 5_000));
        assert!(schedule.next() - now < Duration::from_secs(4));
        (0..3_000).for_each(|_| schedule.heard(80, true));
        schedule.heard(9_000, false);
        assert!(!schedule.expire(schedule.next(), PAIR), "all leave at once");
        assert!(schedule.next() - now > Duration::from_secs(100));
        assert!((schedule.average_bytes - 80.0).abs() < 1.0);
    }
}
