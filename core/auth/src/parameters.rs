//! The parameters behind an authentication scheme: `Digest realm="a", nonce="b", stale=true`
//! (RFC 3261 §25.1 `challenge`, `credentials`). What they mean is [`credentials`](crate::Credentials)'
//! and [`challenge`](crate::Challenge)'s business.

use ruf_message::HeaderError;
use ruf_message::scan::Scanner;

/// The parameters of one `Digest` value, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    /// Behind the scheme.
    bytes: &'a [u8],
}

/// Why a value has no parameters of Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDigest {
    /// Another scheme: none of our business.
    Scheme,
    /// It breaks the grammar.
    Grammar(HeaderError),
}

impl From<HeaderError> for NotDigest {
    fn from(error: HeaderError) -> Self {
        NotDigest::Grammar(error)
    }
}

impl<'a> Parameters<'a> {
    /// Reads a whole header value once, to know that it follows the grammar.
    pub(crate) fn read(value: &'a [u8]) -> Result<Self, NotDigest> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        // rfc3261 §22.4: Basic is neither accepted nor asked for; nor is anything else
        if !scanner.token()?.eq_ignore_ascii_case(b"Digest") {
            return Err(NotDigest::Scheme);
        }
        scanner.skip_lws();
        let parameters = Parameters { bytes: scanner.rest() };
        let mut scanner = Scanner::new(parameters.bytes);
        while next(&mut scanner)?.is_some() {}
        scanner.end()?;
        Ok(parameters)
    }

    /// The first parameter of this name, without the quotation marks it may have.
    pub(crate) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.raw(name).map(strip)
    }

    /// The first parameter of this name, as written.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a [u8]> {
        let mut scanner = Scanner::new(self.bytes);
        while let Ok(Some((found, value))) = next(&mut scanner) {
            if found.eq_ignore_ascii_case(name.as_bytes()) {
                return Some(value);
            }
        }
        None
    }
}

/// Name, and value as written.
type Parameter<'a> = (&'a [u8], &'a [u8]);

/// The next parameter; `None` at the end. A stray comma is passed over, as elsewhere in lists.
fn next<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Parameter<'a>>, HeaderError> {
    while scanner.eat_around(b',') {}
    scanner.skip_lws();
    if scanner.peek().is_none() {
        return Ok(None);
    }
    let name = scanner.token()?;
    if !scanner.eat_around(b'=') {
        return Err(scanner.expected("="));
    }
    let value = match scanner.peek() {
        Some(b'"') => scanner.quoted()?,
        // Not only a token: some leave out the quotation marks of a URI or a base64 text.
        Some(_) | None => bare(scanner),
    };
    scanner.skip_lws();
    match scanner.peek() {
        Some(b',') | None => Ok(Some((name, value))),
        Some(_) => Err(scanner.expected("a comma")),
    }
}

/// Octets up to white space or a comma.
fn bare<'a>(scanner: &mut Scanner<'a>) -> &'a [u8] {
    let start = scanner.at();
    while scanner.peek().is_some_and(|octet| !matches!(octet, b',' | b' ' | b'\t' | b'\r' | b'\n' | b'"')) {
        scanner.skip(1);
    }
    scanner.since(start)
}

/// What stands between the quotation marks; escapes stay, since that is what both sides hash.
// rfc7616 §3.4.5
fn strip(raw: &[u8]) -> &[u8] {
    match raw {
        [b'"', inner @ .., b'"'] => inner,
        bare => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(value: &'a str, name: &str) -> Option<&'a str> {
        let parameters = Parameters::read(value.as_bytes()).unwrap();
        parameters.get(name).map(|value| str::from_utf8(value).unwrap())
    }

    #[test]
    fn parameters_are_found_by_name_in_any_case_and_spacing() {
        let value =
            "digest\r\n realm = \"a, \\\"b\\\"\",\tNonce=\"x==\" ,stale=TRUE,, uri=sip:a@b;x=y ,qop=\"\"";
        assert_eq!(get(value, "realm"), Some("a, \\\"b\\\""));
        assert_eq!(get(value, "NONCE"), Some("x=="));
        assert_eq!(get(value, "stale"), Some("TRUE"));
        assert_eq!(get(value, "uri"), Some("sip:a@b;x=y"));
        assert_eq!(get(value, "qop"), Some(""));
        assert_eq!(get(value, "cnonce"), None);
    }

    #[test]
    fn another_scheme_is_not_ours_and_a_broken_value_is_told_apart() {
        // tests rfc3261 §22.4
        assert_eq!(Parameters::read(b"Basic YWxpY2U6c2VjcmV0").unwrap_err(), NotDigest::Scheme);
        for broken in
            ["", "Digest realm", "Digest realm=\"a", "Digest realm=a b", "Digest =a", "Digest a=\"b\"c"]
        {
            assert!(matches!(Parameters::read(broken.as_bytes()), Err(NotDigest::Grammar(_))), "{broken}");
        }
        assert!(Parameters::read(b"Digest").is_ok());
    }
}
