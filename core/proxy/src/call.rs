//! What whoever follows calls is told: attempts, ringing, answers and ends, by [`DialogId`].
//!
//! The proxy keeps nothing for it: an event is told when its message passes. Repeated messages may
//! repeat an event.
//!
//! Not here: the state of a call, records and limits (services/calls).

use ruf_admission::Identity;
use ruf_message::{Method, Request, Response, StatusCode, Tick};
use smallvec::SmallVec;

use crate::context::ResponseContext;
use crate::proxy::{Step, Turn};

/// A dialog, or the attempt at one: Call-ID, the caller's tag and, once there is an answer, the
/// callee's (RFC 3261 section 12).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DialogId {
    /// In place as far as most are long: one is made for every step of a call.
    text: SmallVec<[u8; 96]>,
    caller: usize,
    callee: usize,
}

impl DialogId {
    /// Of these parts; an empty tag is none.
    pub fn new(call_id: &[u8], callers_tag: &[u8], callees_tag: &[u8]) -> Self {
        let mut text = SmallVec::from_slice(call_id);
        text.extend_from_slice(callers_tag);
        text.extend_from_slice(callees_tag);
        DialogId { caller: call_id.len(), callee: call_id.len() + callers_tag.len(), text }
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &[u8] {
        self.text.get(..self.caller).unwrap_or_default()
    }

    /// The tag of who called.
    pub fn callers_tag(&self) -> &[u8] {
        self.text.get(self.caller..self.callee).unwrap_or_default()
    }

    /// The tag of who was called; empty before there is a dialog.
    pub fn callees_tag(&self) -> &[u8] {
        self.text.get(self.callee..).unwrap_or_default()
    }
}

/// A step in the life of a call.
#[derive(Clone, PartialEq, Debug)]
pub enum CallEvent {
    /// An INVITE outside any dialog was taken.
    Attempt {
        /// Without a callee's tag.
        dialog: DialogId,
        /// When.
        at: Tick,
        /// Who calls.
        caller: Identity,
    },
    /// A phone gave a sign of life; once for each status of each branch.
    Ringing {
        /// With the callee's tag, if it gave one.
        dialog: DialogId,
        /// When.
        at: Tick,
        /// 101 to 199.
        status: StatusCode,
    },
    /// A phone answered. Its repetitions are told, too.
    Answered {
        /// With the callee's tag.
        dialog: DialogId,
        /// When.
        at: Tick,
    },
    /// It is over.
    Ended {
        /// Without the callee's tag, if it was never answered.
        dialog: DialogId,
        /// When.
        at: Tick,
        /// How.
        end: End,
    },
}

impl CallEvent {
    /// Whose step it is.
    pub fn dialog(&self) -> &DialogId {
        match self {
            CallEvent::Attempt { dialog, .. }
            | CallEvent::Ringing { dialog, .. }
            | CallEvent::Answered { dialog, .. }
            | CallEvent::Ended { dialog, .. } => dialog,
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The caller was told this final status.
    Refused(StatusCode),
    /// One side hung up.
    HungUp {
        /// It was the caller.
        by_caller: bool,
    },
}

/// Tells that a request was taken.
pub(crate) fn announce(turn: &mut Turn<'_>, request: &Request, identity: &Identity) {
    let at = turn.now;
    let event = match (request.method(), identity) {
        (Method::Invite, Identity::Account(_) | Identity::Peer(_) | Identity::Guest) => {
            CallEvent::Attempt { dialog: attempt(request), at, caller: identity.clone() }
        }
        (Method::Bye, Identity::Dialog(pass)) => {
            let (from, to) = (tag(request.from_tag()), tag(request.to_tag()));
            let (caller, callee) = if pass.from_caller { (from, to) } else { (to, from) };
            let dialog = DialogId::new(request.call_id(), caller, callee);
            CallEvent::Ended { dialog, at, end: End::HungUp { by_caller: pass.from_caller } }
        }
        _ => return,
    };
    turn.out.calls.push_back(event);
}

impl ResponseContext {
    pub(crate) fn announce_ringing(&self, step: &mut Step<'_, '_>, response: &Response) {
        let (dialog, at) = (answered(response), step.turn.now);
        self.tell(step, CallEvent::Ringing { dialog, at, status: response.status() });
    }

    pub(crate) fn announce_answer(&self, step: &mut Step<'_, '_>, response: &Response) {
        let (dialog, at) = (answered(response), step.turn.now);
        self.tell(step, CallEvent::Answered { dialog, at });
    }

    pub(crate) fn announce_failure(&self, step: &mut Step<'_, '_>, response: &Response) {
        let dialog = DialogId::new(response.call_id(), tag(response.from_tag()), &[]);
        let end = End::Refused(response.status());
        self.tell(step, CallEvent::Ended { dialog, at: step.turn.now, end });
    }

    fn tell(&self, step: &mut Step<'_, '_>, event: CallEvent) {
        if self.is_invite && !self.in_dialog {
            step.turn.out.calls.push_back(event);
        }
    }
}

fn attempt(request: &Request) -> DialogId {
    DialogId::new(request.call_id(), tag(request.from_tag()), &[])
}

fn answered(response: &Response) -> DialogId {
    DialogId::new(response.call_id(), tag(response.from_tag()), tag(response.to_tag()))
}

fn tag(tag: Option<&[u8]>) -> &[u8] {
    tag.unwrap_or_default()
}
