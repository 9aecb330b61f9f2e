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

/// For so many messages it rests, half a grain at least and a grain at most: where more come in a grain, nothing is
/// gained by more of them, and who waits for an answer before he asks again has less done.
const TOGETHER: u32 = 100;

/// When a worker rests that has done all that it knows of: until up to a grain after it was woken. What comes meanwhile
/// is done together: it wakes nobody, is received and sent by fewer calls, and finds the caches warm. Who has more to
/// do than fits into that time never rests.
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
    /// How long after a wake a rest ends, as things are.
    length: Duration,
}

impl Rests {
    /// After every wake, or, where `messages_min` is more than none, only while so many leave in a grain.
    pub(crate) fn new(grain: Duration, messages_min: u32) -> Rests {
        let length = if messages_min == 0 { grain } else { Duration::ZERO };
        let (woken, window) = (Tick::ZERO, Tick::ZERO);
        Rests { grain, messages_min, woken, is_asleep: false, window, messages: 0, length }
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
            if self.messages_min > 0 {
                self.length = self.length_for(since);
            }
            (self.window, self.messages) = (now, 0);
        }
        if std::mem::replace(&mut self.is_asleep, true) {
            return Duration::ZERO;
        }
        self.length.saturating_sub(now.saturating_sub(self.woken))
    }

    /// The same where so many messages leave in this time.
    fn length_for(&self, time: Duration) -> Duration {
        let each = time / self.messages.max(1);
        if each * self.messages_min > self.grain {
            return Duration::ZERO;
        }
        (each * TOGETHER).clamp(self.grain / 2, self.grain)
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

    const GRAIN: Duration = Duration::from_micros(1_000);

    #[test]
    fn a_rest_ends_a_grain_after_the_wake_and_who_works_longer_has_none() {
        assert_eq!(rests(&mut Rests::new(GRAIN, 0), [0, 1_200, 2_400], 1, 100), [900, 900, 900]);
        assert_eq!(rests(&mut Rests::new(GRAIN, 0), [0, 1_200, 2_500], 1, 1_000), [0, 0, 0]);
        assert_eq!(rests(&mut Rests::new(Duration::ZERO, 3), [0, 700, 1_200], 9, 1), [0, 0, 0]);
    }

    #[test]
    fn where_few_messages_leave_nobody_waits() {
        // Two in each grain.
        let mut rare = Rests::new(GRAIN, 3);
        assert!(rests(&mut rare, (0..1_000).map(|n| n * 1_000), 2, 10).iter().all(|rest| *rest == 0));
    }

    /// How long the rests are in the end where each wake is for four messages and this long after the last.
    fn rest_where_four_come_each(micros: u64) -> u64 {
        let mut rested = Rests::new(GRAIN, 3);
        rests(&mut rested, (0..60_000 / micros).map(|n| n * micros), 4, 10).pop().expect("rests")
    }

    #[test]
    fn the_more_come_the_shorter_it_rests() {
        // Eight in a grain, a hundred, a hundred and sixty, two hundred.
        assert_eq!([500, 40, 25, 20].map(rest_where_four_come_each), [990, 990, 615, 490]);
        // Three, and fewer.
        assert_eq!([1_333, 1_334].map(rest_where_four_come_each), [990, 0]);
    }

    #[test]
    fn where_many_leave_it_rests_from_the_next_window_until_it_is_quiet() {
        let mut many = Rests::new(GRAIN, 3);
        // Fifty in each fifth of a millisecond, which are 250 in a grain.
        let busy = rests(&mut many, (0..200).map(|n| n * 200), 50, 10);
        let first = busy.iter().position(|rest| *rest > 0).expect("it rests");
        assert!((100..=101).contains(&first), "{first}");
        assert!(busy.iter().skip(first).all(|rest| *rest == 490));
        // Resting, it is woken less often, by the same messages.
        assert!(
            rests(&mut many, (0..100).map(|n| 40_000 + n * 500), 125, 10).iter().all(|rest| *rest == 490)
        );
        // A second later somebody calls.
        assert_eq!(rests(&mut many, [1_090_500], 1, 10), [0]);
    }
}
