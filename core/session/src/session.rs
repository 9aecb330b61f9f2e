//! A session: one confirmed dialog of an INVITE usage, from its 2xx to its BYE. It composes the
//! verbs; each verb's own states are in its file.

use crate::ack::{Acks, Unacknowledged};
use crate::bye::{Ending, Step};
use crate::effect::{Asked, Body, EndReason, Failure, SessionEvent, Terms, Turn, Verb};
use crate::invite::{Answered, ServerInvite, answer_to, body_of_request, body_of_response};
use crate::reinvite::{Ours, Theirs, UNACKNOWLEDGED_MAX, Verdict, too_early};
use ruf_dialog::Dialog;
use ruf_message::{HeaderName, Method, Request, Response, StatusCode, Tick};
use std::mem;

/// Where our sequence numbers start in a dialog that the peer opened.
const FIRST_CSEQ: u32 = 1;

#[derive(Debug)]
pub(crate) struct Session {
    number: u32,
    /// Its end is the end of the call; others are branches of a fork nobody wanted.
    primary: bool,
    dialog: Dialog,
    acks: Acks,
    unacknowledged: Vec<Unacknowledged>,
    ours: Ours,
    theirs: Theirs,
    ending: Ending,
    /// The description we gave last.
    given: Option<Body>,
}

impl Session {
    fn new(number: u32, primary: bool, dialog: Dialog, given: Option<Body>) -> Self {
        Session {
            number,
            primary,
            dialog,
            acks: Acks::default(),
            unacknowledged: Vec::new(),
            ours: Ours::Idle,
            theirs: Theirs::Idle,
            ending: Ending::Established,
            given,
        }
    }

    /// The caller's: a first 2xx on this dialog. It is acknowledged; an unwanted one is left at once.
    // rfc3261 §13.2.2.4
    pub(crate) fn answered(
        turn: &mut Turn<'_>,
        terms: &Terms,
        number: u32,
        invite: &Request,
        answered: Answered,
        response: &Response,
    ) -> Self {
        let Answered { dialog, end, first } = answered;
        let mut session = Session::new(number, first, dialog, body_of_request(invite));
        let body = body_of_response(response);
        // rfc3261 §13.2.1: no offer in the INVITE, so it is in the 2xx, and the answer in the ACK
        let answer_due = end.is_none() && session.given.is_none() && body.is_some();
        if answer_due {
            session.acks.postpone(invite);
        } else {
            session.acks.send(turn, invite, &session.dialog);
        }
        match end {
            None => turn.event(SessionEvent::Answered { body, answer_due }),
            Some(reason) => session.hang_up(turn, terms, reason),
        }
        session
    }

    /// The callee's: the INVITE is answered with a 2xx.
    // rfc3261 §13.3.1.4
    pub(crate) fn accept(
        turn: &mut Turn<'_>,
        terms: &Terms,
        number: u32,
        invite: ServerInvite,
        body: Option<Body>,
    ) -> Self {
        let tag = invite.tag();
        let ServerInvite { server, request, mut dialog, .. } = invite;
        dialog.confirm();
        let response = answer_to(&request, StatusCode::OK, &tag, &terms.party, body.as_ref());
        let offered = request.body().is_empty() && body.is_some();
        let mut session = Session::new(number, true, dialog, body);
        session.unacknowledged.push(Unacknowledged::send(turn, &terms.times, server, offered, response));
        session
    }

    /// A 2xx of the INVITE that opened the session, again.
    pub(crate) fn answered_again(&self, turn: &mut Turn<'_>, cseq: u32) {
        // False only after the end of the transaction, when none can come.
        let _known = self.acks.again(turn, cseq);
    }

    /// The answer to the offer of a 2xx, or to the peer's re-INVITE.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<Body>) {
        if self.acks.answer(turn, &self.dialog, body.as_ref()) {
            self.given = body;
        } else if let Theirs::Asked { server, request, .. } = mem::replace(&mut self.theirs, Theirs::Idle) {
            self.accept_reinvite(turn, terms, server, &request, body);
        }
        self.resume(turn, terms);
    }

    /// Refuses the peer's re-INVITE: the session stays what it was.
    // rfc3261 §14.2
    pub(crate) fn reject(&mut self, turn: &mut Turn<'_>, terms: &Terms, status: StatusCode) {
        if let Theirs::Asked { server, request, .. } = mem::replace(&mut self.theirs, Theirs::Idle) {
            self.refuse(turn, terms, server, &request, status);
        }
        self.resume(turn, terms);
    }

    /// Changes the session to this description of ours.
    // rfc3261 §14.1
    pub(crate) fn modify(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Body) {
        self.ours = mem::replace(&mut self.ours, Ours::Idle).wish(body);
        self.resume(turn, terms);
    }

    /// Leaves: BYE, as soon as it may be sent.
    // rfc3261 §15.1.1
    pub(crate) fn hang_up(&mut self, turn: &mut Turn<'_>, terms: &Terms, reason: EndReason) {
        // An offer nobody will answer: the ACK goes out bare, the BYE behind it.
        self.acks.answer(turn, &self.dialog, None);
        self.terminate_pending(turn, terms);
        let (ending, step) = self.ending.hang_up(reason, !self.unacknowledged.is_empty());
        self.ending = ending;
        self.step(turn, step);
    }

    fn step(&mut self, turn: &mut Turn<'_>, step: Step) {
        match step {
            Step::Nothing => {}
            Step::SendBye => {
                let bye = self.dialog.request(Method::Bye, FIRST_CSEQ).finish();
                let bye = bye.expect("a dialog holds only what a parsed message had");
                turn.request(self.asked(Verb::Bye, bye.cseq().number), bye);
            }
        }
    }

    /// Sends what waited, if nothing is in its way any more.
    fn resume(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        let free = self.is_free();
        match mem::replace(&mut self.ours, Ours::Idle) {
            Ours::Waiting { body, tries, until } if free && until.is_none_or(|until| until <= turn.now) => {
                let mut request = self.dialog.request(Method::Invite, FIRST_CSEQ);
                // rfc3261 §12.2.1.1: a target refresh says where we are
                request = request.header(HeaderName::Contact, format!("<{}>", terms.party.contact));
                for (name, value) in &terms.party.fields {
                    request = request.header(*name, value);
                }
                let request = request.body(&body.content_type, body.content.clone()).finish();
                let request = request.expect("a dialog holds only what a parsed message had");
                turn.request(self.asked(Verb::Reinvite, request.cseq().number), request.clone());
                self.ours = Ours::sent(request, body, tries + 1);
            }
            other => self.ours = other,
        }
    }

    /// An INVITE of ours may be sent.
    // rfc3261 §14.1: no INVITE while another is in progress in either direction
    fn is_free(&self) -> bool {
        self.ending == Ending::Established
            && self.theirs.is_idle()
            && self.unacknowledged.is_empty()
            && !self.acks.is_due()
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
        }
        self.resume(turn, terms);
    }

    /// Whatever a BYE is answered, its session is over.
    // rfc3261 §15.1.1
    fn bye_answered(&mut self, turn: &mut Turn<'_>, terms: &Terms, status: StatusCode) {
        if !status.is_provisional() {
            let ending = self.ending.confirmed();
            self.end(turn, terms, ending);
        }
    }

    fn reinvite_answered(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        cseq: u32,
        outcome: Result<&Response, Failure>,
    ) {
        let status = outcome.map_or_else(Failure::status, Response::status);
        if status.is_success() && self.acks.again(turn, cseq) {
            return;
        }
        let ours = mem::replace(&mut self.ours, Ours::Idle);
        let (ours, verdict) = ours.response(turn.now, turn.entropy, self.dialog.role(), cseq, status);
        self.ours = ours;
        match verdict {
            Verdict::Nothing => {}
            Verdict::Accepted { request, body } => {
                let response = outcome.ok();
                // rfc3261 §12.2.1.2: the 2xx refreshes the target
                if let Some(response) = response {
                    self.dialog.refresh(response.contacts());
                }
                // rfc5407 §3.2.3: in the Mortal state, too
                self.acks.send(turn, &request, &self.dialog);
                self.given = Some(body);
                if self.ending.is_established() {
                    turn.event(SessionEvent::Modified { body: response.and_then(body_of_response) });
                }
            }
            Verdict::Refused if self.ending.is_established() => {
                turn.event(SessionEvent::NotModified { status });
            }
            Verdict::Refused => {}
            Verdict::Lost => {
                let failure = outcome.err().unwrap_or(Failure::Refused(status));
                self.hang_up(turn, terms, EndReason::Failed(failure));
            }
        }
    }

    /// The next number for a request to send again with credentials.
    pub(crate) fn retry(&mut self, asked: Asked) -> Option<u32> {
        let wanted = match asked.verb {
            Verb::Invite => false,
            // rfc5407 §3.2.1 (appendix D): a BYE may be challenged in the Mortal state
            Verb::Bye => matches!(self.ending, Ending::Leaving(_)),
            Verb::Reinvite => self.ours.is_sent() && self.ending.is_established(),
        };
        wanted.then(|| self.dialog.next_cseq(FIRST_CSEQ))
    }

    /// It went out: an ACK to it carries the same credentials.
    pub(crate) fn sent_again(&mut self, verb: Verb, again: &Request) -> Asked {
        if let (Verb::Reinvite, Ours::Sent(sent)) = (verb, &mut self.ours) {
            sent.request = again.clone();
        }
        self.asked(verb, again.cseq().number)
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
        if self.dialog.accept(request).is_err() {
            self.refuse(turn, terms, server, request, StatusCode::SERVER_INTERNAL_ERROR);
            return true;
        }
        if request.method() == Method::Bye {
            self.bye(turn, terms, server, request);
        } else if request.method() == Method::Invite {
            self.reinvite(turn, terms, server, request);
        } else if self.ending.is_established() {
            return false;
        } else {
            // rfc5407 §3.2.1: in the Mortal state all else is refused
            self.refuse(turn, terms, server, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        true
    }

    // rfc3261 §15.1.2
    fn bye(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        if matches!(self.ending, Ending::Over(_)) {
            self.refuse(turn, terms, server, request, StatusCode::CALL_DOES_NOT_EXIST);
            return;
        }
        turn.respond(server, request.reply(StatusCode::OK));
        let ending = self.ending.left();
        self.end(turn, terms, ending);
    }

    // rfc3261 §14.2
    fn reinvite(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        // rfc5407 §3.2.2: the session is over here
        if self.ending != Ending::Established {
            return self.refuse(turn, terms, server, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        // rfc3261 §14.2: one before it waits for its answer
        if !self.theirs.is_idle() {
            let response = too_early(turn.entropy, request);
            return turn.respond(server, response);
        }
        // rfc3261 §14.2: one of ours is in progress. rfc5407 §3.1.5: or an offer of ours waits for the ACK's answer
        let offering = self.acks.is_due() || self.unacknowledged.iter().any(Unacknowledged::offered);
        if self.ours.is_sent() || offering || self.unacknowledged.len() >= UNACKNOWLEDGED_MAX {
            return self.refuse(turn, terms, server, request, StatusCode::REQUEST_PENDING);
        }
        let answer_due = !terms.party.answer_reinvites;
        if answer_due {
            self.theirs = Theirs::ask(turn.now, terms, server, request);
        } else {
            self.accept_reinvite(turn, terms, server, request, self.given.clone());
        }
        turn.event(SessionEvent::Reinvited { body: body_of_request(request), answer_due });
    }

    fn accept_reinvite(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
        body: Option<Body>,
    ) {
        // rfc3261 §12.2.2: a target refresh request that is accepted moves the target
        self.dialog.refresh(request.contacts());
        let response = answer_to(request, StatusCode::OK, "", &terms.party, body.as_ref());
        let offered = request.body().is_empty() && body.is_some();
        self.given = body;
        self.unacknowledged.push(Unacknowledged::send(turn, &terms.times, server, offered, response));
    }

    fn refuse(&self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request, status: StatusCode) {
        turn.respond(server, answer_to(request, status, "", &terms.party, None));
    }

    /// The ACK of a 2xx of ours.
    // rfc3261 §13.3.1.4
    pub(crate) fn ack(&mut self, turn: &mut Turn<'_>, terms: &Terms, ack: &Request) {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|waiting| !waiting.is_confirmed_by(ack.cseq().number));
        if self.unacknowledged.len() == before {
            return;
        }
        // rfc5407 §3.2.4: after the end its body means nothing
        if self.ending == Ending::Established {
            turn.event(SessionEvent::Acknowledged { body: body_of_request(ack) });
        }
        if self.unacknowledged.is_empty() {
            let (ending, step) = self.ending.acknowledged();
            self.ending = ending;
            self.step(turn, step);
        }
        self.resume(turn, terms);
    }

    /// The peer withdrew its re-INVITE.
    // rfc3261 §9.2
    pub(crate) fn cancelled(&mut self, turn: &mut Turn<'_>, terms: &Terms, cancelled: u64) {
        match mem::replace(&mut self.theirs, Theirs::Idle) {
            Theirs::Asked { server, request, .. } if server == cancelled => {
                self.refuse(turn, terms, server, &request, StatusCode::REQUEST_TERMINATED);
            }
            other => self.theirs = other,
        }
        self.resume(turn, terms);
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        for waiting in mem::take(&mut self.unacknowledged) {
            match waiting.tick(turn, &terms.times) {
                Some(waiting) => self.unacknowledged.push(waiting),
                None => {
                    let (ending, step) = self.ending.gave_up();
                    self.ending = ending;
                    self.step(turn, step);
                }
            }
        }
        if self.theirs.deadline().is_some_and(|deadline| deadline <= turn.now) {
            self.reject(turn, terms, StatusCode::SERVER_INTERNAL_ERROR);
        }
        self.resume(turn, terms);
    }

    /// Moves on, and if that was the end, leaves nothing behind.
    fn end(&mut self, turn: &mut Turn<'_>, terms: &Terms, ending: Ending) {
        let before = mem::replace(&mut self.ending, ending);
        let Ending::Over(reason) = ending else { return };
        if before == ending {
            return;
        }
        // The peer has heard of our 2xx, or of the end.
        self.unacknowledged.clear();
        self.terminate_pending(turn, terms);
        if self.primary {
            turn.event(SessionEvent::Ended(reason));
        }
    }

    /// What waited for us, or for its time, will not happen.
    // rfc3261 §15.1.2: pending requests are answered, with 487
    fn terminate_pending(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        if let Theirs::Asked { server, request, .. } = mem::replace(&mut self.theirs, Theirs::Idle) {
            self.refuse(turn, terms, server, &request, StatusCode::REQUEST_TERMINATED);
        }
        if !self.ours.is_sent() {
            self.ours = Ours::Idle;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        let waiting = self.unacknowledged.iter().map(Unacknowledged::deadline).min();
        // What is in the way of an INVITE of ours wakes it when it goes.
        let ours = if self.is_free() { self.ours.deadline() } else { None };
        [waiting, ours, self.theirs.deadline()].into_iter().flatten().min()
    }

    /// Nothing is left to say or to hear.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.ending, Ending::Over(_)) && self.acks.is_empty() && !self.ours.is_sent()
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.primary
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    fn asked(&self, verb: Verb, cseq: u32) -> Asked {
        Asked { session: self.number, verb, cseq }
    }
}
