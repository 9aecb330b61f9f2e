//! Time as the machines see it: a [`Tick`] since start, and [`Deadlines`], one queue per constant
//! duration. Clocks live in the shells (io/net) and in dev/sim; wall time is not here.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use crate::fifo::Fifo;

/// Microseconds since start; monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The start.
    pub const ZERO: Tick = Tick(0);

    /// The tick so many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Tick(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if `earlier` is the later one.
    pub const fn saturating_sub(self, earlier: Tick) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;

    /// Saturates: a deadline too far away to be written is never due.
    fn add(self, duration: Duration) -> Tick {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Tick(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Deadlines of a few constant durations: one FIFO each, so arming and popping cost a queue
/// operation and no heap is kept in order.
///
/// Cancelling is lazy: the owner ignores a key that comes due and is no longer wanted (carry a
/// generation in the key). Ticks given to [`Deadlines::arm`] must not run backwards; one that does
/// is due when the entry before it is.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    queues: Vec<Queue<K>>,
    /// Of the earliest entry: asked for after every message.
    next: Option<Tick>,
}

#[derive(Clone, Debug)]
struct Queue<K> {
    duration: Duration,
    /// When the last entry that was armed comes due.
    latest: Tick,
    entries: Fifo<(Tick, K)>,
}

impl<K> Deadlines<K> {
    /// Queues for these durations; any other gets its queue when it is first armed.
    pub fn new(durations: &[Duration]) -> Self {
        let mut deadlines = Deadlines { queues: Vec::new(), next: None };
        for &duration in durations {
            deadlines.queue(duration);
        }
        deadlines
    }

    /// `key` comes due `duration` after `now`.
    pub fn arm(&mut self, now: Tick, duration: Duration, key: K) {
        let queue = self.queue(duration);
        let due = (now + duration).max(queue.latest);
        queue.latest = due;
        queue.entries.push((due, key));
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// When the next entry (wanted or not) comes due.
    #[must_use]
    pub const fn next(&self) -> Option<Tick> {
        self.next
    }

    /// The key of the earliest entry due at `now`; call until `None`.
    pub fn pop_due(&mut self, now: Tick) -> Option<K> {
        let next = self.next.filter(|next| *next <= now)?;
        let earliest = self.queues.iter_mut().find(|queue| queue.due() == Some(next))?;
        let (_, key) = earliest.entries.pop()?;
        self.next = self.queues.iter().filter_map(Queue::due).min();
        Some(key)
    }

    /// Entries held, wanted or not.
    pub fn len(&self) -> usize {
        self.queues.iter().map(|queue| queue.entries.len()).sum()
    }

    /// Nothing is armed.
    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.entries.is_empty())
    }

    fn queue(&mut self, duration: Duration) -> &mut Queue<K> {
        match self.queues.iter().position(|queue| queue.duration == duration) {
            // The position was found in this very vector.
            #[allow(clippy::indexing_slicing)]
            Some(found) => &mut self.queues[found],
            None => self.queues.push_mut(Queue { duration, latest: Tick::ZERO, entries: Fifo::new() }),
        }
    }
}

impl<K> Queue<K> {
    /// When its first entry comes due.
    fn due(&self) -> Option<Tick> {
        self.entries.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(500);
    const LONG: Duration = Duration::from_secs(32);

    #[test]
    fn deadlines_come_due_in_order_of_time_across_durations() {
        let mut deadlines = Deadlines::new(&[SHORT, LONG]);
        deadlines.arm(Tick::ZERO, LONG, 'a');
        deadlines.arm(Tick::ZERO, SHORT, 'b');
        deadlines.arm(Tick::from_micros(1), SHORT, 'c');
        assert_eq!(deadlines.next(), Some(Tick::from_micros(500_000)));
        assert_eq!(deadlines.pop_due(Tick::from_micros(499_999)), None);
        let all = Tick::ZERO + LONG;
        assert_eq!(
            [deadlines.pop_due(all), deadlines.pop_due(all), deadlines.pop_due(all)],
            [Some('b'), Some('c'), Some('a')]
        );
        assert!(deadlines.is_empty() && deadlines.next().is_none());
    }

    #[test]
    fn a_clock_that_runs_backwards_loses_no_deadline() {
        let mut deadlines = Deadlines::new(&[]);
        deadlines.arm(Tick::from_micros(10), SHORT, 1);
        deadlines.arm(Tick::ZERO, SHORT, 2);
        let due = Tick::from_micros(10) + SHORT;
        assert_eq!((deadlines.pop_due(due), deadlines.pop_due(due)), (Some(1), Some(2)));
        assert_eq!(deadlines.len(), 0);
    }

    #[test]
    fn ticks_saturate_instead_of_wrapping() {
        assert_eq!((Tick::from_micros(u64::MAX) + LONG).as_micros(), u64::MAX);
        assert_eq!(Tick::ZERO.saturating_sub(Tick::from_micros(5)), Duration::ZERO);
        assert_eq!(Tick::from_micros(1_500_000).to_string(), "1.500000");
    }
}
