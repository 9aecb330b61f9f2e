//! Transfer, both sides: we ask the peer of a call to call somebody else, or it asks us, and the call that
//! follows is ours to place (RFC 3515, RFC 3892 §2, RFC 5589). The subscription between the two, and what is
//! said in it, is core/session's.

use crate::agent::Agent;
use crate::event::CallKey;
use crate::reject::Reject;
use ruf_dialog::Stage;
use ruf_message::{HeaderName, Request, StatusCode, Tick, Uri};
use ruf_session::{Body, EndReason, Failure, Reference, SessionEvent, attended};

/// A call that the peer of another one asked for, and is told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follows {
    /// The call whose peer asked.
    call: CallKey,
    /// By which of its references.
    id: u32,
}

impl Agent {
    /// Asks the peer of a call to call this URI instead (blind transfer). How it fares is told by
    /// [`AgentEvent::TransferProgress`](crate::AgentEvent::TransferProgress), the end by
    /// [`AgentEvent::Transferred`](crate::AgentEvent::Transferred) or
    /// [`AgentEvent::TransferFailed`](crate::AgentEvent::TransferFailed); our own call with the peer stands
    /// until it is hung up. One at a time for each call.
    // rfc3515 §2.4.1 and rfc5589 §6
    pub fn transfer(&mut self, now: Tick, call: CallKey, to: &Uri) {
        self.turn(now, call, |usage, turn| usage.transfer(turn, to));
        self.drain(now);
    }

    /// Asks the peer of a call to take our place in `other`, a call of ours that is up, too (attended
    /// transfer). Told of like [`Self::transfer`]; `other` ends when it has.
    // rfc5589 §7.3
    pub fn transfer_attended(&mut self, now: Tick, call: CallKey, other: CallKey) {
        if let Some(to) = self.replacement(other) {
            self.transfer(now, call, &to);
        }
    }

    /// What [`Self::transfer`] is told so that whoever is transferred takes our place in this call, which may be one
    /// of another agent. `None`: it is not up.
    // rfc5589 §7.3
    pub fn replacement(&self, call: CallKey) -> Option<Uri> {
        let dialog = self.calls.get(call)?.usage.dialog()?;
        // rfc3891 §4: an early dialog that its peer did not open is not to be replaced
        let is_up = dialog.stage() == Stage::Confirmed;
        is_up.then(|| attended(dialog, !self.settings.has_server))
    }

    /// Does what the peer of a call asks for ([`AgentEvent::Referred`](crate::AgentEvent::Referred)): calls
    /// whom it names, with this offer. `None`, if it asks for nothing (any more), or as many calls as may be
    /// are open; then it is told 486.
    // rfc3515 §2.4.2, §2.4.3
    pub fn accept_referral(&mut self, now: Tick, call: CallKey, body: Option<Body>) -> Option<CallKey> {
        if self.calls.is_full() {
            self.turn(now, call, |usage, turn| usage.refuse_referral(turn, StatusCode::BUSY_HERE));
            self.drain(now);
            return None;
        }
        let reference = self.turn(now, call, |usage, turn| usage.accept_referral(turn)).flatten()?;
        let Reference { id, to, fields } = reference;
        let placed = self.place(now, &to, &fields, body, Some(Follows { call, id })).ok();
        self.drain(now);
        placed
    }

    /// Does not do what the peer of a call asks for.
    // rfc3515 §2.4.2
    pub fn refuse_referral(&mut self, now: Tick, call: CallKey) {
        self.turn(now, call, |usage, turn| usage.refuse_referral(turn, StatusCode::DECLINE));
        self.drain(now);
    }

    /// Something happened to a call: who asked for it hears how it fares.
    // rfc3515 §2.4.5
    pub(crate) fn report(&mut self, now: Tick, key: CallKey, event: &SessionEvent) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let (Some(follows), Some(status)) = (call.follows, fares(event)) {
            self.turn(now, follows.call, |usage, turn| usage.report(turn, follows.id, status));
        }
    }

    /// A REFER out of dialog. Whose call it is about nobody knows: it is not followed.
    // rfc3515 §2.4.2
    pub(crate) fn referred(request: &Request) -> Reject {
        let references = request.raw(HeaderName::ReferTo).count();
        if references == 1 { Reject::Declined } else { Reject::Malformed }
    }
}

/// How a call fares, as a response would say it.
// rfc3515 §2.4.5
fn fares(event: &SessionEvent) -> Option<StatusCode> {
    match event {
        SessionEvent::Progress { status, .. } => Some(*status),
        SessionEvent::Answered { .. } => Some(StatusCode::OK),
        SessionEvent::Ended(reason) => Some(match reason {
            EndReason::Failed(failure) => Failure::status(*failure),
            EndReason::Unanswered => StatusCode::REQUEST_TIMEOUT,
            EndReason::HungUp
            | EndReason::RemoteHungUp
            | EndReason::Cancelled
            | EndReason::RemoteCancelled
            | EndReason::Declined(_)
            | EndReason::Unacknowledged => StatusCode::REQUEST_TERMINATED,
        }),
        SessionEvent::ProgressConfirmed { .. }
        | SessionEvent::Acknowledged { .. }
        | SessionEvent::Reinvited { .. }
        | SessionEvent::Modified { .. }
        | SessionEvent::NotModified { .. }
        | SessionEvent::Refreshed { .. }
        | SessionEvent::Identity { .. }
        | SessionEvent::Info { .. }
        | SessionEvent::InfoRefused { .. }
        | SessionEvent::Referred { .. }
        | SessionEvent::Cause(_)
        | SessionEvent::TransferProgress { .. }
        | SessionEvent::Transferred
        | SessionEvent::TransferFailed(_) => None,
    }
}
