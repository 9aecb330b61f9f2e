//! Binding rules: RFC 3261 section 10.3, as functions of a request, the bindings there are, and the
//! time.
//!
//! The eight steps of the section, and where each is:
//!
//! | step | question | where |
//! |---|---|---|
//! | 1 | do we serve the Request-URI's domain? | [`address_of_record`] |
//! | 2 | does it require what we do not know? | [`address_of_record`] |
//! | 3 | who is it? | core/admission, before |
//! | 4 | may they change this address-of-record? | [`address_of_record`] |
//! | 5 | which address-of-record is it? | [`address_of_record`] |
//! | 6 | no contacts, or all of them by `*`? | [`changes`] |
//! | 7 | each contact in turn | [`changes`], made real by [`apply`] |
//! | 8 | what is bound now? | [`answer`] |
//!
//! Every step that fails gives a [`Reject`], which knows its response. Nothing is changed before
//! [`apply`], so a request is processed completely or not at all.
//!
//! Not here: the table of bindings, their expiry and look-up (services/registrar), durability, Path,
//! Service-Route, outbound and GRUU (their parameters are kept in the [`Binding`] as they came).

#![forbid(unsafe_code)]

mod address;
mod answer;
mod binding;
mod change;
mod limits;
mod packed;
mod reject;

pub use address::address_of_record;
pub use answer::answer;
pub use binding::{Binding, Fresh};
pub use change::{Change, apply, changes};
pub use limits::Limits;
pub use reject::Reject;
