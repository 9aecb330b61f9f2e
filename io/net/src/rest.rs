//! How a worker waits where the runtime would have it wait otherwise: by a timer of its own, since the runtime's count
//! in milliseconds, and wake the very thread that sets one earlier; and deaf for a while, since to be woken for each
//! datagram costs more than the datagram.

use std::io;
use std::os::fd::OwnedFd;
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

    /// Waits until then. Waiting for the same moment again costs nothing more.
    pub(crate) async fn until(&mut self, then: Instant) -> io::Result<()> {
        let left = then.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if self.set != Some(then) {
            let it_value = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let new = Itimerspec { it_interval, it_value };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &new)?;
            self.set = Some(then);
        }
        loop {
            let mut guard = self.timer.readable().await?;
            guard.clear_ready();
            if then <= Instant::now() {
                self.set = None;
                return Ok(());
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

    #[tokio::test]
    async fn a_moment_is_waited_for_and_may_be_changed_and_one_that_is_past_is_there() {
        let mut timer = FineTimer::new().expect("a timer");
        let start = Instant::now();
        let soon = start + Duration::from_micros(300);
        {
            // Somebody else came first: the wait is dropped.
            let far = timer.until(start + Duration::from_secs(3_600));
            assert!(tokio::time::timeout(Duration::from_millis(1), far).await.is_err());
        }
        timer.until(soon).await.expect("waited");
        assert!(Instant::now() >= soon);
        timer.until(start).await.expect("past");
        timer.until(Instant::now() + Duration::from_micros(50)).await.expect("again");
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
