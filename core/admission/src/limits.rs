//! What bounds the gate's memory, by name. Each table, when full, forgets its oldest entry.

use std::time::Duration;

/// Bounds of the gate's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nonces that were used and are not over: about 100 octets each. Full: older nonces become stale
    /// before their time.
    pub used_nonces_max: usize,
    /// How long a nonce is good for.
    pub nonce_lifetime: Duration,
    /// (source, account) pairs that failed.
    pub failures_max: usize,
    /// A pair is forgiven so long after its last failure.
    pub failures_lifetime: Duration,
    /// So many wrong passwords a pair may give before it is slowed.
    pub failures_per_account: u32,
    /// A slowed pair may try again after this.
    pub slowed_secs: u32,
    /// The same, from a source with live bindings.
    pub slowed_bound_secs: u32,
    /// Clients that were challenged, of which we remember whether they answered.
    pub challenged_max: usize,
    /// For how long.
    pub challenged_lifetime: Duration,
    /// Sources that proved nothing yet and got replies.
    pub unproven_max: usize,
    /// What they sent and got is summed up for so long.
    pub unproven_lifetime: Duration,
    /// Sources that proved something.
    pub proven_max: usize,
    /// For how long, after the last proof that was no binding.
    pub proven_lifetime: Duration,
    /// Replies to a source that proved nothing total at most so many times what it sent.
    pub amplification_max: u64,
    /// Credentials looked at in one request.
    pub credentials_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            used_nonces_max: 65_536,
            nonce_lifetime: Duration::from_secs(300),
            failures_max: 16_384,
            failures_lifetime: Duration::from_secs(600),
            failures_per_account: 10,
            slowed_secs: 30,
            slowed_bound_secs: 2,
            challenged_max: 16_384,
            challenged_lifetime: Duration::from_secs(3_600),
            unproven_max: 16_384,
            unproven_lifetime: Duration::from_secs(60),
            proven_max: 65_536,
            proven_lifetime: Duration::from_secs(3_600),
            amplification_max: 3,
            credentials_max: 4,
        }
    }
}
