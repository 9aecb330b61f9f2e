//! An INVITE within a dialog, both sides: a session is changed (RFC 3261 §14; RFC 5407 §3.3.1).

use crate::effect::{Body, Terms};
use crate::invite::{Class, FORKS_MAX};
use ruf_dialog::Role;
use ruf_message::{Entropy, HeaderName, Request, Response, StatusCode, Tick};
use std::time::Duration;

/// Times that a change is tried again after a glare.
const TRIES_MAX: u8 = 4;

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
#[derive(Debug)]
pub(crate) enum Ours {
    Idle,
    /// Another INVITE is in progress, or a glare's time runs.
    Waiting {
        body: Body,
        tries: u8,
        until: Option<Tick>,
    },
    /// Sent; the final response is to come.
    Sent(Box<Sent>),
}

#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    body: Body,
    tries: u8,
    /// The change that was wished for since.
    next: Option<Body>,
}

impl Sent {
    /// It has its final response: what was wished for since is next.
    fn over(next: Option<Body>) -> Ours {
        next.map_or(Ours::Idle, |body| Ours::Waiting { body, tries: 0, until: None })
    }
}

/// What a response to our re-INVITE means.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A provisional one, or one that came late.
    Nothing,
    /// Accepted: acknowledge this INVITE; the session is what we offered.
    Accepted { request: Box<Request>, body: Body },
    /// Refused: the session stays what it was.
    Refused,
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
                let Sent { request, body, next, .. } = *sent;
                (Sent::over(next), Verdict::Accepted { request: Box::new(request), body })
            }
            (Ours::Sent(sent), Class::Failure) => {
                let Sent { body, tries, next, .. } = *sent;
                match status {
                    // rfc3261 §14.1: once more after a time that differs on both sides
                    StatusCode::REQUEST_PENDING if tries < TRIES_MAX => {
                        let until = Some(now + glare(entropy, role));
                        (Ours::Waiting { body: next.unwrap_or(body), tries, until }, Verdict::Nothing)
                    }
                    // rfc3261 §14.1 and rfc3261 §12.2.1.2: the dialog is gone
                    StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT => {
                        (Ours::Idle, Verdict::Lost)
                    }
                    // rfc3261 §14.1: the session is as if nothing had been asked
                    _ => (Sent::over(next), Verdict::Refused),
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
        match self {
            Ours::Idle => Ours::Waiting { body, tries: 0, until: None },
            Ours::Waiting { tries, until, .. } => Ours::Waiting { body, tries, until },
            Ours::Sent(sent) => Ours::Sent(Box::new(Sent { next: Some(body), ..*sent })),
        }
    }

    /// It goes out.
    pub(crate) fn sent(request: Request, body: Body, tries: u8) -> Self {
        Ours::Sent(Box::new(Sent { request, body, tries, next: None }))
    }

    /// An INVITE of ours is in progress.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self, Ours::Sent(_))
    }

    /// When to try again.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self {
            Ours::Waiting { until, .. } => *until,
            Ours::Idle | Ours::Sent(_) => None,
        }
    }
}

/// How long to wait after a 491: the owner of the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps
/// of 10 ms.
// rfc3261 §14.1
fn glare(entropy: &mut Entropy, role: Role) -> Duration {
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

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self {
            Theirs::Idle => None,
            Theirs::Asked { until, .. } => Some(*until),
        }
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
