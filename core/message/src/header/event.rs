//! Events and their subscriptions: Event, Allow-Events, Subscription-State (RFC 6665 §8.2, RFC 3265
//! before it). Entity tags of publications are in [`options`](super::options); the subscription
//! itself, and its packages, are core/events'.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::expires::delta_seconds_of;
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::Scanner;

/// A package with its templates: `presence.winfo`. Case matters (RFC 6665 §8.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType<'a>(&'a str);

impl<'a> EventType<'a> {
    fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        let start = scanner.at();
        let token = scanner.token()?;
        match str::from_utf8(token) {
            Ok(text) if text.split('.').all(|part| !part.is_empty()) => Ok(EventType(text)),
            _ => Err(HeaderError::new(start, "a package, and templates after dots")),
        }
    }

    /// As written.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The package, without templates.
    pub fn package(&self) -> &'a str {
        self.templates_and_package().0
    }

    /// The templates, applied from the first to the last: `["winfo"]`.
    pub fn templates(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.templates_and_package().1.split('.').filter(|template| !template.is_empty())
    }

    fn templates_and_package(&self) -> (&'a str, &'a str) {
        self.0.split_once('.').unwrap_or((self.0, ""))
    }
}

/// What a SUBSCRIBE asks for, a NOTIFY brings, a PUBLISH changes (RFC 6665 §8.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The package.
    pub event: EventType<'a>,
    /// The parameters, which the package defines.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// Which of several subscriptions within a dialog; old, but REFER still has it (RFC 3515 §2.4.6).
    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.get("id").flatten()
    }

    /// Both name the same subscription: package, templates and `id` agree.
    // rfc6665 §8.2.1
    pub fn matches(&self, other: &Event<'_>) -> bool {
        self.event.0 == other.event.0 && self.id() == other.id()
    }
}

impl<'a> Header<'a> for Event<'a> {
    const NAME: HeaderName = HeaderName::Event;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let event = EventType::scan(&mut scanner)?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(Event { event, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.event.0.as_bytes());
        out.extend(self.params.as_bytes());
    }
}

/// A package that the sender understands (RFC 6665 §8.2.2); one element of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowEvents<'a>(pub EventType<'a>);

impl<'a> Header<'a> for AllowEvents<'a> {
    const NAME: HeaderName = HeaderName::AllowEvents;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let event = EventType::scan(&mut scanner)?;
        scanner.end()?;
        Ok(AllowEvents(event))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.0.0.as_bytes());
    }
}

/// The state of a subscription (RFC 6665 §4.1.2, §8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substate {
    /// It was accepted, and notifies.
    Active,
    /// It was received, and waits for somebody to allow it.
    Pending,
    /// It is over.
    Terminated,
    /// A state that is not ours; it counts as active or pending, not as over.
    Other,
}

/// Why a subscription is over (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The notifier moves it: subscribe again at once.
    Deactivated,
    /// Try again later, after `retry-after`.
    Probation,
    /// It was refused: do not try again.
    Rejected,
    /// It was not refreshed.
    Timeout,
    /// The notifier could not get it allowed in time.
    Giveup,
    /// What it watched is gone for good: do not try again.
    Noresource,
    /// What it watched will not change: do not try again.
    Invariant,
    /// A reason that is not ours: subscribe again.
    Other,
}

const END_REASONS: [(&str, EndReason); 7] = [
    ("deactivated", EndReason::Deactivated),
    ("probation", EndReason::Probation),
    ("rejected", EndReason::Rejected),
    ("timeout", EndReason::Timeout),
    ("giveup", EndReason::Giveup),
    ("noresource", EndReason::Noresource),
    ("invariant", EndReason::Invariant),
];

impl EndReason {
    /// The value of the parameter; empty for [`EndReason::Other`].
    pub fn as_str(self) -> &'static str {
        END_REASONS.iter().find(|(_, reason)| *reason == self).map_or("", |(text, _)| text)
    }
}

/// `active;expires=3600` (RFC 6665 §8.2.3).
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionState<'a> {
    /// The state as written.
    pub state_token: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl SubscriptionState<'_> {
    /// The state.
    pub fn state(&self) -> Substate {
        match self.state_token.to_ascii_lowercase().as_slice() {
            b"active" => Substate::Active,
            b"pending" => Substate::Pending,
            b"terminated" => Substate::Terminated,
            _ => Substate::Other,
        }
    }

    /// Why it is over; `None` if not said.
    pub fn reason(&self) -> Option<EndReason> {
        let value = self.params.get("reason").flatten()?;
        let known = END_REASONS.iter().find(|(text, _)| value.eq_ignore_ascii_case(text.as_bytes()));
        Some(known.map_or(EndReason::Other, |(_, reason)| *reason))
    }

    /// How many seconds are left of it.
    pub fn expires_secs(&self) -> Option<u32> {
        delta_seconds_of(self.params.get("expires").flatten()?)
    }

    /// After how many seconds to try again.
    pub fn retry_after_secs(&self) -> Option<u32> {
        delta_seconds_of(self.params.get("retry-after").flatten()?)
    }
}

impl<'a> Header<'a> for SubscriptionState<'a> {
    const NAME: HeaderName = HeaderName::SubscriptionState;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let state_token = scanner.token()?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(SubscriptionState { state_token, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.state_token);
        out.extend(self.params.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: &str) -> Event<'_> {
        Event::decode(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
    }

    #[test]
    fn an_event_is_a_package_its_templates_and_an_id() {
        // tests rfc6665 §8.2.1
        let winfo = event("presence.winfo.winfo ; id=q7");
        assert_eq!((winfo.event.package(), winfo.id()), ("presence", Some(&b"q7"[..])));
        assert_eq!(winfo.event.templates().collect::<Vec<_>>(), ["winfo", "winfo"]);
        assert_eq!(event("dialog").event.templates().count(), 0);
        assert_eq!(winfo.to_value(), b"presence.winfo.winfo ; id=q7");
        for bad in ["", ".", "a..b", "a.", ";id=1", "a b"] {
            assert!(Event::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn events_match_by_type_and_id_alone() {
        // tests rfc6665 §8.2.1
        assert!(event("refer;id=1;x=2").matches(&event("refer;y;id=1")));
        assert!(!event("refer;id=1").matches(&event("refer")));
        assert!(!event("Presence").matches(&event("presence")));
    }

    #[test]
    fn packages_are_listed() {
        // tests rfc6665 §8.2.2
        assert_eq!(AllowEvents::decode(b"presence.winfo").unwrap().0.as_str(), "presence.winfo");
        assert!(AllowEvents::decode(b"dialog;id=1").is_err());
    }

    #[test]
    fn a_subscription_says_its_state_and_why_it_ended() {
        // tests rfc6665 §4.1.3, §8.2.3
        let state = SubscriptionState::decode(b"Active; expires=3400").unwrap();
        assert_eq!(
            (state.state(), state.expires_secs(), state.reason()),
            (Substate::Active, Some(3_400), None)
        );
        let state = SubscriptionState::decode(b"terminated;reason=probation;retry-after=60").unwrap();
        assert_eq!((state.state(), state.reason()), (Substate::Terminated, Some(EndReason::Probation)));
        assert_eq!((state.retry_after_secs(), state.expires_secs()), (Some(60), None));
        let state = SubscriptionState::decode(b"weird;reason=odd").unwrap();
        assert_eq!((state.state(), state.reason()), (Substate::Other, Some(EndReason::Other)));
        assert_eq!(SubscriptionState::decode(b"pending").unwrap().state(), Substate::Pending);
        let all = "deactivated probation rejected timeout giveup noresource invariant";
        let known = END_REASONS.map(|(_, reason)| reason.as_str()).join(" ");
        assert_eq!((known.as_str(), EndReason::Other.as_str()), (all, ""));
        assert!(SubscriptionState::decode(b"").is_err());
    }
}
