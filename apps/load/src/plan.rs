//! What a run is to do: whom it plays, towards which domain, how fast, how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::ident::put_number;
use crate::mix::Mix;
use crate::schedule::Pace;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The domain of all addresses.
    pub domain: String,
    /// Whom we play: callers and callees.
    pub users: Users,
    /// What the units are.
    pub mix: Mix,
    /// When they start.
    pub pace: Pace,
    /// For how long they start; `None`: until there were enough of them.
    pub duration: Option<Duration>,
    /// How many start; `None`: as many as the time allows.
    pub units_max: Option<u64>,
    /// How long a call or a subscription lasts.
    pub hold: Duration,
    /// How long our callees ring.
    pub ring: Duration,
    /// The event package that is subscribed to.
    pub event: String,
    /// How often the sockets and the schedule are looked at, at most; zero: at once. What it keeps waiting is not
    /// charged to the server.
    pub grain: Duration,
}

/// The users we play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// What their names look like.
    pub pattern: Pattern,
    /// How many there are; at least one.
    pub count: u32,
    /// The password of each.
    pub password: Option<String>,
}

impl Users {
    /// Appends the name of a user, who is counted from zero.
    pub(crate) fn write(&self, user: u32, out: &mut Vec<u8>) {
        self.pattern.write(user % self.count.max(1), out);
    }

    /// The name of a user.
    pub fn name(&self, user: u32) -> String {
        let mut name = Vec::new();
        self.write(user, &mut name);
        String::from_utf8_lossy(&name).into_owned()
    }
}

/// Names with a number in them: `u{n}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    after: String,
    first: u32,
}

impl Pattern {
    /// Counts from this number instead of from zero.
    #[must_use]
    pub fn from(self, first: u32) -> Pattern {
        Pattern { first, ..self }
    }

    /// Whether one of the first `count` names is this one.
    pub(crate) fn names(&self, name: &str, count: u32) -> bool {
        let number = name.strip_prefix(&*self.before).and_then(|rest| rest.strip_suffix(&*self.after));
        let users = u64::from(self.first)..u64::from(self.first) + u64::from(count);
        number.is_some_and(|number| {
            number.parse().is_ok_and(|parsed: u64| users.contains(&parsed) && parsed.to_string() == number)
        })
    }

    fn write(&self, user: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before.as_bytes());
        put_number(self.first.saturating_add(user), 10, out);
        out.extend_from_slice(self.after.as_bytes());
    }
}

/// Why a text is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPattern(String);

impl fmt::Display for NotAPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no pattern of user names; write for example u{{n}}: letters, digits, `-_.+` and one {{n}}",
            self.0
        )
    }
}

impl std::error::Error for NotAPattern {}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Pattern, NotAPattern> {
        let wrong = || NotAPattern(text.to_owned());
        let (before, after) = text.split_once("{n}").ok_or_else(wrong)?;
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.+".contains(&octet);
        if !before.bytes().chain(after.bytes()).all(plain) {
            return Err(wrong());
        }
        Ok(Pattern { before: before.to_owned(), after: after.to_owned(), first: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_by_their_pattern_and_counted_round() {
        let pattern: Pattern = "a{n}.x".parse().unwrap();
        let users = Users { pattern: pattern.from(7), count: 3, password: None };
        assert_eq!([0, 2, 3].map(|user| users.name(user)), ["a7.x", "a9.x", "a7.x"]);
    }

    #[test]
    fn a_pattern_without_a_number_or_with_what_needs_escaping_is_refused() {
        for wrong in ["", "u", "{n}{n}", "u {n}", "{n}@h", "{n}>\r\nX: y"] {
            let error = wrong.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains("u{n}"), "{error}");
        }
    }
}
