//! Session timers, both sides: a session ends if nobody says for long that it goes on (RFC 4028). Whoever
//! refreshes does so by UPDATE, or by re-INVITE if the peer does not take it.
//!
//! Not here: the refusal of too short an interval (422), and the second try after one, which are the owner's.

use crate::bye::Ending;
use crate::cause::Cause;
use crate::effect::Turn;
use crate::event::EndReason;
use crate::session::Session;
use crate::terms::{Terms, Times};
use crate::update::Wish;
use ruf_dialog::Failure;
use ruf_message::header::expires::{MinSe, Refresher, SessionExpires};
use ruf_message::{Fields, HeaderName, Request, Response, StatusCode, Tick};
use std::mem;
use std::time::Duration;

/// The extension.
// rfc4028 §12.3
const OPTION_TAG: &str = "timer";

/// No session interval is shorter, in seconds.
// rfc4028 §4, §5
pub const MIN_SE_SECS: u32 = 90;

/// The timer of one session.
#[derive(Debug)]
pub(crate) struct SessionTimer {
    state: State,
    /// The least that somebody on the way wants, in seconds.
    // rfc4028 §7.4
    min_secs: u32,
}

/// ```text
///          2xx with Session-Expires          half of the interval: refresh
///   Off --------------------------> Refresher <----------------+
///    ^                            |    |  +--------------------+ 2xx, or another try
///    |  2xx without               |    |
///    +----------------------------+    | a third before its end, or 32 s: BYE
///    ^                            |    v
///    +----------------------- Watcher ---> over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The session has no end.
    Off,
    /// We refresh it.
    Refresher { interval_secs: u32, refresh_at: Option<Tick>, over_at: Tick },
    /// The peer does.
    Watcher { interval_secs: u32, over_at: Tick },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Refresh,
    Over,
}

/// Asks for a timer in the INVITE that opens a session.
// rfc4028 §7.1
pub(crate) fn ask(invite: &mut Request, times: &Times) {
    if let Some(interval) = times.session_interval {
        invite.set(HeaderName::SessionExpires, interval.as_secs().to_string());
    }
}

impl SessionTimer {
    pub(crate) fn new() -> Self {
        SessionTimer { state: State::Off, min_secs: MIN_SE_SECS }
    }

    /// What a request within the session says of it.
    // rfc4028 §7.4
    pub(crate) fn keep(&self, request: &mut Request) {
        let (interval_secs, refresher) = match self.state {
            State::Off => return,
            // The roles stay what they are.
            State::Refresher { interval_secs, .. } => (interval_secs, Refresher::Uac),
            State::Watcher { interval_secs, .. } => (interval_secs, Refresher::Uas),
        };
        let secs = interval_secs.max(self.min_secs);
        request.set(HeaderName::SessionExpires, format!("{secs};refresher={}", refresher.as_str()));
        if self.min_secs > MIN_SE_SECS {
            request.set(HeaderName::MinSe, self.min_secs.to_string());
        }
    }

    /// Our 2xx to a request that opens or refreshes the session: what it says, and how long the session lives.
    // rfc4028 §9
    pub(crate) fn accept(&mut self, now: Tick, times: &Times, request: &Request, response: &mut Response) {
        self.learn(request);
        let knows = request.supported().any(|tag| tag.eq_ignore_ascii_case(OPTION_TAG));
        let asked = request.header::<SessionExpires<'_>>().ok().flatten();
        let granted = match (asked, knows) {
            (Some(asked), _) if asked.secs < MIN_SE_SECS => None,
            // rfc4028 §9, table 2: the caller refreshes, unless it wants us to
            (Some(asked), true) => Some((asked.secs, asked.refresher() == Some(Refresher::Uas))),
            // rfc4028 §9, table 2: a proxy asks, and the caller cannot
            (Some(asked), false) => Some((asked.secs, true)),
            // rfc4028 §9: we may ask for what nobody asked for
            (None, true) => self.wanted(times),
            (None, false) => None,
        };
        let Some((secs, ours)) = granted else {
            self.state = State::Off;
            return;
        };
        let refresher = if ours { Refresher::Uas } else { Refresher::Uac };
        response.set(HeaderName::SessionExpires, format!("{secs};refresher={}", refresher.as_str()));
        if knows {
            // rfc4028 §9
            response.add(HeaderName::Require, OPTION_TAG);
        }
        self.begin(now, secs, ours);
    }

    /// A 2xx to a request of ours that opened or refreshed the session.
    // rfc4028 §7.2
    pub(crate) fn accepted(&mut self, now: Tick, response: &Response) {
        match response.header::<SessionExpires<'_>>() {
            Ok(Some(granted)) => {
                let ours = granted.refresher() != Some(Refresher::Uas);
                self.begin(now, granted.secs.max(MIN_SE_SECS), ours);
            }
            // rfc4028 §7.2: without it there is no end
            Ok(None) | Err(_) => self.state = State::Off,
        }
    }

    /// A request that is about to refresh the session, or has, names the least interval.
    // rfc4028 §7.4
    pub(crate) fn learn(&mut self, request: &Fields) {
        if let Ok(Some(min)) = request.header::<MinSe<'_>>() {
            self.min_secs = self.min_secs.max(min.secs);
        }
    }

    /// A refresh of ours was refused: once more, halfway to the end.
    // rfc4028 §10
    pub(crate) fn refused(&mut self, now: Tick) {
        if let State::Refresher { refresh_at, over_at, .. } = &mut self.state {
            let left = over_at.saturating_sub(now) / 2;
            *refresh_at = (left >= Duration::from_secs(1)).then(|| now + left);
        }
    }

    /// The interval that we want, and whether we refresh: as it is, or as the settings say.
    fn wanted(&self, times: &Times) -> Option<(u32, bool)> {
        match self.state {
            State::Refresher { interval_secs, .. } => Some((interval_secs.max(self.min_secs), true)),
            State::Watcher { interval_secs, .. } => Some((interval_secs.max(self.min_secs), false)),
            State::Off => {
                let secs = u32::try_from(times.session_interval?.as_secs()).unwrap_or(u32::MAX);
                Some((secs.max(self.min_secs), true))
            }
        }
    }

    fn begin(&mut self, now: Tick, interval_secs: u32, ours: bool) {
        let interval = Duration::from_secs(interval_secs.into());
        // rfc4028 §10: slightly before its end
        let over_at = now + interval.saturating_sub((interval / 3).min(Duration::from_secs(32)));
        self.state = if ours {
            // rfc4028 §7.2: at half of it
            State::Refresher { interval_secs, refresh_at: Some(now + interval / 2), over_at }
        } else {
            State::Watcher { interval_secs, over_at }
        };
    }

    fn due(&mut self, now: Tick) -> Due {
        match &mut self.state {
            State::Refresher { over_at, .. } | State::Watcher { over_at, .. } if *over_at <= now => Due::Over,
            State::Refresher { refresh_at, .. } if refresh_at.is_some_and(|at| at <= now) => {
                *refresh_at = None;
                Due::Refresh
            }
            State::Refresher { .. } | State::Watcher { .. } | State::Off => Due::Nothing,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self.state {
            State::Off => None,
            State::Refresher { refresh_at, over_at, .. } => Some(refresh_at.unwrap_or(over_at).min(over_at)),
            State::Watcher { over_at, .. } => Some(over_at),
        }
    }
}

impl Session {
    /// When its timer is due; a session that ends needs none.
    pub(crate) fn timer_deadline(&self) -> Option<Tick> {
        self.peer.timer.deadline().filter(|_| self.ending == Ending::Established)
    }

    /// Time passed.
    // rfc4028 §10
    pub(crate) fn tick_timer(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        if self.ending != Ending::Established {
            return;
        }
        match self.peer.timer.due(turn.now) {
            Due::Nothing => {}
            Due::Refresh => {
                // rfc4028 §7.4: by UPDATE, if it can be
                if self.peer.allows_update {
                    self.peer.update = mem::take(&mut self.peer.update).wish(Wish::Refresh);
                } else if let Some(given) = self.peer.given.clone() {
                    self.ours = mem::take(&mut self.ours).refresh(given);
                }
                self.resume(turn, terms);
            }
            Due::Over => {
                let cause = Cause::sip(StatusCode::REQUEST_TIMEOUT, "Session expired");
                self.hang_up(turn, terms, EndReason::Failed(Failure::Silence), Some(cause));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Method;

    fn request(fields: &[(HeaderName, &str)]) -> Request {
        let uri = "sip:a@h".parse().unwrap();
        let mut builder = Request::build(Method::Invite, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>");
        for (name, value) in fields {
            builder = builder.header(*name, value);
        }
        builder.call_id("1").cseq(1).finish().unwrap()
    }

    fn text(message: &Fields, name: HeaderName) -> String {
        String::from_utf8_lossy(message.raw(name).next().unwrap_or(b"-")).into_owned()
    }

    fn at(secs: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(secs)
    }

    const TIMER: (HeaderName, &str) = (HeaderName::Supported, "timer");

    /// What a request with these fields is answered: Session-Expires and Require.
    fn accepted(timer: &mut SessionTimer, fields: &[(HeaderName, &str)]) -> (String, String) {
        let request = request(fields);
        let mut response = request.reply(StatusCode::OK);
        let times = Times { session_interval: Some(Duration::from_secs(1_800)), ..Times::default() };
        timer.accept(Tick::ZERO, &times, &request, &mut response);
        (text(&response, HeaderName::SessionExpires), text(&response, HeaderName::Require))
    }

    #[test]
    fn the_callee_says_who_refreshes() {
        // tests rfc4028 §9
        let answer = |fields: &[_]| accepted(&mut SessionTimer::new(), fields);
        let says = |secs: &str, require: &str| (secs.to_owned(), require.to_owned());
        let asks = |value| (HeaderName::SessionExpires, value);
        assert_eq!(answer(&[TIMER, asks("600")]), says("600;refresher=uac", "timer"));
        assert_eq!(answer(&[TIMER, asks("600;refresher=uac")]), says("600;refresher=uac", "timer"));
        assert_eq!(answer(&[TIMER, asks("600;refresher=uas")]), says("600;refresher=uas", "timer"));
        assert_eq!(answer(&[asks("600")]), says("600;refresher=uas", "-"));
        assert_eq!(answer(&[asks("60")]), says("-", "-"));
        assert_eq!(answer(&[TIMER]), says("1800;refresher=uas", "timer"));
        assert_eq!(answer(&[TIMER, (HeaderName::MinSe, "3600")]), says("3600;refresher=uas", "timer"));
        assert_eq!(answer(&[]), says("-", "-"));
    }

    #[test]
    fn the_caller_obeys_and_keeps_the_roles() {
        // tests rfc4028 §7.2, §7.4
        let mut timer = SessionTimer::new();
        let mut answered = |value: &str| {
            let mut response = request(&[]).reply(StatusCode::OK);
            if !value.is_empty() {
                response.set(HeaderName::SessionExpires, value);
            }
            timer.accepted(Tick::ZERO, &response);
            let mut next = request(&[]);
            timer.keep(&mut next);
            (timer.deadline(), text(&next, HeaderName::SessionExpires))
        };
        assert_eq!(answered("600;refresher=uac"), (Some(at(300)), "600;refresher=uac".into()));
        assert_eq!(answered("600;refresher=uas"), (Some(at(568)), "600;refresher=uas".into()));
        assert_eq!(answered("90;refresher=uas"), (Some(at(60)), "90;refresher=uas".into()));
        assert_eq!(answered("10;refresher=uac"), (Some(at(45)), "90;refresher=uac".into()));
        assert_eq!(answered(""), (None, "-".into()));
    }

    #[test]
    fn the_least_interval_is_remembered() {
        // tests rfc4028 §7.4
        let mut timer = SessionTimer::new();
        accepted(&mut timer, &[TIMER, (HeaderName::SessionExpires, "600"), (HeaderName::MinSe, "300")]);
        timer.learn(&request(&[(HeaderName::MinSe, "700")]));
        timer.learn(&request(&[(HeaderName::MinSe, "400")]));
        let mut next = request(&[]);
        timer.keep(&mut next);
        assert_eq!(text(&next, HeaderName::SessionExpires), "700;refresher=uas");
        assert_eq!(text(&next, HeaderName::MinSe), "700");
        // A change that says nothing of it leaves the roles as they are.
        assert_eq!(accepted(&mut timer, &[TIMER]).0, "700;refresher=uac");
        assert_eq!(accepted(&mut timer, &[]).0, "-");
        assert_eq!(timer.deadline(), None);
    }

    #[test]
    fn a_refresh_that_is_refused_is_tried_again_until_the_end() {
        // tests rfc4028 §10
        let mut timer = SessionTimer::new();
        timer.begin(Tick::ZERO, 600, true);
        assert_eq!(
            (timer.due(at(299)), timer.due(at(300)), timer.due(at(301))),
            (Due::Nothing, Due::Refresh, Due::Nothing)
        );
        assert_eq!(timer.deadline(), Some(at(568)));
        timer.refused(at(308));
        assert_eq!(timer.deadline(), Some(at(438)));
        assert_eq!((timer.due(at(438)), timer.due(at(568))), (Due::Refresh, Due::Over));
        timer.refused(at(568));
        assert_eq!(timer.deadline(), Some(at(568)));
    }
}
