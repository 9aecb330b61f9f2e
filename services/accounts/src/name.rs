//! What may be an account's name, alias or number. Secrets are in `secret.rs`.
//!
//! A name is the user part of an address-of-record, unescaped. The grammar of RFC 3261 would allow
//! any octet there; we ask for less, so that a name can be typed, printed in a log, quoted in a
//! digest (no `"`, no `:`: RFC 7616 §3.4.2) and listed in a file (no `,`).

use std::fmt;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest domain, in bytes.
const DOMAIN_BYTES_MAX: usize = 253;
/// What people write between the digits of a number.
const SEPARATORS: &str = "-.() ";

/// Beside letters and digits of any script: what RFC 3261 calls marks and user-unreserved, without
/// `,` `;` `?` `/`, and with `#`, which numbers have.
// rfc3261 §25.1
const SIGNS: &str = "-_.!~*'()&=+$#";

/// Why a text is no name, or no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// There is nothing.
    Empty,
    /// It has more bytes than this.
    TooLong(usize),
    /// This character may not be in it.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(max) => write!(f, "is longer than {max} bytes"),
            Self::Character(character) => write!(f, "may not contain {character:?}"),
        }
    }
}

/// Whether `name` may be the name or alias of an account: letters and digits of any script, and
/// `-_.!~*'()&=+$#`. Case counts.
///
/// # Errors
/// [`NameError`] says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), NameError> {
    check(name, NAME_BYTES_MAX, |character| character.is_alphanumeric() || SIGNS.contains(character))
}

/// An alias as it is kept: a name (`reception`, `100`), a number (`+49 30 1234` is kept as
/// `+49301234`), or a name in a domain of its own (`info@example.net`).
///
/// # Errors
/// [`NameError`] says what is wrong with it.
// rfc3966 §5.1.1: visual separators are not part of a number
pub fn canonical_alias(alias: &str) -> Result<String, NameError> {
    let (name, domain) = match alias.split_once('@') {
        Some((name, domain)) => (name, Some(domain)),
        None => (alias, None),
    };
    let is_number = name.strip_prefix('+').is_some_and(|digits| {
        digits.contains(|character: char| character.is_ascii_digit())
            && digits.chars().all(|character| character.is_ascii_digit() || SEPARATORS.contains(character))
    });
    let mut kept = name.to_owned();
    if is_number {
        kept.retain(|character| !SEPARATORS.contains(character));
    }
    check_name(&kept)?;
    if let Some(domain) = domain {
        check(domain, DOMAIN_BYTES_MAX, |character| {
            character.is_ascii_alphanumeric() || "-.:[]".contains(character)
        })?;
        kept.push('@');
        kept.push_str(&domain.to_ascii_lowercase());
    }
    Ok(kept)
}

pub(crate) fn check(text: &str, bytes_max: usize, may: impl Fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > bytes_max {
        return Err(NameError::TooLong(bytes_max));
    }
    match text.chars().find(|character| !may(*character)) {
        Some(character) => Err(NameError::Character(character)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_feature_codes_are_names() {
        for name in ["alice", "Alice.B-c_d", "+49301234", "100", "*97", "#31#", "jürgen", "李", "a&b=c"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_breaks_a_digest_a_uri_a_file_or_a_log_is_no_name() {
        for character in ":@\"\\,;?/<> %\0\n\t\u{7f}\u{202e}".chars() {
            let name = format!("a{character}b");
            assert_eq!(check_name(&name), Err(NameError::Character(character)), "{name:?}");
        }
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(check_name(&"a".repeat(64)), Ok(()));
        assert_eq!(check_name(&"a".repeat(65)), Err(NameError::TooLong(64)));
    }

    #[test]
    fn an_alias_is_a_name_a_number_or_an_address() {
        // tests rfc3966 §5.1.1
        for (alias, kept) in [
            ("reception", "reception"),
            ("100-1", "100-1"),
            ("+49 (30) 12-34", "+49301234"),
            ("+-x", "+-x"),
            ("info@Example.NET", "info@example.net"),
            ("+49.30@example.net", "+4930@example.net"),
        ] {
            assert_eq!(canonical_alias(alias).as_deref(), Ok(kept));
        }
        assert_eq!(canonical_alias("49 30"), Err(NameError::Character(' ')));
        assert_eq!(canonical_alias("@example.net"), Err(NameError::Empty));
        assert_eq!(canonical_alias("info@"), Err(NameError::Empty));
        assert_eq!(canonical_alias("info@a@b"), Err(NameError::Character('@')));
        assert_eq!(canonical_alias(""), Err(NameError::Empty));
    }
}
