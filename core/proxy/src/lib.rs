//! RFC 3261 section 16 in its own phases.
