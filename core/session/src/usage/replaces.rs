//! Replaces and Join: an INVITE that names a dialog of ours (RFC 3891 §3, RFC 3911 §4). What is done about
//! it is the owner's.

use super::{Invite, InviteUsage};
use crate::bye::Ending;
use crate::invite::ClientInvite;

/// What an INVITE names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// No dialog of this usage.
    Unknown,
    /// One that its peer opened, and that we have not answered.
    Ringing,
    /// One that we opened, and that its peer has not answered.
    Calling,
    /// One that is confirmed.
    Confirmed,
    /// One that is ending, or has ended.
    Ended,
}

impl InviteUsage {
    /// What the dialog with this tag of the peer is. `0` also stands for none.
    pub fn named(&self, remote_tag: &[u8]) -> Named {
        // rfc3891 §6.1
        let is_named = |tag: &[u8]| *tag == *remote_tag || (tag.is_empty() && remote_tag == b"0");
        let session = self.sessions.iter().find(|session| is_named(&session.peer.dialog.id().remote_tag));
        match (session, &self.invite) {
            (Some(session), _) if session.ending == Ending::Established => Named::Confirmed,
            (Some(_), _) => Named::Ended,
            (None, Invite::Client(invite)) => ClientInvite::named(invite, is_named),
            (None, Invite::Server(invite)) if is_named(&invite.peer.dialog.id().remote_tag) => Named::Ringing,
            (None, Invite::Server(_) | Invite::Over) => Named::Unknown,
        }
    }
}
