//! What one end tells another of what changes: event packages and their documents (RFC 6665 §5).
//!
//! | file | what |
//! |---|---|
//! | `package.rs` | [`EventPackage`]: what a subscription is about |
//! | `presence.rs` | [`Presence`]: whether somebody can be reached (RFC 3856, 3863) |
//! | `summary.rs` | [`MessageSummary`]: what waits in a mailbox (RFC 3842) |
//! | `xml.rs` | the little of XML that this needs |

#![forbid(unsafe_code)]

mod package;
pub mod presence;
mod summary;
mod xml;

pub use package::EventPackage;
pub use presence::{Basic, PRESENCE, Presence};
pub use summary::{MESSAGE_SUMMARY, MessageCount, MessageSummary};
pub use xml::{DEPTH_MAX, DOCUMENT_OCTETS_MAX, NotRead};
