//! A session: one confirmed dialog of an INVITE usage, from its 2xx to its BYE. It composes the
//! verbs; each verb's own states are in its file.

use crate::ack::{Acks, Unacknowledged};
use crate::bye::Ending;
use crate::cause::Cause;
use crate::effect::{Asked, Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::exchange::Exchange;
use crate::invite::{Answered, ServerInvite, answer_to};
use crate::peer::Peer;
use crate::prack::Unconfirmed;
use crate::refer::{self, Referrals, Transfer};
use crate::reinvite::{Ours, Theirs};
use crate::terms::Terms;
use ruf_dialog::{Dialog, Failure};
use ruf_message::body::Body;
use ruf_message::{Method, Request, Response, StatusCode, Tick};
use std::mem;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) peer: Peer,
    /// Its end is the end of the call; others are branches of a fork nobody wanted.
    pub(crate) primary: bool,
    pub(crate) acks: Acks,
    pub(crate) unacknowledged: Vec<Unacknowledged>,
    /// A provisional response of ours that still lacks its PRACK.
    pub(crate) unconfirmed: Option<Unconfirmed>,
    pub(crate) ours: Ours,
    pub(crate) transfer: Transfer,
    pub(crate) referrals: Referrals,
    pub(crate) ending: Ending,
    /// What our BYE says why.
    pub(crate) cause: Option<Cause>,
}

impl Session {
    fn new(peer: Peer, primary: bool) -> Self {
        Session {
            peer,
            primary,
            acks: Acks::default(),
            unacknowledged: Vec::new(),
            unconfirmed: None,
            ours: Ours::Idle,
            transfer: Transfer::Idle,
            referrals: Referrals::default(),
            ending: Ending::Established,
            cause: None,
        }
    }

    /// The caller's: a first 2xx on this dialog. It is acknowledged; an unwanted one is left at once.
    // rfc3261 §13.2.2.4
    pub(crate) fn answered(
        turn: &mut Turn<'_>,
        terms: &Terms,
        invite: &Request,
        answered: Answered,
        response: &Response,
    ) -> Self {
        let Answered { early, end, first } = answered;
        let exchange = early.exchange;
        let mut session = Session::new(early.peer, first);
        // rfc3261 §13.2.1: what comes after the answer means nothing
        let body = Body::of(response).filter(|_| exchange != Exchange::Settled);
        // rfc3261 §13.2.1: no offer in the INVITE, so it is in the 2xx, and the answer in the ACK
        let answer_due = end.is_none() && exchange == Exchange::Open && body.is_some();
        if answer_due {
            session.acks.postpone(invite);
        } else {
            session.acks.send(turn, invite, &session.peer.dialog);
        }
        session.peer.timer.accepted(turn.now, response);
        if end.is_none() {
            session.peer.identify_by_response(turn, terms, response);
        }
        match end {
            None => turn.event(SessionEvent::Answered { body, answer_due }),
            Some(reason) => session.hang_up(turn, terms, reason, None),
        }
        session
    }

    /// The callee's: the INVITE is answered with a 2xx.
    // rfc3261 §13.3.1.4
    pub(crate) fn accept(
        turn: &mut Turn<'_>,
        terms: &Terms,
        mut invite: ServerInvite,
        body: Option<Body>,
    ) -> Self {
        // rfc3261 §13.2.1: not after the answer
        let body = body.filter(|_| invite.exchange.send());
        let offered = invite.exchange == Exchange::Offered;
        let tag = invite.tag();
        let unconfirmed = invite.reliable.unconfirmed();
        let ServerInvite { server, request, mut peer, .. } = invite;
        peer.dialog.confirm();
        let mut response = answer_to(&request, StatusCode::OK, &tag, &terms.party, body.as_ref());
        peer.timer.accept(turn.now, &terms.times, &request, &mut response);
        peer.given = body.or(peer.given);
        let mut session = Session { unconfirmed, ..Session::new(peer, true) };
        session.unacknowledged.push(Unacknowledged::send(turn, &terms.times, server, offered, response));
        session
    }

    /// The answer to the offer of a 2xx, or to the peer's re-INVITE.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<Body>) {
        if self.acks.answer(turn, &self.peer.dialog, body.as_ref()) {
            self.peer.given = body;
        } else if !self.peer.theirs.is_reinvite() {
            self.peer.answer(turn, terms, body.as_ref());
        } else if let Theirs::Asked { server, request, .. } =
            mem::replace(&mut self.peer.theirs, Theirs::Idle)
        {
            self.accept_reinvite(turn, terms, server, &request, body);
        }
        self.resume(turn, terms);
    }

    /// What became of a request of ours in this dialog: a response, or none.
    pub(crate) fn response(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        asked: Asked,
        outcome: Result<&Response, Failure>,
    ) {
        let status = outcome.map_or_else(Failure::status, Response::status);
        match asked.verb {
            Verb::Bye => self.bye_answered(turn, terms, status),
            Verb::Invite => {}
            Verb::Reinvite => self.reinvite_answered(turn, terms, asked.cseq, outcome),
            // What the peer made of it shows in its next responses.
            Verb::Prack => {}
            // rfc5407 §3.2.3: in the Mortal state they mean nothing any more
            Verb::Update | Verb::Info => {
                if self.ending.is_established() && self.peer.answered(turn, asked, outcome) {
                    let failure = outcome.err().unwrap_or(Failure::Refused(status));
                    self.hang_up(turn, terms, EndReason::Failed(failure), None);
                }
            }
            Verb::Refer => self.refer_answered(turn, terms, asked.cseq, outcome),
            Verb::Notify => self.report_answered(asked.cseq, status),
        }
        self.resume(turn, terms);
    }

    /// What comes of this request of ours still matters.
    pub(crate) fn wants(&self, asked: Asked) -> bool {
        match asked.verb {
            Verb::Invite => false,
            // rfc5407 §3.2.1 (appendix D): a BYE may be challenged in the Mortal state
            Verb::Bye => matches!(self.ending, Ending::Leaving(_)),
            Verb::Reinvite => self.ours.is_sent() && self.ending.is_established(),
            Verb::Prack => true,
            Verb::Update => self.peer.update.is_sent(asked.cseq) && self.ending.is_established(),
            Verb::Info => self.peer.infos.is_sent(asked.cseq) && self.ending.is_established(),
            Verb::Refer => self.transfer.is_asked(asked.cseq),
            Verb::Notify => self.referrals.is_telling(asked.cseq),
        }
    }

    /// The next number for a request to send again with credentials.
    pub(crate) fn retry(&mut self, asked: Asked) -> Option<u32> {
        self.wants(asked).then(|| self.peer.next_cseq())
    }

    /// It went out: an ACK to it carries the same credentials.
    pub(crate) fn sent_again(&mut self, before: Asked, again: &Request) -> Asked {
        let number = again.cseq().number;
        match before.verb {
            Verb::Invite | Verb::Bye | Verb::Prack => {}
            Verb::Reinvite => {
                self.ours.sent_again(again);
                self.peer.timer.learn(again);
            }
            Verb::Update | Verb::Info => self.peer.sent_again(before.verb, again),
            Verb::Refer => self.transfer = Transfer::Asked { cseq: number },
            Verb::Notify => self.referrals.sent_again(before.cseq, number),
        }
        self.peer.asked(before.verb, number)
    }

    /// No more responses can come to this request of ours.
    pub(crate) fn conclude(&mut self, cseq: u32) {
        self.acks.conclude(cseq);
    }

    /// A request of the peer in this dialog. False: it is in order, but not of this usage.
    pub(crate) fn request(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
    ) -> bool {
        // rfc3261 §12.2.2: out of order
        if self.peer.dialog.accept(request).is_err() {
            turn.refuse(server, request, StatusCode::SERVER_INTERNAL_ERROR);
            return true;
        }
        match request.method() {
            Method::Bye => self.bye(turn, terms, server, request),
            Method::Invite => self.reinvite(turn, terms, server, request),
            Method::Prack => self.pracked(turn, server, request),
            Method::Info if self.ending == Ending::Established => self.peer.informed(turn, server, request),
            Method::Update if self.ending == Ending::Established => {
                let exchange = self.exchange();
                self.peer.updated(turn, terms, server, request, exchange);
            }
            // rfc6665 §4.5.2: the subscription of a REFER may outlive the call
            Method::Notify => self.notified(turn, terms, server, request),
            Method::Subscribe if refer::is_about(request) => self.subscribed(turn, terms, server, request),
            Method::Refer if self.ending == Ending::Established => self.refer(turn, server, request),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Message
            | Method::Info
            | Method::Update
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other => {
                if self.ending.is_established() {
                    return false;
                }
                // rfc5407 §3.2.1: in the Mortal state all else is refused
                turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
            }
        }
        true
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        for waiting in mem::take(&mut self.unacknowledged) {
            match waiting.tick(turn, &terms.times) {
                Some(waiting) => self.unacknowledged.push(waiting),
                None => {
                    let cause = Cause::sip(StatusCode::REQUEST_TIMEOUT, "No ACK");
                    self.cause = self.cause.take().or(Some(cause));
                    let (ending, step) = self.ending.gave_up();
                    self.ending = ending;
                    self.step(turn, step);
                }
            }
        }
        self.peer.tick(turn);
        self.tick_transfer(turn);
        self.tick_timer(turn, terms);
        self.tick_referrals(turn, terms);
        // One that waits for its turn is `resume`'s.
        if self.ours.deadline(false).is_some_and(|deadline| deadline <= turn.now) {
            self.withdraw(turn);
        }
        self.resume(turn, terms);
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let waiting = self.unacknowledged.iter().map(Unacknowledged::deadline).min();
        [
            waiting,
            self.ours.deadline(self.is_free()),
            self.peer.deadline(),
            self.transfer.deadline(),
            self.timer_deadline(),
            self.referrals.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Nothing is left to say or to hear.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.ending, Ending::Over(_))
            && self.acks.is_empty()
            && !self.ours.is_sent()
            && self.referrals.is_empty()
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.primary
    }

    pub(crate) fn dialog(&self) -> &Dialog {
        &self.peer.dialog
    }
}
