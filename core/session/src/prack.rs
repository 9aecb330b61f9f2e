//! PRACK, both sides: provisional responses that are sent again until they are confirmed (RFC 3262).
//!
//! [`Early`] is the caller's early dialog, which confirms them; [`Reliable`] the callee's side, which sends
//! them. Offers and answers in them are told apart by [`exchange`](crate::exchange).

mod callee;
mod caller;

pub(crate) use callee::{Reliable, Unconfirmed};
pub(crate) use caller::Early;

/// The extension.
// rfc3262 §8.1
const OPTION_TAG: &str = "100rel";
