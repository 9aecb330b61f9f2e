//! [`Standing`]: how somebody is, in the few kinds that a list shows; and how we are, as far as this phone knows.

use ruf_sip::Presence;

/// How somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody says.
    #[default]
    Unknown,
    /// They can be reached.
    There,
    /// They talk.
    Talking,
    /// They would rather not be disturbed.
    Busy,
    /// They may not be there.
    Away,
    /// They cannot be reached.
    Gone,
}

impl Standing {
    /// What a document says comes to.
    pub(crate) fn of(presence: &Presence) -> Standing {
        let does =
            |words: &[&str]| presence.activities.iter().any(|activity| words.contains(&activity.as_str()));
        match presence.is_there {
            None => Standing::Unknown,
            Some(false) => Standing::Gone,
            Some(true) if does(&["on-the-phone"]) => Standing::Talking,
            Some(true) if does(&["busy", "meeting", "appointment", "in-transit", "driving"]) => {
                Standing::Busy
            }
            Some(true) if does(&["away", "vacation", "meal", "sleeping"]) => Standing::Away,
            Some(true) => Standing::There,
        }
    }

    /// What others are told.
    pub(crate) fn presence(self) -> Presence {
        match self {
            Standing::Unknown => Presence::default(),
            Standing::There => Presence::available(),
            Standing::Talking => Presence::busy().doing("on-the-phone"),
            Standing::Busy => Presence::busy(),
            Standing::Away => Presence::away(),
            Standing::Gone => Presence::offline(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_shown() {
        use Standing::{Away, Busy, Gone, Talking, There, Unknown};
        for standing in [Unknown, There, Talking, Busy, Away, Gone] {
            assert_eq!(Standing::of(&standing.presence()), standing);
        }
        assert_eq!(Standing::of(&Presence::available().doing("meal").doing("bowling")), Away);
    }
}
