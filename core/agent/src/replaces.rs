//! A call that takes the place of another (RFC 3891), or is to be mixed into it (RFC 3911): which one an INVITE
//! names, what is answered if none, and the end of the one that is replaced.

use crate::agent::Agent;
use crate::event::{CallKey, Full};
use crate::reject::Reject;
use ruf_dialog::{DialogId, Stage};
use ruf_message::header::call_id::{Join, Replaces, TaggedDialog};
use ruf_message::{HeaderName, Method, Request, StatusCode, Tick, Uri};
use ruf_session::{Body, Cause, Named};

/// Most calls that are remembered after their end: who asks to replace one of them comes too late.
pub(crate) const ENDED_MAX: usize = 64;

/// What an INVITE asks to do with a call of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    /// To take the place of its peer.
    pub(crate) replaces: Option<CallKey>,
    /// To be mixed into it.
    pub(crate) joins: Option<CallKey>,
}

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
        let flag: &[u8] = if early_only { b";early-only" } else { b"" };
        let name = [&tagged(replaces), flag].concat();
        self.call_about(now, to, (HeaderName::Replaces, name), b"replaces", body)
    }

    /// Calls somebody and asks to be mixed into a dialog that it has with a third party, named as it names it.
    ///
    /// # Errors
    /// If there are as many calls as there may be.
    // rfc3911 §7.1
    pub fn call_joining(
        &mut self,
        now: Tick,
        to: &Uri,
        joins: &DialogId,
        body: Option<Body>,
    ) -> Result<CallKey, Full> {
        self.call_about(now, to, (HeaderName::Join, tagged(joins)), b"join", body)
    }

    fn call_about(
        &mut self,
        now: Tick,
        to: &Uri,
        about: (HeaderName, Vec<u8>),
        required: &[u8],
        body: Option<Body>,
    ) -> Result<CallKey, Full> {
        // rfc3891 §6.2, rfc3911 §7.2: better not at all than as a call beside it
        let fields = [about, (HeaderName::Require, required.to_vec())];
        let placed = self.place(now, to, &fields, body, None);
        self.drain(now);
        placed
    }

    /// What this INVITE asks to do with a call of ours.
    // rfc3891 §3, rfc3911 §4
    pub(crate) fn asked_of_another(&self, invite: &Request) -> Result<Asks, Reject> {
        let [replacing, joining] =
            [HeaderName::Replaces, HeaderName::Join].map(|name| invite.raw(name).count());
        // rfc3891 §3, rfc3911 §4: one of them, once
        if replacing + joining > 1 {
            return Err(Reject::Malformed);
        }
        let replaces = invite.header::<Replaces<'_>>().map_err(|_| Reject::Malformed)?;
        let joins = invite.header::<Join<'_>>().map_err(|_| Reject::Malformed)?;
        let replaces = replaces.map(|replaces| self.replaced_by(&replaces)).transpose()?;
        // Who cannot mix has not heard of it.
        let joins = joins.filter(|_| self.settings.joins).map(|joins| self.joined_by(&joins)).transpose()?;
        Ok(Asks { replaces, joins })
    }

    // rfc3891 §3
    fn replaced_by(&self, replaces: &Replaces<'_>) -> Result<CallKey, Reject> {
        match self.find(replaces)? {
            (_, Named::Confirmed) if replaces.is_early_only() => Err(Reject::Busy),
            (call, Named::Confirmed | Named::Calling) => Ok(call),
            (_, Named::Ended) => Err(Reject::Declined),
            // rfc3891 §3: an early dialog that we did not open is not matched
            (_, Named::Ringing | Named::Unknown) => Err(Reject::NoDialog),
        }
    }

    // rfc3911 §4
    fn joined_by(&self, joins: &Join<'_>) -> Result<CallKey, Reject> {
        match self.find(joins)? {
            // rfc3911 §4: early dialogs, too, whoever opened them
            (call, Named::Confirmed | Named::Calling | Named::Ringing) => Ok(call),
            (_, Named::Ended) => Err(Reject::Declined),
            (_, Named::Unknown) => Err(Reject::NoDialog),
        }
    }

    /// The call that has the dialog of this name, and what that dialog is.
    // rfc3891 §3, rfc3911 §4
    fn find(&self, name: &TaggedDialog<'_>) -> Result<(CallKey, Named), Reject> {
        let found = self.calls.named(name.call_id(), name.to_tag());
        let Some((key, call)) = found.and_then(|key| Some((key, self.calls.get(key)?))) else {
            // rfc3891 §3: it has just ended
            let has_ended = self.calls.has_ended(name.call_id(), name.to_tag());
            return Err(if has_ended { Reject::Declined } else { Reject::NoDialog });
        };
        Ok((key, call.usage.named(name.from_tag())))
    }

    /// A call had its turn: if it was answered, the one that it replaces ends.
    // rfc3891 §3: with BYE, or CANCEL
    pub(crate) fn replace(&mut self, now: Tick, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let is_up = call.usage.dialog().is_some_and(|dialog| dialog.stage() == Stage::Confirmed);
        if let Some(replaced) = call.replaces.take_if(|_| is_up) {
            // rfc3326 §2: whoever it rang at has missed nothing
            let elsewhere = Cause::sip(StatusCode::OK, "Call completed elsewhere");
            self.turn(now, replaced, |usage, turn| usage.hang_up(turn, Some(elsewhere)));
        }
    }
}

/// A dialog as Replaces and Join name it: `to-tag` is the tag of whom they are sent to.
// rfc3891 §6.1, rfc3911 §7.1
fn tagged(name: &DialogId) -> Vec<u8> {
    // rfc3891 §6.1: 0 stands for none
    let tag = |tag: &[u8]| if tag.is_empty() { b"0".to_vec() } else { tag.to_vec() };
    let DialogId { call_id, local_tag, remote_tag } = name;
    [call_id, &b";to-tag="[..], &tag(local_tag), b";from-tag=", &tag(remote_tag)].concat()
}

/// Only an INVITE may ask to replace, or to join.
// rfc3891 §3, rfc3911 §4
pub(crate) fn is_misplaced(request: &Request) -> bool {
    let asks = request.contains(HeaderName::Replaces) || request.contains(HeaderName::Join);
    asks && request.method() != Method::Invite
}
