//! Where a request goes: the dial plan and the order of look-ups.
//!
//! Plain functions over what they are given: the proxy asks ([`ruf_proxy::Question::Locate`]), the
//! node answers with [`route`], and lends it accounts and bindings as [`Directory`], for no service
//! imports another.
//!
//! Not here: how a target is reached and forking (`ruf-proxy`), what an account is
//! (services/accounts), where its phones are (services/registrar).

#![forbid(unsafe_code)]

mod plan;
mod route;

pub use plan::DialPlan;
pub use route::{Directory, route};
