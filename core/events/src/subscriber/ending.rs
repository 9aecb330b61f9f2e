//! Why a subscription is over, and what a subscriber makes of it: again, later, or never (RFC 6665 §4.1.2.2, §4.1.3).

use ruf_dialog::Failure;
use ruf_message::header::event::EndReason;
use ruf_message::{StatusClass, StatusCode};
use std::fmt;

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// We wanted no more.
    Unsubscribed,
    /// The notifier said so, and why.
    Terminated(Option<EndReason>),
    /// A SUBSCRIBE came to nothing.
    Failed(Failure),
    /// It was accepted, and no NOTIFY came (Timer N).
    NotNotified,
    /// Its time was over, and it could not be refreshed.
    Lapsed,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    AtOnce,
    /// After a pause of our own.
    Later,
    /// The other side says after how many seconds.
    After(u32),
    Never,
}

impl Ending {
    /// What is made of it; `retry_after_secs`: what the other side says.
    pub(super) fn again(self, retry_after_secs: Option<u32>) -> Again {
        let later = retry_after_secs.map_or(Again::Later, Again::After);
        match self {
            Ending::Unsubscribed => Again::Never,
            Ending::Terminated(reason) => match reason {
                // rfc6665 §4.1.3: "retry-after" means nothing with these
                Some(EndReason::Deactivated | EndReason::Timeout) => Again::AtOnce,
                // rfc6665 §4.1.3: should not be tried again, whatever "retry-after" says
                Some(EndReason::Rejected | EndReason::Noresource | EndReason::Invariant) => Again::Never,
                Some(EndReason::Probation | EndReason::Giveup | EndReason::Other) | None => later,
            },
            // The notifier forgot it, as one does that was started anew.
            Ending::Failed(Failure::Refused(StatusCode::CALL_DOES_NOT_EXIST)) => Again::AtOnce,
            Ending::Failed(Failure::Refused(status)) if is_passing(status) => later,
            Ending::Failed(Failure::Refused(_)) if retry_after_secs.is_some() => later,
            Ending::Failed(Failure::Refused(_)) => Again::Never,
            Ending::Failed(Failure::Silence | Failure::Unreachable | Failure::NotKept)
            | Ending::NotNotified
            | Ending::Lapsed => later,
        }
    }
}

/// Another time the answer may be another.
fn is_passing(status: StatusCode) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TEMPORARILY_UNAVAILABLE => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::VERSION_NOT_SUPPORTED => false,
        status => status.class() == StatusClass::ServerError,
    }
}

/// A refresh that is refused so ends the subscription; with another refusal it goes on until its time is over.
// rfc6665 §4.1.2.2 and rfc6665 §4.2.2: 404, 405, 410, 416, 480 to 485, 489, 501, 604
pub(crate) fn ends_subscription(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Unsubscribed => f.write_str("not watched any more"),
            Ending::Terminated(Some(EndReason::Rejected)) => f.write_str("they do not want to be watched"),
            Ending::Terminated(Some(EndReason::Noresource)) => {
                f.write_str("there is nothing to watch any more")
            }
            Ending::Terminated(Some(EndReason::Invariant)) => f.write_str("it will not change any more"),
            Ending::Terminated(Some(EndReason::Giveup)) => f.write_str("nobody allowed it in time"),
            Ending::Terminated(_) => f.write_str("ended by the far side"),
            Ending::Failed(failure) => failure.fmt(f),
            Ending::NotNotified => f.write_str("accepted, and never told of anything"),
            Ending::Lapsed => f.write_str("it could not be refreshed in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_notifier_says_decides_whether_to_try_again() {
        // tests rfc6665 §4.1.3
        let again = |reason, secs| Ending::Terminated(reason).again(secs);
        assert_eq!(again(Some(EndReason::Deactivated), Some(60)), Again::AtOnce);
        assert_eq!(again(Some(EndReason::Timeout), Some(60)), Again::AtOnce);
        for never in [EndReason::Rejected, EndReason::Noresource, EndReason::Invariant] {
            assert_eq!(again(Some(never), Some(60)), Again::Never);
        }
        for later in [Some(EndReason::Probation), Some(EndReason::Giveup), Some(EndReason::Other), None] {
            assert_eq!((again(later, Some(60)), again(later, None)), (Again::After(60), Again::Later));
        }
    }

    #[test]
    fn a_refusal_is_final_unless_it_may_pass() {
        // tests rfc6665 §4.1.2.2
        let again =
            |code: u16, secs| Ending::Failed(Failure::Refused(StatusCode::new(code).unwrap())).again(secs);
        assert_eq!(again(481, None), Again::AtOnce);
        for later in [408, 480, 500, 503, 504] {
            assert_eq!(
                (again(later, None), again(later, Some(9))),
                (Again::Later, Again::After(9)),
                "{later}"
            );
        }
        for never in [302, 400, 403, 404, 405, 406, 410, 423, 489, 501, 505, 603, 604] {
            assert_eq!(again(never, None), Again::Never, "{never}");
        }
        assert_eq!(again(603, Some(9)), Again::After(9));
        for failure in [Failure::Silence, Failure::Unreachable] {
            assert_eq!(Ending::Failed(failure).again(None), Again::Later);
        }
    }

    #[test]
    fn only_some_refusals_end_a_subscription() {
        // tests rfc6665 §4.1.2.2, §4.2.2
        let ends = |code: u16| ends_subscription(StatusCode::new(code).unwrap());
        for code in [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604] {
            assert!(ends(code), "{code}");
        }
        for code in [200, 400, 401, 403, 408, 423, 486, 488, 491, 500, 503, 600, 603] {
            assert!(!ends(code), "{code}");
        }
    }
}
