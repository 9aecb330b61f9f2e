//! Response processing (RFC 3261 section 16.7).
//!
//! Record-Route is not rewritten on the way back (item 8): both sides may use the same URI, since
//! its token names both flows. Contacts of a 3xx are not tried (item 4): it is passed up.
//!
//! Not here: the choice of the best response (`best.rs`), CANCELs (`cancel.rs`).

use ruf_admission::Gate;
use ruf_message::{HeaderName, Response, StatusClass, StatusCode};

use crate::best::{self, Failure};
use crate::context::{BranchState, Pending, Phase, ResponseContext, Withdrawn};
use crate::proxy::{Kept, Step};
use crate::reject;
use crate::slots::BranchId;

/// Another branch has it.
// rfc3326 §2
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl ResponseContext {
    /// A response came on a branch.
    // rfc3261 §16.7 step 1, §16.7 step 3; the context was found by the token
    pub(crate) fn response(&mut self, step: &mut Step<'_, '_>, id: BranchId, mut response: Response) -> Kept {
        response.pop_via();
        let class = response.status().class();
        // rfc3261 §16.7 step 3; without a further Via it is not forwarded
        if !response.contains(HeaderName::Via) {
            return match class {
                StatusClass::Provisional => Kept::Yes,
                StatusClass::Success
                | StatusClass::Redirection
                | StatusClass::ClientError
                | StatusClass::ServerError
                | StatusClass::GlobalFailure => self.failed(step, id, Failure::Unreachable),
            };
        }
        let kept = match class {
            StatusClass::Provisional => self.provisional(step, id, &response),
            StatusClass::Success => self.success(step, id, &response),
            StatusClass::Redirection | StatusClass::ClientError | StatusClass::ServerError => {
                return self.failed(step, id, Failure::Answered(response));
            }
            StatusClass::GlobalFailure => return self.declined(step, id, response),
        };
        step.turn.transactions.recycle(response);
        kept
    }

    /// 1xx.
    fn provisional(&mut self, step: &mut Step<'_, '_>, id: BranchId, response: &Response) -> Kept {
        // rfc4320 §4.1: a provisional response to anything but INVITE goes no further
        if !self.is_invite {
            return Kept::Yes;
        }
        let Some(branch) = self.forwarding().and_then(|pending| pending.branch(id)) else {
            return Kept::Yes;
        };
        match branch.state {
            BranchState::Calling(client) => branch.state = BranchState::Proceeding(client),
            BranchState::Proceeding(_) | BranchState::Cancelling(_) => {}
            // A branch that was not sent has no transaction; the others were given up.
            BranchState::Resolving(_)
            | BranchState::Reaching
            | BranchState::Abandoned
            | BranchState::Completed => return Kept::Yes,
        }
        // rfc3261 §16.7 step 5; a 100 is never forwarded
        if response.status() == StatusCode::TRYING {
            return Kept::Yes;
        }
        branch.timer_c = step.turn.now + step.limits.timer_c(); // rfc3261 §16.7 step 2
        let is_news = branch.announced.replace(response.status()) != Some(response.status());
        self.respond(step, response); // rfc3261 §16.7 step 5, §16.7 step 9
        if let Some(pending) = self.forwarding() {
            pending.settle_to_ring(step.turn.transactions);
        }
        if is_news {
            self.announce_ringing(step, response);
        }
        Kept::Yes
    }

    /// 2xx: passed on at once, and again whenever it is repeated.
    // rfc3261 §16.7 step 5
    // rfc6026 §7.1: any 2xx to an INVITE, from this branch or another
    fn success(&mut self, step: &mut Step<'_, '_>, id: BranchId, response: &Response) -> Kept {
        if let Some(branch) = self.forwarding().and_then(|pending| pending.branch(id)) {
            branch.state = BranchState::Completed;
        }
        self.respond(step, response);
        if !self.is_invite {
            return Kept::No;
        }
        // rfc3261 §16.7 step 10; rfc3326 §2: whoever does not answer has missed nothing
        self.withdraw(step, Withdrawn::Answered, Some(ELSEWHERE));
        std::mem::replace(&mut self.phase, Phase::Accepted).end(step.turn.transactions);
        self.announce_answer(step, response);
        Kept::Yes
    }

    /// 6xx: no other branch is wanted any more, but a 2xx that is under way still wins.
    // rfc3261 §16.7 step 5
    fn declined(&mut self, step: &mut Step<'_, '_>, id: BranchId, response: Response) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.fail(step, id, Failure::Answered(response));
        }
        self.withdraw(step, Withdrawn::Declined, None);
        self.advance(step)
    }

    /// A branch has ended without success.
    pub(crate) fn failed(&mut self, step: &mut Step<'_, '_>, id: BranchId, failure: Failure) -> Kept {
        if let Some(pending) = self.forwarding() {
            pending.fail(step, id, failure);
        }
        self.advance(step)
    }

    /// Every branch has ended and no target is left: sends the best of what came.
    // rfc3261 §16.7 step 6, §16.7 step 7
    pub(crate) fn conclude(&mut self, step: &mut Step<'_, '_>) -> Kept {
        let is_invite = self.is_invite;
        let Some(pending) = self.forwarding() else {
            return Kept::Yes;
        };
        let cancelled = pending.halted == Some(Withdrawn::BySender);
        match best::choose(&mut pending.failures) {
            Some(Failure::Answered(mut response)) => match response.status() {
                // rfc3261 §16.7 step 6; a 503 is a matter of that one target
                StatusCode::SERVICE_UNAVAILABLE => self.refuse(step, StatusCode::SERVER_INTERNAL_ERROR),
                // rfc5626 §11.5: never seen by an endpoint
                StatusCode::FLOW_FAILED => self.refuse(step, StatusCode::TEMPORARILY_UNAVAILABLE),
                _ => {
                    best::aggregate(&mut response, &pending.failures);
                    self.end(step, &response)
                }
            },
            Some(Failure::TimedOut | Failure::Unreachable | Failure::FlowGone) | None if cancelled => {
                self.refuse(step, StatusCode::REQUEST_TERMINATED)
            }
            // rfc3261 §16.9: as if it had answered 503
            Some(Failure::Unreachable) => self.refuse(step, StatusCode::SERVER_INTERNAL_ERROR),
            Some(Failure::FlowGone) => {
                // rfc5626 §5.3.1, §11.5: a proxy is told, which may know another flow; an endpoint never is
                let is_of_proxy = pending
                    .source
                    .request()
                    .is_some_and(|request| request.values(HeaderName::Via).nth(1).is_some());
                let status =
                    if is_of_proxy { StatusCode::FLOW_FAILED } else { StatusCode::TEMPORARILY_UNAVAILABLE };
                self.refuse(step, status)
            }
            Some(Failure::Overloaded) => self.refuse(step, StatusCode::SERVICE_UNAVAILABLE),
            Some(Failure::Insecure) => {
                let response = insecure(pending, step.turn.gate);
                response.map_or(Kept::No, |response| self.end(step, &response))
            }
            // rfc3261 §16.7 step 6; no final response came
            Some(Failure::TimedOut) | None if is_invite => self.refuse(step, StatusCode::REQUEST_TIMEOUT),
            // rfc4320 §4.2: no final response at all; the server transaction ends by itself
            Some(Failure::TimedOut) | None => Kept::No,
        }
    }
}

// rfc5630 §5.3
fn insecure(pending: &Pending, gate: &Gate) -> Option<Response> {
    let request = pending.source.request()?;
    let mut response = reject::response(&request, StatusCode::TEMPORARILY_UNAVAILABLE, gate);
    let ourselves = gate.ourselves().sent_by(&pending.upstream);
    response.add(HeaderName::Warning, format!("380 {ourselves} \"SIPS Not Allowed\""));
    Some(response)
}
