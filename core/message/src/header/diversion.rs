//! Who sent a call on, and why: Diversion (RFC 5806). A type here is one element of its list. All the places where
//! a request has been are in [`history`](crate::header::history).

use crate::header::address::address_header;
use std::borrow::Cow;

address_header! {
    /// Who sent the call on: `<sip:bob@h>;reason=user-busy;counter=1` (RFC 5806 §4).
    Diversion = Diversion,
}

impl<'a> Diversion<'a> {
    /// Why.
    pub fn reason(&self) -> DiversionReason {
        self.0.params.unquoted("reason").map_or(DiversionReason::Unknown, |text| DiversionReason::read(&text))
    }

    /// What of the address is to be hidden: `full`, `name`, `uri`, `off`.
    pub fn privacy(&self) -> Option<Cow<'a, [u8]>> {
        self.0.params.unquoted("privacy")
    }

    /// Who it was may be told.
    pub fn is_open(&self) -> bool {
        self.privacy().is_none_or(|privacy| privacy.eq_ignore_ascii_case(b"off"))
    }
}

/// Why a call was sent on (RFC 5806 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiversionReason {
    /// Nobody says.
    #[default]
    Unknown,
    /// `user-busy`
    Busy,
    /// `no-answer`
    NoAnswer,
    /// `unavailable`
    Unavailable,
    /// `unconditional`: all calls are.
    Unconditional,
    /// `time-of-day`
    TimeOfDay,
    /// `do-not-disturb`
    DoNotDisturb,
    /// `deflection`: somebody chose so while it rang.
    Deflection,
    /// `follow-me`
    FollowMe,
    /// `out-of-service`
    OutOfService,
    /// `away`
    Away,
}

impl DiversionReason {
    const ALL: [(Self, &'static str); 11] = [
        (DiversionReason::Unknown, "unknown"),
        (DiversionReason::Busy, "user-busy"),
        (DiversionReason::NoAnswer, "no-answer"),
        (DiversionReason::Unavailable, "unavailable"),
        (DiversionReason::Unconditional, "unconditional"),
        (DiversionReason::TimeOfDay, "time-of-day"),
        (DiversionReason::DoNotDisturb, "do-not-disturb"),
        (DiversionReason::Deflection, "deflection"),
        (DiversionReason::FollowMe, "follow-me"),
        (DiversionReason::OutOfService, "out-of-service"),
        (DiversionReason::Away, "away"),
    ];

    /// As it is written; what is none is [`DiversionReason::Unknown`].
    pub fn read(text: &[u8]) -> Self {
        let found = Self::ALL.iter().find(|(_, name)| text.eq_ignore_ascii_case(name.as_bytes()));
        found.map_or(DiversionReason::Unknown, |(reason, _)| *reason)
    }

    /// The token.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("unknown", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn a_diversion_says_why_and_whether_it_may_be_told() {
        // tests rfc5806 §4
        let diversion = Diversion::decode(
            b"\"Bob\" <sip:Bob@uas1.isp.com> ;reason=\"user-busy\";counter=2;limit=5;privacy=off",
        )
        .unwrap();
        assert_eq!(diversion.reason(), DiversionReason::Busy);
        assert_eq!((&*diversion.privacy().unwrap(), diversion.is_open()), (&b"off"[..], true));
        assert!(!Diversion::decode(b"<sip:b@h>;privacy=\"full\"").unwrap().is_open());
    }

    #[test]
    fn every_reason_is_read_as_it_is_written() {
        // tests rfc5806 §4
        for (reason, _) in DiversionReason::ALL {
            assert_eq!(DiversionReason::read(reason.as_str().to_ascii_uppercase().as_bytes()), reason);
        }
        let odd = Diversion::decode(b"<sip:b@h>;reason=holiday").unwrap();
        assert_eq!(odd.reason(), DiversionReason::Unknown);
    }
}
