//! What becomes of a run: as planned, failed by the network alone, or failed by our fault.
//!
//! Not here: what is promised (`scenario.rs`, `forked.rs`, `phones.rs`), what must hold of every run (`check.rs`), and
//! whether the network explains it (`excuse.rs`).

use ruf_agent::EndReason;
use ruf_message::StatusCode;
use ruf_transaction::Mutant;

use crate::disk::Speed;
use crate::excuse::{Excuse, Subject, excuse};
use crate::server::Site;
use crate::sim::Sim;

/// A fault to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// In the server's transactions.
    Transactions(Mutant),
    /// In both phones.
    Phones(ruf_agent::Mutant),
    /// The 200 to a REGISTER leaves before the disk has what it says.
    HastyDisk,
}

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Percent of datagrams lost.
    pub loss_percent: u64,
    /// A fault to plant.
    pub fault: Option<Fault>,
    /// How many workers serve.
    pub workers: u8,
}

impl Settings {
    /// A site of these users.
    pub(crate) fn site(&self, seed: u64, users: &[&str]) -> Site {
        let mutant = match self.fault {
            Some(Fault::Transactions(mutant)) => Some(mutant),
            Some(Fault::Phones(_) | Fault::HastyDisk) | None => None,
        };
        let disk = Speed { is_hasty: self.fault == Some(Fault::HastyDisk), ..Speed::instant() };
        Site { mutant, disk, workers: self.workers, ..Site::new(seed, users) }
    }
}

/// What became of a run.
#[derive(Debug)]
pub enum Verdict {
    /// As planned.
    Good,
    /// It failed, and the network alone is to blame.
    Excused {
        /// What failed.
        failures: Vec<String>,
        /// Why that is borne, for each.
        excuses: Vec<Excuse>,
    },
    /// It failed, and that is our fault.
    Bad {
        /// What failed.
        failures: Vec<String>,
    },
}

/// A finished run.
pub struct Run {
    /// What was planned, for people.
    pub plan: String,
    /// The simulation as it ended.
    pub sim: Sim,
    /// What became of it.
    pub verdict: Verdict,
}

/// A promise that was not kept.
pub(crate) struct Broken {
    /// What failed: the network must explain one of them.
    pub(crate) subjects: Vec<Subject>,
    pub(crate) what: String,
    /// The network can bring it about.
    pub(crate) may_be_excused: bool,
}

/// What the checkers find is never excused; a broken promise is if the network explains it.
pub(crate) fn judge(sim: &Sim, broken: Vec<Broken>, findings: Vec<String>) -> Verdict {
    let excused = |broken: &Broken| {
        let excuse = || broken.subjects.iter().find_map(|&subject| excuse(sim, subject));
        broken.may_be_excused.then(excuse)?
    };
    let excuses: Option<Vec<Excuse>> = broken.iter().map(excused).collect();
    let only_promises = findings.is_empty();
    let failures: Vec<String> = broken.into_iter().map(|broken| broken.what).chain(findings).collect();
    match excuses {
        _ if failures.is_empty() => Verdict::Good,
        Some(excuses) if only_promises => Verdict::Excused { failures, excuses },
        Some(_) | None => Verdict::Bad { failures },
    }
}

/// Whether a call can end so because somebody's patience did.
pub(crate) fn is_timeout(reason: &EndReason) -> bool {
    match reason {
        EndReason::Failed(failure) => {
            [StatusCode::REQUEST_TIMEOUT, StatusCode::TEMPORARILY_UNAVAILABLE].contains(&failure.status())
        }
        EndReason::HungUp
        | EndReason::RemoteHungUp
        | EndReason::Cancelled
        | EndReason::RemoteCancelled
        | EndReason::Unanswered
        | EndReason::Unacknowledged => true,
        EndReason::Declined(_) => false,
    }
}
