//! Request forwarding (RFC 3261 section 16.6), to one target or to several: those of equal q at once,
//! the groups one after the other.
//!
//! Not here: what comes back (`response.rs`), what is tried when a branch fails (`retry.rs`), and the
//! Via with its branch, which is written by the client transaction (items 8 and 10) like Content-Length
//! (item 9).

use ruf_admission::Side;
use ruf_message::{Flow, Method, Place, Scheme, StatusCode};
use ruf_transaction::OurVia;

use crate::best::Failure;
use crate::branch_request::BranchRequest;
use crate::breadth::Share;
use crate::context::{Branch, BranchState, Pending, Phase, ResponseContext};
use crate::proxy::{Due, Kept, Step};
use crate::question::{Question, Reconnect, Reconnected, Refusal, Target, TargetSet, Unreachable};
use crate::queue::{Candidate, Queue};
use crate::retry::{Search, Spare};
use crate::slots::{BranchId, Token};
use crate::{history, record_route, sips};

impl ResponseContext {
    /// The answer of the location service.
    pub(crate) fn located(&mut self, step: &mut Step<'_, '_>, targets: Result<TargetSet, Refusal>) -> Kept {
        let refusal = match targets {
            Ok(targets) if !targets.is_empty() => return self.begin(step, targets),
            Ok(_) => Refusal::Unavailable, // rfc3261 §16.5
            Err(refusal) => refusal,
        };
        match self.phase {
            Phase::Locating(_) => self.refuse(step, refusal.status()),
            // The question's deadline, after the answer.
            Phase::Forwarding(_) | Phase::Accepted => Kept::Yes,
        }
    }

    /// Begins to forward.
    pub(crate) fn begin(&mut self, step: &mut Step<'_, '_>, targets: TargetSet) -> Kept {
        let queue = Queue::of(targets, step.limits.branches_max);
        if let Phase::Locating(pending) = &self.phase
            && !self.is_invite
            && queue.widest() > pending.breadth
        {
            // rfc5393 §5.3.3: there is no time to try them one after the other
            return self.refuse(step, StatusCode::MAX_BREADTH_EXCEEDED);
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Accepted) {
            Phase::Locating(mut pending) => {
                if let Some(whole) = pending.source.whole_mut() {
                    whole.waiting = queue;
                }
                Phase::Forwarding(pending)
            }
            // A second answer.
            later @ (Phase::Forwarding(_) | Phase::Accepted) => later,
        };
        self.advance(step)
    }

    /// A branch has ended, one way or another: goes on with the next targets, or answers.
    pub(crate) fn advance(&mut self, step: &mut Step<'_, '_>) -> Kept {
        while let Some(pending) = self.forwarding() {
            let Some(q) = pending.next_q() else {
                return if pending.is_idle() { self.conclude(step) } else { Kept::Yes };
            };
            self.say_trying(step);
            if let Some(pending) = self.forwarding() {
                pending.open_group(step, q);
            }
        }
        Kept::Yes
    }

    /// Says 100 (Trying), once: from here on the answer is not ours to give.
    // rfc3261 §16.2: as a user agent server would, and to INVITE only
    fn say_trying(&mut self, step: &mut Step<'_, '_>) {
        let is_invite = self.is_invite;
        let Some(pending) = self.forwarding() else {
            return;
        };
        if is_invite
            && !std::mem::replace(&mut pending.trying, true)
            && let Some(whole) = pending.source.whole()
        {
            let room = step.turn.transactions.room();
            let trying = whole.request.reply_in(StatusCode::TRYING, room);
            self.respond(step, &trying);
            step.turn.transactions.recycle(trying);
        }
    }

    /// The places of a next hop are known, or it has none.
    pub(crate) fn resolved(
        &mut self,
        step: &mut Step<'_, '_>,
        id: BranchId,
        places: Result<Vec<Place>, Unreachable>,
    ) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.resolved(step, id, places);
        }
        self.advance(step)
    }

    /// The flow of a next hop is known, or will not be known.
    pub(crate) fn reached(
        &mut self,
        step: &mut Step<'_, '_>,
        id: BranchId,
        flow: Result<Flow, Unreachable>,
    ) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.reached(step, id, flow);
        }
        self.advance(step)
    }
}

impl Pending {
    /// The preference of the targets that may be tried now.
    fn next_q(&self) -> Option<u16> {
        let q = self.source.whole()?.waiting.q()?;
        let goes_on = q == self.q && self.free_breadth() > 0;
        (goes_on || self.is_idle()).then_some(q)
    }

    /// Opens a branch for every waiting target of this q, as far as the breadth goes; for the others
    /// when it is free again.
    // rfc5393 §5.3.3: divided evenly
    fn open_group(&mut self, step: &mut Step<'_, '_>, q: u16) {
        self.q = q;
        let mut free = self.free_breadth();
        let waiting = |pending: &Self| pending.source.whole().map_or(0, |whole| whole.waiting.count(q));
        let mut count = waiting(self).min(free);
        while let Some(share) = free.checked_div(count)
            && let Some(Candidate { target, others }) =
                self.source.whole_mut().and_then(|whole| whole.waiting.pop(q))
        {
            self.open(step, target, others, Share::of(share));
            free -= share;
            count -= 1;
        }
    }

    /// Opens the branch of one target.
    pub(crate) fn open(
        &mut self,
        step: &mut Step<'_, '_>,
        mut target: Target,
        mut others: Vec<Target>,
        share: Share,
    ) {
        // There is one as long as anything is left to try.
        let Some(whole) = self.source.whole() else {
            return self.failures.push(Failure::Unreachable);
        };
        let mut request = whole.request.copy_in(step.turn.transactions.room());
        history::go_on(&mut request, &target, self.branches.len() + 1);
        let copy = BranchRequest::of(request, &target);
        let is_reliable = target.flow.is_some_and(|flow| flow.transport.is_reliable());
        let by_connection = is_reliable || target.is_anew();
        let way = (target.flow, target.reconnect.take_if(|_| target.flow.is_none()));
        let party = target.party;
        let listens = way.1.as_ref().or(target.reconnect.as_ref()).map(|there| there.place.address.port());
        if target.reconnect.is_some() {
            others.push(target.anew());
        }
        let spare = Spare { others, ..Spare::default() };
        let branch =
            Branch { by_connection, party, listens, ..Branch::new(BranchState::Reaching, share, spare) };
        let Some(id) = self.push(branch) else {
            return self.failures.push(Failure::Unreachable);
        };
        match way {
            (Some(flow), _) => self.send(step, id, copy, flow),
            (None, Some(reconnect)) => self.reconnect(step, id, copy, reconnect),
            (None, None) => self.resolve(step, id, copy),
        }
    }

    /// Asks for a connection to a phone whose own is gone.
    // rfc3261 §18.1.1
    fn reconnect(
        &mut self,
        step: &mut Step<'_, '_>,
        id: BranchId,
        copy: BranchRequest,
        reconnect: Box<Reconnect>,
    ) {
        let search = Search::new(copy, vec![reconnect.place.clone()], 1);
        // One place makes a search, and the branch was pushed just now.
        if let (Some(branch), Some(search)) = (self.branch(id), search) {
            branch.spare.reconnect = Some(reconnect);
            self.reach_by(step, id, Box::new(search));
        }
    }

    /// Asks for the places of a branch's next hop.
    // rfc3261 §16.6 step 7; the procedures of RFC 3263 are the question's
    fn resolve(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: BranchRequest) {
        let Some(hop) = copy.next_hop() else {
            return self.fail(step, id, Failure::Unreachable);
        };
        self.set(id, BranchState::Resolving(Box::new(copy)));
        let token = Token::of_branch(step.key, id);
        // rfc5031 §4.2: what is no address of a phone is a service
        let is_for_help = self.asked == Scheme::Other;
        step.ask(token, Question::Resolve { token, hop, is_for_help });
    }

    fn resolved(&mut self, step: &mut Step<'_, '_>, id: BranchId, places: Result<Vec<Place>, Unreachable>) {
        let Some(branch) = self.branch(id) else {
            return;
        };
        match std::mem::replace(&mut branch.state, BranchState::Reaching) {
            BranchState::Resolving(copy) => {
                match Search::new(*copy, places.unwrap_or_default(), step.limits.places_max) {
                    Some(search) => self.reach_by(step, id, Box::new(search)),
                    None => self.fail(step, id, Failure::Unreachable),
                }
            }
            // Answered before, or cancelled meanwhile.
            before @ (BranchState::Reaching
            | BranchState::Calling(_)
            | BranchState::Proceeding(_)
            | BranchState::Cancelling(_)
            | BranchState::Abandoned
            | BranchState::Completed) => branch.state = before,
        }
    }

    fn reached(&mut self, step: &mut Step<'_, '_>, id: BranchId, flow: Result<Flow, Unreachable>) {
        // Answered before, or cancelled meanwhile, unless it waits for this.
        let Some(branch) = self.branch(id).filter(|branch| matches!(branch.state, BranchState::Reaching))
        else {
            return;
        };
        let Some(search) = &branch.spare.search else {
            return;
        };
        match flow {
            Ok(flow) => {
                let copy = search.copy.clone();
                if let Some(reconnect) = branch.spare.reconnect.take()
                    && let Reconnect { address: Some(address), before, .. } = *reconnect
                {
                    step.turn.out.reconnected.push_back(Reconnected { address, before, after: flow });
                }
                self.send(step, id, copy, flow);
            }
            Err(Unreachable) => self.fail(step, id, Failure::Unreachable),
        }
    }

    /// Sends a branch's request by a new client transaction.
    // rfc3261 §16.6 step 4, §16.6 step 8, §16.6 step 9, §16.6 step 10, §16.6 step 11
    fn send(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: BranchRequest, flow: Flow) {
        let mut request = copy.into_request();
        if let Err(failure) = sips::settle(self.asked, &mut request, &flow) {
            return self.fail(step, id, failure);
        }
        let Some(branch) = self.branch(id) else {
            return;
        };
        request.set_max_breadth(branch.share.now); // rfc5393 §5.3.3
        let (party, listens) = (branch.party, branch.listens);
        let may_be_silent = branch.spare.search.as_ref().is_some_and(|search| search.has_more());
        let turn = &mut *step.turn;
        let sent_by = turn.gate.ourselves().sent_by(&flow);
        if self.recorded {
            let caller = Side { flow: self.upstream, party: self.caller, listens: self.listens };
            let callee = Side { flow, party, listens };
            record_route::record_route(&mut request, self.asked, &caller, &callee, turn.gate);
        }
        let is_invite = request.method() == Method::Invite;
        let token = Token::of_branch(step.key, id);
        let via = OurVia { sent_by: &sent_by, mark: self.mark };
        let sent = turn.transactions.send(turn.now, flow, request, via, token.as_user(), turn.wire);
        match sent {
            Ok(client) => self.set(id, BranchState::Calling(client)),
            Err(ruf_transaction::Full) => return self.fail(step, id, Failure::Overloaded),
        }
        if is_invite {
            self.start_timer_c(step, id);
            if may_be_silent {
                step.timers.arm(step.turn.now, step.limits.silence, Due::Silence(token));
            }
        }
    }

    fn set(&mut self, id: BranchId, state: BranchState) {
        if let Some(branch) = self.branch(id) {
            branch.state = state;
        }
    }
}
