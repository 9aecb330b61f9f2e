//! REFER within a dialog, both sides (RFC 3515, RFC 3892, RFC 4488, RFC 5589).
//!
//! [`Transfer`] is the side that refers: it asks, and watches what becomes of it. [`Referrals`] is the side
//! that is referred: it asks its user, and reports. The subscription that a REFER makes shares the dialog
//! with the call. Not here: the call that follows the reference, which is the owner's to place;
//! subscriptions to anything else, and all that have a dialog of their own (core/events).

mod fragment;
mod reference;
mod referral;
mod reports;
mod transfer;

pub use reference::{Reference, attended};
pub(crate) use referral::Referrals;
pub(crate) use transfer::Transfer;

use ruf_message::Request;
use ruf_message::header::event::Event;

/// The package of the subscriptions that REFER makes.
// rfc3515 §3.1
const PACKAGE: &str = "refer";

/// This SUBSCRIBE is about a reference.
pub(crate) fn is_about(request: &Request) -> bool {
    event_id(request).is_some()
}

/// Which of the REFERs in the dialog this NOTIFY or SUBSCRIBE is about. `Some(None)`: the first, or only one;
/// `None`: it is about another package.
// rfc3515 §2.4.6
fn event_id(request: &Request) -> Option<Option<u32>> {
    let event: Event<'_> = request.header().ok().flatten()?;
    if event.event.as_str() != PACKAGE {
        return None;
    }
    match event.id() {
        None => Some(None),
        // An id that is no number is nobody's.
        Some(id) => Some(Some(str::from_utf8(id).ok()?.parse().ok()?)),
    }
}
