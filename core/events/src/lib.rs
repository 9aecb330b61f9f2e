//! What one end tells another of what changes: subscriptions, publications, event packages and their documents
//! (RFC 6665, RFC 3903).
//!
//! [`Subscriber`] watches one resource of somebody, [`Notifier`] tells one watcher of ours, [`Publication`] has a server
//! tell all of them.
//! Requests and responses come in, [`Effect`]s go out, as in core/session.
//!
//! | file | what |
//! |---|---|
//! | `subscriber.rs` | [`Subscriber`]: asks, is told, refreshes, begins anew (RFC 6665 §4.1) |
//! | `notifier.rs` | [`Notifier`]: takes, tells, ends (RFC 6665 §4.2) |
//! | `publication.rs` | [`Publication`]: PUBLISH, kept alive (RFC 3903) |
//! | `effect.rs`, `terms.rs` | what goes in beside messages, what comes out, what a machine goes by |
//! | `package.rs` | [`EventPackage`]: what a subscription is about |
//! | `presence.rs` | [`Presence`]: whether somebody can be reached (RFC 3856, 3863) |
//! | `summary.rs` | [`MessageSummary`]: what waits in a mailbox (RFC 3842) |
//! | `xml.rs` | the little of XML that this needs |
//!
//! Not here: transactions and digest (core/agent), who may watch whom (the notifier's owner, or a server's
//! services/presence), and the subscription that a REFER makes, which shares the dialog of a call (core/session).

#![forbid(unsafe_code)]

mod effect;
mod notifier;
mod package;
pub mod presence;
mod publication;
mod subscriber;
mod summary;
mod terms;
mod xml;

pub use effect::{Asked, Effect, Out, Turn};
pub use notifier::{Notifier, Standing, SubscribeRefused};
pub use package::EventPackage;
pub use presence::{Basic, PRESENCE, Presence};
pub use publication::{Publication, PublicationEvent};
pub use ruf_dialog::Failure;
pub use ruf_message::header::event::EndReason;
pub use subscriber::{Ending, Subscriber, SubscriberEvent};
pub use summary::{MESSAGE_SUMMARY, MessageCount, MessageSummary};
pub use terms::Terms;
pub use xml::{DEPTH_MAX, DOCUMENT_OCTETS_MAX, NotRead};
