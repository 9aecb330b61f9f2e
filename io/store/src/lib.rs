//! The embedded store: a few verbs over SQLite.
