//! How a worker waits where the runtime would have it wait otherwise: by a timer of its own, since the runtime's count
//! in milliseconds, and wake the very thread that sets one earlier; and deaf for a while, since to be woken for each
//! datagram costs more than the datagram.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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

/// Hears nothing until the next whole number of `grain`s after `start`. Blocks the thread: to be woken is
/// what is to be saved.
pub(crate) fn rest(start: Instant, grain: Duration) {
    let passed = start.elapsed();
    let Some(into) = passed.as_nanos().checked_rem(grain.as_nanos()) else { return };
    // Less than a grain, which is far below what fits.
    std::thread::sleep(grain - Duration::from_nanos(u64::try_from(into).unwrap_or_default()));
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

    #[test]
    fn a_rest_ends_at_a_whole_number_of_grains() {
        let start = Instant::now();
        let grain = Duration::from_millis(2);
        for _ in 0..3 {
            let before = start.elapsed();
            rest(start, grain);
            assert!(start.elapsed().as_nanos() / grain.as_nanos() > before.as_nanos() / grain.as_nanos());
        }
        rest(start, Duration::ZERO);
    }
}
