//! Timer C: an INVITE that rings for ever (RFC 3261 sections 16.6 item 11, 16.7 item 2, 16.8).
//!
//! Each branch carries the time at which its timer fires; one entry per context, armed again every
//! [`Limits::TIMER_C_LOOK`], looks at all of them.

use crate::best::Failure;
use crate::context::{BranchState, Pending, ResponseContext, Withdrawn};
use crate::limits::Limits;
use crate::proxy::{Due, Kept, Step};
use crate::slots::BranchId;

impl Pending {
    /// Sets Timer C of a branch that was just sent.
    // rfc3261 §16.6 step 11, for each client transaction of an INVITE
    pub(crate) fn start_timer_c(&mut self, step: &mut Step<'_, '_>, id: BranchId) {
        if let Some(branch) = self.branch(id) {
            branch.timer_c = step.turn.now + step.limits.timer_c();
        }
        if !std::mem::replace(&mut self.timed, true) {
            step.look_at_timer_c_later();
        }
    }
}

impl Step<'_, '_> {
    fn look_at_timer_c_later(&mut self) {
        self.timers.arm(self.turn.now, Limits::TIMER_C_LOOK, Due::TimerC(self.key));
    }
}

impl ResponseContext {
    /// Fires the Timers C that are due.
    // rfc3261 §16.8
    pub(crate) fn look_at_timer_c(&mut self, step: &mut Step<'_, '_>) -> Kept {
        let Some(pending) = self.forwarding() else {
            return Kept::Yes;
        };
        let turn = &mut *step.turn;
        for branch in pending.branches.iter_mut().filter(|branch| branch.timer_c <= turn.now) {
            match branch.state {
                // rfc3261 §16.8: no provisional response came: as if a 408 had
                BranchState::Calling(client) => {
                    turn.transactions.cancel(turn.now, client, turn.wire);
                    branch.state = BranchState::Completed;
                    pending.failures.push(Failure::TimedOut);
                }
                // rfc3261 §16.8: a provisional response came: it is cancelled
                BranchState::Proceeding(client) => {
                    turn.transactions.cancel(turn.now, client, turn.wire);
                    branch.state = BranchState::Cancelling(Withdrawn::TimerC);
                }
                BranchState::Resolving(_)
                | BranchState::Reaching
                | BranchState::Cancelling(_)
                | BranchState::Abandoned
                | BranchState::Completed => {}
            }
        }
        step.look_at_timer_c_later();
        self.advance(step)
    }
}
