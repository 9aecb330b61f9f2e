//! One subscription: the dialog that a NOTIFY made, kept alive (RFC 6665 §4.1.2.2, §4.1.2.3, §4.1.3).

use super::ending::{Ending, ends_subscription};
use crate::effect::{Asked, Turn};
use crate::package::EventPackage;
use crate::terms::{Terms, finish};
use ruf_dialog::{Dialog, Failure, OutOfOrder};
use ruf_message::header::event::{SubscriptionState, Substate};
use ruf_message::header::expires::{Expires, MinExpires, RetryAfter};
use ruf_message::{HeaderName, Method, Request, Response, StatusCode, Tick, lease};
use std::time::Duration;

/// One subscription.
///
/// ```text
///           time             2xx and NOTIFY
///    Quiet ------> Asked -----------------------> Quiet
///                    | |   refused, may pass        ^
///                    | +----------------------------+
///                    v
///      Timer N; 404, 405, 410, 416, 480-485, 489, 501, 604: over
/// ```
/// A NOTIFY that says so, and its time when nothing refreshed it, end it in either.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) number: u32,
    dialog: Dialog,
    /// When it ends if nothing refreshes it.
    until: Tick,
    refresh: Refresh,
    /// Times in a row that we asked for longer.
    longer: u32,
}

#[derive(Debug)]
enum Refresh {
    Quiet {
        refresh_at: Tick,
    },
    /// A SUBSCRIBE is out; no other may be before its final response.
    Asked {
        cseq: u32,
        asked_secs: u32,
        /// It has its final response.
        is_answered: bool,
        /// Timer N, until a NOTIFY comes.
        // rfc6665 §4.1.2.2
        notify_by: Option<Tick>,
    },
}

/// Why it is over, and after how many seconds to come back, if it says so.
pub(super) type Ended = (Ending, Option<u32>);

impl Subscription {
    /// Begins with a NOTIFY.
    pub(super) fn new(now: Tick, number: u32, dialog: Dialog, lasts_secs: u32) -> Self {
        let mut subscription = Subscription {
            number,
            dialog,
            until: now,
            refresh: Refresh::Quiet { refresh_at: now },
            longer: 0,
        };
        subscription.lasts(now, lasts_secs);
        subscription
    }

    pub(super) fn is_named(&self, remote_tag: &[u8]) -> bool {
        *self.dialog.id().remote_tag == *remote_tag
    }

    /// A request of the notifier in its dialog.
    // rfc3261 §12.2.2
    pub(super) fn accept(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        self.dialog.accept(request)?;
        self.dialog.refresh(request.contacts());
        Ok(())
    }

    /// It ends in so many seconds.
    fn lasts(&mut self, now: Tick, secs: u32) {
        self.until = now + Duration::from_secs(secs.into());
        if let Refresh::Quiet { refresh_at } = &mut self.refresh {
            *refresh_at = now + lease::refresh_in(secs);
        }
    }

    /// It ends in so many seconds at the latest.
    pub(super) fn lasts_at_most(&mut self, now: Tick, secs: u32) {
        if self.until > now + Duration::from_secs(secs.into()) {
            self.lasts(now, secs);
        }
    }

    /// It is to be refreshed as soon as may be: our Contact is another.
    pub(super) fn renew(&mut self) {
        if let Refresh::Quiet { refresh_at } = &mut self.refresh {
            *refresh_at = Tick::ZERO;
        }
    }

    /// No SUBSCRIBE of ours waits for its answer.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.refresh, Refresh::Quiet { .. })
    }

    pub(super) fn is_due(&self, now: Tick) -> bool {
        matches!(self.refresh, Refresh::Quiet { refresh_at } if refresh_at <= now)
    }

    pub(super) fn deadline(&self) -> Tick {
        match self.refresh {
            Refresh::Quiet { refresh_at } => refresh_at.min(self.until),
            Refresh::Asked { notify_by: Some(by), .. } => by.min(self.until),
            Refresh::Asked { notify_by: None, .. } => self.until,
        }
    }

    /// Asks for so many seconds more; 0 ends it.
    // rfc6665 §4.1.2.2, §4.1.2.3
    pub(super) fn ask<E>(
        &mut self,
        turn: &mut Turn<'_, E>,
        terms: &Terms,
        package: &EventPackage,
        asked_secs: u32,
    ) {
        let builder = self.dialog.request(Method::Subscribe, 1);
        let builder = builder
            .header(HeaderName::Contact, format!("<{}>", terms.contact))
            .header(HeaderName::Event, package.name)
            .header(HeaderName::Accept, package.content_type)
            .header(HeaderName::Expires, asked_secs.to_string());
        let request = finish(terms.with_fields(builder));
        let cseq = request.cseq().number;
        // rfc6665 §4.1.2.2: Timer N starts with it
        let notify_by = Some(turn.now + terms.timer_n());
        self.refresh = Refresh::Asked { cseq, asked_secs, is_answered: false, notify_by };
        turn.request(Asked { dialog: self.number, cseq }, request);
    }

    /// The SUBSCRIBE with this number goes out again, with another: which.
    pub(super) fn retry(&mut self, now: Tick, terms: &Terms, number: u32) -> Option<u32> {
        match &mut self.refresh {
            Refresh::Asked { cseq, is_answered: false, notify_by, .. } if *cseq == number => {
                *cseq = self.dialog.next_cseq(1);
                *notify_by = Some(now + terms.timer_n());
                Some(*cseq)
            }
            Refresh::Asked { .. } | Refresh::Quiet { .. } => None,
        }
    }

    /// The SUBSCRIBE with this number has its final response, or will have none. Gives whether another one with
    /// so many seconds is wanted, or why it is over.
    pub(super) fn answered(
        &mut self,
        now: Tick,
        number: u32,
        outcome: Result<&Response, Failure>,
    ) -> Result<Option<u32>, Ended> {
        let Refresh::Asked { cseq, asked_secs, is_answered, notify_by } = &mut self.refresh else {
            return Ok(None);
        };
        if *cseq != number || *is_answered {
            return Ok(None);
        }
        let asked_secs = *asked_secs;
        match outcome {
            Ok(response) if response.status().is_success() => {
                *is_answered = true;
                self.longer = 0;
                // rfc6665 §4.1.2.2: no NOTIFY follows
                if response.status() == StatusCode::NO_NOTIFICATION {
                    *notify_by = None;
                }
                let is_told = notify_by.is_none();
                self.dialog.refresh(response.contacts());
                let granted =
                    response.header::<Expires>().ok().flatten().map_or(asked_secs, |Expires(secs)| secs);
                self.until = now + Duration::from_secs(granted.min(asked_secs).into());
                // One that is to end waits for the NOTIFY that says so.
                if asked_secs == 0 {
                    self.until = self.until.max(notify_by.unwrap_or(now));
                } else if is_told {
                    self.refresh = Refresh::Quiet { refresh_at: now };
                    self.lasts(now, granted.min(asked_secs));
                }
                Ok(None)
            }
            Ok(response) => self.refused(now, asked_secs, response),
            // rfc6665 §4.1.2.2: nothing came until Timer N, which is as long
            Err(failure) => Err((Ending::Failed(failure), None)),
        }
    }

    fn refused(&mut self, now: Tick, asked_secs: u32, response: &Response) -> Result<Option<u32>, Ended> {
        let status = response.status();
        let retry_after = response.header::<RetryAfter<'_>>().ok().flatten().map(|after| after.secs);
        if ends_subscription(status) || asked_secs == 0 {
            return Err((Ending::Failed(Failure::Refused(status)), retry_after));
        }
        let min_secs = response.header::<MinExpires>().ok().flatten().map(|MinExpires(secs)| secs);
        let is_brief = status == StatusCode::INTERVAL_TOO_BRIEF && self.longer < lease::LONGER_MAX;
        if let Some(longer) = min_secs.filter(|min| is_brief && *min > asked_secs) {
            self.longer += 1;
            self.refresh = Refresh::Quiet { refresh_at: now };
            return Ok(Some(longer));
        }
        // rfc6665 §4.1.2.2: it lasts as long as was known before
        let left = self.until.saturating_sub(now);
        let pause = retry_after.map_or(left / 2, |secs| Duration::from_secs(secs.into()));
        self.refresh = Refresh::Quiet { refresh_at: now + pause.max(Duration::from_secs(5)) };
        Ok(None)
    }

    /// A NOTIFY came in it.
    // rfc6665 §4.1.3
    pub(super) fn notified(&mut self, now: Tick, state: &SubscriptionState<'_>) -> Result<(), Ended> {
        if state.state() == Substate::Terminated {
            return Err((Ending::Terminated(state.reason()), state.retry_after_secs()));
        }
        let (was_answered, was_ending) = match &mut self.refresh {
            Refresh::Asked { is_answered, notify_by, asked_secs, .. } => {
                let is_ending = *asked_secs == 0;
                if !is_ending {
                    *notify_by = None;
                }
                (*is_answered, is_ending)
            }
            Refresh::Quiet { .. } => (false, false),
        };
        if was_answered && !was_ending {
            let left = u32::try_from(self.until.saturating_sub(now).as_secs()).unwrap_or(u32::MAX);
            self.refresh = Refresh::Quiet { refresh_at: now };
            self.lasts(now, left);
        }
        // rfc6665 §4.1.3: what it says is how long it lasts
        if let Some(secs) = state.expires_secs().filter(|_| !was_ending) {
            self.lasts(now, secs);
        }
        Ok(())
    }

    /// Time passed.
    pub(super) fn tick(&self, now: Tick) -> Result<(), Ended> {
        match self.refresh {
            // rfc6665 §4.1.2.2: Timer N
            Refresh::Asked { notify_by: Some(by), .. } if by <= now => Err((Ending::NotNotified, None)),
            Refresh::Asked { .. } | Refresh::Quiet { .. } if self.until <= now => Err((Ending::Lapsed, None)),
            Refresh::Asked { .. } | Refresh::Quiet { .. } => Ok(()),
        }
    }
}
