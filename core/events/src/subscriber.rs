//! The subscriber: what somebody wants to hear of, and all subscriptions that come of it (RFC 6665 §4.1).
//!
//! [`Subscriber`] asks, is told, refreshes, and begins anew where its RFC wants or allows it. One subscription is in
//! `subscription.rs`, what is made of its end in `ending.rs`. Not here: transactions and credentials, which are the
//! owner's, and what a body means, which is the package's.

mod ending;
mod notified;
mod subscription;

pub use ending::Ending;
pub(crate) use ending::ends_subscription;

use crate::effect::{Asked, Turn};
use crate::package::EventPackage;
use crate::terms::{Terms, finish};
use ending::Again;
use ruf_dialog::Failure;
use ruf_message::body::Body;
use ruf_message::header::expires::{Expires, MinExpires, RetryAfter};
use ruf_message::{HeaderName, Method, Response, StatusCode, Tick, Uri, lease};
use std::time::Duration;
use subscription::{Ended, Subscription};

/// Most subscriptions that one SUBSCRIBE leads to.
const FORKS_MAX: usize = 16;

/// What ends sooner than this after it began is not begun again at once, whatever the notifier says.
const AT_ONCE_AFTER: Duration = Duration::from_secs(30);

/// What the user of a subscriber is told. The last is [`SubscriberEvent::Over`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriberEvent {
    /// A notifier says how things are.
    Notified {
        /// Which: more than one only where the package allows it and a proxy forked.
        notifier: u32,
        /// It waits for somebody to allow it to say more.
        is_pending: bool,
        /// What it says; `None` changes nothing.
        body: Option<Body>,
    },
    /// One of several notifiers will say no more; others will.
    Left {
        /// Which.
        notifier: u32,
    },
    /// There is no subscription at the moment: what was said may be so no longer.
    Interrupted {
        /// Why.
        why: Ending,
        /// Another is tried for then.
        retry_in: Duration,
    },
    /// There is none any more.
    Over {
        /// Why.
        why: Ending,
    },
}

/// Watches one resource.
///
/// ```text
///            SUBSCRIBE                    NOTIFY
///   Retry -------------> NotifyWait ----------------> subscriptions, pending or active
///     ^                      |                              |
///     |                      | refused, Timer N             | the last one ended
///     |                      v                              v
///     +------ again, later -------------------------------------------- never: Over
/// ```
/// Where the package allows several subscriptions, NotifyWait goes on beside the first of them until Timer N.
#[derive(Debug)]
pub struct Subscriber {
    terms: Terms,
    package: EventPackage,
    to: Uri,
    expires_secs: u32,
    /// More is wanted than what is told next.
    is_wanted: bool,
    call_id: String,
    tag: String,
    opening: Opening,
    subscriptions: Vec<Subscription>,
    next: u32,
    /// Of the last SUBSCRIBE out of dialog. It never begins anew, so that no outcome is taken for that of another.
    cseq: u32,
    began: Tick,
    failures: u32,
    /// Times in a row that we asked for longer.
    longer: u32,
}

/// A SUBSCRIBE out of dialog.
#[derive(Debug)]
enum Opening {
    /// It led to a subscription, and to no other.
    Settled,
    /// It is out, or was accepted; a NOTIFY may begin a subscription until then.
    // rfc6665 §4.1.2.4: Timer N
    NotifyWait { cseq: u32, asked_secs: u32, until: Tick },
    /// Another one goes out then.
    Retry { at: Tick },
    /// There will be none.
    Over,
}

impl Subscriber {
    /// Subscribes for so many seconds at a time, until [`Self::unsubscribe`]. 0 asks how things are, once.
    // rfc6665 §4.1.2.1, §4.4.3
    pub fn subscribe(
        turn: &mut Turn<'_, SubscriberEvent>,
        terms: Terms,
        package: EventPackage,
        to: Uri,
        expires_secs: u32,
    ) -> Self {
        let mut subscriber = Subscriber {
            terms,
            package,
            to,
            expires_secs,
            is_wanted: expires_secs > 0,
            call_id: String::new(),
            tag: String::new(),
            opening: Opening::Settled,
            subscriptions: Vec::new(),
            next: 1,
            cseq: 0,
            began: turn.now,
            failures: 0,
            longer: 0,
        };
        subscriber.open(turn);
        subscriber
    }

    /// What a NOTIFY for it has as its Call-ID and as the tag of To. Changes when it begins anew.
    // rfc6665 §4.4.1
    pub fn name(&self) -> (&[u8], &[u8]) {
        (self.call_id.as_bytes(), self.tag.as_bytes())
    }

    /// What it watches.
    pub fn to(&self) -> &Uri {
        &self.to
    }

    /// Nothing is left of it.
    pub fn is_over(&self) -> bool {
        matches!(self.opening, Opening::Over)
    }

    /// Wants to hear no more.
    // rfc6665 §4.1.2.3
    pub fn unsubscribe(&mut self, turn: &mut Turn<'_, SubscriberEvent>) {
        self.is_wanted = false;
        match self.opening {
            Opening::Retry { .. } => self.conclude(turn, Ending::Unsubscribed),
            // What a NOTIFY will begin ends at once.
            Opening::NotifyWait { .. } | Opening::Settled => self.see_to_subscriptions(turn),
            Opening::Over => {}
        }
    }

    /// Our Contact from here on; whom we watch is told with the next tick, which is due at once.
    pub fn move_to(&mut self, contact: String, secure_flow: bool) {
        self.terms.contact = contact;
        self.terms.secure_flow = secure_flow;
        self.subscriptions.iter_mut().for_each(Subscription::renew);
    }

    // rfc6665 §4.1.2.1 and rfc6665 §4.1.2.2: a new Call-ID and a new tag; rfc3842 §3.6-1
    fn open(&mut self, turn: &mut Turn<'_, SubscriberEvent>) {
        self.call_id = turn.entropy.token(22);
        self.tag = turn.entropy.token(12);
        self.began = turn.now;
        self.ask(turn, self.expires_secs);
    }

    fn ask(&mut self, turn: &mut Turn<'_, SubscriberEvent>, asked_secs: u32) {
        self.cseq = self.cseq.saturating_add(1);
        let cseq = self.cseq;
        let builder = self
            .terms
            .out_of_dialog(Method::Subscribe, &self.to, &self.call_id, &self.tag, cseq)
            .header(HeaderName::Contact, format!("<{}>", self.terms.contact))
            // rfc6665 §3.1.2
            .header(HeaderName::Event, self.package.name)
            .header(HeaderName::Accept, self.package.content_type)
            .header(HeaderName::Expires, asked_secs.to_string());
        // rfc6665 §4.1.2.4: Timer N starts with it
        self.opening = Opening::NotifyWait { cseq, asked_secs, until: turn.now + self.terms.timer_n() };
        turn.request(Asked { dialog: 0, cseq }, finish(builder));
    }

    /// A SUBSCRIBE goes out again, with credentials: its next number. `None`: nobody wants that any more.
    pub fn retry(&mut self, now: Tick, asked: Asked) -> Option<Asked> {
        if asked.dialog > 0 {
            let subscription = self.subscriptions.iter_mut().find(|of| of.number == asked.dialog)?;
            let cseq = subscription.retry(now, &self.terms, asked.cseq)?;
            return Some(Asked { cseq, ..asked });
        }
        match &mut self.opening {
            Opening::NotifyWait { cseq, until, .. } if *cseq == asked.cseq => {
                self.cseq = self.cseq.saturating_add(1);
                *cseq = self.cseq;
                *until = now + self.terms.timer_n();
                Some(Asked { cseq: *cseq, ..asked })
            }
            Opening::NotifyWait { .. } | Opening::Settled | Opening::Retry { .. } | Opening::Over => None,
        }
    }

    /// A SUBSCRIBE that begins it goes out once more as it is, to another place. False: nobody wants that any more.
    // rfc6665 §4.1.2.4: Timer N starts anew with it
    pub fn moves(&mut self, now: Tick, asked: Asked) -> bool {
        match &mut self.opening {
            Opening::NotifyWait { cseq, until, .. } if asked.dialog == 0 && *cseq == asked.cseq => {
                *until = now + self.terms.timer_n();
                true
            }
            Opening::NotifyWait { .. } | Opening::Settled | Opening::Retry { .. } | Opening::Over => false,
        }
    }

    /// A SUBSCRIBE has its final response, or will have none.
    pub fn answered(
        &mut self,
        turn: &mut Turn<'_, SubscriberEvent>,
        asked: Asked,
        outcome: Result<&Response, Failure>,
    ) {
        if outcome.is_ok_and(|response| response.status().is_provisional()) {
            return;
        }
        if asked.dialog == 0 {
            return self.opening_answered(turn, asked.cseq, outcome);
        }
        let Some(subscription) = self.subscriptions.iter_mut().find(|of| of.number == asked.dialog) else {
            return;
        };
        match subscription.answered(turn.now, asked.cseq, outcome) {
            Ok(None) => {}
            // rfc3261 §21.4.17: longer, if the notifier says so
            Ok(Some(longer_secs)) => self.expires_secs = longer_secs,
            Err(ended) => self.ended(turn, asked.dialog, ended),
        }
        self.see_to_subscriptions(turn);
    }

    fn opening_answered(
        &mut self,
        turn: &mut Turn<'_, SubscriberEvent>,
        number: u32,
        outcome: Result<&Response, Failure>,
    ) {
        let granted = outcome.ok().filter(|response| response.status().is_success());
        if let Some(response) = granted {
            self.longer = 0;
            // rfc6665 §4.1.2.1: not longer than asked for; what a NOTIFY says is known better, and may be here already
            if let Some(Expires(secs)) = response.header::<Expires>().ok().flatten() {
                self.subscriptions.iter_mut().for_each(|of| of.lasts_at_most(turn.now, secs.max(1)));
            }
            return;
        }
        let Opening::NotifyWait { cseq, asked_secs, .. } = self.opening else { return };
        // A NOTIFY said otherwise: it was accepted by somebody.
        if cseq != number || !self.subscriptions.is_empty() {
            return;
        }
        let (failure, retry_after, min_secs) = match outcome {
            Ok(response) => (
                Failure::Refused(response.status()),
                response.header::<RetryAfter<'_>>().ok().flatten().map(|after| after.secs),
                response.header::<MinExpires>().ok().flatten().map(|MinExpires(secs)| secs),
            ),
            Err(failure) => (failure, None, None),
        };
        let is_brief = failure == Failure::Refused(StatusCode::INTERVAL_TOO_BRIEF)
            && asked_secs > 0
            && self.longer < lease::LONGER_MAX;
        match min_secs.filter(|min| is_brief && *min > asked_secs) {
            // rfc3261 §21.4.17: longer, if the notifier says so
            Some(longer_secs) => {
                self.longer += 1;
                self.expires_secs = longer_secs;
                self.ask(turn, longer_secs);
            }
            None => self.fare(turn, (Ending::Failed(failure), retry_after)),
        }
    }

    /// One subscription is over.
    fn ended(&mut self, turn: &mut Turn<'_, SubscriberEvent>, number: u32, ended: Ended) {
        self.subscriptions.retain(|of| of.number != number);
        match self.subscriptions.is_empty() {
            true => self.fare(turn, ended),
            false => turn.event(SubscriberEvent::Left { notifier: number }),
        }
    }

    /// There is no subscription: another one, or none.
    fn fare(&mut self, turn: &mut Turn<'_, SubscriberEvent>, (why, retry_after_secs): Ended) {
        let is_given_up = !self.is_wanted && self.expires_secs > 0;
        let why = if is_given_up { Ending::Unsubscribed } else { why };
        let again = if self.is_wanted { why.again(retry_after_secs) } else { Again::Never };
        let lasted = turn.now.saturating_sub(self.began);
        let retry_in = match again {
            Again::Never => return self.conclude(turn, why),
            Again::AtOnce if lasted >= AT_ONCE_AFTER => Duration::ZERO,
            Again::AtOnce | Again::Later => lease::retry_in(self.failures, turn.entropy),
            Again::After(secs) => Duration::from_secs(secs.max(1).into()),
        };
        self.failures = self.failures.saturating_add(1);
        self.opening = Opening::Retry { at: turn.now + retry_in };
        turn.event(SubscriberEvent::Interrupted { why, retry_in });
    }

    fn conclude(&mut self, turn: &mut Turn<'_, SubscriberEvent>, why: Ending) {
        self.is_wanted = false;
        self.opening = Opening::Over;
        turn.event(SubscriberEvent::Over { why });
    }

    /// Asks for what is wanted of each subscription.
    // rfc6665 §4.1.2.2, §4.1.2.3
    fn see_to_subscriptions(&mut self, turn: &mut Turn<'_, SubscriberEvent>) {
        let wanted_secs = if self.is_wanted { self.expires_secs } else { 0 };
        for subscription in &mut self.subscriptions {
            if subscription.is_due(turn.now) || (wanted_secs == 0 && subscription.is_quiet()) {
                subscription.ask(turn, &self.terms, &self.package, wanted_secs);
            }
        }
    }

    /// Time passed.
    pub fn tick(&mut self, turn: &mut Turn<'_, SubscriberEvent>) {
        match self.opening {
            // rfc6665 §4.1.2.4: Timer N
            Opening::NotifyWait { until, .. } if until <= turn.now => match self.subscriptions.is_empty() {
                true => self.fare(turn, (Ending::NotNotified, None)),
                false => self.opening = Opening::Settled,
            },
            Opening::Retry { at } if at <= turn.now => self.open(turn),
            Opening::NotifyWait { .. } | Opening::Retry { .. } | Opening::Settled | Opening::Over => {}
        }
        let due = |of: &Subscription| of.tick(turn.now).err().map(|ended| (of.number, ended));
        let over: Vec<(u32, Ended)> = self.subscriptions.iter().filter_map(due).collect();
        for (number, ended) in over {
            self.ended(turn, number, ended);
        }
        self.see_to_subscriptions(turn);
    }

    /// When [`Self::tick`] wants to be called next.
    pub fn deadline(&self) -> Option<Tick> {
        let opening = match self.opening {
            Opening::NotifyWait { until, .. } => Some(until),
            Opening::Retry { at } => Some(at),
            Opening::Settled | Opening::Over => None,
        };
        self.subscriptions.iter().map(Subscription::deadline).chain(opening).min()
    }
}
