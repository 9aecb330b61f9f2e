//! When a watcher is told: one NOTIFY at a time, changes not more often than they should be.

use ruf_message::Tick;
use std::time::Duration;

/// Changes are told no more often.
// rfc3856 §6.10
const PAUSE: Duration = Duration::from_secs(5);

/// ```text
///            news: NOTIFY              answered
///   Quiet ------------------> Telling ----------> Quiet
///                               |
///                               | answered, and it was the last; refused; silence
///                               v
///                             Over
/// ```
#[derive(Debug)]
pub(super) struct Delivery {
    is_news: bool,
    /// What is told waits until then.
    not_before: Tick,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Quiet,
    /// The NOTIFY with this number is out; `is_last`: no other follows.
    Telling {
        cseq: u32,
        is_last: bool,
    },
    Over,
}

impl Delivery {
    /// It begins with news.
    pub(super) fn new(now: Tick) -> Self {
        Delivery { is_news: true, not_before: now, state: State::Quiet }
    }

    /// Something changed.
    pub(super) fn news(&mut self) {
        self.is_news = true;
    }

    /// It is to be told at once.
    // rfc6665 §4.2.1.2
    pub(super) fn hurry(&mut self, now: Tick) {
        self.is_news = true;
        self.not_before = now;
    }

    pub(super) fn is_due(&self, now: Tick) -> bool {
        self.is_news && self.state == State::Quiet && self.not_before <= now
    }

    pub(super) fn sent(&mut self, now: Tick, cseq: u32, is_last: bool) {
        self.is_news = false;
        self.not_before = now + PAUSE;
        self.state = State::Telling { cseq, is_last };
    }

    pub(super) fn is_telling(&self, number: u32) -> bool {
        matches!(self.state, State::Telling { cseq, .. } if cseq == number)
    }

    pub(super) fn sent_again(&mut self, number: u32) {
        if let State::Telling { cseq, .. } = &mut self.state {
            *cseq = number;
        }
    }

    /// The NOTIFY with this number has its final response, or will have none.
    pub(super) fn answered(&mut self, now: Tick, number: u32, goes_on: bool) {
        match self.state {
            State::Telling { cseq, is_last } if cseq == number => {
                self.state = if is_last || !goes_on { State::Over } else { State::Quiet };
                // What became urgent meanwhile goes now.
                self.not_before = self.not_before.max(now);
            }
            State::Telling { .. } | State::Quiet | State::Over => {}
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// When something is due, of what ends at `until`.
    pub(super) fn deadline(&self, until: Tick) -> Option<Tick> {
        match self.state {
            State::Quiet if self.is_news => Some(self.not_before.min(until)),
            State::Quiet => Some(until),
            State::Telling { .. } | State::Over => None,
        }
    }
}
