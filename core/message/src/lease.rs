//! What somebody keeps for us for a time, and that must be asked for again before it is over: a binding (RFC 3261 §10.2.4),
//! a subscription (RFC 6665 §4.1.2.2), a publication (RFC 3903 §4.3). When it is refreshed, and how long nobody is asked
//! after it came to nothing.

use crate::entropy::Entropy;
use std::time::Duration;

/// Refreshed this long before its end if it lasts long, else after half of it: time enough for a refresh that is lost
/// to be tried again.
const REFRESH_BEFORE_SECS: u32 = 600;
/// First and longest wait after a failure that may pass; doubled in between and shortened at random by up to a half,
/// so that phones do not come back all at once.
// rfc5626 §4.5
const RETRY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(1_800));

/// Times in a row that we ask for longer because somebody wants it so (423).
// rfc3261 §10.2.8 and rfc3261 §21.4.17
pub const LONGER_MAX: u32 = 4;

/// After how long what lasts for so many seconds is refreshed.
pub fn refresh_in(lasts_secs: u32) -> Duration {
    let secs = (lasts_secs / 2).max(lasts_secs.saturating_sub(REFRESH_BEFORE_SECS)).max(1);
    Duration::from_secs(secs.into())
}

/// How long before the next attempt, after so many in a row that came to nothing.
// rfc5626 §4.5
pub fn retry_in(failures: u32, entropy: &mut Entropy) -> Duration {
    let whole = RETRY.0.saturating_mul(1 << failures.min(10)).min(RETRY.1);
    whole / 2 + entropy.up_to(whole / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refreshed_is_so_before_its_end() {
        let after = |secs| refresh_in(secs).as_secs();
        assert_eq!([0, 1, 2, 60, 1_200, 3_600].map(after), [1, 1, 1, 30, 600, 3_000]);
        assert_eq!(after(u32::MAX), u64::from(u32::MAX) - 600);
    }

    #[test]
    fn pauses_grow_and_differ() {
        // tests rfc5626 §4.5
        let mut entropy = Entropy::from_seed([1; 32]);
        for (failures, whole_secs) in [(0, 30), (3, 240), (40, 1_800)] {
            let whole = Duration::from_secs(whole_secs);
            let found = retry_in(failures, &mut entropy);
            assert!(found >= whole / 2 && found <= whole, "{failures}: {found:?}");
            assert_ne!(found, retry_in(failures, &mut entropy));
        }
    }
}
