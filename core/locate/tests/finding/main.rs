//! Hops and how they are found: the questions that are asked and the places that come out, as text.

#![allow(clippy::panic)] // a test may

mod bounds;
mod failed_places;
mod memory;
mod rfc3263;
mod zone;
