//! Bindings: their table, expiry and look-up (RFC 3261 §10).
//!
//! [`Registrar`] takes an admitted REGISTER and gives its answer; it tells where an
//! address-of-record is; it forgets what has expired. All workers share one table: each has a handle.
//! [`Keepalive`] pings phones behind a translator, each worker its own. What a REGISTER may change, and how,
//! is core/registrar's; who may send one is core/admission's; where a request for an account goes is
//! services/routing's.
//!
//! RAM is all there is: this crate has no durability yet. It reads no clock (time is a
//! [`Tick`](ruf_message::Tick)) and no socket.

#![forbid(unsafe_code)]

mod keepalive;
mod registrar;
mod table;

pub use keepalive::{Keepalive, KeepaliveLimits};
pub use registrar::{Counters, Limits, Registrar};
pub use ruf_registrar_core::{Binding, Gruu, Gruus, Limits as AddressLimits};
