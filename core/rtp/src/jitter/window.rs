//! The least of what was seen in the last seconds.

/// The least of one half is forgotten when the next two are over.
const HALF_MICROS: i64 = 4_000_000;

/// A minimum that forgets: over the last four to eight seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowedMin {
    /// When the current half began.
    since: i64,
    current: Option<i64>,
    previous: Option<i64>,
}

impl WindowedMin {
    pub(super) fn new() -> WindowedMin {
        WindowedMin { since: 0, current: None, previous: None }
    }

    pub(super) fn push(&mut self, now: i64, value: i64) {
        if self.current.is_none() {
            self.since = now;
        } else if now - self.since >= HALF_MICROS {
            self.previous = self.current.take();
            self.since = now;
        }
        self.current = Some(self.current.map_or(value, |least| least.min(value)));
    }

    /// The least.
    pub(super) fn least(&self) -> Option<i64> {
        self.current.into_iter().chain(self.previous).min()
    }

    /// The least, if it is one of some seconds.
    pub(super) fn settled(&self) -> Option<i64> {
        self.previous.and(self.least())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_forgotten_after_two_halves() {
        let mut least = WindowedMin::new();
        assert_eq!((least.least(), least.settled()), (None, None));
        let second = 1_000_000;
        least.push(second, 5);
        least.push(2 * second, 3);
        least.push(3 * second, 9);
        assert_eq!((least.least(), least.settled()), (Some(3), None));
        least.push(5 * second, 8);
        assert_eq!((least.least(), least.settled()), (Some(3), Some(3)));
        least.push(9 * second, 7);
        assert_eq!(least.least(), Some(7));
        least.push(90 * second, 11);
        assert_eq!(least.least(), Some(7), "what was last known, after a silence");
    }
}
