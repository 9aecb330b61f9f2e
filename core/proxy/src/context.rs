//! The response context (RFC 3261 section 16.6): a request that was received, the branches it was
//! forwarded on, and what came back.
//!
//! Not here: what the phases do with it (`forward.rs`, `retry.rs`, `response.rs`, `timer_c.rs`,
//! `cancel.rs`), and how the best response is chosen (`best.rs`).

use ruf_admission::{Identity, Ourselves, Party};
use ruf_message::{Flow, Method, Request, Response, Scheme, StatusCode, Tick};
use ruf_transaction::{ClientId, Mark, ServerId, Transactions};
use smallvec::SmallVec;

use crate::best::Failure;
use crate::branch_request::BranchRequest;
use crate::breadth::{self, Share};
use crate::proxy::{Kept, Step};
use crate::retry::Spare;
use crate::slots::BranchId;
use crate::source::Source;
use crate::{record_route, reject};

/// A request on its way, from its admission to the last answer that its sender may get. Once it is
/// accepted little is left of it, for half a minute.
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(crate) server: ServerId,
    pub(crate) is_invite: bool,
    /// It came with a dialog's token; the dialog's route set stands.
    pub(crate) in_dialog: bool,
    /// What is being done.
    pub(crate) phase: Phase,
}

/// ```text
///              targets                    2xx to INVITE
///   Locating ----------> Forwarding ---------------------> Accepted
///      |                     |                                |
///      | refused,            | best failure, cancelled,       | server transaction
///      | cancelled           | 2xx to another request         | ended (Timer L)
///      v                     v                                v
///   (removed)            (removed)                        (removed)
/// ```
#[derive(Debug)]
pub(crate) enum Phase {
    /// The targets are not known yet. Nothing was sent.
    Locating(Box<Pending>),
    /// Waiting for the branches; no final response was sent.
    Forwarding(Box<Pending>),
    /// A 2xx to an INVITE was passed on; more of them may follow, from any branch (RFC 6026).
    Accepted,
}

/// What is known while there is no final response.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The flow the request came in by.
    pub(crate) upstream: Flow,
    /// We put ourselves on the path of the dialog that it may create.
    pub(crate) recorded: bool,
    /// What routed it here: a branch bears it, and a loop is known by it.
    pub(crate) mark: Option<Mark>,
    /// Who sent it, if it may be reached by a GRUU.
    pub(crate) caller: Option<Party>,
    /// Where whoever sent it takes connections.
    pub(crate) listens: Option<u16>,
    /// What branches start from, and our own answers.
    pub(crate) source: Source,
    /// The request is an INVITE.
    pub(crate) is_invite: bool,
    /// The scheme of its Request-URI.
    pub(crate) asked: Scheme,
    /// The preference of those that are tried now.
    pub(crate) q: u16,
    /// How many branches it may have at a time, those of the next hops included (RFC 5393).
    pub(crate) breadth: u32,
    /// In the order of opening; a token names one by its place.
    pub(crate) branches: SmallVec<[Branch; 1]>,
    /// The final responses and what stands for one.
    pub(crate) failures: SmallVec<[Failure; 1]>,
    /// No new branch is opened, and why.
    pub(crate) halted: Option<Withdrawn>,
    /// A 100 (Trying) was sent.
    pub(crate) trying: bool,
    /// An entry for Timer C is armed.
    pub(crate) timed: bool,
}

/// One place that is tried.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) state: BranchState,
    /// When Timer C fires, if nothing comes; INVITE only.
    pub(crate) timer_c: Tick,
    /// The last provisional status that was announced.
    pub(crate) announced: Option<StatusCode>,
    /// It goes by the connection of a phone: one that is gone is a flow that failed, not a place.
    pub(crate) by_connection: bool,
    /// Whose phone it leads to, if it may be reached by a GRUU.
    pub(crate) party: Option<Party>,
    /// Where its phone takes connections.
    pub(crate) listens: Option<u16>,
    /// Its part of the breadth.
    pub(crate) share: Share,
    /// What is tried in its place if it fails.
    pub(crate) spare: Spare,
}

/// ```text
///               places              flow            1xx                 final, timeout
///   Resolving ---------> Reaching ---------> Calling -----> Proceeding -----------------> Completed
///      |                    |                | |                |                             ^
///      |                    |     4 s silent | +---- CANCEL ----+-----> Cancelling -----------+
///      |                    |                v                           final, timeout       |
///      |                    |            Abandoned -------------------------------------------+
///      +--------------------+----------- unreachable, cancelled ------------------------------+
/// ```
#[derive(Debug)]
pub(crate) enum BranchState {
    /// The places of the next hop are asked for.
    Resolving(Box<BranchRequest>),
    /// A flow to one of the places is asked for. The request is in the branch's [`Spare`].
    Reaching,
    /// Sent; nothing came back.
    Calling(ClientId),
    /// A provisional response came.
    Proceeding(ClientId),
    /// A CANCEL was sent, or will be when a provisional response comes.
    Cancelling(Withdrawn),
    /// It was silent for so long that the next place is tried. Its CANCEL leaves with the first
    /// provisional response, and only a 2xx or 6xx of it still counts.
    Abandoned,
    /// Its final response came, or will never come.
    Completed,
}

/// Why branches were cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Withdrawn {
    /// The sender of the request cancelled it.
    BySender,
    /// Another branch answered with 2xx.
    Answered,
    /// A branch answered with 6xx.
    Declined,
    /// Timer C fired.
    TimerC,
}

// What is left of an answered INVITE until Timer L.
const _: () = assert!(size_of::<ResponseContext>() <= 40);

impl ResponseContext {
    pub(crate) fn new(
        server: ServerId,
        upstream: Flow,
        request: Request,
        identity: &Identity,
        mark: Option<Mark>,
        ourselves: &Ourselves,
    ) -> Self {
        let in_dialog = matches!(identity, Identity::Dialog(_));
        let recorded = record_route::is_recorded(&request, in_dialog);
        ResponseContext {
            server,
            is_invite: request.method() == Method::Invite,
            in_dialog,
            phase: Phase::Locating(Box::new(Pending {
                upstream,
                mark,
                recorded,
                listens: recorded.then(|| record_route::listens(&request, &upstream, ourselves)).flatten(),
                caller: if recorded { record_route::caller(&request, identity, ourselves) } else { None },
                breadth: breadth::incoming(&request),
                is_invite: request.method() == Method::Invite,
                asked: request.uri().scheme(),
                source: Source::new(request),
                q: 0,
                branches: SmallVec::new(),
                failures: SmallVec::new(),
                halted: None,
                trying: false,
                timed: false,
            })),
        }
    }

    /// What is known while branches are tried.
    pub(crate) fn forwarding(&mut self) -> Option<&mut Pending> {
        match &mut self.phase {
            Phase::Forwarding(pending) => Some(pending),
            Phase::Locating(_) | Phase::Accepted => None,
        }
    }

    /// Sends a response on the server transaction.
    pub(crate) fn respond(&self, step: &mut Step<'_, '_>, response: &Response) {
        let turn = &mut *step.turn;
        turn.transactions.respond(turn.now, self.server, response, turn.wire);
    }

    /// Ends with a final response that no other can follow.
    pub(crate) fn end(&self, step: &mut Step<'_, '_>, response: &Response) -> Kept {
        self.respond(step, response);
        self.announce_failure(step, response);
        Kept::No
    }

    /// Ends with a final response of our own.
    pub(crate) fn refuse(&self, step: &mut Step<'_, '_>, status: StatusCode) -> Kept {
        let request = match &self.phase {
            Phase::Locating(pending) | Phase::Forwarding(pending) => pending.source.request(),
            Phase::Accepted => return Kept::Yes,
        };
        match request {
            Some(request) => self.end(step, &reject::response(&request, status, step.turn.gate)),
            None => Kept::No,
        }
    }
}

impl Phase {
    /// It is over.
    pub(crate) fn end(self, transactions: &mut Transactions) {
        match self {
            Phase::Locating(pending) | Phase::Forwarding(pending) => pending.source.end(transactions),
            Phase::Accepted => {}
        }
    }
}

impl Branch {
    pub(crate) fn new(state: BranchState, share: Share, spare: Spare) -> Self {
        Branch {
            state,
            timer_c: Tick::ZERO,
            announced: None,
            by_connection: false,
            party: None,
            listens: None,
            share,
            spare,
        }
    }
}

impl Pending {
    pub(crate) fn branch(&mut self, id: BranchId) -> Option<&mut Branch> {
        self.branches.get_mut(id.index())
    }

    /// Every branch opened so far has ended, or is not waited for.
    pub(crate) fn is_idle(&self) -> bool {
        let is_over = |state: &BranchState| matches!(state, BranchState::Completed | BranchState::Abandoned);
        self.branches.iter().all(|branch| is_over(&branch.state))
    }

    /// Adds a branch; `None` past the last that a token can name.
    pub(crate) fn push(&mut self, branch: Branch) -> Option<BranchId> {
        let id = BranchId::after(self.branches.len())?;
        self.branches.push(branch);
        Some(id)
    }

    /// Lets go of what only another branch would need, if there can be none. Whoever is silent may be given
    /// up, and so may a place that is one of several; somebody who rings is waited for.
    pub(crate) fn settle_to_ring(&mut self, transactions: &mut Transactions) {
        let rings = |branch: &Branch| match branch.state {
            BranchState::Proceeding(_) | BranchState::Cancelling(_) | BranchState::Completed => {
                branch.spare.is_empty()
            }
            BranchState::Resolving(_)
            | BranchState::Reaching
            | BranchState::Calling(_)
            | BranchState::Abandoned => false,
        };
        let nobody_waits = self.source.whole().is_some_and(|whole| whole.waiting.q().is_none());
        if nobody_waits && self.branches.iter().all(rings) {
            self.source.outline(transactions);
        }
    }
}
