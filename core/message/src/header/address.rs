//! Addresses: `"Bob" <sip:bob@example.org>;tag=x` and `sip:bob@example.org;tag=x`; the headers that
//! hold one (From, To, Contact, Route, Record-Route, ...) (RFC 3261 §20.10, §20.20, §20.34, §20.39).

use crate::error::{HeaderError, UriError};
use crate::header::Header;
use crate::name::HeaderName;
use crate::params::{Param, Params};
use crate::scan::{Scanner, class, is, quote, trim, unquote};
use crate::uri::{Uri, UriRef};
use std::borrow::Cow;

/// A display name, a URI, and the parameters of the header.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes included; empty where there is none.
    pub display: &'a [u8],
    /// The URI.
    pub uri: UriRef<'a>,
    /// The parameters after it.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads an address that fills `value`.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        let address = NameAddr::scan(&mut scanner)?;
        scanner.end()?;
        Ok(address)
    }

    /// Reads an address and its parameters.
    ///
    /// # Errors
    /// If none stands here.
    pub fn scan(scanner: &mut Scanner<'a>) -> Result<Self, HeaderError> {
        NameAddr::scan_each(scanner, |_| {})
    }

    /// The same, and gives its tag.
    pub(crate) fn scan_tagged(scanner: &mut Scanner<'a>) -> Result<(Self, Option<&'a [u8]>), HeaderError> {
        let mut first: Option<Option<&[u8]>> = None;
        let address = NameAddr::scan_each(scanner, |param| {
            if param.name.eq_ignore_ascii_case(b"tag") {
                first.get_or_insert(param.value);
            }
        })?;
        Ok((address, first.flatten()))
    }

    /// The same, and shows each parameter to `each`.
    fn scan_each(scanner: &mut Scanner<'a>, each: impl FnMut(Param<'a>)) -> Result<Self, HeaderError> {
        scanner.skip_lws();
        let start = scanner.at();
        let display = match scanner.peek() {
            Some(b'"') => {
                let display = scanner.quoted()?;
                scanner.skip_lws();
                display
            }
            // Tokens; and Latin-1 or UTF-8 without quotes, which phones send.
            _ => {
                while scanner
                    .peek()
                    .is_some_and(|octet| is(octet, class::TOKEN | class::LWS) || octet >= 0x80)
                {
                    scanner.skip(1);
                }
                trim(scanner.since(start))
            }
        };
        if scanner.eat(b'<') {
            let at = scanner.at();
            let uri = UriRef::scan(scanner.rest()).map_err(|error| uri_error(error, at))?;
            scanner.skip(uri.as_bytes().len());
            if !scanner.eat(b'>') {
                return Err(scanner.expected("a character of a URI, or > after it"));
            }
            let params = Params::scan_each(scanner, each)?;
            return Ok(NameAddr { display, uri, params });
        }
        if scanner.peek() != Some(b':') || display.first() == Some(&b'"') {
            return Err(scanner.expected("a URI, or < before it"));
        }
        // A bare URI ends at the first ; which begins the parameters of the header, and at a comma.
        // rfc3261 §20.10
        while scanner.peek().is_some_and(|octet| !is(octet, class::LWS) && !matches!(octet, b';' | b',')) {
            if scanner.peek() == Some(b'?') {
                return Err(scanner.expected("< and > around a URI with ?"));
            }
            scanner.skip(1);
        }
        let uri = UriRef::parse(scanner.since(start)).map_err(|error| uri_error(error, start))?;
        let params = Params::scan_each(scanner, each)?;
        Ok(NameAddr { display: b"", uri, params })
    }

    /// The display name without quotes and escapes.
    pub fn display(&self) -> Cow<'a, [u8]> {
        unquote(self.display)
    }

    /// The URI.
    pub const fn uri(&self) -> UriRef<'a> {
        self.uri
    }

    /// The parameters after the URI.
    pub const fn params(&self) -> Params<'a> {
        self.params
    }

    /// The tag.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get("tag").flatten()
    }

    /// Appends the address, always with angle brackets.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if !self.display.is_empty() {
            out.extend(self.display);
            out.push(b' ');
        }
        out.push(b'<');
        out.extend(self.uri.as_bytes());
        out.push(b'>');
        out.extend(self.params.as_bytes());
    }

    /// The octets of an address made of a display name (empty for none) and a URI.
    pub fn compose(display: &str, uri: &Uri) -> Vec<u8> {
        let mut out = Vec::with_capacity(display.len() + uri.as_bytes().len() + 5);
        if !display.is_empty() {
            quote(display.as_bytes(), &mut out);
            out.push(b' ');
        }
        out.push(b'<');
        out.extend(uri.as_bytes());
        out.push(b'>');
        out
    }
}

const fn uri_error(error: UriError, at: usize) -> HeaderError {
    HeaderError::new(at + error.at(), error.expected())
}

/// A header field whose value is one [`NameAddr`], as a type of its own that reads like it.
macro_rules! address_header {
    ($($(#[$doc:meta])* $type:ident = $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $type<'a>(pub $crate::header::address::NameAddr<'a>);

        impl<'a> $crate::header::Header<'a> for $type<'a> {
            const NAME: $crate::name::HeaderName = $crate::name::HeaderName::$name;

            #[inline]
            fn decode(value: &'a [u8]) -> Result<Self, $crate::error::HeaderError> {
                $crate::header::address::NameAddr::decode(value).map($type)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }

        impl<'a> std::ops::Deref for $type<'a> {
            type Target = $crate::header::address::NameAddr<'a>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}
pub(crate) use address_header;

address_header! {
    /// Who sent the request (RFC 3261 §20.20).
    From = From,
    /// Whom the request is for (RFC 3261 §20.39).
    To = To,
    /// A proxy to go through (RFC 3261 §20.34).
    Route = Route,
    /// A proxy that wants to stay on the path (RFC 3261 §20.30).
    RecordRoute = RecordRoute,
}

/// A value of Contact (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug)]
pub enum Contact<'a> {
    /// `*`: all bindings, in a REGISTER that removes them.
    Star,
    /// An address.
    Address(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// The address; `None` for `*`.
    pub const fn address(&self) -> Option<&NameAddr<'a>> {
        match self {
            Contact::Star => None,
            Contact::Address(address) => Some(address),
        }
    }

    /// The URI; `None` for `*`.
    pub fn uri(&self) -> Option<UriRef<'a>> {
        self.address().map(NameAddr::uri)
    }

    /// The preference in thousandths, 0 to 1000; `None` where none, or none that can be read.
    pub fn q(&self) -> Option<u16> {
        qvalue(self.address()?.params.get("q").flatten()?)
    }

    /// The lifetime asked for. A value that is no number, or too large a one, reads as 3600 (its
    /// default: a malformed one is treated so).
    // rfc3261 §10.2.1.1
    pub fn expires_secs(&self) -> Option<u32> {
        let value = self.address()?.params.get("expires")?.unwrap_or_default();
        let mut scanner = Scanner::new(value);
        Some(scanner.number().ok().filter(|_| scanner.end().is_ok()).unwrap_or(3600))
    }
}

/// A preference `0`, `0.5`, `1.000` in thousandths.
// rfc3261 §25.1 qvalue
pub fn qvalue(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &b""[..]),
    };
    if fraction.len() > 3
        || !fraction.iter().all(u8::is_ascii_digit)
        || !matches!(whole, b"0" | b"1" | b"")
        || text == b"."
        || text.is_empty()
    {
        return None;
    }
    let thousandths =
        (0..3).fold(0, |sum, at| sum * 10 + u16::from(fraction.get(at).map_or(0, |digit| digit - b'0')));
    let q = thousandths + if whole == b"1" { 1000 } else { 0 };
    (q <= 1000).then_some(q)
}

impl<'a> Header<'a> for Contact<'a> {
    const NAME: HeaderName = HeaderName::Contact;

    #[inline]
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        match trim(value) {
            b"*" => Ok(Contact::Star),
            _ => NameAddr::decode(value).map(Contact::Address),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Contact::Star => out.push(b'*'),
            Contact::Address(address) => address.encode(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> (String, String, usize) {
        let address = NameAddr::decode(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"));
        (
            String::from_utf8_lossy(&address.display()).into(),
            address.uri().to_string(),
            address.params().iter().count(),
        )
    }

    #[test]
    fn a_display_name_may_be_quoted_tokens_or_missing() {
        // tests rfc3261 §20.10, rfc4475 §3.1.1.6
        for (value, display, params) in [
            ("\"A. G. \\\"Bell\\\"\" <sip:a@h;x=1> ;tag=a48s", "A. G. \"Bell\"", 1),
            (" Bob  Smith <sip:a@h;x=1>", "Bob  Smith", 0),
            ("caller<sip:a@h;x=1>;tag=323", "caller", 1),
            ("<sip:a@h;x=1>", "", 0),
            ("J\u{f6}rg <sip:a@h;x=1>;q=0.1;expires=3", "J\u{f6}rg", 2),
        ] {
            assert_eq!(read(value), (display.into(), "sip:a@h;x=1".into(), params));
        }
    }

    #[test]
    fn parameters_after_a_bare_uri_belong_to_the_header() {
        // tests rfc3261 §20.10
        assert_eq!(read("sip:a@h;tag=x; y"), ("".into(), "sip:a@h".into(), 2));
        assert_eq!(read("tel:+1-201-555-0123"), ("".into(), "tel:+1-201-555-0123".into(), 0));
        assert!(NameAddr::decode(b"sip:a@h?Route=%3Csip:x%3E").is_err());
        assert!(NameAddr::decode(b"sip:a,b@h").is_err());
    }

    #[test]
    fn broken_addresses_are_refused_at_the_octet() {
        // tests rfc4475 §3.1.2.6, §3.1.2.14, §3.1.2.15
        for (value, at) in [
            ("\"Mr. J. User <sip:j@h>", 0),
            ("Bell, Alex <sip:a@h>", 4),
            ("\"W\" < sip:a@h>", 5),
            ("<sip:a@h", 8),
            ("", 0),
            ("*", 1),
            ("<sip:a@h> x", 10),
            ("\"sip\":a@h", 5),
        ] {
            assert_eq!(NameAddr::decode(value.as_bytes()).unwrap_err().at(), at, "{value}");
        }
    }

    #[test]
    fn a_contact_has_q_and_expires() {
        // tests rfc3261 §10.2.1.1
        let contact = |text| Contact::decode(text).unwrap();
        assert_eq!(
            (contact(b"<sip:a@h>;q=0.33;expires=60").q(), contact(b"<sip:a@h>;expires=60").expires_secs()),
            (Some(330), Some(60))
        );
        assert_eq!(contact(b"<sip:a@h>;expires=\"x\"").expires_secs(), Some(3600));
        assert!(matches!(contact(b" * "), Contact::Star));
        assert_eq!(
            [
                qvalue(b"1"),
                qvalue(b"1.0"),
                qvalue(b"0.5"),
                qvalue(b"0.001"),
                qvalue(b"1.1"),
                qvalue(b"2"),
                qvalue(b"")
            ],
            [Some(1000), Some(1000), Some(500), Some(1), None, None, None]
        );
    }

    #[test]
    fn composing_quotes_the_display_name() {
        let uri: Uri = "sip:a@h".parse().unwrap();
        assert_eq!(NameAddr::compose("A \"B\"", &uri), b"\"A \\\"B\\\"\" <sip:a@h>");
        assert_eq!(NameAddr::compose("", &uri), b"<sip:a@h>");
    }
}
