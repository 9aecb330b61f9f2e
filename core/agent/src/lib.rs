//! What a user agent adds: challenge, registration, calls.
