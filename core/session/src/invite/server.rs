//! The callee's side of an INVITE that opens a usage (RFC 3261 §13.3).

use super::answer_to;
use crate::cancel::terminate;
use crate::diversion::divert;
use crate::effect::Turn;
use crate::exchange::Exchange;
use crate::peer::Peer;
use crate::prack::Reliable;
use crate::terms::{LocalParty, Terms};
use ruf_dialog::Dialog;
use ruf_message::body::Body;
use ruf_message::header::diversion::DiversionReason;
use ruf_message::{HeaderName, Request, StatusCode, Tick, Uri};
use std::time::Duration;

/// A callee that rings says so again after this time: a proxy forgets a silent INVITE after three
/// minutes.
// rfc3261 §13.3.1.1
const RINGING_AGAIN: Duration = Duration::from_secs(60);

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
/// What its provisional responses need beside that is in [`prack`](crate::prack).
#[derive(Debug)]
pub(crate) struct ServerInvite {
    /// The server transaction.
    pub(crate) server: u64,
    pub(crate) request: Request,
    pub(crate) peer: Peer,
    pub(crate) exchange: Exchange,
    pub(crate) reliable: Reliable,
    /// The user has answered, with this; the 2xx waits for a PRACK.
    accepted: Option<Option<Body>>,
    /// The last provisional response and when it is repeated.
    ringing: Option<(StatusCode, Option<Body>, Tick)>,
    /// When the call is given up, and with which answer.
    until: (Tick, StatusCode),
}

/// What time did to an INVITE that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It waits on.
    Left,
    /// It rang long enough: this is its answer.
    Over(StatusCode),
    /// Nobody confirms that it rings.
    Unconfirmed,
}

impl ServerInvite {
    pub(crate) fn new(
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: Request,
        dialog: Dialog,
    ) -> Self {
        let patience = (terms.times.ringing_max, StatusCode::TEMPORARILY_UNAVAILABLE);
        // rfc3261 §13.3.1: the invitation expires with 487
        let until = match expires(&request) {
            Some(expires) if expires < patience.0 => (expires, StatusCode::REQUEST_TERMINATED),
            Some(_) | None => patience,
        };
        let mut peer = Peer::new(1, dialog, None);
        peer.learn(&request);
        ServerInvite {
            server,
            peer,
            exchange: Exchange::of_their_invite(!request.body().is_empty()),
            reliable: Reliable::new(&request),
            request,
            accepted: None,
            ringing: None,
            until: (turn.now + until.0, until.1),
        }
    }

    /// Sends a provisional response: it rings.
    // rfc3261 §13.3.1.1
    pub(crate) fn progress(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        status: StatusCode,
        body: Option<Body>,
    ) {
        let again = turn.now + RINGING_AGAIN;
        if self.reliable.is_for(body.is_some()) {
            self.ringing = Some((status, None, again));
            return self.progress_reliably(turn, terms, status, body);
        }
        let response = answer_to(&self.request, status, &self.tag(), &terms.party, body.as_ref());
        turn.respond(self.server, response);
        self.ringing = Some((status, body, again));
    }

    /// How far offers and answers are, those of UPDATE counted.
    pub(crate) fn exchange(&self) -> Exchange {
        self.peer.exchange(self.exchange)
    }

    /// Sends what waited, if nothing is in its way any more.
    // rfc3311 §5.1: not before the PRACK of what was described
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        let free = self.exchange() == Exchange::Settled && !self.reliable.is_busy();
        self.peer.send_update(turn, terms, free);
    }

    /// Its dialog, if its session may be changed.
    // rfc3311 §5.1
    pub(crate) fn changeable(&mut self) -> Option<&mut Peer> {
        let may_be = self.exchange == Exchange::Settled && self.peer.allows_update;
        may_be.then_some(&mut self.peer)
    }

    /// The user answers. The 2xx leaves as soon as it may: see [`Self::take_answer`].
    pub(crate) fn accept(&mut self, body: Option<Body>) {
        self.accepted = Some(body);
    }

    /// The answer of the user, if it may go out now.
    // rfc3262 §3 and rfc3262 §5: not before what was described is known to have arrived
    pub(crate) fn take_answer(&mut self) -> Option<Option<Body>> {
        if self.reliable.holds_answer() || !self.peer.theirs.is_idle() { None } else { self.accepted.take() }
    }

    /// Refuses.
    // rfc3261 §13.3.1.3
    pub(crate) fn reject(mut self, turn: &mut Turn<'_>, party: &LocalParty, status: StatusCode) {
        self.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        turn.respond(self.server, answer_to(&self.request, status, &self.tag(), party, None));
    }

    /// Sends the caller on to another place.
    // rfc3261 §21.3.3
    pub(crate) fn redirect(
        mut self,
        turn: &mut Turn<'_>,
        party: &LocalParty,
        to: &Uri,
        (by, why): (&[u8], DiversionReason),
    ) {
        self.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        let mut response = answer_to(&self.request, StatusCode::MOVED_TEMPORARILY, &self.tag(), party, None);
        divert(&self.request, &mut response, by, to, why);
        turn.respond(self.server, response);
    }

    /// The caller withdrew it, by CANCEL or by BYE on the early dialog.
    pub(crate) fn terminate(mut self, turn: &mut Turn<'_>, party: &LocalParty) {
        self.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        terminate(turn, self.server, &self.request, &self.tag(), party);
    }

    /// Repeats what must be repeated.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>, terms: &Terms) -> Patience {
        if self.until.0 <= turn.now {
            return Patience::Over(self.until.1);
        }
        if !self.reliable.tick(turn, self.server) {
            return Patience::Unconfirmed;
        }
        if let Some((status, body, _)) = self.ringing.take_if(|(_, _, again)| *again <= turn.now) {
            self.progress(turn, terms, status, body);
        }
        self.peer.tick(turn);
        Patience::Left
    }

    pub(crate) fn deadline(&self) -> Tick {
        let ringing = self.ringing.as_ref().map(|(_, _, again)| *again);
        let others = [ringing, self.reliable.deadline(), self.peer.deadline()];
        others.into_iter().flatten().fold(self.until.0, Tick::min)
    }

    /// Our tag: the same in every response.
    // rfc3261 §8.2.6.2
    pub(crate) fn tag(&self) -> String {
        String::from_utf8_lossy(&self.peer.dialog.id().local_tag).into_owned()
    }
}

/// How long a caller lets it ring.
fn expires(request: &Request) -> Option<Duration> {
    let value = std::str::from_utf8(request.raw(HeaderName::Expires).next()?).ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
