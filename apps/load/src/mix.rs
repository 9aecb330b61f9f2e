//! What the units of a run are, and in which proportion.

use std::fmt;
use std::str::FromStr;

/// What one unit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A call: INVITE to the 200 of its BYE.
    Call,
    /// A registration, or its refreshing.
    Register,
    /// A message to another user (RFC 3428).
    Message,
    /// A subscription: its first NOTIFY, and its end (RFC 6665).
    Subscribe,
    /// OPTIONS to the server itself.
    Options,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Call, Kind::Register, Kind::Message, Kind::Subscribe, Kind::Options];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Call => "call",
            Kind::Register => "register",
            Kind::Message => "message",
            Kind::Subscribe => "subscribe",
            Kind::Options => "options",
        }
    }

    /// Somebody else must be there to be reached.
    pub(crate) const fn needs_a_callee(self) -> bool {
        matches!(self, Kind::Call | Kind::Message)
    }
}

/// Kinds with their weights; units come in this proportion, evenly spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<Share>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    kind: Kind,
    weight: u32,
    credit: i64,
}

/// Why a text is no [`Mix`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAMix(String);

impl fmt::Display for NotAMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no part of a mix; write for example call=80,register=15,message=5 (also subscribe, options)",
            self.0
        )
    }
}

impl std::error::Error for NotAMix {}

impl Mix {
    /// One kind alone.
    pub fn only(kind: Kind) -> Mix {
        Mix(vec![Share { kind, weight: 1, credit: 0 }])
    }

    /// The kind of the next unit: who has waited longest for its share.
    pub(crate) fn next_kind(&mut self) -> Kind {
        let total: i64 = self.0.iter().map(|share| i64::from(share.weight)).sum();
        for share in &mut self.0 {
            share.credit += i64::from(share.weight);
        }
        match self.0.iter_mut().max_by_key(|share| share.credit) {
            Some(share) => {
                share.credit -= total;
                share.kind
            }
            // A mix has at least one share; see `from_str`.
            None => Kind::Call,
        }
    }

    /// Some unit will look for another user.
    pub(crate) fn needs_callees(&self) -> bool {
        self.0.iter().any(|share| share.kind.needs_a_callee())
    }
}

impl FromStr for Mix {
    type Err = NotAMix;

    fn from_str(text: &str) -> Result<Mix, NotAMix> {
        let mut shares: Vec<Share> = Vec::new();
        for part in text.split(',') {
            let wrong = || NotAMix(part.to_owned());
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name.trim()).ok_or_else(wrong)?;
            let weight: u32 = weight.trim().parse().map_err(|_| wrong())?;
            if weight == 0 || shares.iter().any(|share| share.kind == kind) {
                return Err(wrong());
            }
            shares.push(Share { kind, weight, credit: 0 });
        }
        Ok(Mix(shares))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, share) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}={}", share.kind.as_str(), share.weight)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundred_units_hold_each_kind_in_its_proportion() {
        let mut mix: Mix = "call=80,register=15,message=5".parse().unwrap();
        for _ in 0..3 {
            let hundred: Vec<Kind> = (0..100).map(|_| mix.next_kind()).collect();
            let of = |kind| hundred.iter().filter(|other| **other == kind).count();
            assert_eq!((of(Kind::Call), of(Kind::Register), of(Kind::Message)), (80, 15, 5));
            assert!(hundred[..50].contains(&Kind::Message), "spread, not at the end");
        }
    }

    #[test]
    fn a_mix_is_read_as_people_write_it() {
        assert_eq!("options".parse(), Ok(Mix::only(Kind::Options)));
        assert_eq!("call=1,subscribe=2".parse::<Mix>().unwrap().to_string(), "call=1,subscribe=2");
        for (wrong, part) in [
            ("", "``"),
            ("call=0", "call=0"),
            ("call=1,call=2", "call=2"),
            ("dance=1", "dance"),
            ("call=x", "call=x"),
        ] {
            let error = wrong.parse::<Mix>().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("register=15"), "{error}");
        }
    }
}
