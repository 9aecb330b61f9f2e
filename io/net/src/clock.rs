//! The clock of the workers: [`Tick`]s since its start, and back.

use std::time::{Duration, Instant};

use ruf_message::Tick;

/// Counts from its own start; never runs backwards.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts one.
    #[must_use]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time since its start.
    #[must_use]
    pub fn now(self) -> Tick {
        Tick::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn began(self) -> Instant {
        self.start
    }

    pub(crate) fn instant(self, tick: Tick) -> Instant {
        self.start + Duration::from_micros(tick.as_micros())
    }
}
