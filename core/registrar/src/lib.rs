//! Binding rules: RFC 3261 section 10.3 and what builds on it, as functions of a request, the bindings there are, and the
//! time.
//!
//! The eight steps of the section, and where each is:
//!
//! | step | question | where |
//! |---|---|---|
//! | 1 | do we serve the Request-URI's domain? | core/admission, before |
//! | 2 | does it require what we do not know? | [`address_of_record`] |
//! | 3 | who is it? | core/admission, before |
//! | 4 | may they change this address-of-record? | core/admission, before |
//! | 5 | which address-of-record is it? | core/admission, before; [`address_of_record`] |
//! | 6 | no contacts, or all of them by `*`? | [`changes`] |
//! | 7 | each contact in turn | [`changes`], made real by [`apply`] |
//! | 8 | what is bound now? | [`answer`] |
//!
//! Every step that fails gives a [`Reject`], which knows its answer. Nothing is changed before
//! [`apply`], so a request is processed completely or not at all.
//!
//! What later RFCs add to the steps:
//!
//! | file | what |
//! |---|---|
//! | `path` | RFC 3327: the proxies between; who may be one |
//! | `change` | RFC 5626 §6: instance and `reg-id` as the key; RFC 5630 §5.2; RFC 5627 §5.1 |
//! | `instance` | RFC 5626 §4.1: when two instance ids are the same |
//! | `gruu` | RFC 5627: [`Gruus`] and what they lead to |
//! | `answer` | what of it stands in the 200 |
//!
//! Not here: the table of bindings, their expiry and look-up, keepalive (services/registrar), and
//! durability. As an edge proxy for registrations elsewhere (RFC 5626 §5) we do not serve: no REGISTER is
//! forwarded.

#![forbid(unsafe_code)]

mod address;
mod answer;
mod binding;
mod change;
mod gruu;
mod instance;
mod limits;
mod packed;
mod path;
mod record;
mod reject;

pub use address::address_of_record;
pub use answer::answer;
pub use binding::{Binding, Bindings, Fresh};
pub use change::{Asked, Change, Changes, Rules, apply, changes};
pub use gruu::{Gruu, Gruus};
pub use limits::Limits;
pub use record::{Epoch, NoBindings, decode, encode};
pub use reject::Reject;
