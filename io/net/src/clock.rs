//! The clock of a worker: [`Tick`]s since its start, and back.

use std::time::{Duration, Instant};

use ruf_message::Tick;

/// Counts from its own start; never runs backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Tick {
        Tick::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn instant(self, tick: Tick) -> Instant {
        self.start + Duration::from_micros(tick.as_micros())
    }
}
