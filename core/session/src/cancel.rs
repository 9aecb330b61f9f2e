//! CANCEL, both sides: an INVITE withdrawn before it is answered (RFC 3261 §9, §15; RFC 5407
//! appendix C). When a CANCEL may leave, and how long its INVITE is waited for after it, is the
//! client transaction's knowledge (core/transaction); the 200 to a CANCEL is the owner's.

use crate::cause::Cause;
use crate::effect::{Asked, Turn};
use crate::event::EndReason;
use crate::invite::answer_to;
use crate::prack::Early;
use crate::reinvite::Theirs;
use crate::session::Session;
use crate::terms::{LocalParty, Terms};
use ruf_message::body::Body;
use ruf_message::{Request, StatusCode};
use std::mem;

/// The caller's side: the INVITE was withdrawn, its final response is to come.
///
/// ```text
///   Calling, Proceeding --hang up: CANCEL--> Withdrawn --3xx..6xx, silence--> over
///                                                |
///                                                | 2xx: it crossed the CANCEL
///                                                v
///                                            ACK, then BYE
/// ```
#[derive(Debug)]
pub(crate) struct Withdrawn {
    /// Dialogs that rang.
    pub(crate) early: Vec<Early>,
    /// What the user is told in the end.
    pub(crate) reason: EndReason,
}

impl Withdrawn {
    /// Asks for the CANCEL.
    // rfc3261 §15 and rfc3261 §9.1
    pub(crate) fn cancel(
        turn: &mut Turn<'_>,
        invite: Asked,
        early: Vec<Early>,
        reason: EndReason,
        cause: Option<Cause>,
    ) -> Self {
        turn.cancel(invite, cause);
        Withdrawn { early, reason }
    }
}

/// The callee's side: the INVITE that still rings is answered with 487.
// rfc3261 §9.2
pub(crate) fn terminate(turn: &mut Turn<'_>, server: u64, invite: &Request, tag: &str, party: &LocalParty) {
    let none: Option<&Body> = None;
    turn.respond(server, answer_to(invite, StatusCode::REQUEST_TERMINATED, tag, party, none));
}

impl Session {
    /// The peer withdrew its re-INVITE.
    // rfc3261 §9.2
    pub(crate) fn cancelled(&mut self, turn: &mut Turn<'_>, terms: &Terms, cancelled: u64) {
        match mem::replace(&mut self.peer.theirs, Theirs::Idle) {
            Theirs::Asked { server, request, .. } if server == cancelled => {
                turn.refuse(server, &request, StatusCode::REQUEST_TERMINATED);
            }
            other => self.peer.theirs = other,
        }
        self.resume(turn, terms);
    }
}
