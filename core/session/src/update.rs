//! UPDATE, both sides: a change in a dialog that is not confirmed, or a sign of life in one that is (RFC 3311).
//! Whoever wants to change a confirmed session sends a re-INVITE, which may wait for a user
//! ([`reinvite`](crate::reinvite)).

use crate::effect::{Turn, Verb};
use crate::event::SessionEvent;
use crate::exchange::Exchange;
use crate::invite::Class;
use crate::peer::Peer;
use crate::reinvite::{TRIES_MAX, glare, too_early};
use crate::terms::Terms;
use ruf_dialog::{Failure, Role, Stage};
use ruf_message::body::Body;
use ruf_message::header::expires::RetryAfter;
use ruf_message::{Entropy, Method, Request, Response, StatusCode, Tick};
use std::mem;
use std::time::Duration;

/// What an UPDATE of ours is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To change the session to this.
    Change(Body),
    /// To be heard: it says who and where we are.
    Refresh,
}

/// ```text
///           wish, way free: UPDATE             2xx, a refusal
///   Idle ---------------------------> Sent -----------------------> Idle
///    |                                 ^ |
///    | an offer is in the way          | | 491, 500 with Retry-After
///    v               way free, or time | v
///   Waiting ---------------------------+-+
/// ```
#[derive(Debug, Default)]
pub(crate) enum Update {
    #[default]
    Idle,
    /// Something is in the way, or a glare's time runs.
    Waiting { wish: Wish, tries: u8, until: Option<Tick> },
    /// The one with this number is out.
    Sent { cseq: u32, wish: Wish, tries: u8, next: Option<Wish> },
}

/// What a response to our UPDATE means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Nothing,
    /// Accepted.
    Accepted(Wish),
    /// Refused: the session stays what it was.
    Refused(Wish),
    /// The peer knows no such dialog, or is not there.
    Lost,
}

impl Wish {
    /// Both in one: a change is heard, too.
    fn and(self, other: Wish) -> Wish {
        match (self, other) {
            (_, Wish::Change(body)) | (Wish::Change(body), Wish::Refresh) => Wish::Change(body),
            (Wish::Refresh, Wish::Refresh) => Wish::Refresh,
        }
    }
}

impl Update {
    pub(crate) fn wish(self, new: Wish) -> Self {
        match self {
            Update::Idle => Update::Waiting { wish: new, tries: 0, until: None },
            Update::Waiting { wish, tries, until } => Update::Waiting { wish: wish.and(new), tries, until },
            Update::Sent { cseq, wish, tries, next } => {
                let next = Some(next.map_or(new.clone(), |next| next.and(new)));
                Update::Sent { cseq, wish, tries, next }
            }
        }
    }

    /// A response, or 408 and 503 when there was none.
    pub(crate) fn response(
        self,
        now: Tick,
        entropy: &mut Entropy,
        role: Role,
        number: u32,
        status: StatusCode,
        retry_after: Option<Duration>,
    ) -> (Self, Verdict) {
        match (self, Class::of(status)) {
            (
                Update::Sent { cseq, wish, tries, next },
                Class::Provisional | Class::Success | Class::Failure,
            ) if cseq != number => (Update::Sent { cseq, wish, tries, next }, Verdict::Nothing),
            (Update::Sent { cseq, wish, tries, next }, Class::Provisional) => {
                (Update::Sent { cseq, wish, tries, next }, Verdict::Nothing)
            }
            (Update::Sent { wish, next, .. }, Class::Success) => {
                (Update::over(next), Verdict::Accepted(wish))
            }
            (Update::Sent { wish, tries, next, .. }, Class::Failure) => {
                let again = match status {
                    // rfc3311 §5.3: once more after a time that differs on both sides
                    StatusCode::REQUEST_PENDING => Some(glare(entropy, role)),
                    StatusCode::SERVER_INTERNAL_ERROR => retry_after,
                    _ => None,
                };
                match (again.filter(|_| tries < TRIES_MAX), status) {
                    (Some(again), _) => {
                        let wish = next.map_or(wish.clone(), |next| wish.and(next));
                        (Update::Waiting { wish, tries, until: Some(now + again) }, Verdict::Nothing)
                    }
                    // rfc3311 §5.3: the dialog is gone
                    (None, StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT) => {
                        (Update::Idle, Verdict::Lost)
                    }
                    (None, _) => (Update::over(next), Verdict::Refused(wish)),
                }
            }
            (
                state @ (Update::Idle | Update::Waiting { .. }),
                Class::Provisional | Class::Success | Class::Failure,
            ) => (state, Verdict::Nothing),
        }
    }

    fn over(next: Option<Wish>) -> Self {
        next.map_or(Update::Idle, |wish| Update::Waiting { wish, tries: 0, until: None })
    }

    /// Our offer waits for its answer.
    pub(crate) fn is_offering(&self) -> bool {
        matches!(self, Update::Sent { wish: Wish::Change(_), .. })
    }

    /// The one with this number waits for its answer.
    pub(crate) fn is_sent(&self, number: u32) -> bool {
        matches!(self, Update::Sent { cseq, .. } if *cseq == number)
    }

    /// It went out again, with this number.
    pub(crate) fn sent_again(&mut self, number: u32) {
        if let Update::Sent { cseq, .. } = self {
            *cseq = number;
        }
    }

    /// What waits for its time only.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self {
            Update::Waiting { until, .. } => *until,
            Update::Idle | Update::Sent { .. } => None,
        }
    }
}

impl Peer {
    /// Sends what is wished for, if its time has come. `free`: an offer may be made.
    // rfc3311 §5.1
    pub(crate) fn send_update(&mut self, turn: &mut Turn<'_>, terms: &Terms, free: bool) {
        let (wish, tries) = match mem::take(&mut self.update) {
            Update::Waiting { wish, tries, until }
                if until.is_none_or(|until| until <= turn.now) && (free || wish == Wish::Refresh) =>
            {
                (wish, tries)
            }
            // Its time has come and the way is not free: now it waits for that only.
            Update::Waiting { wish, tries, until } if until.is_some_and(|until| until <= turn.now) => {
                self.update = Update::Waiting { wish, tries, until: None };
                return;
            }
            other @ (Update::Idle | Update::Waiting { .. } | Update::Sent { .. }) => {
                self.update = other;
                return;
            }
        };
        let body = match &wish {
            Wish::Change(body) => Some(body.clone()),
            Wish::Refresh => None,
        };
        let mut request = self.target_refresh(Method::Update, terms, body.as_ref());
        self.timer.keep(&mut request);
        let cseq = request.cseq().number;
        turn.request(self.asked(Verb::Update, cseq), request);
        self.update = Update::Sent { cseq, wish, tries: tries + 1, next: None };
    }

    /// An UPDATE of ours was answered, or not. True: the peer is gone.
    // rfc3311 §5.3
    pub(crate) fn update_answered(
        &mut self,
        turn: &mut Turn<'_>,
        cseq: u32,
        outcome: Result<&Response, Failure>,
    ) -> bool {
        let status = outcome.map_or_else(Failure::status, Response::status);
        let after = outcome.ok().and_then(|response| response.header::<RetryAfter<'_>>().ok().flatten());
        let after = after.map(|after| Duration::from_secs(after.secs.into()));
        let update = mem::take(&mut self.update);
        let role = self.dialog.role();
        let (update, verdict) = update.response(turn.now, turn.entropy, role, cseq, status, after);
        self.update = update;
        if let (Verdict::Accepted(_), Ok(response)) = (&verdict, outcome) {
            self.dialog.refresh(response.contacts());
            if self.dialog.stage() == Stage::Confirmed {
                self.timer.accepted(turn.now, response);
            }
        }
        match verdict {
            Verdict::Accepted(Wish::Change(body)) => {
                self.given = Some(body);
                turn.event(SessionEvent::Modified {
                    body: outcome.ok().and_then(|response| Body::of(response)),
                });
            }
            Verdict::Refused(Wish::Change(_)) => turn.event(SessionEvent::NotModified { status }),
            Verdict::Refused(Wish::Refresh) => self.timer.refused(turn.now),
            Verdict::Accepted(Wish::Refresh) | Verdict::Nothing => {}
            Verdict::Lost => return true,
        }
        false
    }

    /// An UPDATE of the peer. `exchange`: how far offers and answers are.
    // rfc3311 §5.2
    pub(crate) fn updated(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
        exchange: Exchange,
    ) {
        let describes = !request.body().is_empty();
        match (describes, exchange) {
            // rfc3311 §5.2: an offer of ours waits for its answer
            (true, Exchange::Offered | Exchange::Open) => {
                return turn.refuse(server, request, StatusCode::REQUEST_PENDING);
            }
            // rfc3311 §5.2: theirs does
            (true, Exchange::Asked) => {
                let response = too_early(turn.entropy, request);
                return turn.respond(server, response);
            }
            (true, Exchange::Settled) | (false, _) => {}
        }
        // rfc3311 §5.2: one before it waits for its answer
        if self.theirs.is_update() {
            let response = too_early(turn.entropy, request);
            return turn.respond(server, response);
        }
        // rfc3311 §5.1: a target refresh request
        self.dialog.refresh(request.contacts());
        self.identify_by_request(turn, terms, request);
        if describes {
            self.offered(turn, terms, server, request);
        } else {
            let response = self.accept(turn.now, terms, request, None);
            turn.respond(server, response);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &'static str) -> Wish {
        Wish::Change(Body::sdp(text))
    }

    fn sent(tries: u8, next: Option<Wish>) -> Update {
        Update::Sent { cseq: 7, wish: change("a"), tries, next }
    }

    fn answered(update: Update, status: StatusCode, retry_after: Option<Duration>) -> (Update, Verdict) {
        let mut entropy = Entropy::from_seed([3; 32]);
        update.response(Tick::ZERO, &mut entropy, Role::Callee, 7, status, retry_after)
    }

    #[test]
    fn what_is_wished_for_meanwhile_is_the_last_change() {
        // tests rfc3311 §5.1
        let waiting = Update::Idle.wish(Wish::Refresh).wish(change("a")).wish(Wish::Refresh);
        assert!(matches!(waiting, Update::Waiting { wish, .. } if wish == change("a")));
        let next = sent(1, None).wish(change("b")).wish(change("c")).wish(Wish::Refresh);
        let (after, verdict) = answered(next, StatusCode::OK, None);
        assert_eq!(verdict, Verdict::Accepted(change("a")));
        assert!(matches!(after, Update::Waiting { wish, tries: 0, .. } if wish == change("c")));
    }

    #[test]
    fn a_glare_is_tried_again_and_not_for_ever() {
        // tests rfc3311 §5.3
        let (waiting, verdict) = answered(sent(1, Some(change("b"))), StatusCode::REQUEST_PENDING, None);
        assert_eq!(verdict, Verdict::Nothing);
        assert!(waiting.deadline().is_some_and(|until| until <= Tick::ZERO + Duration::from_secs(2)));
        assert!(matches!(waiting, Update::Waiting { wish, tries: 1, .. } if wish == change("b")));
        let (_, verdict) = answered(sent(TRIES_MAX, None), StatusCode::REQUEST_PENDING, None);
        assert_eq!(verdict, Verdict::Refused(change("a")));
    }

    #[test]
    fn a_500_says_when_to_come_back_or_is_a_refusal() {
        // tests rfc3311 §5.2
        let after = Some(Duration::from_secs(9));
        let (waiting, _) = answered(sent(1, None), StatusCode::SERVER_INTERNAL_ERROR, after);
        assert_eq!(waiting.deadline(), Some(Tick::ZERO + Duration::from_secs(9)));
        let (idle, verdict) = answered(sent(1, None), StatusCode::SERVER_INTERNAL_ERROR, None);
        assert_eq!((idle.deadline(), verdict), (None, Verdict::Refused(change("a"))));
    }

    #[test]
    fn only_the_answer_to_the_last_one_counts() {
        // tests rfc3311 §5.3
        for status in [StatusCode::CALL_DOES_NOT_EXIST, StatusCode::REQUEST_TIMEOUT] {
            assert_eq!(answered(sent(1, None), status, None).1, Verdict::Lost);
        }
        let other = Update::Sent { cseq: 8, wish: Wish::Refresh, tries: 1, next: None };
        let (other, verdict) = answered(other, StatusCode::OK, None);
        assert_eq!((other.is_sent(8), verdict), (true, Verdict::Nothing));
        assert_eq!(answered(Update::Idle, StatusCode::OK, None).1, Verdict::Nothing);
        assert_eq!(answered(sent(1, None), StatusCode::TRYING, None).1, Verdict::Nothing);
    }
}
