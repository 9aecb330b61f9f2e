//! Dialogs: identifiers, route set, sequence numbers, remote target (RFC 3261 §12).
//!
//! A [`Dialog`] is born of a request and a response that establishes it, builds the requests sent
//! within it and judges the ones received. What a dialog is used *for* is not here: the INVITE usage
//! lives in core/session, subscriptions in core/events. Nor is a session description, a transaction
//! or a flow: a request built here names its next hop and no more.

#![forbid(unsafe_code)]

mod dialog;
mod failure;
mod id;
mod route_set;

pub use dialog::{Dialog, OutOfOrder, Role, Stage, Unestablished};
pub use failure::Failure;
pub use id::DialogId;
pub use route_set::RouteSet;
