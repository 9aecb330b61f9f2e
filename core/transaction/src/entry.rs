//! One line of the table: a machine, and what is true of the transaction in any state.
//!
//! Not here: the transitions (each machine's own file), the table (`transactions.rs`).

use ruf_message::Flow;

use crate::completed::Key;
use crate::invite_client::InviteClient;
use crate::invite_server::InviteServer;
use crate::matching::{Fingerprint, Hash128, MethodKey};
use crate::non_invite_client::NonInviteClient;
use crate::non_invite_server::NonInviteServer;
use crate::out::{Counts, Event};
use crate::slab::{ClientId, Id, ServerId};
use crate::turn::Ending;

#[derive(Debug)]
pub(crate) struct Entry {
    /// Where this transaction sends.
    pub(crate) flow: Flow,
    /// Its place among those of the same flow.
    pub(crate) seat: u32,
    /// Who hears of it.
    pub(crate) user: User,
    pub(crate) matching: Matching,
    pub(crate) machine: Machine,
}

/// Who hears of a transaction: the transaction user, by its own tag. In octets, which need no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User(Option<[u8; 8]>);

impl User {
    /// Of a CANCEL of ours, or an answer that this layer gave itself.
    pub(crate) const NOBODY: User = User(None);

    pub(crate) fn of(tag: u64) -> Self {
        User(Some(tag.to_ne_bytes()))
    }

    pub(crate) fn tag(self) -> Option<u64> {
        self.0.map(u64::from_ne_bytes)
    }
}

/// What a message must carry to belong to this transaction.
#[derive(Debug)]
pub(crate) enum Matching {
    Client {
        /// The random bits of the branch.
        random: u64,
        /// The hash of our `sent-by`.
        sent_by: u64,
        /// The transaction of the CANCEL, which shares the branch.
        cancel: Option<Id>,
    },
    Server(ServerMatching),
}

/// What 17.2.3 compares.
#[derive(Debug)]
pub(crate) struct ServerMatching {
    pub(crate) fingerprint: Hash128,
    pub(crate) method: MethodKey,
    /// Only for clients of RFC 2543.
    pub(crate) to_tags: Option<Box<ToTags>>,
}

/// Hashes of To tags, where branches do not tell transactions apart (17.2.3).
#[derive(Debug)]
pub(crate) struct ToTags {
    /// Of the request.
    pub(crate) request: u64,
    /// Of the final response, once there is one.
    pub(crate) response: Option<u64>,
}

impl ServerMatching {
    /// What it is found by once it is completed.
    pub(crate) fn key(&self) -> Key {
        let to_tag = self.to_tags.as_ref().map(|tags| tags.request);
        Key::new(Fingerprint { hash: self.fingerprint, to_tag }, self.method)
    }

    /// Whether a request with this method and (for RFC 2543) this To tag is the same one again.
    pub(crate) fn is_same(&self, method: MethodKey, to_tag: Option<u64>) -> bool {
        // rfc3261 §17.2.3
        self.method == method && self.to_tags.as_ref().is_none_or(|tags| Some(tags.request) == to_tag)
    }

    /// Whether an ACK with (for RFC 2543) this To tag belongs to this INVITE.
    pub(crate) fn is_acked_by(&self, to_tag: Option<u64>) -> bool {
        // rfc3261 §17.2.3: the tag of the response, to tell one response's ACK from another's
        self.method == MethodKey::INVITE
            && self.to_tags.as_ref().is_none_or(|tags| tags.response.is_some() && tags.response == to_tag)
    }
}

#[derive(Debug)]
pub(crate) enum Machine {
    InviteClient(InviteClient),
    NonInviteClient(NonInviteClient),
    InviteServer(InviteServer),
    NonInviteServer(NonInviteServer),
}

/// How a transaction that is over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Client(Ending),
    Server,
    /// But for retransmissions of its request.
    Completed,
}

impl Machine {
    /// What stands in a slot while its machine is taken out for a transition.
    pub(crate) const GONE: Machine = Machine::NonInviteServer(NonInviteServer::Terminated);

    pub(crate) fn over(&self) -> Option<Over> {
        match self {
            Machine::InviteClient(InviteClient::Terminated(ending))
            | Machine::NonInviteClient(NonInviteClient::Terminated(ending)) => Some(Over::Client(*ending)),
            Machine::InviteServer(InviteServer::Terminated)
            | Machine::NonInviteServer(NonInviteServer::Terminated) => Some(Over::Server),
            Machine::NonInviteServer(NonInviteServer::Completed { .. }) => Some(Over::Completed),
            Machine::InviteClient(_)
            | Machine::NonInviteClient(_)
            | Machine::InviteServer(_)
            | Machine::NonInviteServer(_) => None,
        }
    }

    /// The count that this machine is part of.
    pub(crate) fn count<'a>(&self, counts: &'a mut Counts) -> &'a mut usize {
        match self {
            Machine::InviteClient(_) => &mut counts.invite_clients,
            Machine::NonInviteClient(_) => &mut counts.non_invite_clients,
            Machine::InviteServer(_) => &mut counts.invite_servers,
            Machine::NonInviteServer(_) => &mut counts.non_invite_servers,
        }
    }
}

impl Over {
    /// The one last event of a transaction; `None`: it is told later.
    pub(crate) fn event(self, id: Id, user: u64) -> Option<Event> {
        match self {
            Over::Client(Ending::Finished) => Some(Event::ClientEnded { client: ClientId(id), user }),
            Over::Client(Ending::Timeout) => Some(Event::Timeout { client: ClientId(id), user }),
            Over::Client(Ending::Unreachable) => Some(Event::Unreachable { client: ClientId(id), user }),
            Over::Server => Some(Event::ServerEnded { server: ServerId(id), user }),
            Over::Completed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_three_cache_lines() {
        assert!(size_of::<Entry>() <= 192, "{}", size_of::<Entry>());
    }
}
