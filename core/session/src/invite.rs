//! The INVITE that opens a usage, both sides (RFC 3261 §13.2, §13.3). A 2xx hands over to
//! [`session`](crate::session); CANCEL is in [`cancel`](crate::cancel), an INVITE within a dialog in
//! [`reinvite`](crate::reinvite).

use crate::cancel::{Withdrawn, terminate};
use crate::effect::{Asked, Body, EndReason, Failure, LocalParty, SessionEvent, Terms, Turn, Verb};
use bytes::Bytes;
use ruf_dialog::Dialog;
use ruf_message::{HeaderName, Request, Response, StatusClass, StatusCode, Tick};
use std::mem;
use std::time::Duration;

/// Most dialogs that one INVITE is believed to have opened.
pub(crate) const FORKS_MAX: usize = 64;

/// A callee that rings says so again after this time: a proxy forgets a silent INVITE after three
/// minutes.
// rfc3261 §13.3.1.1
const RINGING_AGAIN: Duration = Duration::from_secs(60);

/// The caller's side.
#[derive(Debug)]
pub(crate) struct ClientInvite {
    request: Request,
    state: ClientState,
}

/// ```text
///    INVITE           1xx                  2xx
///   -------> Calling -----> Proceeding ----------> Answered <--+ 2xx of another branch:
///               |  |           |   |                  |   |    | a session of its own
///               |  |  hang up, |   |                  |   +----+
///               |  |  silence: v   |                  |
///               |  +--> Withdrawn  | 3xx..6xx         | the client transaction ends
///               |           |      v                  v
///               +-----------+--> Over <---------------+
/// ```
#[derive(Debug)]
enum ClientState {
    /// Nothing heard.
    Calling,
    /// Somebody is at it; each tag of a 1xx is an early dialog.
    Proceeding { early: Vec<Dialog>, quiet_until: Tick },
    /// Cancelled; the final response is to come.
    Withdrawn(Withdrawn),
    /// A 2xx came; others may, from other branches of a fork.
    Answered { early: Vec<Dialog> },
    /// Nothing more can come.
    Over,
}

/// What a response made of the caller's side.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Go on.
    Nothing,
    /// A dialog was answered.
    Answered(Box<Answered>),
    /// There will be no call.
    Failed(EndReason),
}

/// A dialog that a 2xx established.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) dialog: Dialog,
    /// It is not wanted any more, and why.
    pub(crate) end: Option<EndReason>,
    /// The first of its INVITE.
    pub(crate) first: bool,
}

impl ClientInvite {
    /// Sends it.
    pub(crate) fn send(turn: &mut Turn<'_>, request: Request) -> Self {
        turn.request(asked(&request), request.clone());
        ClientInvite { request, state: ClientState::Calling }
    }

    /// The INVITE as it was sent last.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// A response; a 2xx whose dialog has a session already is not brought here.
    pub(crate) fn response(&mut self, turn: &mut Turn<'_>, terms: &Terms, response: &Response) -> Outcome {
        let status = response.status();
        let quiet_until = turn.now + terms.times.ringing_max;
        let (state, outcome) = match (mem::replace(&mut self.state, ClientState::Over), Class::of(status)) {
            (ClientState::Calling, Class::Provisional) => {
                let early = self.progress(turn, terms, Vec::new(), response);
                (ClientState::Proceeding { early, quiet_until }, Outcome::Nothing)
            }
            (ClientState::Proceeding { early, .. }, Class::Provisional) => {
                let early = self.progress(turn, terms, early, response);
                (ClientState::Proceeding { early, quiet_until }, Outcome::Nothing)
            }
            (ClientState::Withdrawn(withdrawn), Class::Provisional) => {
                (ClientState::Withdrawn(withdrawn), Outcome::Nothing)
            }

            (ClientState::Calling, Class::Success) => self.answered(terms, Vec::new(), response, None, true),
            (ClientState::Proceeding { early, .. }, Class::Success) => {
                self.answered(terms, early, response, None, true)
            }
            // rfc3261 §15 and rfc5407 §3.1.2: it crossed our CANCEL
            (ClientState::Withdrawn(Withdrawn { early, reason }), Class::Success) => {
                self.answered(terms, early, response, Some(reason), true)
            }
            // rfc3261 §13.2.2.4: another branch of a fork answered, too
            (ClientState::Answered { early }, Class::Success) => {
                self.answered(terms, early, response, Some(EndReason::HungUp), false)
            }

            // rfc3261 §13.2.2.3: all early dialogs are gone
            (ClientState::Calling | ClientState::Proceeding { .. }, Class::Failure) => {
                (ClientState::Over, Outcome::Failed(EndReason::Failed(Failure::Refused(status))))
            }
            (ClientState::Withdrawn(Withdrawn { reason, .. }), Class::Failure) => {
                (ClientState::Over, Outcome::Failed(reason))
            }

            // Late ones change nothing.
            (ClientState::Answered { early }, Class::Provisional | Class::Failure) => {
                (ClientState::Answered { early }, Outcome::Nothing)
            }
            (ClientState::Over, Class::Provisional | Class::Success | Class::Failure) => {
                (ClientState::Over, Outcome::Nothing)
            }
        };
        self.state = state;
        outcome
    }

    /// A 1xx: told, and its dialog kept.
    // rfc3261 §13.2.2.1
    fn progress(
        &self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        mut early: Vec<Dialog>,
        response: &Response,
    ) -> Vec<Dialog> {
        let status = response.status();
        if status == StatusCode::TRYING {
            return early;
        }
        // rfc3261 §8.1.3.2: one we do not know is a 183; the user sees the number
        turn.event(SessionEvent::Progress { status, body: body_of_response(response) });
        let tag = response.to_tag().unwrap_or_default();
        let known = early.iter().any(|dialog| *dialog.id().remote_tag == *tag);
        if !tag.is_empty() && !known && early.len() < FORKS_MAX {
            early.extend(Dialog::caller(&self.request, response, terms.party.secure_flow).ok());
        }
        early
    }

    fn answered(
        &self,
        terms: &Terms,
        mut early: Vec<Dialog>,
        response: &Response,
        end: Option<EndReason>,
        first: bool,
    ) -> (ClientState, Outcome) {
        let tag = response.to_tag().unwrap_or_default();
        let dialog = match early.iter().position(|dialog| *dialog.id().remote_tag == *tag) {
            // rfc3261 §13.2.2.4: an early dialog is confirmed, its route set taken from the 2xx
            Some(at) => {
                let mut dialog = early.swap_remove(at);
                dialog.confirm_by(response).map(|()| dialog)
            }
            // rfc3261 §13.2.2.4: otherwise a new one is made
            None => Dialog::caller(&self.request, response, terms.party.secure_flow),
        };
        match dialog {
            Ok(dialog) => (
                ClientState::Answered { early },
                Outcome::Answered(Box::new(Answered { dialog, end, first })),
            ),
            // Unbelievable: with no way to acknowledge it, its sender will give up.
            Err(_) if first => (
                ClientState::Withdrawn(Withdrawn { early, reason: end.unwrap_or(EndReason::Cancelled) }),
                Outcome::Nothing,
            ),
            Err(_) => (ClientState::Answered { early }, Outcome::Nothing),
        }
    }

    /// The transaction failed.
    // rfc3261 §8.1.3.1 and rfc3261 §13.2.2
    pub(crate) fn failed(&mut self, failure: Failure) -> Option<EndReason> {
        let (state, reason) = match mem::replace(&mut self.state, ClientState::Over) {
            ClientState::Calling | ClientState::Proceeding { .. } => {
                (ClientState::Over, Some(EndReason::Failed(failure)))
            }
            ClientState::Withdrawn(Withdrawn { reason, .. }) => (ClientState::Over, Some(reason)),
            ClientState::Answered { .. } | ClientState::Over => (ClientState::Over, None),
        };
        self.state = state;
        reason
    }

    /// No more responses can come.
    // rfc3261 §13.2.2.4: the early dialogs that were not answered are over
    pub(crate) fn conclude(&mut self) {
        if matches!(self.state, ClientState::Answered { .. }) {
            self.state = ClientState::Over;
        }
    }

    /// The user wants no answer any more.
    pub(crate) fn hang_up(&mut self, turn: &mut Turn<'_>) {
        self.withdraw(turn, EndReason::Cancelled);
    }

    fn withdraw(&mut self, turn: &mut Turn<'_>, why: EndReason) {
        self.state = match mem::replace(&mut self.state, ClientState::Over) {
            ClientState::Calling => ClientState::Withdrawn(Withdrawn::cancel(turn, Vec::new(), why)),
            ClientState::Proceeding { early, .. } => {
                ClientState::Withdrawn(Withdrawn::cancel(turn, early, why))
            }
            ClientState::Withdrawn(withdrawn) => ClientState::Withdrawn(withdrawn),
            ClientState::Answered { early } => ClientState::Answered { early },
            ClientState::Over => ClientState::Over,
        };
    }

    /// The early dialog with this tag.
    pub(crate) fn early(&mut self, remote_tag: &[u8]) -> Option<&mut Dialog> {
        self.state.early()?.iter_mut().find(|dialog| *dialog.id().remote_tag == *remote_tag)
    }

    /// The peer left an early dialog (it gave up on an ACK that we never knew to send): the last one
    /// takes the call with it.
    pub(crate) fn left(&mut self, turn: &mut Turn<'_>, remote_tag: &[u8]) {
        let Some(early) = self.state.early() else { return };
        early.retain(|dialog| *dialog.id().remote_tag != *remote_tag);
        if early.is_empty() {
            self.withdraw(turn, EndReason::RemoteHungUp);
        }
    }

    /// The INVITE to send again after a challenge, with the next number; `None` if nobody waits for
    /// its answer any more. The caller adds credentials and brings it back to [`Self::sent_again`].
    // rfc3261 §22.2: the number is one higher
    pub(crate) fn retry(&self) -> Option<u32> {
        match self.state {
            ClientState::Calling | ClientState::Proceeding { .. } => {
                Some(self.request.cseq().number.saturating_add(1))
            }
            ClientState::Withdrawn(_) | ClientState::Answered { .. } | ClientState::Over => None,
        }
    }

    /// What went out instead: its ACK must carry the same credentials.
    pub(crate) fn sent_again(&mut self, request: &Request) -> Asked {
        self.request = request.clone();
        self.state = ClientState::Calling;
        asked(request)
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.deadline().is_some_and(|deadline| deadline <= turn.now) {
            self.withdraw(turn, EndReason::Unanswered);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self.state {
            ClientState::Proceeding { quiet_until, .. } => Some(quiet_until),
            ClientState::Calling
            | ClientState::Withdrawn(_)
            | ClientState::Answered { .. }
            | ClientState::Over => None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, ClientState::Over)
    }
}

impl ClientState {
    fn early(&mut self) -> Option<&mut Vec<Dialog>> {
        match self {
            ClientState::Proceeding { early, .. }
            | ClientState::Withdrawn(Withdrawn { early, .. })
            | ClientState::Answered { early } => Some(early),
            ClientState::Calling | ClientState::Over => None,
        }
    }
}

fn asked(request: &Request) -> Asked {
    Asked { session: 0, verb: Verb::Invite, cseq: request.cseq().number }
}

/// The callee's side, until the final response: the value is consumed by it.
///
/// ```text
///   INVITE            180            180 each minute
///  -------> Pending -------> Ringing <--+
///              |               |  |     |
///              |               |  +-----+
///              |   2xx         |
///              +---------------+----> Session (its dialog confirmed, its 2xx unacknowledged)
///              |   3xx..6xx, 487 after CANCEL, BYE or Expires
///              +---------------+----> nothing
/// ```
#[derive(Debug)]
pub(crate) struct ServerInvite {
    /// The server transaction.
    pub(crate) server: u64,
    pub(crate) request: Request,
    /// Early.
    pub(crate) dialog: Dialog,
    /// The last provisional response and when it is repeated.
    ringing: Option<(Response, Tick)>,
    /// When the call is given up, and with which answer.
    until: (Tick, StatusCode),
}

impl ServerInvite {
    pub(crate) fn new(turn: &Turn<'_>, terms: &Terms, server: u64, request: Request, dialog: Dialog) -> Self {
        let patience = (terms.times.ringing_max, StatusCode::TEMPORARILY_UNAVAILABLE);
        // rfc3261 §13.3.1: the invitation expires with 487
        let until = match expires(&request) {
            Some(expires) if expires < patience.0 => (expires, StatusCode::REQUEST_TERMINATED),
            Some(_) | None => patience,
        };
        ServerInvite { server, request, dialog, ringing: None, until: (turn.now + until.0, until.1) }
    }

    /// Sends a provisional response: it rings.
    // rfc3261 §13.3.1.1
    pub(crate) fn progress(
        &mut self,
        turn: &mut Turn<'_>,
        party: &LocalParty,
        status: StatusCode,
        body: Option<&Body>,
    ) {
        let response = answer_to(&self.request, status, &self.tag(), party, body);
        turn.respond(self.server, response.clone());
        self.ringing = Some((response, turn.now + RINGING_AGAIN));
    }

    /// Refuses.
    // rfc3261 §13.3.1.3
    pub(crate) fn reject(self, turn: &mut Turn<'_>, party: &LocalParty, status: StatusCode) {
        turn.respond(self.server, answer_to(&self.request, status, &self.tag(), party, None));
    }

    /// The caller withdrew it, by CANCEL or by BYE on the early dialog.
    pub(crate) fn terminate(self, turn: &mut Turn<'_>, party: &LocalParty) {
        terminate(turn, self.server, &self.request, &self.tag(), party);
    }

    /// Repeats what must be repeated. False: it rang long enough, [`Self::expire`] it.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.until.0 <= turn.now {
            return false;
        }
        if let Some((response, again)) = &mut self.ringing
            && *again <= turn.now
        {
            turn.respond(self.server, response.clone());
            *again = turn.now + RINGING_AGAIN;
        }
        true
    }

    /// Nobody answered it in time.
    pub(crate) fn expire(self, turn: &mut Turn<'_>, party: &LocalParty) {
        let status = self.until.1;
        self.reject(turn, party, status);
    }

    pub(crate) fn deadline(&self) -> Tick {
        self.ringing.as_ref().map_or(self.until.0, |(_, again)| self.until.0.min(*again))
    }

    /// Our tag: the same in every response.
    // rfc3261 §8.2.6.2
    pub(crate) fn tag(&self) -> String {
        String::from_utf8_lossy(&self.dialog.id().local_tag).into_owned()
    }
}

/// Our response to an INVITE.
// rfc3261 §8.2.6
pub(crate) fn answer_to(
    request: &Request,
    status: StatusCode,
    tag: &str,
    party: &LocalParty,
    body: Option<&Body>,
) -> Response {
    let mut response = request.reply(status);
    response.set_to_tag(tag);
    if status > StatusCode::TRYING && (status.is_provisional() || status.is_success()) {
        if request.to_tag().is_none() {
            // rfc3261 §12.1.1: all of Record-Route, in order, when a dialog begins
            for value in request.raw(HeaderName::RecordRoute) {
                response.add(HeaderName::RecordRoute, value);
            }
        }
        // rfc3261 §12.1.1: and where the peer reaches us
        response.add(HeaderName::Contact, format!("<{}>", party.contact));
    }
    if status.is_success() {
        // rfc3261 §13.3.1.4
        for (name, value) in &party.fields {
            response.add(*name, value);
        }
    }
    if let Some(body) = body {
        response.set_body(&body.content_type, body.content.clone());
    }
    response
}

/// The three kinds of responses that a usage tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Provisional,
    Success,
    Failure,
}

impl Class {
    // rfc3261 §8.1.3.2: a code we do not know counts as its class
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.class() {
            StatusClass::Provisional => Class::Provisional,
            StatusClass::Success => Class::Success,
            StatusClass::Redirection
            | StatusClass::ClientError
            | StatusClass::ServerError
            | StatusClass::GlobalFailure => Class::Failure,
        }
    }
}

/// How long a caller lets it ring.
fn expires(request: &Request) -> Option<Duration> {
    let value = std::str::from_utf8(request.raw(HeaderName::Expires).next()?).ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The body of a request, if it has one.
pub(crate) fn body_of_request(request: &Request) -> Option<Body> {
    body(request.raw(HeaderName::ContentType).next(), request.body())
}

/// The body of a response, if it has one.
pub(crate) fn body_of_response(response: &Response) -> Option<Body> {
    body(response.raw(HeaderName::ContentType).next(), response.body())
}

fn body(content_type: Option<&[u8]>, content: &[u8]) -> Option<Body> {
    if content.is_empty() {
        return None;
    }
    // A body without a type is one of unknown type (RFC 3261 §20.15 makes it the default of no use).
    let content_type =
        String::from_utf8_lossy(content_type.unwrap_or(b"application/octet-stream")).into_owned();
    Some(Body { content_type, content: Bytes::copy_from_slice(content) })
}
