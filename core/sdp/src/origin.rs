//! `o=`: who made the session, and which version of it this is (RFC 8866 §5.2).

use std::fmt;

use crate::host::Family;
use crate::word::number;

/// The origin. All but the version names the session for its lifetime.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The user's name, or `-`.
    pub username: String,
    /// The session's number, in digits; longer ones than 64 bits exist.
    pub session_id: String,
    /// The version's number, in digits.
    pub version: String,
    /// The kind of the address.
    pub family: Family,
    /// The address of who made it, as it is written: nobody sends there, it only makes the rest unique.
    pub address: String,
}

impl Origin {
    pub(crate) const EXPECTED: &'static str =
        "`o=<username> <sess-id> <sess-version> IN <addrtype> <unicast-address>`";

    /// Reads what follows `o=`. A username with spaces, which devices write, is kept.
    pub fn parse(value: &str) -> Option<Origin> {
        // rfc8866 §5.2
        let mut words = value.trim().rsplitn(6, ' ');
        let mut word = || words.next();
        let (address, family, network) = (word()?, word()?, word()?);
        let (version, session_id, username) = (word()?, word()?, word()?);
        if network != "IN"
            || !is_digits(version)
            || !is_digits(session_id)
            || username.is_empty()
            || address.is_empty()
        {
            return None;
        }
        Some(Origin {
            username: username.to_owned(),
            session_id: session_id.to_owned(),
            version: version.to_owned(),
            family: Family::parse(family)?,
            address: address.to_owned(),
        })
    }

    /// The version as a number, if it is one of 64 bits.
    pub fn version_number(&self) -> Option<u64> {
        number(&self.version)
    }
}

fn is_digits(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { username, session_id, version, family, address } = self;
        write!(f, "{username} {session_id} {version} IN {family} {address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_six_words() {
        // tests rfc8866 §5.2
        let origin = Origin::parse("jdoe 3724394400 3724394405 IN IP4 198.51.100.1").unwrap();
        assert_eq!((origin.username.as_str(), origin.version_number()), ("jdoe", Some(3_724_394_405)));
        assert_eq!(origin.to_string(), "jdoe 3724394400 3724394405 IN IP4 198.51.100.1");
        let spaced = Origin::parse("My Phone 1 340282366920938463463374607431768211456 IN IP6 ::1").unwrap();
        assert_eq!((spaced.username.as_str(), spaced.version_number()), ("My Phone", None));
        for wrong in
            ["", "- 1 1 IN IP4", "- -1 1 IN IP4 h", "- 1 1 ATM IP4 h", "- 1 1 IN IP5 h", "- 1 1 IN  h"]
        {
            assert_eq!(Origin::parse(wrong), None, "{wrong}");
        }
    }
}
