//! [`InviteUsage`]: one INVITE and all that came of it, behind one door.

mod received;
mod replaces;
mod verbs;

pub use received::InDialog;
pub use replaces::Named;

use crate::cause::Cause;
use crate::effect::{Asked, Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::invite::{ClientInvite, FORKS_MAX, Outcome, Patience, ServerInvite};
use crate::peer::Peer;
use crate::session::Session;
use crate::terms::Terms;
use crate::timer;
use ruf_dialog::{Dialog, Failure, Unestablished};
use ruf_message::{Fields, Request, Response, StatusCode, Tick, Uri};
use std::mem;

/// Everything one INVITE leads to: see the crate's front page. What the user may do and cannot, in
/// the state the usage is in, does nothing.
#[derive(Debug)]
pub struct InviteUsage {
    terms: Terms,
    invite: Invite,
    sessions: Vec<Session>,
    ended: bool,
}

#[derive(Debug)]
enum Invite {
    Client(Box<ClientInvite>),
    Server(Box<ServerInvite>),
    Over,
}

impl InviteUsage {
    /// Calls: `invite` is complete but for its Via.
    // rfc3261 §13.2.1
    pub fn call(turn: &mut Turn<'_>, terms: Terms, mut invite: Request) -> Self {
        timer::ask(&mut invite, &terms.times);
        let invite = ClientInvite::send(turn, invite);
        InviteUsage::new(terms, Invite::Client(Box::new(invite)))
    }

    /// Is called: an INVITE out of dialog arrived and waits for `progress`, `answer` or `reject`.
    /// `tag` is ours from here on.
    ///
    /// # Errors
    /// The INVITE establishes no dialog: the answer is 400.
    // rfc3261 §13.3.1
    pub fn called(
        turn: &mut Turn<'_>,
        terms: Terms,
        server: u64,
        invite: Request,
        tag: &str,
    ) -> Result<Self, Unestablished> {
        let dialog = Dialog::callee(&invite, tag, terms.party.secure_flow)?;
        let invite = ServerInvite::new(turn, &terms, server, invite, dialog);
        Ok(InviteUsage::new(terms, Invite::Server(Box::new(invite))))
    }

    fn new(terms: Terms, invite: Invite) -> Self {
        InviteUsage { terms, invite, sessions: Vec::new(), ended: false }
    }

    /// A response to a request of ours.
    pub fn response(&mut self, turn: &mut Turn<'_>, asked: Asked, response: &Response) {
        if asked.verb == Verb::Invite {
            self.invite_answered(turn, asked, response);
        } else {
            self.answered(turn, asked, Ok(response));
        }
        self.sweep();
    }

    /// A request within a dialog was answered, or not.
    fn answered(&mut self, turn: &mut Turn<'_>, asked: Asked, outcome: Result<&Response, Failure>) {
        if let Some((session, terms)) = self.session(asked.session) {
            session.response(turn, terms, asked, outcome);
        } else if let Some(peer) = self.early(asked.session)
            && peer.answered(turn, asked, outcome)
        {
            let failure =
                outcome.map_or_else(|failure| failure, |response| Failure::Refused(response.status()));
            self.leave(turn, EndReason::Failed(failure), None);
        }
        self.resume(turn);
    }

    fn invite_answered(&mut self, turn: &mut Turn<'_>, asked: Asked, response: &Response) {
        let tag = response.to_tag().unwrap_or_default();
        if response.status().is_success()
            && let Some(session) = self.sessions.iter().find(|session| session.peer.is_tagged(tag))
        {
            return session.answered_again(turn, asked.cseq);
        }
        let Invite::Client(invite) = &mut self.invite else { return };
        if response.status().is_success() && self.sessions.len() >= FORKS_MAX {
            return;
        }
        match invite.response(turn, &self.terms, response) {
            Outcome::Nothing => {}
            Outcome::Answered(answered) => {
                let request = invite.request().clone();
                let session = Session::answered(turn, &self.terms, &request, *answered, response);
                self.sessions.push(session);
            }
            Outcome::Failed(reason) => {
                self.tell_cause(turn, response);
                self.end(turn, reason);
            }
        }
    }

    /// A request of ours got no final response.
    // rfc3261 §8.1.3.1
    pub fn failed(&mut self, turn: &mut Turn<'_>, asked: Asked, failure: Failure) {
        if asked.verb == Verb::Invite {
            // A challenged one that ends badly (its ACK could not be sent) was replaced.
            if let Invite::Client(invite) = &mut self.invite
                && invite.request().cseq().number == asked.cseq
                && let Some(reason) = invite.failed(turn, failure)
            {
                self.end(turn, reason);
            }
        } else {
            self.answered(turn, asked, Err(failure));
        }
        self.concluded(turn, asked);
    }

    /// The client transaction of a request of ours is over: no more responses can come. Every
    /// request of [`Effect::Request`](crate::Effect::Request) ends with this or with
    /// [`Self::failed`], a challenged one, too.
    pub fn concluded(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        if asked.verb == Verb::Invite {
            if let Invite::Client(invite) = &mut self.invite
                && invite.request().cseq().number == asked.cseq
            {
                invite.conclude(turn);
            }
            self.sessions.iter_mut().for_each(|session| session.conclude(asked.cseq));
        } else if asked.verb == Verb::Reinvite
            && let Some((session, _)) = self.session(asked.session)
        {
            session.conclude(asked.cseq);
        }
        self.sweep();
    }

    /// What comes of this request of ours still matters: where it found nobody, it may be tried elsewhere. An INVITE
    /// that opens a call only as long as no phone was found by it.
    // rfc3261 §8.1.2
    pub fn wants(&self, asked: Asked) -> bool {
        if asked.verb == Verb::Invite {
            return match &self.invite {
                Invite::Client(invite) => invite.request().cseq().number == asked.cseq && invite.is_unheard(),
                Invite::Server(_) | Invite::Over => false,
            };
        }
        let session = self.sessions.iter().find(|session| session.peer.number == asked.session);
        let early = || match &self.invite {
            Invite::Client(invite) => invite.peers().any(|peer| peer.number == asked.session),
            Invite::Server(invite) => invite.peer.number == asked.session,
            Invite::Over => false,
        };
        session.map_or_else(early, |session| session.wants(asked))
    }

    /// A request of ours was refused in a way that another try may cure: the number to send it again with;
    /// `None` if nobody wants its answer any more, or it was another that was refused.
    // rfc3261 §8.1.3.5 and rfc3261 §22.2
    pub fn retry(&mut self, asked: Asked) -> Option<u32> {
        if asked.verb != Verb::Invite {
            return match self.session(asked.session) {
                Some((session, _)) => session.retry(asked),
                None => Some(self.early(asked.session)?.next_cseq()),
            };
        }
        match &self.invite {
            Invite::Client(invite) if invite.request().cseq().number == asked.cseq => invite.retry(),
            Invite::Client(_) | Invite::Server(_) | Invite::Over => None,
        }
    }

    /// It went out again with that number, changed; its outcome belongs to what is returned.
    pub fn sent_again(&mut self, turn: &mut Turn<'_>, asked: Asked, request: &Request) -> Asked {
        let again = Asked { cseq: request.cseq().number, ..asked };
        if asked.verb != Verb::Invite {
            if let Some((session, _)) = self.session(asked.session) {
                return session.sent_again(asked, request);
            }
            if let Some(peer) = self.early(asked.session) {
                peer.sent_again(asked.verb, request);
            }
            return again;
        }
        match &mut self.invite {
            Invite::Client(invite) => invite.sent_again(turn, request),
            Invite::Server(_) | Invite::Over => again,
        }
    }

    /// Time passed.
    pub fn tick(&mut self, turn: &mut Turn<'_>) {
        match mem::replace(&mut self.invite, Invite::Over) {
            Invite::Client(mut invite) => {
                invite.tick(turn);
                self.invite = Invite::Client(invite);
            }
            Invite::Server(mut invite) => {
                let party = &self.terms.party;
                match invite.tick(turn, &self.terms) {
                    Patience::Left => self.invite = Invite::Server(invite),
                    Patience::Over(status) => {
                        invite.reject(turn, party, status);
                        self.end(turn, EndReason::Unanswered);
                    }
                    // rfc3262 §3: with a 5xx
                    Patience::Unconfirmed => {
                        invite.reject(turn, party, StatusCode::SERVER_TIMEOUT);
                        self.end(turn, EndReason::Unacknowledged);
                    }
                }
                self.accept(turn);
            }
            Invite::Over => {}
        }
        let terms = &self.terms;
        self.sessions.iter_mut().for_each(|session| session.tick(turn, terms));
        self.resume(turn);
    }

    /// Sends what an early dialog waited with, if nothing is in its way any more.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>) {
        match &mut self.invite {
            Invite::Client(invite) => invite.resume(turn, &self.terms),
            Invite::Server(invite) => invite.resume(turn, &self.terms),
            Invite::Over => {}
        }
    }

    /// When it wants the next [`Self::tick`].
    pub fn deadline(&self) -> Option<Tick> {
        let invite = match &self.invite {
            Invite::Client(invite) => invite.deadline(),
            Invite::Server(invite) => Some(invite.deadline()),
            Invite::Over => None,
        };
        self.sessions.iter().filter_map(Session::deadline).chain(invite).min()
    }

    /// Nothing is left to say or to hear: the owner forgets it.
    pub fn is_over(&self) -> bool {
        matches!(self.invite, Invite::Over) && self.sessions.is_empty()
    }

    /// The dialog of the call: confirmed, or the callee's early one.
    pub fn dialog(&self) -> Option<&Dialog> {
        let primary = self.sessions.iter().find(|session| session.is_primary()).map(Session::dialog);
        primary.or(match &self.invite {
            Invite::Server(invite) => Some(&invite.peer.dialog),
            Invite::Client(_) | Invite::Over => None,
        })
    }

    /// Where what we send in the dialog with this tag of the peer goes: to its first server, or its target.
    // rfc3261 §12.2.1.1
    pub fn next_hop(&self, remote_tag: &[u8]) -> Option<Uri> {
        let session = self.sessions.iter().map(|session| &session.peer);
        let early = match &self.invite {
            Invite::Client(invite) => invite.peers().find(|peer| peer.is_tagged(remote_tag)),
            Invite::Server(invite) => Some(&invite.peer),
            Invite::Over => None,
        };
        session
            .chain(early)
            .find(|peer| peer.is_tagged(remote_tag))
            .map(|peer| peer.dialog.next_hop().clone())
    }

    /// Our Contact from here on: what we send goes another way.
    // rfc3261 §8.1.1.8
    pub fn locate(&mut self, contact: String) {
        self.terms.party.contact = contact;
    }

    /// The early dialog with this number.
    fn early(&mut self, number: u32) -> Option<&mut Peer> {
        match &mut self.invite {
            Invite::Client(invite) => invite.numbered(number).map(|early| &mut early.peer),
            Invite::Server(invite) => Some(&mut invite.peer).filter(|peer| peer.number == number),
            Invite::Over => None,
        }
    }

    fn primary(&mut self) -> Option<(&mut Session, &Terms)> {
        let terms = &self.terms;
        self.sessions.iter_mut().find(|session| session.is_primary()).map(|session| (session, terms))
    }

    fn session(&mut self, number: u32) -> Option<(&mut Session, &Terms)> {
        let terms = &self.terms;
        self.sessions.iter_mut().find(|session| session.peer.number == number).map(|session| (session, terms))
    }

    /// A message that ends the call says why.
    // rfc3326 §2
    fn tell_cause(&self, turn: &mut Turn<'_>, message: &Fields) {
        if let Some(cause) = Cause::of(message).filter(|_| !self.ended) {
            turn.event(SessionEvent::Cause(cause));
        }
    }

    fn end(&mut self, turn: &mut Turn<'_>, reason: EndReason) {
        if !mem::replace(&mut self.ended, true) {
            turn.event(SessionEvent::Ended(reason));
        }
    }

    fn sweep(&mut self) {
        if let Invite::Client(invite) = &self.invite
            && invite.is_over()
        {
            self.invite = Invite::Over;
        }
        self.sessions.retain(|session| !session.is_over());
    }
}
