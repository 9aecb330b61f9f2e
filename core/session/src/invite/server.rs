//! The callee's side of an INVITE that opens a usage (RFC 3261 §13.3).

use super::answer_to;
use crate::cancel::terminate;
use crate::effect::{Body, Turn};
use crate::terms::{LocalParty, Terms};
use ruf_dialog::Dialog;
use ruf_message::{HeaderName, NameAddr, Request, Response, StatusCode, Tick, Uri};
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

    /// Sends the caller on to another place.
    // rfc3261 §21.3.3
    pub(crate) fn redirect(self, turn: &mut Turn<'_>, party: &LocalParty, to: &Uri) {
        let mut response = answer_to(&self.request, StatusCode::MOVED_TEMPORARILY, &self.tag(), party, None);
        response.add(HeaderName::Contact, NameAddr::compose("", to));
        turn.respond(self.server, response);
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

/// How long a caller lets it ring.
fn expires(request: &Request) -> Option<Duration> {
    let value = std::str::from_utf8(request.raw(HeaderName::Expires).next()?).ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
