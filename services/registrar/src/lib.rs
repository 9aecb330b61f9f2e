//! Bindings: their table, expiry and look-up (RFC 3261 §10).
//!
//! [`Registrar`] takes an admitted REGISTER and gives its answer; it tells where an
//! address-of-record is; it forgets what has expired. All workers share one table: each has a handle.
//! [`Keepalive`] pings phones behind a translator, each worker its own. What a REGISTER may change, and how,
//! is core/registrar's; who may send one is core/admission's; where a request for an account goes is
//! services/routing's.
//!
//! RAM is authoritative. Where [`Registrar::load`] was given a journal, every change is appended to it,
//! and its answer has a ticket: it must not leave before the disk has it. Without one, RAM is all there
//! is. No clock is read here (time is a [`Tick`](ruf_message::Tick)), and nothing waits.

#![forbid(unsafe_code)]

mod durable;
mod keepalive;
mod registered;
mod registrar;
mod table;

pub use durable::{BINDINGS, Loaded};
pub use keepalive::{Keepalive, KeepaliveLimits};
pub use registered::Registered;
pub use registrar::{Counters, Limits, Registrar};
pub use ruf_registrar_core::{Binding, Epoch, Gruu, Gruus, Limits as AddressLimits};
pub use ruf_store::{Outcome, Ticket};
