//! An INVITE within a dialog, both sides: a session is changed (RFC 3261 §14; RFC 5407 §3.3.1).

use crate::ack::Unacknowledged;
use crate::bye::Ending;
use crate::effect::{Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::exchange::Exchange;
use crate::invite::{Class, FORKS_MAX, answer_to};
use crate::session::Session;
use crate::terms::Terms;
use ruf_dialog::{Failure, Role};
use ruf_message::body::Body;
use ruf_message::{Entropy, HeaderName, Method, Request, Response, StatusCode, Tick};
use std::mem;
use std::time::Duration;

/// Times that a change is tried again after a glare.
pub(crate) const TRIES_MAX: u8 = 4;

/// Our 2xx to INVITEs of one dialog that may wait for their ACK at a time (RFC 5407 §3.1.4).
pub(crate) const UNACKNOWLEDGED_MAX: usize = 2;

const _: () = assert!(UNACKNOWLEDGED_MAX < FORKS_MAX);

/// Our side: the change we want.
///
/// ```text
///            modify, way free: INVITE
///   Idle ------------------------------> Sent --2xx: ACK---------> Idle
///    |                                    ^ |  other failure
///    | modify, an INVITE is in the way    | |
///    v                    way free or     | | 491
///   Waiting <-----------  time: INVITE ---+ |
///    ^                                      |
///    +--------------------------------------+
/// ```
#[derive(Debug, Default)]
pub(crate) enum Ours {
    #[default]
    Idle,
    /// Another INVITE is in progress, or a glare's time runs.
    Waiting { change: Change, tries: u8, until: Option<Tick> },
    /// Sent; the final response is to come.
    Sent(Box<Sent>),
}

/// What the session is to be.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) body: Body,
    /// It is that already, and is to go on (RFC 4028 §7.4).
    pub(crate) is_refresh: bool,
}

#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    change: Change,
    tries: u8,
    /// The change that was wished for since.
    next: Option<Change>,
    /// When it is cancelled for want of an answer; `None`: it was.
    until: Option<Tick>,
}

impl Sent {
    /// It has its final response: what was wished for since is next.
    fn over(next: Option<Change>) -> Ours {
        next.map_or(Ours::Idle, |change| Ours::Waiting { change, tries: 0, until: None })
    }
}

/// What a response to our re-INVITE means.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A provisional one, or one that came late.
    Nothing,
    /// Accepted: acknowledge this INVITE; the session is what we offered.
    Accepted { request: Box<Request>, change: Change },
    /// Refused: the session stays what it was.
    Refused { is_refresh: bool },
    /// The peer knows no such dialog, or is not there: the session is over.
    Lost,
}

impl Ours {
    /// A response, or 408 and 503 when there was none.
    pub(crate) fn response(
        self,
        now: Tick,
        entropy: &mut Entropy,
        role: Role,
        cseq: u32,
        status: StatusCode,
    ) -> (Self, Verdict) {
        match (self, Class::of(status)) {
            // Of an INVITE before this one.
            (Ours::Sent(sent), Class::Provisional | Class::Success | Class::Failure)
                if sent.request.cseq().number != cseq =>
            {
                (Ours::Sent(sent), Verdict::Nothing)
            }
            (Ours::Sent(sent), Class::Provisional) => (Ours::Sent(sent), Verdict::Nothing),
            (Ours::Sent(sent), Class::Success) => {
                let Sent { request, change, next, .. } = *sent;
                (Sent::over(next), Verdict::Accepted { request: Box::new(request), change })
            }
            (Ours::Sent(sent), Class::Failure) => {
                let Sent { change, tries, next, .. } = *sent;
                match status {
                    // rfc3261 §14.1: once more after a time that differs on both sides
                    StatusCode::REQUEST_PENDING if tries < TRIES_MAX => {
                        let until = Some(now + glare(entropy, role));
                        (Ours::Waiting { change: next.unwrap_or(change), tries, until }, Verdict::Nothing)
                    }
                    // rfc3261 §14.1 and rfc3261 §12.2.1.2: the dialog is gone
                    StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT => {
                        (Ours::Idle, Verdict::Lost)
                    }
                    // rfc3261 §14.1: the session is as if nothing had been asked
                    _ => (Sent::over(next), Verdict::Refused { is_refresh: change.is_refresh }),
                }
            }
            (
                state @ (Ours::Idle | Ours::Waiting { .. }),
                Class::Provisional | Class::Success | Class::Failure,
            ) => (state, Verdict::Nothing),
        }
    }

    /// A change is wished for; one that still waits is forgotten for it.
    pub(crate) fn wish(self, body: Body) -> Self {
        let change = Change { body, is_refresh: false };
        match self {
            Ours::Idle => Ours::Waiting { change, tries: 0, until: None },
            Ours::Waiting { tries, until, .. } => Ours::Waiting { change, tries, until },
            Ours::Sent(sent) => Ours::Sent(Box::new(Sent { next: Some(change), ..*sent })),
        }
    }

    /// The session is to go on as it is. Any change says that, too.
    // rfc4028 §7.4
    pub(crate) fn refresh(self, given: Body) -> Self {
        match self {
            Ours::Idle => {
                let change = Change { body: given, is_refresh: true };
                Ours::Waiting { change, tries: 0, until: None }
            }
            other @ (Ours::Waiting { .. } | Ours::Sent(_)) => other,
        }
    }

    /// It goes out, and is waited for so long.
    pub(crate) fn sent(request: Request, change: Change, tries: u8, until: Tick) -> Self {
        Ours::Sent(Box::new(Sent { request, change, tries, next: None, until: Some(until) }))
    }

    /// It went out again: an ACK to it carries the same credentials.
    pub(crate) fn sent_again(&mut self, again: &Request) {
        if let Ours::Sent(sent) = self {
            sent.request = again.clone();
        }
    }

    /// Nobody waits for the answer any more: the number of the INVITE to cancel, told once. It stays
    /// `Sent` until its transaction ends.
    pub(crate) fn withdraw(&mut self) -> Option<u32> {
        match self {
            Ours::Sent(sent) => sent.until.take().map(|_| sent.request.cseq().number),
            Ours::Idle | Ours::Waiting { .. } => None,
        }
    }

    /// An INVITE of ours is in progress.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self, Ours::Sent(_))
    }

    /// When to try again, if the way is free then; or when to give up.
    pub(crate) fn deadline(&self, free: bool) -> Option<Tick> {
        match self {
            // What is in the way wakes it when it goes.
            Ours::Waiting { until, .. } => until.filter(|_| free),
            Ours::Sent(sent) => sent.until,
            Ours::Idle => None,
        }
    }
}

/// How long to wait after a 491: the owner of the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps
/// of 10 ms.
// rfc3261 §14.1
pub(crate) fn glare(entropy: &mut Entropy, role: Role) -> Duration {
    let (from, to): (u32, u32) = match role {
        Role::Caller => (210, 400),
        Role::Callee => (0, 200),
    };
    let steps = from + entropy.u32() % (to - from + 1);
    Duration::from_millis(10) * steps
}

/// The answer to an INVITE that comes before the one before it has its final response.
// rfc3261 §14.2: 500, to be tried again after 0 to 10 seconds
pub(crate) fn too_early(entropy: &mut Entropy, request: &Request) -> Response {
    let mut response = request.reply(StatusCode::SERVER_INTERNAL_ERROR);
    response.set(HeaderName::RetryAfter, (entropy.u32() % 11).to_string());
    response
}

/// The peer's side: the change it wants, while our user thinks about it.
///
/// ```text
///   INVITE            200, or a refusal
///  -------> Asked -----------------------> Idle (its 200 unacknowledged)
///             |    CANCEL, BYE: 487
///             |    too long: 500
///             +--------------------------> Idle
/// ```
#[derive(Debug)]
pub(crate) enum Theirs {
    Idle,
    Asked { server: u64, request: Box<Request>, until: Tick },
}

impl Theirs {
    pub(crate) fn ask(now: Tick, terms: &Terms, server: u64, request: &Request) -> Self {
        Theirs::Asked { server, request: Box::new(request.clone()), until: now + terms.times.reinvite_max }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Theirs::Idle)
    }

    /// It came as a re-INVITE.
    pub(crate) fn is_reinvite(&self) -> bool {
        matches!(self, Theirs::Asked { request, .. } if request.method() == Method::Invite)
    }

    /// It came as an UPDATE.
    pub(crate) fn is_update(&self) -> bool {
        matches!(self, Theirs::Asked { request, .. } if request.method() == Method::Update)
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self {
            Theirs::Idle => None,
            Theirs::Asked { until, .. } => Some(*until),
        }
    }
}

impl Session {
    /// Changes the session to this description of ours.
    // rfc3261 §14.1
    pub(crate) fn modify(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Body) {
        self.ours = mem::replace(&mut self.ours, Ours::Idle).wish(body);
        self.resume(turn, terms);
    }

    /// Refuses the peer's re-INVITE: the session stays what it was.
    // rfc3261 §14.2
    pub(crate) fn reject(&mut self, turn: &mut Turn<'_>, terms: &Terms, status: StatusCode) {
        self.peer.refuse(turn, status);
        self.resume(turn, terms);
    }

    /// Sends what waited, if nothing is in its way any more.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        let free = self.is_free();
        match mem::replace(&mut self.ours, Ours::Idle) {
            Ours::Waiting { change, tries, until } if free && until.is_none_or(|until| until <= turn.now) => {
                let mut request = self.peer.target_refresh(Method::Invite, terms, Some(&change.body));
                self.peer.timer.keep(&mut request);
                turn.request(self.peer.asked(Verb::Reinvite, request.cseq().number), request.clone());
                let until = turn.now + terms.times.ringing_max;
                self.ours = Ours::sent(request, change, tries + 1, until);
            }
            other => self.ours = other,
        }
        let free = self.ending == Ending::Established && self.exchange() == Exchange::Settled;
        self.peer.send_update(turn, terms, free);
    }

    /// How far offers and answers are.
    pub(crate) fn exchange(&self) -> Exchange {
        let offered = self.unacknowledged.iter().any(Unacknowledged::offered);
        if self.ours.is_sent() || offered {
            Exchange::Offered
        } else if self.acks.is_due() {
            Exchange::Asked
        } else {
            self.peer.exchange(Exchange::Settled)
        }
    }

    /// Cancels the INVITE that is out, if one is.
    // rfc3261 §9.1
    pub(crate) fn withdraw(&mut self, turn: &mut Turn<'_>) {
        if let Some(cseq) = self.ours.withdraw() {
            turn.cancel(self.peer.asked(Verb::Reinvite, cseq), None);
        }
    }

    /// An INVITE of ours may be sent.
    // rfc3261 §14.1: no INVITE while another is in progress in either direction
    pub(crate) fn is_free(&self) -> bool {
        self.ending == Ending::Established
            && self.peer.theirs.is_idle()
            && self.unacknowledged.is_empty()
            && !self.acks.is_due()
            && !self.peer.update.is_offering()
    }

    pub(crate) fn reinvite_answered(
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
        let (ours, verdict) = ours.response(turn.now, turn.entropy, self.peer.dialog.role(), cseq, status);
        self.ours = ours;
        match verdict {
            Verdict::Nothing => {}
            Verdict::Accepted { request, change } => {
                let response = outcome.ok();
                // rfc3261 §12.2.1.2: the 2xx refreshes the target
                if let Some(response) = response {
                    self.peer.dialog.refresh(response.contacts());
                    self.peer.timer.accepted(turn.now, response);
                }
                // rfc5407 §3.2.3: in the Mortal state, too
                self.acks.send(turn, &request, &self.peer.dialog);
                self.peer.given = Some(change.body);
                if self.ending.is_established() {
                    let body = response.and_then(|response| Body::of(response));
                    turn.event(match change.is_refresh {
                        true => SessionEvent::Refreshed { body },
                        false => SessionEvent::Modified { body },
                    });
                }
            }
            Verdict::Refused { is_refresh: true } => self.peer.timer.refused(turn.now),
            Verdict::Refused { is_refresh: false } => {
                if self.ending.is_established() {
                    turn.event(SessionEvent::NotModified { status });
                }
            }
            Verdict::Lost => {
                let failure = outcome.err().unwrap_or(Failure::Refused(status));
                self.hang_up(turn, terms, EndReason::Failed(failure), None);
            }
        }
    }

    // rfc3261 §14.2
    pub(crate) fn reinvite(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        // rfc5407 §3.2.2: the session is over here
        if self.ending != Ending::Established {
            return turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        // rfc3261 §14.2: one before it waits for its answer
        if !self.peer.theirs.is_idle() {
            let response = too_early(turn.entropy, request);
            return turn.respond(server, response);
        }
        // rfc3261 §14.2: one of ours is in progress. rfc5407 §3.1.5: or an offer of ours waits for the ACK's answer
        let offering = self.acks.is_due() || self.exchange() == Exchange::Offered;
        if offering || self.unacknowledged.len() >= UNACKNOWLEDGED_MAX {
            return turn.refuse(server, request, StatusCode::REQUEST_PENDING);
        }
        let answer_due = !terms.party.answer_reinvites;
        if answer_due {
            self.peer.theirs = Theirs::ask(turn.now, terms, server, request);
        } else {
            self.accept_reinvite(turn, terms, server, request, self.peer.given.clone());
        }
        turn.event(SessionEvent::Reinvited { body: Body::of(request), answer_due });
    }

    pub(crate) fn accept_reinvite(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
        body: Option<Body>,
    ) {
        // rfc3261 §12.2.2: a target refresh request that is accepted moves the target
        self.peer.dialog.refresh(request.contacts());
        self.peer.identify_by_request(turn, terms, request);
        let mut response = answer_to(request, StatusCode::OK, "", &terms.party, body.as_ref());
        self.peer.timer.accept(turn.now, &terms.times, request, &mut response);
        let offered = request.body().is_empty() && body.is_some();
        self.peer.given = body;
        self.unacknowledged.push(Unacknowledged::send(turn, &terms.times, server, offered, response));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_glare_wait_for_different_times() {
        // tests rfc3261 §14.1
        let mut entropy = Entropy::from_seed([3; 32]);
        for _ in 0..1_000 {
            let (owner, other) = (glare(&mut entropy, Role::Caller), glare(&mut entropy, Role::Callee));
            assert!((2_100..=4_000).contains(&owner.as_millis()) && owner.as_millis() % 10 == 0, "{owner:?}");
            assert!(other.as_millis() <= 2_000 && other.as_millis() % 10 == 0, "{other:?}");
        }
    }
}
