//! [`Pair`]: an address of ours and one of theirs, and what is known of the way between them (RFC 8445 §6.1.2).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::candidate::{Candidate, Component, Kind};
use crate::message::Transaction;
use crate::retry::{RTO, Retry};

/// Checks of one pair that are remembered when others were sent after them: at one in 50 ms, those of a far side that is
/// 400 ms away.
const FORMER_MAX: usize = 8;

/// By which way of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// From our own port.
    Direct,
    /// By the TURN server.
    Relay,
}

/// A way to the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// By which way of ours.
    pub via: Via,
    /// To where.
    pub remote: SocketAddr,
}

/// ```text
///           unfrozen          its turn             answered
///  Frozen ------------> Waiting ----> InProgress ------------> Succeeded
///                          ^              |  no answer, refused
///                          |   triggered  v
///                          +----------- Failed
/// ```
// rfc8445 §6.1.2.6
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits until one that is alike succeeded.
    Frozen,
    /// Waits for its turn.
    Waiting,
    /// Its check is on the way.
    InProgress,
    /// Its check was answered.
    Succeeded,
    /// Its check was not.
    Failed,
}

/// A check that is on the way.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) transaction: Transaction,
    pub(crate) datagram: Vec<u8>,
    pub(crate) retry: Retry,
    /// It says that this pair is the one.
    pub(crate) nominates: bool,
    /// The role that it was sent in.
    pub(crate) is_controlling: bool,
}

/// An address of ours and one of theirs.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) component: Component,
    pub(crate) path: Path,
    pub(crate) remote_priority: u32,
    pub(crate) remote_foundation: String,
    pub(crate) state: State,
    pub(crate) check: Option<Check>,
    /// Checks that another one was sent after, and whether we controlled then; an answer to one is as good.
    pub(crate) former: VecDeque<(Transaction, bool)>,
    /// It was answered once.
    pub(crate) is_valid: bool,
    /// It is the one, as far as both know.
    pub(crate) is_nominated: bool,
    /// It is, once its check succeeds.
    pub(crate) is_to_be_nominated: bool,
}

impl Pair {
    pub(crate) fn new(via: Via, remote: &Candidate) -> Pair {
        Pair {
            component: remote.component,
            path: Path { via, remote: remote.address },
            remote_priority: remote.priority,
            remote_foundation: remote.foundation.clone(),
            state: State::Frozen,
            check: None,
            former: VecDeque::new(),
            is_valid: false,
            is_nominated: false,
            is_to_be_nominated: false,
        }
    }

    /// Of our candidate: the base, which a check is sent from.
    fn local(&self) -> Kind {
        match self.path.via {
            Via::Direct => Kind::Host,
            Via::Relay => Kind::Relayed,
        }
    }

    // rfc8445 §6.1.2.3
    pub(crate) fn priority(&self, is_controlling: bool) -> u64 {
        let (ours, theirs) = (self.local().priority(self.component), self.remote_priority);
        let (controlling, controlled) = if is_controlling { (ours, theirs) } else { (theirs, ours) };
        let [least, most] = [controlling.min(controlled), controlling.max(controlled)].map(u64::from);
        (least << 32) + 2 * most + u64::from(controlling > controlled)
    }

    /// Equal of pairs that likely fare alike.
    pub(crate) fn foundation(&self) -> (&'static str, &str) {
        (self.local().foundation(), &self.remote_foundation)
    }

    pub(crate) fn is(&self, component: Component, path: Path) -> bool {
        self.component == component && self.path == path
    }

    /// Its check may still come to something.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Frozen | State::Waiting | State::InProgress)
    }

    /// Its check, if it was on the way, is not sent again; an answer to it is taken still.
    // rfc8445 §7.3.1.4
    pub(crate) fn cancel(&mut self) {
        if let Some(check) = self.check.take() {
            if self.former.len() == FORMER_MAX {
                self.former.pop_front();
            }
            self.former.push_back((check.transaction, check.is_controlling));
        }
    }

    /// Whether we controlled when we sent the check of this number; `None`: it is none of this pair.
    pub(crate) fn role_of(&self, transaction: Transaction) -> Option<bool> {
        let check = self.check.as_ref().map(|check| (check.transaction, check.is_controlling));
        let mut sent = self.former.iter().copied().chain(check);
        sent.find(|sent| sent.0 == transaction).map(|sent| sent.1)
    }
}

/// How long the answer to a check may take while so many are to be made.
// rfc8445 §14.3
pub(crate) fn rto(pace: Duration, open: usize) -> Duration {
    RTO.max(pace * u32::try_from(open).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_order_pairs_alike() {
        // tests rfc8445 §6.1.2.3
        let at = "192.0.2.1:4000".parse().unwrap();
        let remote = Candidate::ours(Kind::ServerReflexive, Component::Rtp, at, None);
        let mut pair = Pair::new(Via::Direct, &remote);
        let (host, reflexive) = (2_130_706_431_u64, 1_694_498_815_u64);
        assert_eq!(pair.priority(true), (reflexive << 32) + 2 * host + 1);
        assert_eq!(pair.priority(false), (reflexive << 32) + 2 * host);
        pair.remote_priority = u32::MAX;
        assert_eq!(pair.priority(false), (host << 32) + 2 * u64::from(u32::MAX) + 1);
    }
}
