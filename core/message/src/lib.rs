//! SIP messages: grammar, URIs, headers, framing, and the words every crate needs (RFC 3261 section 25).
