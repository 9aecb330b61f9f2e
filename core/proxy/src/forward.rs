//! Request forwarding (RFC 3261 section 16.6), to one target or to several: those of equal q at once,
//! the groups one after the other.
//!
//! Not here: what comes back (`response.rs`), and the Via with its branch, which is written by the
//! client transaction (items 8 and 10) like Content-Length (item 9).

use ruf_message::{Flow, Method, Place, StatusCode};

use crate::best::Failure;
use crate::branch_request::{self, BranchRequest};
use crate::context::{Branch, BranchState, Pending, Phase, ResponseContext};
use crate::proxy::{Kept, Step};
use crate::question::{Question, Refusal, Target, TargetSet, Unreachable};
use crate::sips;
use crate::slots::{BranchId, Token};

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
        self.phase = match std::mem::replace(&mut self.phase, Phase::Accepted) {
            Phase::Locating(mut pending) => {
                pending.waiting = in_order(targets, step.limits.branches_max);
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
            if !pending.is_idle() {
                return Kept::Yes;
            }
            let Some(q) = pending.waiting.last().map(|target| target.q) else {
                return self.conclude(step);
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
        if is_invite && !std::mem::replace(&mut pending.trying, true) {
            let trying = pending.request.reply(StatusCode::TRYING);
            self.respond(step, &trying);
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
    /// Opens a branch for every waiting target of this q.
    fn open_group(&mut self, step: &mut Step<'_, '_>, q: u16) {
        while self.waiting.last().is_some_and(|target| target.q == q) {
            let (Some(target), Some(id)) = (self.waiting.pop(), BranchId::after(self.branches.len())) else {
                return;
            };
            self.branches.push(Branch::completed());
            let copy = BranchRequest::of(self.request.clone(), &target);
            match target.flow {
                Some(flow) => self.send(step, id, copy, flow),
                None => self.reach(step, id, copy),
            }
        }
    }

    /// Asks for the flow of a branch's next hop.
    // rfc3261 §16.6 step 7; the procedures of RFC 3263 are the question's
    fn reach(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: BranchRequest) {
        let Some(hop) = copy.next_hop() else {
            return self.fail(id, Failure::Unreachable);
        };
        self.set(id, BranchState::Reaching(Box::new(copy)));
        let token = Token::of_branch(step.key, id);
        step.ask(token, Question::Resolve { token, hop });
    }

    fn resolved(&mut self, step: &mut Step<'_, '_>, id: BranchId, places: Result<Vec<Place>, Unreachable>) {
        let is_reaching = self.branch(id).is_some_and(|b| matches!(b.state, BranchState::Reaching(_)));
        if !is_reaching {
            return;
        }
        match places.unwrap_or_default().into_iter().next() {
            Some(place) => {
                let token = Token::of_branch(step.key, id);
                step.ask(token, Question::Reach { token, place });
            }
            None => self.fail(id, Failure::Unreachable),
        }
    }

    fn reached(&mut self, step: &mut Step<'_, '_>, id: BranchId, flow: Result<Flow, Unreachable>) {
        let Some(branch) = self.branch(id) else {
            return;
        };
        match std::mem::replace(&mut branch.state, BranchState::Completed) {
            BranchState::Reaching(copy) => match flow {
                Ok(flow) => self.send(step, id, *copy, flow),
                Err(Unreachable) => self.fail(id, Failure::Unreachable),
            },
            // Answered before, or cancelled meanwhile.
            before @ (BranchState::Calling(_)
            | BranchState::Proceeding(_)
            | BranchState::Cancelling(_)
            | BranchState::Completed) => branch.state = before,
        }
    }

    /// Sends a branch's request by a new client transaction.
    // rfc3261 §16.6 step 4, §16.6 step 8, §16.6 step 9, §16.6 step 10, §16.6 step 11
    fn send(&mut self, step: &mut Step<'_, '_>, id: BranchId, copy: BranchRequest, flow: Flow) {
        let mut request = copy.into_request();
        if let Err(failure) = sips::settle(self.request.uri().scheme(), &mut request, &flow) {
            return self.fail(id, failure);
        }
        let turn = &mut *step.turn;
        let sent_by = turn.gate.ourselves().sent_by(&flow);
        if self.recorded {
            branch_request::record_route(&mut request, &self.upstream, &flow, &sent_by, turn.gate);
        }
        let is_invite = request.method() == Method::Invite;
        let user = Token::of_branch(step.key, id).as_user();
        let sent = turn.transactions.send(turn.now, flow, request, &sent_by, user, turn.wire);
        match sent {
            Ok(client) => self.set(id, BranchState::Calling(client)),
            Err(ruf_transaction::Full) => return self.fail(id, Failure::Overloaded),
        }
        if is_invite {
            self.start_timer_c(step, id);
        }
    }

    fn set(&mut self, id: BranchId, state: BranchState) {
        if let Some(branch) = self.branch(id) {
            branch.state = state;
        }
    }

    /// Notes the end of a branch that was never sent.
    fn fail(&mut self, id: BranchId, failure: Failure) {
        self.set(id, BranchState::Completed);
        self.failures.push(failure);
    }
}

/// The next one last: highest q first, and in the given order where it is equal.
// rfc3261 §16.6: from highest q to lowest, equal ones in parallel
fn in_order(targets: TargetSet, max: usize) -> TargetSet {
    let mut set = TargetSet::new();
    for target in targets {
        // rfc3261 §16.5: a target already in the set is not added again. Two phones behind two NATs
        // may have the same URI: what tells them apart is the flow.
        let known = |other: &Target| other.flow == target.flow && other.uri == target.uri;
        if !set.iter().any(known) {
            set.push(target);
        }
    }
    set.sort_by_key(|target| std::cmp::Reverse(target.q));
    set.truncate(max);
    set.reverse();
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn target(uri: &str, flow: u8, q: u16) -> Target {
        Target { q, ..Target::by_flow(uri.parse().unwrap(), sample::flow(flow)) }
    }

    #[test]
    fn targets_are_tried_from_the_highest_q_and_none_twice() {
        // tests rfc3261 §16.5, §16.6
        let set = [
            target("sip:a@h", 1, 500),
            target("sip:b@h", 2, 1000),
            target("sip:A@h;x=y", 1, 300),
            target("sip:a@H", 1, 300),
            target("sip:a@h", 3, 500),
            target("sip:c@h", 4, 100),
            target("sip:d@h", 4, 99),
        ];
        let order = in_order(Vec::from(set).into(), 5);
        let shown: Vec<String> = order
            .iter()
            .rev()
            .map(|target| format!("{} {}", target.uri.as_ref().unwrap(), target.q))
            .collect();
        assert_eq!(shown, ["sip:b@h 1000", "sip:a@h 500", "sip:a@h 500", "sip:A@h;x=y 300", "sip:c@h 100"]);
    }
}
