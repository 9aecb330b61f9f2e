//! The bounds and the timers of the proxy, by name.

use std::time::Duration;

/// More response contexts than this cannot be named by a [`crate::Token`].
pub(crate) const CONTEXTS_MAX: usize = 1 << 24;

/// Bounds of one proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Response contexts at a time: requests that wait for an answer, and answered INVITEs whose
    /// 2xx may still be repeated.
    pub contexts_max: usize,
    /// Targets of one request that are tried; the rest of a target set, lowest q last, is left out.
    pub branches_max: usize,
    /// How long a question may stay open before it counts as answered by nobody.
    pub question: Duration,
    /// How long a connection may take.
    // rfc3263 §4.3
    pub reach: Duration,
    /// How long an INVITE may be silent before the next place of its hop is tried.
    // rfc3263 §4.3
    pub silence: Duration,
    /// Places of one next hop that are tried; the rest is left out.
    pub places_max: usize,
    /// Timer C: how long an INVITE may ring without any sign of life. At least
    /// [`Limits::TIMER_C_MIN`] is used, whatever is written here.
    pub timer_c: Duration,
}

impl Limits {
    /// "The timer MUST be larger than 3 minutes."
    // rfc3261 §16.6
    pub const TIMER_C_MIN: Duration = Duration::from_secs(181);

    /// How often the running Timers C are looked at; one fires at most this late. One entry in one
    /// queue serves all branches of a context, and a provisional response only moves a number.
    pub(crate) const TIMER_C_LOOK: Duration = Duration::from_secs(10);

    pub(crate) fn timer_c(&self) -> Duration {
        self.timer_c.max(Limits::TIMER_C_MIN)
    }
}

impl Default for Limits {
    /// A million contexts, 16 targets with 6 places each, 8 s for a question, 2 s for a connection, 4 s
    /// of silence, Timer C of 190 s.
    fn default() -> Self {
        Limits {
            contexts_max: 1 << 20,
            branches_max: 16,
            question: Duration::from_secs(8),
            reach: Duration::from_secs(2),
            silence: Duration::from_secs(4),
            places_max: 6,
            timer_c: Duration::from_secs(190),
        }
    }
}

// Branches are counted in one byte of a token: each place by TCP and by UDP.
const _: () = assert!(u8::MAX as usize > 16 * 6 * 2);
