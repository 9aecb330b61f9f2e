//! What the peer sends within the dialogs of a usage: requests, ACK, CANCEL.

use super::{Invite, InviteUsage};
use crate::effect::Turn;
use crate::event::EndReason;
use crate::reinvite::too_early;
use ruf_message::{Method, Request, StatusCode};
use std::mem;

/// Whose a request within a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDialog {
    /// The usage has answered it, or will.
    Taken,
    /// In order, and not of this usage: the owner answers it as one out of dialog (RFC 3261 §12.2.2).
    Yours,
    /// No dialog of this usage: the answer is 481.
    Unknown,
}

impl InviteUsage {
    /// A request of the peer with our tag in To; not ACK, not CANCEL. `server` is the number under
    /// which the owner keeps its transaction.
    // rfc3261 §12.2.2
    pub fn request(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) -> InDialog {
        let tag = request.from_tag().unwrap_or_default();
        let terms = &self.terms;
        let session = self.sessions.iter_mut().find(|session| session.peer.is_tagged(tag));
        let taken = match session {
            Some(session) => match session.request(turn, terms, server, request) {
                true => InDialog::Taken,
                false => InDialog::Yours,
            },
            None => self.early_request(turn, server, request, tag),
        };
        self.sweep();
        taken
    }

    /// A request of the peer in a dialog that is not confirmed.
    fn early_request(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request, tag: &[u8]) -> InDialog {
        let peer = match &mut self.invite {
            Invite::Client(invite) => invite.early(tag).map(|early| &mut early.peer),
            Invite::Server(invite) => Some(&mut invite.peer).filter(|peer| peer.is_tagged(tag)),
            Invite::Over => None,
        };
        let Some(peer) = peer else { return InDialog::Unknown };
        if peer.dialog.accept(request).is_err() {
            // rfc3261 §12.2.2: out of order
            turn.refuse(server, request, StatusCode::SERVER_INTERNAL_ERROR);
            return InDialog::Taken;
        }
        match request.method() {
            Method::Bye => {
                turn.respond(server, request.reply(StatusCode::OK));
                self.tell_cause(turn, request);
                self.left_early(turn, tag);
            }
            Method::Invite => self.invite_too_early(turn, server, request),
            Method::Prack => self.pracked(turn, server, request),
            Method::Update => self.updated(turn, server, request, tag),
            Method::Info => peer.informed(turn, server, request),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Message
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Publish
            | Method::Other => return InDialog::Yours,
        }
        self.resume(turn);
        InDialog::Taken
    }

    // rfc3311 §5.2
    fn updated(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request, tag: &[u8]) {
        let terms = &self.terms;
        match &mut self.invite {
            Invite::Client(invite) => {
                if let Some(early) = invite.early(tag) {
                    let exchange = early.exchange();
                    early.peer.updated(turn, terms, server, request, exchange);
                }
            }
            Invite::Server(invite) => {
                let exchange = invite.exchange();
                invite.peer.updated(turn, terms, server, request, exchange);
            }
            Invite::Over => {}
        }
    }

    // rfc3262 §3
    fn pracked(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) {
        match &mut self.invite {
            Invite::Server(invite) => {
                invite.pracked(turn, &self.terms, server, request);
                self.accept(turn);
            }
            // A caller sends no provisional responses.
            Invite::Client(_) | Invite::Over => {
                turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
            }
        }
    }

    /// A BYE in an early dialog: the caller may send it, a callee that does has given up.
    // rfc3261 §15 and rfc3261 §15.1.2
    fn left_early(&mut self, turn: &mut Turn<'_>, tag: &[u8]) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Client(mut invite) => {
                invite.left(turn, tag);
                self.invite = Invite::Client(invite);
            }
            Invite::Server(invite) => {
                invite.terminate(turn, &self.terms.party);
                self.end(turn, EndReason::RemoteHungUp);
            }
            Invite::Over => {}
        }
    }

    /// An INVITE before the first one has its final response.
    // rfc3261 §14.2
    fn invite_too_early(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) {
        let response = match self.invite {
            Invite::Client(_) | Invite::Over => request.reply(StatusCode::REQUEST_PENDING),
            Invite::Server(_) => too_early(turn.entropy, request),
        };
        turn.respond(server, response);
    }

    /// The ACK of a 2xx of ours.
    pub fn ack(&mut self, turn: &mut Turn<'_>, ack: &Request) {
        let tag = ack.from_tag().unwrap_or_default();
        let terms = &self.terms;
        if let Some(session) = self.sessions.iter_mut().find(|session| session.peer.is_tagged(tag)) {
            session.ack(turn, terms, ack);
        }
        self.sweep();
    }

    /// A CANCEL for the INVITE of this server transaction; the CANCEL itself is the owner's to answer.
    // rfc3261 §9.2
    pub fn cancelled(&mut self, turn: &mut Turn<'_>, server: u64, cancel: &Request) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Server(invite) if invite.server == server => {
                invite.terminate(turn, &self.terms.party);
                self.tell_cause(turn, cancel);
                self.end(turn, EndReason::RemoteCancelled);
            }
            // rfc3261 §9.2: it has its final response, the CANCEL changes nothing
            other => self.invite = other,
        }
        let terms = &self.terms;
        self.sessions.iter_mut().for_each(|session| session.cancelled(turn, terms, server));
    }
}
