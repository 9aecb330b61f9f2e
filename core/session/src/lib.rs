//! The INVITE usage of a dialog, one file per verb (RFC 3261 §9, §13, §14, §15; RFC 5407).
//!
//! [`InviteUsage`] is everything that one INVITE of ours, or one that reached us, leads to: the
//! INVITE itself (`invite.rs`), its ACKs (`ack.rs`), its withdrawal (`cancel.rs`), a session for each
//! dialog that a 2xx established (`session.rs`), its changes (`reinvite.rs`, `update.rs`), its transfer (`refer.rs`) and
//! its end (`bye.rs`).
//! Each file holds both sides of its verb as machines that consume their state. What an early dialog has
//! in common with a session is in `peer.rs`.
//!
//! ```text
//!                    InviteUsage
//!        ClientInvite | ServerInvite          one
//!          Early  Early ..                    the caller's early dialogs; the callee has one
//!            Peer      Dialog (core/dialog), Update, and the PRACKs (`prack.rs`)
//!        Session Session ..                   one per dialog; more than one only where a proxy forked
//!          Peer      Dialog, Update
//!          Acks      the ACKs we sent         Unacknowledged   our 2xx, until their ACK
//!          Ours      our re-INVITE            Theirs           their re-INVITE, until we answer
//!          Transfer  our REFER                Referrals        theirs, until all is reported
//!          Ending    BYE
//! ```
//!
//! Requests and responses come in, [`Effect`]s go out. Not here: transactions (the owner opens them
//! and brings back what they say under [`Asked`]), digest (the owner adds credentials, see
//! [`InviteUsage::retry`]), registration and everything out of dialog (core/agent), and what a body
//! means: a session description passes through unread (core/sdp will read it).

#![forbid(unsafe_code)]

mod ack;
mod bye;
mod cancel;
mod cause;
mod diversion;
mod effect;
mod event;
mod exchange;
mod identity;
mod info;
mod invite;
mod peer;
mod prack;
mod refer;
mod reinvite;
mod session;
mod terms;
mod timer;
mod update;
mod usage;

pub use cause::Cause;
pub use diversion::Diverted;
pub use effect::{Asked, Effect, Out, Turn, Verb};
pub use event::{EndReason, SessionEvent};
pub use identity::asserted;
pub use refer::{Reference, attended};
pub use ruf_dialog::Failure;
pub use ruf_message::body::Body;
pub use ruf_message::header::diversion::DiversionReason;
pub use terms::{LocalParty, Terms, Times};
pub use timer::MIN_SE_SECS;
pub use usage::{InDialog, InviteUsage, Named};
