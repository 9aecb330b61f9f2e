//! The notifier's side of the subscription that a REFER makes: what is told of a reference, and when
//! (RFC 3515 §2.4.4, §3.10; RFC 6665 §4.2.2).

use ruf_message::header::event::EndReason;
use ruf_message::{StatusCode, Tick};
use std::time::Duration;

/// Progress is told no more often.
// rfc3515 §3.10
const PAUSE: Duration = Duration::from_secs(1);

/// How a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) status: StatusCode,
    pub(super) state: State,
}

/// How the subscription to it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has decided to follow it.
    Pending,
    /// It is followed.
    Active,
    /// This is the last report.
    Over(EndReason),
}

/// What is told of one reference: one NOTIFY at a time, each with what is true when it leaves.
#[derive(Debug)]
pub(super) struct Reports {
    /// The id that Event bears.
    // rfc3515 §2.4.6
    pub(super) event_id: Option<u32>,
    current: Report,
    /// It was not told yet.
    is_news: bool,
    delivery: Delivery,
    /// When the subscription ends of itself.
    until: Tick,
}

/// ```text
///            news: NOTIFY              200, more may come
///   Quiet ------------------> Telling ------------------> Quiet
///                               |
///                               | 200 to the last, a refusal, silence
///                               v
///                             Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// Progress waits until then.
    Quiet { until: Tick },
    /// The NOTIFY with this number is out; `last`: no other follows.
    Telling { cseq: u32, last: bool, since: Tick },
    /// Nobody wants to hear more, or there is no more.
    Over,
}

impl Reports {
    /// A subscription begins with a report.
    // rfc3515 §2.4.4: at once
    pub(super) fn new(event_id: Option<u32>, now: Tick, until: Tick, first: Report) -> Self {
        Reports { event_id, current: first, is_news: true, delivery: Delivery::Quiet { until: now }, until }
    }

    /// It stands so from now on. After the last report there is no other.
    pub(super) fn tell(&mut self, report: Report) {
        if !matches!(self.current.state, State::Over(_)) {
            self.current = report;
            self.is_news = true;
        }
    }

    /// The subscriber wants it until then, which may be now, and to hear at once how it stands.
    // rfc3515 §2.4.4 and rfc6665 §4.2.1.4
    pub(super) fn refresh(&mut self, now: Tick, until: Tick) {
        self.until = until;
        self.is_news = true;
        if let Delivery::Quiet { until } = &mut self.delivery {
            *until = now;
        }
    }

    /// What is to be told now. The caller sends it and says so by [`Self::sent`].
    pub(super) fn due(&mut self, now: Tick) -> Option<Report> {
        if self.until <= now {
            self.tell(Report { state: State::Over(EndReason::Timeout), ..self.current });
        }
        let is_due = match self.delivery {
            // What is final is not kept back.
            Delivery::Quiet { until } => until <= now || self.is_last(),
            Delivery::Telling { .. } | Delivery::Over => false,
        };
        (self.is_news && is_due).then_some(self.current)
    }

    pub(super) fn sent(&mut self, now: Tick, cseq: u32) {
        self.is_news = false;
        self.delivery = Delivery::Telling { cseq, last: self.is_last(), since: now };
    }

    /// The NOTIFY with this number has its final response, or will have none.
    // rfc6665 §4.2.2: a refusal removes the subscription
    pub(super) fn answered(&mut self, cseq: u32, is_success: bool) {
        self.delivery = match self.delivery {
            Delivery::Telling { cseq: out, last, since } if out == cseq => match is_success && !last {
                true => Delivery::Quiet { until: since + PAUSE },
                false => Delivery::Over,
            },
            other @ (Delivery::Telling { .. } | Delivery::Quiet { .. } | Delivery::Over) => other,
        };
    }

    /// The NOTIFY with this number is out.
    pub(super) fn is_telling(&self, cseq: u32) -> bool {
        matches!(self.delivery, Delivery::Telling { cseq: out, .. } if out == cseq)
    }

    /// It went out again, with this number.
    pub(super) fn sent_again(&mut self, number: u32) {
        if let Delivery::Telling { cseq, .. } = &mut self.delivery {
            *cseq = number;
        }
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        match self.delivery {
            Delivery::Quiet { until } if self.is_news => Some(until.min(self.until)),
            Delivery::Quiet { .. } => Some(self.until),
            Delivery::Telling { .. } | Delivery::Over => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.delivery == Delivery::Over
    }

    /// So many seconds are left of it.
    pub(super) fn expires_secs(&self, now: Tick) -> u64 {
        self.until.saturating_sub(now).as_secs()
    }

    fn is_last(&self) -> bool {
        matches!(self.current.state, State::Over(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn report(status: StatusCode) -> Report {
        let state = if status.is_final() { State::Over(EndReason::Noresource) } else { State::Active };
        Report { status, state }
    }

    fn at(millis: u64) -> Tick {
        Tick::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn progress_is_told_once_a_second_and_the_end_at_once() {
        // tests rfc3515 §2.4.4, §3.10
        let mut reports = Reports::new(None, at(0), at(60_000), report(StatusCode::TRYING));
        assert_eq!(reports.due(at(0)), Some(report(StatusCode::TRYING)));
        reports.sent(at(0), 1);
        reports.tell(report(StatusCode::RINGING));
        assert_eq!((reports.due(at(5_000)), reports.deadline()), (None, None), "one at a time");
        reports.answered(1, true);
        assert_eq!((reports.due(at(999)), reports.deadline()), (None, Some(at(1_000))));
        reports.tell(report(StatusCode::SESSION_PROGRESS));
        assert_eq!(reports.due(at(1_000)), Some(report(StatusCode::SESSION_PROGRESS)));
        reports.sent(at(1_000), 2);
        reports.answered(2, true);
        reports.tell(report(StatusCode::OK));
        reports.tell(report(StatusCode::RINGING));
        assert_eq!(reports.due(at(1_001)), Some(report(StatusCode::OK)));
        reports.sent(at(1_001), 3);
        reports.answered(2, true);
        assert!(!reports.is_over(), "an answer to another NOTIFY");
        reports.answered(3, true);
        assert!(reports.is_over());
    }

    #[test]
    fn it_ends_with_its_time_and_with_a_refusal() {
        // tests rfc6665 §4.2.2
        let mut reports = Reports::new(Some(7), at(0), at(60_000), report(StatusCode::TRYING));
        reports.sent(at(0), 1);
        reports.answered(1, true);
        assert_eq!((reports.due(at(59_999)), reports.deadline()), (None, Some(at(60_000))));
        let last = Report { status: StatusCode::TRYING, state: State::Over(EndReason::Timeout) };
        assert_eq!(reports.due(at(60_000)), Some(last));
        reports.sent(at(60_000), 2);
        reports.sent_again(3);
        assert!(reports.is_telling(3));
        reports.answered(3, false);
        assert!(reports.is_over() && reports.due(at(70_000)).is_none());
    }

    #[test]
    fn a_refusal_of_any_report_is_the_end() {
        // tests rfc6665 §4.2.2
        let mut reports = Reports::new(None, at(0), at(60_000), report(StatusCode::TRYING));
        reports.sent(at(0), 1);
        reports.answered(1, false);
        assert!(reports.is_over());
    }

    #[test]
    fn a_refresh_is_answered_with_a_report() {
        // tests rfc3515 §2.4.4
        let mut reports = Reports::new(None, at(0), at(60_000), report(StatusCode::TRYING));
        reports.sent(at(0), 1);
        reports.answered(1, true);
        reports.refresh(at(100), at(90_100));
        assert_eq!(reports.due(at(100)), Some(report(StatusCode::TRYING)));
        assert_eq!(reports.expires_secs(at(100)), 90);
    }
}
