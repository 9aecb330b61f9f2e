//! How a worker waits where the runtime would have it wait otherwise: by a timer of its own, since the runtime's count
//! in milliseconds, and wake the very thread that sets one earlier; and deaf for a while, since to be woken for each
//! datagram costs more than the datagram.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ruf_message::Tick;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::batch;

/// A timer of the kernel's.
pub(crate) struct FineTimer {
    timer: AsyncFd<OwnedFd>,
    /// What it is set to.
    set: Option<Instant>,
}

impl FineTimer {
    pub(crate) fn new() -> io::Result<FineTimer> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(FineTimer { timer: batch::watch_timer(timer)?, set: None })
    }

    /// Ready once it is `then`. `now` may be a little ago; to ask for the same moment again costs nothing more.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, then: Instant, now: Instant) -> Poll<()> {
        let left = then.saturating_duration_since(now);
        if left.is_zero() {
            return Poll::Ready(());
        }
        if self.set != Some(then) {
            let it_value = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let new = Itimerspec { it_interval, it_value };
            // An error cannot be: the timer is ours, and the time a time. To be ready early does no harm.
            if timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &new).is_err() {
                return Poll::Ready(());
            }
            self.set = Some(then);
        }
        loop {
            let Ok(mut guard) = std::task::ready!(self.timer.poll_read_ready(cx)) else {
                return Poll::Ready(());
            };
            guard.clear_ready();
            if then <= Instant::now() {
                self.set = None;
                return Poll::Ready(());
            }
        }
    }
}

/// So many grains are looked at together for how many messages leave.
const WINDOW_GRAINS: u32 = 20;

/// When a worker rests that has done all that it knows of: until a grain after it was woken. What comes meanwhile is
/// done together: it wakes nobody, is received and sent by fewer calls, and finds the caches warm. Who has more to do
/// than fits into a grain never rests.
#[derive(Debug)]
pub(crate) struct Rests {
    grain: Duration,
    /// Messages in a grain: while fewer leave, it does not rest.
    messages_min: u32,
    woken: Tick,
    is_asleep: bool,
    /// When the window began in which messages are counted.
    window: Tick,
    messages: u32,
    is_worth_it: bool,
}

impl Rests {
    /// After every wake, or, where `messages_min` is more than none, only while so many leave in a grain.
    pub(crate) fn new(grain: Duration, messages_min: u32) -> Rests {
        let (woken, window, is_worth_it) = (Tick::ZERO, Tick::ZERO, messages_min == 0);
        Rests { grain, messages_min, woken, is_asleep: false, window, messages: 0, is_worth_it }
    }

    /// It looks for work: if it slept, it is awake now.
    pub(crate) fn look(&mut self, now: Tick) {
        if std::mem::take(&mut self.is_asleep) {
            self.woken = now;
        }
    }

    /// It found nothing more, so many messages have left, and it goes to sleep: how long it is to hear nothing first.
    pub(crate) fn sleep(&mut self, now: Tick, messages: u32) -> Duration {
        self.messages = self.messages.saturating_add(messages);
        let since = now.saturating_sub(self.window);
        if since >= self.grain * WINDOW_GRAINS {
            let worth = since.as_micros() * u128::from(self.messages_min);
            self.is_worth_it = u128::from(self.messages) * self.grain.as_micros() >= worth;
            (self.window, self.messages) = (now, 0);
        }
        if std::mem::replace(&mut self.is_asleep, true) || !self.is_worth_it {
            return Duration::ZERO;
        }
        self.grain.saturating_sub(now.saturating_sub(self.woken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn a_moment_is_waited_for_and_may_be_changed_and_one_that_is_past_is_there() {
        let mut timer = FineTimer::new().expect("a timer");
        let start = Instant::now();
        // Somebody else comes first: the wait is left.
        let far = poll_fn(|cx| timer.poll_until(cx, start + Duration::from_secs(3_600), start));
        assert!(tokio::time::timeout(Duration::from_millis(1), far).await.is_err());
        let soon = Instant::now() + Duration::from_micros(300);
        poll_fn(|cx| timer.poll_until(cx, soon, Instant::now())).await;
        assert!(Instant::now() >= soon);
        poll_fn(|cx| timer.poll_until(cx, start, Instant::now())).await;
        let again = Instant::now() + Duration::from_micros(50);
        poll_fn(|cx| timer.poll_until(cx, again, Instant::now())).await;
        assert!(Instant::now() >= again);
    }

    fn at(micros: u64) -> Tick {
        Tick::from_micros(micros)
    }

    /// Woken at these times, each time for so many messages and so long: how long each rest is.
    fn rests(rests: &mut Rests, wakes: impl IntoIterator<Item = u64>, messages: u32, work: u64) -> Vec<u64> {
        let each = wakes.into_iter().map(|wake| {
            rests.look(at(wake));
            let rest = rests.sleep(at(wake + work), messages);
            assert_eq!(rests.sleep(at(wake + work), 0), Duration::ZERO, "it sleeps already");
            u64::try_from(rest.as_micros()).expect("short")
        });
        each.collect()
    }

    const GRAIN: Duration = Duration::from_micros(500);

    #[test]
    fn a_rest_ends_a_grain_after_the_wake_and_who_works_longer_has_none() {
        assert_eq!(rests(&mut Rests::new(GRAIN, 0), [0, 700, 1_200], 1, 100), [400, 400, 400]);
        assert_eq!(rests(&mut Rests::new(GRAIN, 0), [0, 700, 1_500], 1, 500), [0, 0, 0]);
        assert_eq!(rests(&mut Rests::new(Duration::ZERO, 8), [0, 700, 1_200], 9, 1), [0, 0, 0]);
    }

    #[test]
    fn where_few_messages_leave_nobody_waits() {
        // Seven in each grain.
        let mut rare = Rests::new(GRAIN, 8);
        assert!(rests(&mut rare, (0..1_000).map(|n| n * 500), 7, 10).iter().all(|rest| *rest == 0));
    }

    #[test]
    fn where_many_leave_it_rests_from_the_next_window_until_it_is_quiet() {
        let mut many = Rests::new(GRAIN, 8);
        // Four in each fifth of a millisecond, which are ten in a grain.
        let busy = rests(&mut many, (0..200).map(|n| n * 200), 4, 10);
        let first = busy.iter().position(|rest| *rest > 0).expect("it rests");
        assert!((50..=51).contains(&first), "{first}");
        assert!(busy.iter().skip(first).all(|rest| *rest == 490));
        // Resting, it is woken less often, by the same messages.
        assert!(rests(&mut many, (0..100).map(|n| 40_000 + n * 500), 10, 10).iter().all(|rest| *rest == 490));
        // A second later somebody calls.
        assert_eq!(rests(&mut many, [1_090_500], 1, 10), [0]);
    }
}
