//! The side that refers: asks the peer to call somebody, and hears what becomes of it (RFC 3515 §2.4.1,
//! §2.4.4; RFC 6665 §4.1).

use super::{event_id, fragment};
use crate::bye::Ending;
use crate::effect::{Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::invite::{Class, answer_to};
use crate::session::Session;
use crate::terms::{Terms, Times};
use ruf_dialog::Failure;
use ruf_message::header::event::{SubscriptionState, Substate};
use ruf_message::{HeaderName, Method, NameAddr, Request, Response, StatusCode, Tick, Uri};
use std::time::Duration;

/// ```text
///         transfer: REFER           2xx                  reports
///   Idle -----------------> Asked ----------> Watched <----------+
///    ^                      | | |               |  |             |
///    |   3xx..6xx, silence  | | +---------------+--+-------------+
///    +----------------------+ |     a report    |
///    |   the last report      |                 | the last report,
///    +------------------------+-----------------+ or none in time
/// ```
/// A report may come before the 2xx (RFC 3515 §2.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    Idle,
    /// The REFER with this number is out.
    Asked {
        cseq: u32,
    },
    /// It was accepted. Reports come until then, or longer if they say so.
    Watched {
        cseq: u32,
        until: Tick,
    },
}

/// What a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// How the reference stands, if it says so.
    status: Option<StatusCode>,
    /// It is the last.
    is_last: bool,
    /// The subscription lasts for so long.
    expires_secs: Option<u32>,
}

/// What the user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Progress(StatusCode),
    Done,
    Failed(Failure),
}

impl Transfer {
    /// A response to the REFER, or none came.
    pub(crate) fn response(
        self,
        now: Tick,
        times: &Times,
        number: u32,
        status: StatusCode,
        failure: Failure,
    ) -> (Self, Told) {
        match (self, Class::of(status)) {
            (Transfer::Asked { cseq }, Class::Provisional | Class::Success | Class::Failure)
                if cseq != number =>
            {
                (Transfer::Asked { cseq }, Told::Nothing)
            }
            (Transfer::Asked { cseq }, Class::Provisional) => (Transfer::Asked { cseq }, Told::Nothing),
            // rfc6665 §4.1.2.4: Timer N waits for the first report
            (Transfer::Asked { cseq }, Class::Success) => {
                (Transfer::Watched { cseq, until: now + times.t1_64() }, Told::Nothing)
            }
            (Transfer::Asked { .. }, Class::Failure) => (Transfer::Idle, Told::Failed(failure)),
            (
                state @ (Transfer::Idle | Transfer::Watched { .. }),
                Class::Provisional | Class::Success | Class::Failure,
            ) => (state, Told::Nothing),
        }
    }

    /// A report came.
    // rfc3515 §2.4.4, §2.4.5
    pub(crate) fn reported(self, now: Tick, times: &Times, report: Report) -> (Self, Told) {
        let told = match (report.status, report.is_last) {
            (Some(status), false) if status.is_provisional() => Told::Progress(status),
            (Some(status), true | false) if status.is_success() => Told::Done,
            (Some(status), true | false) if status.is_final() => Told::Failed(Failure::Refused(status)),
            // The last one, and nobody knows how it ended.
            (Some(_) | None, true) => Told::Failed(Failure::Silence),
            (Some(_) | None, false) => Told::Nothing,
        };
        let lasts = report.expires_secs.map_or(times.reference(), |secs| Duration::from_secs(secs.into()));
        match (self, told) {
            (Transfer::Idle, Told::Nothing | Told::Progress(_) | Told::Done | Told::Failed(_)) => {
                (Transfer::Idle, Told::Nothing)
            }
            (Transfer::Asked { .. } | Transfer::Watched { .. }, Told::Done | Told::Failed(_)) => {
                (Transfer::Idle, told)
            }
            (Transfer::Asked { cseq }, Told::Progress(_) | Told::Nothing) => (Transfer::Asked { cseq }, told),
            (Transfer::Watched { cseq, .. }, Told::Progress(_) | Told::Nothing) => {
                (Transfer::Watched { cseq, until: now + lasts }, told)
            }
        }
    }

    /// Time passed: the peer owes a report and is silent.
    pub(crate) fn tick(self, now: Tick) -> (Self, Told) {
        match self {
            Transfer::Watched { until, .. } if until <= now => {
                (Transfer::Idle, Told::Failed(Failure::Silence))
            }
            Transfer::Idle | Transfer::Asked { .. } | Transfer::Watched { .. } => (self, Told::Nothing),
        }
    }

    /// A report with this id in its Event is about it.
    // rfc3515 §2.4.6
    fn is_of(self, id: Option<u32>) -> bool {
        match self {
            Transfer::Idle => false,
            Transfer::Asked { cseq } | Transfer::Watched { cseq, .. } => id.is_none_or(|id| id == cseq),
        }
    }

    /// The REFER with this number waits for its answer.
    pub(crate) fn is_asked(self, number: u32) -> bool {
        self == Transfer::Asked { cseq: number }
    }

    pub(crate) fn deadline(self) -> Option<Tick> {
        match self {
            Transfer::Watched { until, .. } => Some(until),
            Transfer::Idle | Transfer::Asked { .. } => None,
        }
    }
}

impl Session {
    /// Asks the peer to call this URI. One at a time: does nothing while one is under way.
    // rfc3515 §2.4.1
    pub(crate) fn transfer(&mut self, turn: &mut Turn<'_>, terms: &Terms, to: &Uri) {
        if self.transfer != Transfer::Idle || self.ending != Ending::Established {
            return;
        }
        let by = self.peer.dialog.local_uri();
        let mut request = self.peer.target_refresh(Method::Refer, terms, None);
        request.set(HeaderName::ReferTo, NameAddr::compose("", to));
        // rfc3892 §2.1
        request.set(HeaderName::ReferredBy, NameAddr::compose("", &by));
        let cseq = request.cseq().number;
        self.transfer = Transfer::Asked { cseq };
        turn.request(self.peer.asked(Verb::Refer, cseq), request);
    }

    pub(crate) fn refer_answered(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        cseq: u32,
        outcome: Result<&Response, Failure>,
    ) {
        let status = outcome.map_or_else(Failure::status, Response::status);
        let failure = outcome.err().unwrap_or(Failure::Refused(status));
        if let Ok(response) = outcome
            && status.is_success()
        {
            // rfc4488 §4: a target refresh request
            self.peer.dialog.refresh(response.contacts());
        }
        let (transfer, told) = self.transfer.response(turn.now, &terms.times, cseq, status, failure);
        self.transfer = transfer;
        self.tell_transfer(turn, told);
        // rfc3261 §12.2.1.2: the peer knows no such dialog, or is not there
        if matches!(told, Told::Failed(_))
            && matches!(status, StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT)
        {
            self.hang_up(turn, terms, EndReason::Failed(failure), None);
        }
    }

    /// A NOTIFY of the peer.
    // rfc6665 §4.1.3
    pub(crate) fn notified(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        let is_ours = event_id(request).is_some_and(|id| self.transfer.is_of(id));
        if !is_ours {
            return turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        let Ok(Some(state)) = request.header::<SubscriptionState<'_>>() else {
            return turn.refuse(server, request, StatusCode::BAD_REQUEST);
        };
        self.peer.dialog.refresh(request.contacts());
        turn.respond(server, answer_to(request, StatusCode::OK, "", &terms.party, None));
        let report = Report {
            status: fragment::status(request),
            is_last: state.state() == Substate::Terminated,
            expires_secs: state.expires_secs(),
        };
        let (transfer, told) = self.transfer.reported(turn.now, &terms.times, report);
        self.transfer = transfer;
        self.tell_transfer(turn, told);
    }

    pub(crate) fn tick_transfer(&mut self, turn: &mut Turn<'_>) {
        let (transfer, told) = self.transfer.tick(turn.now);
        self.transfer = transfer;
        self.tell_transfer(turn, told);
    }

    /// The call is over, and what it was referred to is no business of ours.
    // rfc3515 §2.4.4: a subscription may be ended by refusing its NOTIFY
    pub(crate) fn forget_transfer(&mut self) {
        self.transfer = Transfer::Idle;
    }

    fn tell_transfer(&self, turn: &mut Turn<'_>, told: Told) {
        match told {
            Told::Nothing => {}
            Told::Progress(status) => turn.event(SessionEvent::TransferProgress { status }),
            Told::Done => turn.event(SessionEvent::Transferred),
            Told::Failed(failure) => turn.event(SessionEvent::TransferFailed(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Transfer = Transfer::Asked { cseq: 7 };

    fn report(status: StatusCode, is_last: bool) -> Report {
        Report { status: Some(status), is_last, expires_secs: None }
    }

    fn answered(state: Transfer, status: StatusCode) -> (Transfer, Told) {
        state.response(Tick::ZERO, &Times::default(), 7, status, Failure::Refused(status))
    }

    fn told(state: Transfer, report: Report) -> (Transfer, Told) {
        state.reported(Tick::ZERO, &Times::default(), report)
    }

    #[test]
    fn a_report_may_come_before_the_answer() {
        // tests rfc3515 §2.4.4
        let (state, progress) = told(ASKED, report(StatusCode::TRYING, false));
        assert_eq!((state, progress), (ASKED, Told::Progress(StatusCode::TRYING)));
        let (idle, done) = told(state, report(StatusCode::OK, true));
        assert_eq!((idle, done), (Transfer::Idle, Told::Done));
        assert_eq!(answered(idle, StatusCode::ACCEPTED), (Transfer::Idle, Told::Nothing));
    }

    #[test]
    fn each_end_is_told_once() {
        // tests rfc3515 §2.4.5, §2.4.7, rfc6665 §4.1.2.4
        let busy = Failure::Refused(StatusCode::BUSY_HERE);
        assert_eq!(answered(ASKED, StatusCode::BUSY_HERE), (Transfer::Idle, Told::Failed(busy)));
        let (watched, nothing) = answered(ASKED, StatusCode::ACCEPTED);
        assert_eq!(
            (watched.deadline(), nothing),
            (Some(Tick::ZERO + Duration::from_secs(32)), Told::Nothing)
        );
        assert_eq!(told(watched, report(StatusCode::BUSY_HERE, false)), (Transfer::Idle, Told::Failed(busy)));
        let bare = Report { status: None, is_last: true, expires_secs: None };
        let silence = (Transfer::Idle, Told::Failed(Failure::Silence));
        assert_eq!(told(watched, bare), silence);
        assert_eq!(told(watched, report(StatusCode::RINGING, true)), silence);
        assert_eq!(watched.tick(Tick::ZERO + Duration::from_secs(32)), silence);
        assert_eq!(told(Transfer::Idle, bare), (Transfer::Idle, Told::Nothing));
    }

    #[test]
    fn a_report_says_how_long_others_come() {
        // tests rfc3515 §3.4
        let (watched, _) = answered(ASKED, StatusCode::ACCEPTED);
        let report = Report { expires_secs: Some(90), ..report(StatusCode::RINGING, false) };
        assert_eq!(told(watched, report).0.deadline(), Some(Tick::ZERO + Duration::from_secs(90)));
    }

    #[test]
    fn an_id_names_the_refer() {
        // tests rfc3515 §2.4.6
        assert!(ASKED.is_of(None) && ASKED.is_of(Some(7)) && !ASKED.is_of(Some(8)));
        assert!(!Transfer::Idle.is_of(None));
    }
}
