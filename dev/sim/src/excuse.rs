//! Whether the network alone explains that a call failed: some message was sent as often as the RFC
//! says, and each time it, or what it asked for, was lost.
//!
//! A failure without such a transaction in its ladder is a fault of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use ruf_message::{Method, Tick};

use crate::sim::{HostId, Sim};
use crate::trace::Kind;

/// An INVITE is sent seven times before Timer B ends it (17.1.1.2); other requests and final
/// responses eleven times.
const TRIES_OF_INVITE: usize = 7;
const TRIES: usize = 11;
/// Timers B and F: an answer that comes later is none.
const PATIENCE: Duration = Duration::from_millis(64 * 500);

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The call.
    Call,
    /// The registration of this phone.
    Registration(HostId),
}

/// One message that never got through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excuse {
    /// What was sent in vain, and how often.
    pub because: String,
}

/// A message of `subject` that the network kept from arriving in spite of all its retransmissions.
pub fn excuse(sim: &Sim, subject: Subject) -> Option<Excuse> {
    match subject {
        Subject::Registration(phone) => {
            unanswered_request(sim, |client, method| client == phone && method == "REGISTER")
        }
        Subject::Call => unanswered_request(sim, |_, method| ["INVITE", "BYE", "CANCEL"].contains(&method))
            .or_else(|| unacknowledged_answer(sim)),
    }
}

/// What became of a request.
#[derive(Default)]
struct Tries {
    first: Option<Tick>,
    sent: usize,
    lost: usize,
    lost_answers: usize,
    answered: bool,
}

/// A request whose every copy was lost, or had every answer lost.
fn unanswered_request(sim: &Sim, is_meant: impl Fn(HostId, &str) -> bool) -> Option<Excuse> {
    let mut tries: BTreeMap<(HostId, &str, &str), Tries> = BTreeMap::new();
    for (sight, message) in sim.trace().messages() {
        match (message.kind, sight.to) {
            (Kind::Request(Method::Ack), _) | (Kind::Response(_), None) => {}
            (Kind::Request(_), _) => {
                let tries = tries.entry((sight.from, &message.branch, &message.method)).or_default();
                tries.first.get_or_insert(sight.at);
                tries.sent += 1;
                tries.lost += usize::from(sight.is_lost());
            }
            (Kind::Response(_), Some(client)) => {
                let tries = tries.entry((client, &message.branch, &message.method)).or_default();
                let too_late = tries.first.is_some_and(|first| sight.at.saturating_sub(first) >= PATIENCE);
                tries.lost_answers += usize::from(sight.is_lost() && !too_late);
                tries.answered |= !sight.is_lost() && !too_late;
            }
        }
    }
    tries.into_iter().find_map(|((client, _, method), tries)| {
        let all = if method == "INVITE" { TRIES_OF_INVITE } else { TRIES };
        let in_vain = !tries.answered && tries.sent >= all && tries.lost + tries.lost_answers >= tries.sent;
        (in_vain && is_meant(client, method)).then(|| Excuse {
            because: format!(
                "{} sent its {method} {} times: {} were lost on the way and {} answers on the way back",
                sim.name(client),
                tries.sent,
                tries.lost,
                tries.lost_answers
            ),
        })
    })
}

/// A 2xx to an INVITE that was sent until its sender gave up, because it or its ACK was lost each time,
/// on one hop or the other.
fn unacknowledged_answer(sim: &Sim) -> Option<Excuse> {
    let mut lost: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (sight, message) in sim.trace().messages() {
        let (of_answer, of_ack) = lost.entry(&message.call_id).or_default();
        let is_success = matches!(message.kind, Kind::Response(status) if status.is_success());
        if is_success && message.method == "INVITE" {
            *of_answer += usize::from(sight.is_lost());
        }
        if message.is_request(Method::Ack) {
            *of_ack += usize::from(sight.is_lost());
        }
    }
    lost.into_iter().find(|(_, (answers, acks))| answers + acks >= TRIES).map(|(call, (answers, acks))| {
        Excuse { because: format!("in the call {call} {answers} 2xx and {acks} ACKs were lost") }
    })
}
