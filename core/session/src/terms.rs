//! What a usage goes by from its first message to its last: what this end says of itself
//! ([`LocalParty`]), and how long it waits ([`Times`]).

use ruf_message::HeaderName;
use std::time::Duration;

/// What this end says of itself in requests and responses of a usage.
#[derive(Clone, Debug)]
pub struct LocalParty {
    /// Our Contact: where the peer reaches us, for this dialog and outside it.
    // rfc3261 §8.1.1.8
    pub contact: String,
    /// Further header fields of an INVITE and of its answers: Allow, Supported, User-Agent.
    pub fields: Vec<(HeaderName, String)>,
    /// The flow is TLS.
    pub secure_flow: bool,
    /// Believe what a server on the way asserts of the peer (RFC 3325).
    pub trusts_asserted: bool,
    /// Answer a change of the session with the description we gave last, without asking.
    pub answer_reinvites: bool,
}

/// What a usage goes by from its first message to its last.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What we say of ourselves.
    pub party: LocalParty,
    /// How long we wait.
    pub times: Times,
}

/// The times of RFC 3261 that a usage keeps itself, and two of ours.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Round-trip estimate.
    pub t1: Duration,
    /// Longest interval between two retransmissions.
    pub t2: Duration,
    /// How long it may ring: without a further provisional response at the caller's, without an
    /// answer at the callee's.
    pub ringing_max: Duration,
    /// How long a user may think about a re-INVITE.
    pub reinvite_max: Duration,
    /// How long a user may think about being referred to somebody.
    pub referral_max: Duration,
    /// How long a session lives if nobody refreshes it; `None`: for ever, as far as we are concerned.
    pub session_interval: Option<Duration>,
}

impl Times {
    /// How long a 2xx is sent again, and an answer to it awaited: 64*T1.
    // rfc3261 §13.3.1.4
    pub const fn t1_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long the subscription to a reference lasts: longer than the call that follows it may ring.
    // rfc3515 §3.4
    pub(crate) const fn reference(&self) -> Duration {
        self.ringing_max.saturating_add(self.t1_64())
    }
}

impl Default for Times {
    // rfc3261 §17.1.1.1: T1 500 ms, T2 4 s
    fn default() -> Self {
        Times {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            ringing_max: Duration::from_secs(180),
            reinvite_max: Duration::from_secs(20),
            referral_max: Duration::from_secs(60),
            // rfc4028 §4
            session_interval: Some(Duration::from_secs(1_800)),
        }
    }
}
