//! Bindings: their table, expiry and look-up.
