//! The caller's side of an INVITE that opens a usage (RFC 3261 §13.2).

use super::Class;
use crate::cancel::Withdrawn;
use crate::cause::Cause;
use crate::effect::{Asked, Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::exchange::Exchange;
use crate::peer::Peer;
use crate::prack::Early;
use crate::terms::Terms;
use crate::usage::Named;
use ruf_dialog::{Failure, Unestablished};
use ruf_message::body::Body;
use ruf_message::{Request, Response, StatusCode, Tick};
use std::mem;

/// Most dialogs that one INVITE is believed to have opened.
pub(crate) const FORKS_MAX: usize = 64;

/// The caller's side.
#[derive(Debug)]
pub(crate) struct ClientInvite {
    request: Request,
    state: ClientState,
    /// Number of the next dialog.
    next: u32,
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
    Proceeding { early: Vec<Early>, quiet_until: Tick },
    /// Cancelled; the final response is to come.
    Withdrawn(Withdrawn),
    /// A 2xx came; others may, from other branches of a fork.
    Answered { early: Vec<Early> },
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
    pub(crate) early: Early,
    /// It is not wanted any more, and why.
    pub(crate) end: Option<EndReason>,
    /// The first of its INVITE.
    pub(crate) first: bool,
}

impl ClientInvite {
    /// Sends it.
    pub(crate) fn send(turn: &mut Turn<'_>, request: Request) -> Self {
        turn.request(asked(&request), request.clone());
        ClientInvite { request, state: ClientState::Calling, next: 1 }
    }

    /// The INVITE as it was sent last.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// A response; a 2xx whose dialog has a session already is not brought here.
    pub(crate) fn response(&mut self, turn: &mut Turn<'_>, terms: &Terms, response: &Response) -> Outcome {
        let status = response.status();
        let quiet_until = turn.now + terms.times.ringing_max;
        if Class::of(status) == Class::Failure && !matches!(self.state, ClientState::Answered { .. }) {
            self.forsake(turn);
        }
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
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        mut early: Vec<Early>,
        response: &Response,
    ) -> Vec<Early> {
        let status = response.status();
        if status == StatusCode::TRYING {
            return early;
        }
        let tag = response.to_tag().unwrap_or_default();
        // rfc6228 §4: one branch of a fork has ended, which is no news; the others go on
        if status == StatusCode::EARLY_DIALOG_TERMINATED {
            for mut ended in early.extract_if(.., |early| early.peer.is_tagged(tag)) {
                ended.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
            }
            return early;
        }
        let known = early.iter().any(|early| early.peer.is_tagged(tag));
        if !tag.is_empty() && !known && early.len() < FORKS_MAX {
            early.extend(self.open(terms, response).ok());
        }
        match early.iter_mut().find(|early| early.peer.is_tagged(tag)) {
            Some(early) => early.progress(turn, terms, &self.request, response),
            // rfc3261 §8.1.3.2: one we do not know is a 183; the user sees the number
            None => {
                let body = Body::of(response);
                turn.event(SessionEvent::Progress { status, body, answer_due: false });
            }
        }
        early
    }

    /// A dialog that a response establishes.
    fn open(&mut self, terms: &Terms, response: &Response) -> Result<Early, Unestablished> {
        let number = self.next;
        self.next += 1;
        Early::new(number, &self.request, response, terms.party.secure_flow)
    }

    fn answered(
        &mut self,
        terms: &Terms,
        mut early: Vec<Early>,
        response: &Response,
        end: Option<EndReason>,
        first: bool,
    ) -> (ClientState, Outcome) {
        let tag = response.to_tag().unwrap_or_default();
        let answered = match early.iter().position(|early| early.peer.is_tagged(tag)) {
            // rfc3261 §13.2.2.4: an early dialog is confirmed, its route set taken from the 2xx
            Some(at) => {
                let mut early = early.swap_remove(at);
                early.peer.learn(response);
                early.peer.dialog.confirm_by(response).map(|()| early)
            }
            // rfc3261 §13.2.2.4: otherwise a new one is made
            None => self.open(terms, response),
        };
        match answered {
            Ok(answered) => (
                ClientState::Answered { early },
                Outcome::Answered(Box::new(Answered { early: answered, end, first })),
            ),
            // Unbelievable: with no way to acknowledge it, its sender will give up.
            Err(_) if first => (
                ClientState::Withdrawn(Withdrawn { early, reason: end.unwrap_or(EndReason::Cancelled) }),
                Outcome::Nothing,
            ),
            Err(_) => (ClientState::Answered { early }, Outcome::Nothing),
        }
    }

    /// The answer to an offer that a reliable provisional response made. False: none waits for one.
    // rfc3262 §5
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<&Body>) -> bool {
        let Some(early) = self.state.ringing() else { return false };
        let due = early.iter_mut().find(|early| early.is_due());
        due.is_some_and(|early| early.answer(turn, terms, &self.request, body))
    }

    /// The user refuses the change of an early dialog. False: none waits for that.
    pub(crate) fn refuse(&mut self, turn: &mut Turn<'_>, status: StatusCode) -> bool {
        let Some(early) = self.state.ringing() else { return false };
        early.iter_mut().any(|early| early.peer.refuse(turn, status))
    }

    /// What the peers of early dialogs asked for is answered: there will be no session.
    // rfc3311 §5.2: a final response to each UPDATE
    fn forsake(&mut self, turn: &mut Turn<'_>) {
        for early in self.state.early().into_iter().flatten() {
            early.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        }
    }

    /// The transaction failed.
    // rfc3261 §8.1.3.1 and rfc3261 §13.2.2
    pub(crate) fn failed(&mut self, turn: &mut Turn<'_>, failure: Failure) -> Option<EndReason> {
        self.forsake(turn);
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
    pub(crate) fn conclude(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.state, ClientState::Answered { .. }) {
            self.forsake(turn);
            self.state = ClientState::Over;
        }
    }

    /// Nobody wants an answer any more.
    // rfc3261 §9.1
    pub(crate) fn withdraw(&mut self, turn: &mut Turn<'_>, why: EndReason, cause: Option<Cause>) {
        let invite = asked(&self.request);
        self.forsake(turn);
        self.state = match mem::replace(&mut self.state, ClientState::Over) {
            ClientState::Calling => {
                ClientState::Withdrawn(Withdrawn::cancel(turn, invite, Vec::new(), why, cause))
            }
            ClientState::Proceeding { early, .. } => {
                ClientState::Withdrawn(Withdrawn::cancel(turn, invite, early, why, cause))
            }
            ClientState::Withdrawn(withdrawn) => ClientState::Withdrawn(withdrawn),
            ClientState::Answered { early } => ClientState::Answered { early },
            ClientState::Over => ClientState::Over,
        };
    }

    /// What the early dialog is whose tag passes.
    pub(crate) fn named(&self, is_named: impl Fn(&[u8]) -> bool) -> Named {
        let of = |early: &[Early], named| {
            let is_here = early.iter().any(|early| is_named(&early.peer.dialog.id().remote_tag));
            if is_here { named } else { Named::Unknown }
        };
        match &self.state {
            ClientState::Proceeding { early, .. } => of(early, Named::Calling),
            // They end, or another was answered in their place.
            ClientState::Withdrawn(Withdrawn { early, .. }) | ClientState::Answered { early } => {
                of(early, Named::Ended)
            }
            ClientState::Calling | ClientState::Over => Named::Unknown,
        }
    }

    /// The early dialog with this tag.
    pub(crate) fn early(&mut self, remote_tag: &[u8]) -> Option<&mut Early> {
        self.state.early()?.iter_mut().find(|early| early.peer.is_tagged(remote_tag))
    }

    /// The early dialog with this number.
    pub(crate) fn numbered(&mut self, number: u32) -> Option<&mut Early> {
        self.state.early()?.iter_mut().find(|early| early.peer.number == number)
    }

    /// The peers of all early dialogs.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &Peer> {
        let early: &[Early] = match &self.state {
            ClientState::Proceeding { early, .. }
            | ClientState::Withdrawn(Withdrawn { early, .. })
            | ClientState::Answered { early } => early,
            ClientState::Calling | ClientState::Over => &[],
        };
        early.iter().map(|early| &early.peer)
    }

    /// The peer left an early dialog (it gave up on an ACK that we never knew to send): the last one
    /// takes the call with it.
    pub(crate) fn left(&mut self, turn: &mut Turn<'_>, remote_tag: &[u8]) {
        let Some(early) = self.state.early() else { return };
        for mut left in early.extract_if(.., |early| early.peer.is_tagged(remote_tag)) {
            left.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        }
        if early.is_empty() {
            self.withdraw(turn, EndReason::RemoteHungUp, None);
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

    /// Nobody but a server on the way has said anything to it, and an answer is wanted.
    pub(crate) fn is_unheard(&self) -> bool {
        match &self.state {
            ClientState::Calling => true,
            ClientState::Proceeding { early, .. } => early.is_empty(),
            ClientState::Withdrawn(_) | ClientState::Answered { .. } | ClientState::Over => false,
        }
    }

    /// What went out instead: its ACK must carry the same credentials.
    pub(crate) fn sent_again(&mut self, turn: &mut Turn<'_>, request: &Request) -> Asked {
        self.forsake(turn);
        self.request = request.clone();
        self.state = ClientState::Calling;
        asked(request)
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if let ClientState::Proceeding { early, quiet_until } = &mut self.state {
            early.iter_mut().for_each(|early| early.peer.tick(turn));
            if *quiet_until <= turn.now {
                self.withdraw(turn, EndReason::Unanswered, None);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match &self.state {
            ClientState::Proceeding { early, quiet_until } => {
                early.iter().filter_map(|early| early.peer.deadline()).chain([*quiet_until]).min()
            }
            ClientState::Calling
            | ClientState::Withdrawn(_)
            | ClientState::Answered { .. }
            | ClientState::Over => None,
        }
    }

    /// Sends what an early dialog waited with, if nothing is in its way any more.
    // rfc3311 §5.1
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        for early in self.state.ringing().into_iter().flatten() {
            let free = early.exchange() == Exchange::Settled;
            early.peer.send_update(turn, terms, free);
        }
    }

    /// The first early dialog.
    pub(crate) fn first(&mut self) -> Option<&mut Peer> {
        self.state.ringing()?.first_mut().map(|early| &mut early.peer)
    }

    /// An early dialog whose session may be changed.
    // rfc3311 §5.1
    pub(crate) fn changeable(&mut self) -> Option<&mut Peer> {
        let mut changeable = self
            .state
            .ringing()?
            .iter_mut()
            .filter(|early| early.exchange == Exchange::Settled && early.peer.allows_update);
        changeable.next().map(|early| &mut early.peer)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, ClientState::Over)
    }
}

impl ClientState {
    /// Those whose peers may still answer.
    fn ringing(&mut self) -> Option<&mut Vec<Early>> {
        match self {
            ClientState::Proceeding { early, .. } => Some(early),
            ClientState::Calling
            | ClientState::Withdrawn(_)
            | ClientState::Answered { .. }
            | ClientState::Over => None,
        }
    }

    fn early(&mut self) -> Option<&mut Vec<Early>> {
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
