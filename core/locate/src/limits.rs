//! The bounds and the times of finding, by name.

use std::time::Duration;

/// Bounds of one [`crate::Locator`]. A full table answers: whoever asks is told that nothing was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Questions to the DNS at a time. Equal ones are asked once.
    pub questions_max: usize,
    /// Hops that wait for the DNS at a time.
    pub hops_max: usize,
    /// Answers kept; of a full cache, the one that dies first goes.
    pub cache_max: usize,
    /// Records of one answer that are looked at; the rest is left out.
    pub records_max: usize,
    /// Names that are asked for one hop; what lies behind further ones is left out.
    pub names_max: usize,
    /// Places given for one hop; the rest is left out.
    pub places_max: usize,
    /// Failed places that are remembered; of a full memory, the one that ends first goes.
    pub avoided_max: usize,
    /// How long a question may stay open before it counts as failed. Three follow each other at
    /// most (NAPTR, SRV, addresses), and the proxy waits longer than that.
    pub question: Duration,
    /// The longest that records are kept, whatever their TTL.
    pub ttl_max: Duration,
    /// The longest that "there is none" is kept (RFC 2308 section 5).
    pub negative_ttl_max: Duration,
    /// How long a failure of the DNS is kept (RFC 2308 section 7: at most 5 minutes), so that not
    /// every request waits for a server that is silent.
    pub failure_ttl: Duration,
    /// How long a failed place is passed over.
    pub avoid: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            questions_max: 1 << 10,
            hops_max: 1 << 12,
            cache_max: 1 << 13,
            records_max: 16,
            names_max: 40,
            places_max: 16,
            avoided_max: 1 << 10,
            question: Duration::from_secs(2),
            ttl_max: Duration::from_secs(24 * 3600),
            negative_ttl_max: Duration::from_secs(300),
            failure_ttl: Duration::from_secs(5),
            avoid: Duration::from_secs(30),
        }
    }
}
