//! What the user does with a usage. What cannot be done in the state it is in does nothing.

use super::{Invite, InviteUsage};
use crate::cause::Cause;
use crate::effect::Turn;
use crate::event::EndReason;
use crate::invite::ServerInvite;
use crate::refer::Reference;
use crate::session::Session;
use crate::update::Wish;
use ruf_message::body::Body;
use ruf_message::header::diversion::DiversionReason;
use ruf_message::{StatusCode, Uri};
use std::mem;

impl InviteUsage {
    /// The callee says that it rings, or sends another provisional response with an early
    /// description. `status` is 101 to 199. Reliable, if the caller wants that, or can take it and there is
    /// a description.
    // rfc3261 §13.3.1.1 and rfc3262 §3
    pub fn progress(&mut self, turn: &mut Turn<'_>, status: StatusCode, body: Option<Body>) {
        if let Invite::Server(invite) = &mut self.invite {
            invite.progress(turn, &self.terms, status, body);
        }
    }

    /// Answers the offer that an event called due; if there is none, the callee answers the call.
    // rfc3261 §13.3.1.4, rfc3262 §5
    pub fn answer(&mut self, turn: &mut Turn<'_>, body: Option<Body>) {
        let is_early = match &mut self.invite {
            Invite::Server(invite) => {
                if !invite.answer(turn, &self.terms, body.as_ref()) {
                    invite.accept(body.clone());
                }
                true
            }
            Invite::Client(invite) => invite.answer(turn, &self.terms, body.as_ref()),
            Invite::Over => false,
        };
        if is_early {
            self.accept(turn);
            self.resume(turn);
        } else if let Some((session, terms)) = self.primary() {
            session.answer(turn, terms, body);
        }
    }

    /// The callee's answer leaves, if it was given and nothing keeps it back.
    pub(super) fn accept(&mut self, turn: &mut Turn<'_>) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Server(mut invite) => match invite.take_answer() {
                Some(body) => self.sessions.push(Session::accept(turn, &self.terms, *invite, body)),
                None => self.invite = Invite::Server(invite),
            },
            other @ (Invite::Client(_) | Invite::Over) => self.invite = other,
        }
    }

    /// The callee refuses; or either side refuses a change. `status` is 300 or more.
    // rfc3261 §13.3.1.3
    pub fn reject(&mut self, turn: &mut Turn<'_>, status: StatusCode) {
        let is_change = match &mut self.invite {
            Invite::Client(invite) => invite.refuse(turn, status),
            Invite::Server(invite) => invite.peer.refuse(turn, status),
            Invite::Over => false,
        };
        if is_change {
            self.accept(turn);
            return self.resume(turn);
        }
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Server(invite) => self.decline(turn, *invite, status),
            other @ (Invite::Client(_) | Invite::Over) => {
                self.invite = other;
                if let Some((session, terms)) = self.primary() {
                    session.reject(turn, terms, status);
                }
            }
        }
    }

    fn decline(&mut self, turn: &mut Turn<'_>, invite: ServerInvite, status: StatusCode) {
        invite.reject(turn, &self.terms.party, status);
        self.end(turn, EndReason::Declined(status));
    }

    /// The callee, who is `by` (an address with its display name), sends the caller on to this URI, and says why.
    // rfc3261 §21.3.3, rfc5806 §5.1
    pub fn redirect(&mut self, turn: &mut Turn<'_>, to: &Uri, by: &[u8], why: DiversionReason) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Server(invite) => {
                invite.redirect(turn, &self.terms.party, to, (by, why));
                self.end(turn, EndReason::Declined(StatusCode::MOVED_TEMPORARILY));
            }
            other @ (Invite::Client(_) | Invite::Over) => self.invite = other,
        }
    }

    /// Changes the session to this description: a re-INVITE, as soon as none is in its way; an UPDATE
    /// before the call is answered, if a first description was answered reliably and the peer takes it.
    // rfc3261 §14.1, rfc3311 §5.1
    pub fn modify(&mut self, turn: &mut Turn<'_>, body: Body) {
        if let Some((session, terms)) = self.primary() {
            return session.modify(turn, terms, body);
        }
        let peer = match &mut self.invite {
            Invite::Client(invite) => invite.changeable(),
            Invite::Server(invite) => invite.changeable(),
            Invite::Over => None,
        };
        if let Some(peer) = peer {
            peer.update = mem::take(&mut peer.update).wish(Wish::Change(body));
        }
        self.resume(turn);
    }

    /// Tells the peer's application something, within the call or before it is answered: INFO.
    // rfc6086 §4.2.1
    pub fn inform(&mut self, turn: &mut Turn<'_>, body: Body) {
        if let Some((session, _)) = self.primary() {
            return session.inform(turn, body);
        }
        let peer = match &mut self.invite {
            Invite::Client(invite) => invite.first(),
            Invite::Server(invite) => Some(&mut invite.peer),
            Invite::Over => None,
        };
        if let Some(peer) = peer {
            peer.inform(turn, body);
        }
    }

    /// Refers the peer to this URI: it is asked to call there. Told of by
    /// [`SessionEvent::TransferProgress`](crate::SessionEvent::TransferProgress) and what follows it. One at a
    /// time.
    // rfc3515 §2.4.1
    pub fn transfer(&mut self, turn: &mut Turn<'_>, to: &Uri) {
        if let Some((session, terms)) = self.primary() {
            session.transfer(turn, terms, to);
        }
    }

    /// The user follows the reference of [`SessionEvent::Referred`](crate::SessionEvent::Referred): what to
    /// call. The peer hears by [`Self::report`] how that call fares. `None`: there is none any more.
    // rfc3515 §2.4.2
    pub fn accept_referral(&mut self, turn: &mut Turn<'_>) -> Option<Reference> {
        let (session, terms) = self.primary()?;
        session.accept_referral(turn, terms)
    }

    /// The user does not follow it. `status` is 300 or more.
    // rfc3515 §2.4.2
    pub fn refuse_referral(&mut self, turn: &mut Turn<'_>, status: StatusCode) {
        if let Some((session, terms)) = self.primary() {
            session.refuse_referral(turn, terms, status);
        }
    }

    /// The call that follows the reference with this id has come so far: what it was answered last.
    // rfc3515 §2.4.5
    pub fn report(&mut self, turn: &mut Turn<'_>, id: u32, status: StatusCode) {
        if let Some((session, terms)) = self.primary() {
            session.report(turn, terms, id, status);
        }
    }

    /// Ends it, whatever it is: CANCEL, BYE, or 486 to a call that still rings here. The first two say why.
    // rfc3261 §15 and rfc3326 §2
    pub fn hang_up(&mut self, turn: &mut Turn<'_>, cause: Option<Cause>) {
        self.leave(turn, EndReason::HungUp, cause);
    }

    /// Ends it for this reason.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, reason: EndReason, cause: Option<Cause>) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Client(mut invite) => {
                // Before an answer it is called by its own name.
                let why = if reason == EndReason::HungUp { EndReason::Cancelled } else { reason };
                invite.withdraw(turn, why, cause.clone());
                self.invite = Invite::Client(invite);
            }
            Invite::Server(invite) => self.decline(turn, *invite, StatusCode::BUSY_HERE),
            Invite::Over => {}
        }
        if let Some((session, terms)) = self.primary() {
            session.hang_up(turn, terms, reason, cause);
        }
    }
}
