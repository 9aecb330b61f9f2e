//! Parameters of challenges and credentials: `name=value, name="quoted"` (RFC 3261 §25.1
//! `auth-param`). Parameters of other headers, parted by semicolons, are in
//! [`params`](crate::params).

use crate::error::HeaderError;
use crate::scan::{Scanner, class, is, trim, unquote};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Most parameters that one challenge or credential may have; the RFCs define half as many.
pub const AUTH_PARAMS_MAX: usize = 32;

/// One parameter of a challenge or of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthParam<'a> {
    /// The name as written; compare without case.
    pub name: &'a [u8],
    /// The value as written, quotes included.
    pub value: &'a [u8],
}

/// What who looks at the parameters as they come says of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is known, and came for the first time.
    Once,
    /// It is known, and came before.
    Twice,
    /// Whether it came before must be found out.
    Unknown,
}

impl<'a> AuthParam<'a> {
    /// The value without quotes and escapes: `unq()` of RFC 7616 §3.2.
    pub fn unquoted(&self) -> Cow<'a, [u8]> {
        unquote(self.value)
    }

    fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        let name = scanner.token()?;
        if !scanner.eat_around(b'=') {
            return Err(scanner.expected("= and a value"));
        }
        let value = match scanner.peek() {
            Some(b'"') => scanner.quoted()?,
            // Wider than a token: some write uri and nonce without quotes.
            _ => {
                let ends = |octet: &u8| is(*octet, class::LWS) || matches!(octet, b',' | b'"');
                let rest = scanner.rest();
                let (value, _) = rest.split_at(rest.iter().position(ends).unwrap_or(rest.len()));
                if value.is_empty() {
                    return Err(scanner.expected("a value"));
                }
                scanner.skip(value.len());
                value
            }
        };
        Ok(AuthParam { name, value })
    }
}

/// Parameters parted by commas; checked when made, read lazily. No name appears twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthParams<'a> {
    bytes: &'a [u8],
}

impl<'a> AuthParams<'a> {
    /// Reads all that follows here as parameters.
    ///
    /// # Errors
    /// If there is none, one breaks the grammar, a name comes twice, or there are more than
    /// [`AUTH_PARAMS_MAX`].
    pub fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        AuthParams::scan_each(scanner, |_| Found::Unknown)
    }

    /// The same, and shows each as it comes by to who may know it.
    pub(super) fn scan_each(
        scanner: &mut Scanner<'a>,
        mut each: impl FnMut(AuthParam<'a>) -> Found,
    ) -> Result<Self, HeaderError> {
        let start = scanner.at();
        let mut count = 0;
        let mut unknown: SmallVec<[&[u8]; 12]> = SmallVec::new();
        loop {
            while scanner.eat_around(b',') {}
            scanner.skip_lws();
            let at = scanner.at();
            if count > 0 && scanner.peek().is_none() {
                break;
            }
            let param = AuthParam::scan(scanner)?;
            // A value that two readers would read differently is no proof of anything.
            // rfc7616 §3.4
            let twice = match each(param) {
                Found::Once => false,
                Found::Twice => true,
                Found::Unknown => {
                    let before = unknown.iter().any(|name| name.eq_ignore_ascii_case(param.name));
                    unknown.push(param.name);
                    before
                }
            };
            if twice {
                return Err(HeaderError::new(at, "each parameter once"));
            }
            if count == AUTH_PARAMS_MAX {
                return Err(HeaderError::new(at, "at most 32 parameters"));
            }
            count += 1;
            scanner.skip_lws();
            match scanner.peek() {
                None => break,
                Some(b',') => {}
                Some(_) => return Err(scanner.expected("a comma before the next parameter")),
            }
        }
        Ok(AuthParams { bytes: trim(scanner.since(start)) })
    }

    /// What follows a scheme whose parameters are not ours to judge.
    pub(super) const fn unchecked(bytes: &'a [u8]) -> Self {
        AuthParams { bytes }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = AuthParam<'a>> + use<'a> {
        let mut scanner = Scanner::new(self.bytes);
        std::iter::from_fn(move || {
            while scanner.eat_around(b',') {}
            AuthParam::scan(&mut scanner).ok()
        })
    }

    /// The value of a parameter as written, quotes included.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes())).map(|param| param.value)
    }

    /// The value of a parameter without quotes and escapes: `unq()` of RFC 7616 §3.2.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.get(name).map(unquote)
    }

    /// Whether a parameter of this name has the value `true`, in any case, quoted or not.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.unquoted(name).is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    }

    /// As written, from the first name to the last value.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: &str) -> Result<AuthParams<'_>, HeaderError> {
        AuthParams::scan(&mut Scanner::new(value.as_bytes()))
    }

    #[test]
    fn broken_parameters_are_errors_at_the_octet() {
        // tests rfc7616 §3.4
        for (value, at) in [
            ("", 0),
            ("realm", 5),
            ("realm=", 6),
            ("realm=\"a\" nonce=\"b\"", 10),
            ("realm=\"a", 6),
            ("a=b, A=c", 5),
            ("=x", 0),
        ] {
            assert_eq!(params(value).unwrap_err().at(), at, "{value}");
        }
        let many = |count| -> String { (0..count).map(|n| format!("p{n}=1,")).collect() };
        assert_eq!(params(&many(AUTH_PARAMS_MAX)).unwrap().iter().count(), AUTH_PARAMS_MAX);
        assert!(params(&many(AUTH_PARAMS_MAX + 1)).is_err());
        assert_eq!(params("a=b\"c\"").unwrap_err().at(), 3);
    }
}
