//! `a=group`: media that belong together by their `a=mid` (RFC 5888 §5), as those of a bundle do (RFC 8843 §6).

use std::fmt;

use crate::section::Attribute;
use crate::word::is_token;

/// `a=group`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// `BUNDLE`, `LS`, as it is written.
    pub semantics: String,
    /// The `a=mid` of each.
    pub mids: Vec<String>,
}

impl Group {
    /// Whether these media share one transport (RFC 8843 §6).
    pub fn is_bundle(&self) -> bool {
        self.semantics == "BUNDLE"
    }
}

impl Attribute for Group {
    const NAME: &'static str = "group";
    const EXPECTED: &'static str = "`a=group:<semantics> <mid> ...`";

    fn parse(value: &str) -> Option<Group> {
        // rfc5888 §5
        let mut words = value.split_ascii_whitespace();
        let semantics = words.next().filter(|word| is_token(word))?.to_owned();
        Some(Group { semantics, mids: words.map(str::to_owned).collect() })
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.semantics)?;
        self.mids.iter().try_for_each(|mid| write!(f, " {mid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_and_printed() {
        // tests rfc5888 §5
        for value in ["BUNDLE 0 1", "LS audio video", "BUNDLE"] {
            assert_eq!(Group::parse(value).unwrap().to_string(), value);
        }
        assert!(Group::parse("BUNDLE 0").unwrap().is_bundle() && !Group::parse("LS 0").unwrap().is_bundle());
        assert_eq!(Group::parse(""), None);
    }
}
