//! Parameters of header values: `;name=value;flag;text="quoted"` (RFC 3261 §25.1 `generic-param`).
//! Parameters of URIs follow other rules and live in [`UriRef`](crate::UriRef).

use crate::error::HeaderError;
use crate::scan::{Scanner, class, unquote};
use smallvec::{Array, SmallVec};
use std::borrow::Cow;

/// The parameters of a header value; checked when made, read lazily.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'a> {
    /// From the first `;` to the last octet of the last parameter.
    bytes: &'a [u8],
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name as written; compare without case.
    pub name: &'a [u8],
    /// The value as written, quotes included.
    pub value: Option<&'a [u8]>,
}

impl<'a> Param<'a> {
    /// The value without its quotes and escapes.
    pub fn unquoted(&self) -> Option<Cow<'a, [u8]>> {
        self.value.map(unquote)
    }

    /// Appends `;name=value`.
    pub(crate) fn write(&self, out: &mut SmallVec<impl Array<Item = u8>>) {
        out.push(b';');
        out.extend_from_slice(self.name);
        if let Some(value) = self.value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }

    fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        let name = scanner.token()?;
        if !scanner.eat_around(b'=') {
            return Ok(Param { name, value: None });
        }
        let value = match scanner.peek() {
            Some(b'"') => scanner.quoted()?,
            _ => match scanner.run(class::VALUE) {
                [] => return Err(scanner.expected("the value of a parameter")),
                value => value,
            },
        };
        Ok(Param { name, value: Some(value) })
    }
}

impl<'a> Params<'a> {
    /// Reads all parameters that follow here, up to what is no `;`.
    ///
    /// # Errors
    /// If one is empty or has no token for a name, or a quote is not closed.
    #[inline]
    pub fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        Params::scan_each(scanner, |_| {})
    }

    /// The same, and shows each parameter to `each`.
    #[inline]
    pub(crate) fn scan_each(
        scanner: &mut Scanner<'a>,
        mut each: impl FnMut(Param<'a>),
    ) -> Result<Self, HeaderError> {
        let start = scanner.at();
        while scanner.eat_around(b';') {
            each(Param::scan(scanner)?);
        }
        Ok(Params { bytes: scanner.since(start) })
    }

    /// What [`Params::scan`] has read before.
    pub(crate) const fn proved(bytes: &'a [u8]) -> Self {
        Params { bytes }
    }

    /// The value of the first parameter of this name, as written: `None` if there is none,
    /// `Some(None)` if it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes())).map(|param| param.value)
    }

    /// The same without quotes and escapes; a parameter without a value reads as empty.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.get(name).map(|value| unquote(value.unwrap_or_default()))
    }

    /// There is a parameter of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut scanner = Scanner::new(self.bytes);
        std::iter::from_fn(
            move || {
                if scanner.eat_around(b';') { Param::scan(&mut scanner).ok() } else { None }
            },
        )
    }

    /// There is none.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As written, with the first `;`.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: &[u8]) -> Result<Params<'_>, HeaderError> {
        let mut scanner = Scanner::new(value);
        let params = Params::scan(&mut scanner)?;
        scanner.end().map(|()| params)
    }

    #[test]
    fn names_have_no_case_and_quotes_come_off_on_demand() {
        let params =
            params(b" ; Tag = x1 ; lr;text=\"a;\\\"b\" ;\r\n q=0.5;host=[2001:db8::1]:5060").unwrap();
        assert_eq!(params.get("tag"), Some(Some(&b"x1"[..])));
        assert_eq!(params.get("LR"), Some(None));
        assert_eq!(params.unquoted("text").unwrap(), &b"a;\"b"[..]);
        assert_eq!(params.get("host"), Some(Some(&b"[2001:db8::1]:5060"[..])));
        assert_eq!(params.iter().count(), 5);
        assert!(!params.contains("a"));
    }

    #[test]
    fn empty_and_broken_parameters_are_errors_that_say_where() {
        // tests rfc4475 §3.1.2.1
        for (value, at) in [(&b";;"[..], 1), (b";a;", 3), (b";a=", 3), (b";a=\"b", 3), (b";a=b c", 5)] {
            assert_eq!(params(value).unwrap_err().at(), at);
        }
    }
}
