//! CANCEL (RFC 3261 sections 16.10, 16.7 item 10).
//!
//! The CANCEL that came in has a server transaction of its own, which is answered with 200 where it
//! was received; here the branches are cancelled. The CANCELs that go out are built by the client
//! transactions, and wait there for the first provisional response (9.1).

use ruf_message::StatusCode;

use crate::context::{BranchState, Phase, ResponseContext, Withdrawn};
use crate::proxy::{Kept, Step};

impl ResponseContext {
    /// The sender cancels the request, and may say why: the value of Reason.
    // rfc3261 §16.10
    pub(crate) fn cancel(&mut self, step: &mut Step<'_, '_>, reason: Option<&str>) -> Kept {
        match self.phase {
            // Nothing was sent, so nobody else will say it.
            // rfc3261 §9.2
            Phase::Locating(_) => self.refuse(step, StatusCode::REQUEST_TERMINATED),
            Phase::Forwarding(_) => {
                self.withdraw(step, Withdrawn::BySender, reason);
                self.advance(step)
            }
            // rfc3261 §9.2: a final response was sent, so it has no effect
            Phase::Accepted => Kept::Yes,
        }
    }

    /// Cancels every pending branch, with this value of Reason, and forgets the targets that were not tried.
    // rfc3261 §16.7 step 10
    pub(crate) fn withdraw(&mut self, step: &mut Step<'_, '_>, why: Withdrawn, reason: Option<&str>) {
        let is_invite = self.is_invite;
        let Some(pending) = self.forwarding() else {
            return;
        };
        pending.halted.get_or_insert(why);
        if let Some(whole) = pending.source.whole_mut() {
            whole.waiting.clear();
        }
        for branch in &mut pending.branches {
            match branch.state {
                BranchState::Resolving(_) | BranchState::Reaching => branch.state = BranchState::Completed,
                // rfc3261 §9.1: only an INVITE is cancelled
                BranchState::Calling(client) | BranchState::Proceeding(client) if is_invite => {
                    let turn = &mut *step.turn;
                    match reason {
                        Some(reason) => turn.transactions.cancel_because(turn.now, client, reason, turn.wire),
                        None => turn.transactions.cancel(turn.now, client, turn.wire),
                    }
                    branch.state = BranchState::Cancelling(why);
                }
                BranchState::Calling(_)
                | BranchState::Proceeding(_)
                | BranchState::Cancelling(_)
                | BranchState::Abandoned
                | BranchState::Completed => {}
            }
        }
    }
}
