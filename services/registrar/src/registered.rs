//! [`Registered`]: what came of a REGISTER.
//!
//! Not here: when it is answered (the node), what is done (`registrar.rs`).

use ruf_message::Reply;
use ruf_registrar_core::Reject;
use ruf_store::Ticket;

/// What came of a REGISTER.
#[derive(Debug)]
#[must_use]
pub struct Registered {
    /// Its answer.
    pub reply: Reply,
    /// The change must be on the disk before the answer leaves; if it cannot be written, the answer is
    /// [`Registrar::not_stored`](crate::Registrar::not_stored).
    pub ticket: Option<Ticket>,
    /// A binding of this address-of-record is behind a translator, and may want pings.
    pub is_translated: bool,
    /// For how long the last of its bindings is registered, in seconds; `None`: there is none, or nothing
    /// was done.
    pub lasts_secs: Option<u64>,
}

impl Registered {
    pub(crate) fn refused(reject: Reject, to_tag: &str) -> Self {
        let reply = reject.into_reply(to_tag);
        Registered { reply, ticket: None, is_translated: false, lasts_secs: None }
    }
}
