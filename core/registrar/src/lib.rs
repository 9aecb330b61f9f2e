//! Binding rules: RFC 3261 section 10.
