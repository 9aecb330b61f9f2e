//! What one worker counts of its connections, for whoever asks, from any thread. The worker writes it down
//! once a turn; nothing here decides anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The figures of one worker's connections. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFigures(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    silent: AtomicU64,
    accepted: AtomicU64,
    opened: AtomicU64,
    refused: AtomicU64,
}

impl ConnectionFigures {
    /// What goes up and down, each with its name.
    pub fn gauges(&self) -> [(&'static str, u64); 2] {
        let Counts { open, silent, .. } = &*self.0;
        [("connections", read(open)), ("connections that said nothing yet", read(silent))]
    }

    /// What only grows, each with its name.
    pub fn counters(&self) -> [(&'static str, u64); 3] {
        let Counts { accepted, opened, refused, .. } = &*self.0;
        [
            ("connections accepted", read(accepted)),
            ("connections opened", read(opened)),
            ("connections refused", read(refused)),
        ]
    }

    /// So many are there, and so many of them have said nothing.
    pub(crate) fn are(&self, open: usize, silent: usize) {
        self.0.open.store(open as u64, Ordering::Relaxed);
        self.0.silent.store(silent as u64, Ordering::Relaxed);
    }

    /// A peer's was accepted.
    pub(crate) fn accepted(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// We began to open one.
    pub(crate) fn opened(&self) {
        self.0.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no room for one.
    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
