//! A call that takes the place of another (RFC 3891): which one an INVITE names, what is answered if none,
//! and the end of the one that is replaced.

use crate::agent::Agent;
use crate::event::{CallKey, Full};
use crate::reject::Reject;
use ruf_dialog::{DialogId, Stage};
use ruf_message::header::call_id::Replaces;
use ruf_message::{HeaderName, Method, Request, Tick, Uri};
use ruf_session::{Body, Named};

/// Most calls that are remembered after their end: who asks to replace one of them comes too late.
pub(crate) const ENDED_MAX: usize = 64;

impl Agent {
    /// Calls somebody and asks to take the place of a dialog that it has with a third party, named as it
    /// names it: its own tag is the local one. With `early_only`, not if that one was answered.
    ///
    /// # Errors
    /// If there are as many calls as there may be.
    // rfc3891 §4
    pub fn call_replacing(
        &mut self,
        now: Tick,
        to: &Uri,
        replaces: &DialogId,
        early_only: bool,
        body: Option<Body>,
    ) -> Result<CallKey, Full> {
        let DialogId { call_id, local_tag, remote_tag } = replaces;
        let flag: &[u8] = if early_only { b";early-only" } else { b"" };
        let replaces = [call_id, &b";to-tag="[..], local_tag, b";from-tag=", remote_tag, flag].concat();
        // rfc3891 §6.2: better not at all than as a call beside it
        let fields = [(HeaderName::Replaces, replaces), (HeaderName::Require, b"replaces".to_vec())];
        let placed = self.place(now, to, &fields, body, None);
        self.drain(now);
        placed
    }

    /// The call that this INVITE asks to take the place of.
    // rfc3891 §3
    pub(crate) fn replaced_by(&self, invite: &Request) -> Result<Option<CallKey>, Reject> {
        if !invite.contains(HeaderName::Replaces) {
            return Ok(None);
        }
        // rfc3891 §3: what it contradicts is 400
        if invite.raw(HeaderName::Replaces).count() > 1 || invite.contains(HeaderName::Join) {
            return Err(Reject::Malformed);
        }
        let replaces = invite.header::<Replaces<'_>>().map_err(|_| Reject::Malformed)?;
        let Some(replaces) = replaces else { return Ok(None) };
        let Some(call) = self.calls.named(replaces.call_id(), replaces.to_tag()) else {
            // rfc3891 §3: it has just ended
            let has_ended = self.calls.has_ended(replaces.call_id(), replaces.to_tag());
            return Err(if has_ended { Reject::Declined } else { Reject::NoDialog });
        };
        match self.calls.get(call).map_or(Named::Unknown, |call| call.usage.named(replaces.from_tag())) {
            Named::Confirmed if replaces.is_early_only() => Err(Reject::Busy),
            Named::Confirmed | Named::Calling => Ok(Some(call)),
            Named::Ended => Err(Reject::Declined),
            // rfc3891 §3: an early dialog that we did not open is not matched
            Named::Ringing | Named::Unknown => Err(Reject::NoDialog),
        }
    }

    /// A call had its turn: if it was answered, the one that it replaces ends.
    // rfc3891 §3: with BYE, or CANCEL
    pub(crate) fn replace(&mut self, now: Tick, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let is_up = call.usage.dialog().is_some_and(|dialog| dialog.stage() == Stage::Confirmed);
        if let Some(replaced) = call.replaces.take_if(|_| is_up) {
            self.turn(now, replaced, |usage, turn| usage.hang_up(turn, None));
        }
    }
}

/// Only an INVITE may ask to replace, or to join.
// rfc3891 §3, rfc3911 §4
pub(crate) fn is_misplaced(request: &Request) -> bool {
    let asks = request.contains(HeaderName::Replaces) || request.contains(HeaderName::Join);
    asks && request.method() != Method::Invite
}
