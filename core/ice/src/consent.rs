//! [`Consent`]: whether the far side still wants what is sent by a way that was chosen (RFC 7675 §5.1). The same checks
//! keep the NATs on the way open.

use std::collections::VecDeque;
use std::time::Duration;

use crate::message::Transaction;
use crate::pair::Path;
use crate::random::Random;

/// Between two checks, give or take a fifth.
// rfc7675 §5.1
const INTERVAL_MS: u64 = 5_000;
/// Without an answer for so long there is no consent.
// rfc7675 §5.1
pub(crate) const EXPIRES: Duration = Duration::from_secs(30);
/// Checks that are remembered: those of the time that an answer counts.
const ASKED_MAX: usize = 8;

/// The consent to one way.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) path: Path,
    next: Duration,
    expires: Duration,
    asked: VecDeque<Transaction>,
}

impl Consent {
    /// Given now, by the check that chose the way.
    pub(crate) fn new(now: Duration, path: Path, random: &mut Random) -> Consent {
        Consent { path, next: now + interval(random), expires: now + EXPIRES, asked: VecDeque::new() }
    }

    /// The number of the check that is due now.
    pub(crate) fn due(&mut self, now: Duration, random: &mut Random) -> Option<Transaction> {
        if now < self.next {
            return None;
        }
        self.next = now + interval(random);
        let transaction = random.transaction();
        if self.asked.len() == ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(transaction);
        Some(transaction)
    }

    /// Whether it was asked so.
    pub(crate) fn has_asked(&self, transaction: Transaction) -> bool {
        self.asked.contains(&transaction)
    }

    /// It is given again.
    pub(crate) fn given(&mut self, now: Duration) {
        self.expires = now + EXPIRES;
        self.asked.clear();
    }

    pub(crate) fn is_over(&self, now: Duration) -> bool {
        now >= self.expires
    }
}

fn interval(random: &mut Random) -> Duration {
    Duration::from_millis(INTERVAL_MS * 4 / 5 + random.u64() % (INTERVAL_MS * 2 / 5))
}
