//! Each machine before a peer that the test plays, in virtual time: it is asked and answered, and its requests,
//! responses and events are looked at one by one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod notifier;
mod publication;
mod stage;
mod subscriber;
