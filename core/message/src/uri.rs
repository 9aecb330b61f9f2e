//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966); URIs of other schemes are kept as they are.
//! [`UriRef`] borrows its text, [`Uri`] owns it. The grammar is in `uri/grammar.rs`, when two URIs are
//! the same in `uri/equivalent.rs`; where a URI leads is core/locate's.

mod equivalent;
mod escape;
mod grammar;
mod owned;

pub use escape::{escape_header, escape_user, unescape};
pub use owned::Uri;

use crate::error::UriError;
use crate::flow::{Hop, Transport};
use crate::host::Host;
use std::borrow::Cow;
use std::fmt;

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`: secure on every hop.
    Sips,
    /// `tel:`: a telephone number.
    Tel,
    /// Anything else.
    #[default]
    Other,
}

/// A URI that borrows its text. Cheap to copy: the text and where its parts begin.
#[derive(Clone, Copy, Default)]
pub struct UriRef<'a> {
    bytes: &'a [u8],
    parts: Parts,
}

/// Where the parts of a URI stand. `sip:user:password@host:port;params?headers`
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    scheme: Scheme,
    /// After the colon of the scheme.
    user: u16,
    /// End of the user; equal to `user` where there is none. Of a tel URI: end of the number.
    user_end: u16,
    /// Equal to `user_end` where there is no userinfo, else the octet after the `@`.
    host: u16,
    host_end: u16,
    port: Option<u16>,
    /// The first `;`, or where it would stand.
    params: u16,
    /// The `?`, or the end.
    headers: u16,
}

impl<'a> UriRef<'a> {
    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// If a `sip:`, `sips:` or `tel:` URI breaks its grammar; for another scheme, if there is no
    /// scheme or an octet that no URI may hold.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Result<Self, UriError> {
        let uri = UriRef::scan(text)?;
        match uri.bytes.len() {
            end if end < text.len() => Err(UriError::new(end, "a character of a URI")),
            _ => Ok(uri),
        }
    }

    /// Reads a URI at the start of `text`, as far as it goes.
    #[inline]
    pub(crate) fn scan(text: &'a [u8]) -> Result<Self, UriError> {
        let (parts, end) = grammar::parts(text)?;
        match text.get(..end) {
            Some(bytes) if end <= usize::from(u16::MAX) => Ok(UriRef { bytes, parts }),
            Some(_) | None => Err(UriError::new(usize::from(u16::MAX), "the end of the URI")),
        }
    }

    /// A URI that was read before: `parts` are those of this very text.
    pub(crate) const fn from_parts(bytes: &'a [u8], parts: Parts) -> Self {
        UriRef { bytes, parts }
    }

    pub(crate) const fn parts(&self) -> Parts {
        self.parts
    }

    /// The text as written.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The text of the scheme: what stands before the first colon.
    pub fn scheme_bytes(&self) -> &'a [u8] {
        self.slice(0, self.parts.user.saturating_sub(1))
    }

    /// `sip:` or `sips:`.
    pub const fn is_sip(&self) -> bool {
        matches!(self.parts.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part of a SIP URI as written, escapes and all.
    pub fn user(&self) -> Option<&'a [u8]> {
        (self.is_sip() && self.parts.user_end > self.parts.user)
            .then(|| self.slice(self.parts.user, self.parts.user_end))
    }

    /// The user part with its escapes undone.
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user().map(unescape)
    }

    /// The password (which nobody should use: RFC 3261 §19.1.1), as written.
    pub fn password(&self) -> Option<&'a [u8]> {
        let (start, end) = (self.parts.user_end.saturating_add(1), self.parts.host.saturating_sub(1));
        (self.user().is_some() && self.parts.user_end < end).then(|| self.slice(start, end))
    }

    /// The host of a SIP URI.
    pub fn host(&self) -> Option<Host<'a>> {
        Host::proved(self.host_bytes())
    }

    /// The host of a SIP URI as written; empty where there is none.
    pub fn host_bytes(&self) -> &'a [u8] {
        if self.is_sip() { self.slice(self.parts.host, self.parts.host_end) } else { b"" }
    }

    /// It names nobody: its host is `anonymous.invalid`.
    // rfc3323 §4.1.1.3
    pub fn is_anonymous(&self) -> bool {
        matches!(self.host(), Some(Host::Name(name)) if name.eq_ignore_ascii_case("anonymous.invalid"))
    }

    /// The port, if one is written.
    pub const fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The value of a parameter, as written: `None` if there is none, `Some(None)` if it has no value.
    pub fn param(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.params().find(|(found, _)| same_unescaped(found, name.as_bytes())).map(|(_, value)| value)
    }

    /// All parameters: name, and value if it has one; as written.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        pairs(self.slice(self.parts.params, self.parts.headers), b';')
    }

    /// All headers (`?subject=x&priority=urgent`): name and value, as written.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let headers = self.bytes.get(usize::from(self.parts.headers)..).unwrap_or_default();
        pairs(headers, b'&').map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// It has headers, which a Request-URI must not (RFC 3261 §19.1.1, table 1).
    pub fn has_headers(&self) -> bool {
        usize::from(self.parts.headers) < self.bytes.len()
    }

    /// The URI without its headers.
    pub fn without_headers(&self) -> UriRef<'a> {
        UriRef { bytes: self.slice(0, self.parts.headers), parts: self.parts }
    }

    /// It names a loose router: `lr` (RFC 3261 §19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The transport parameter: `None` if there is none, `Some(None)` if it names none of ours.
    pub fn transport(&self) -> Option<Option<Transport>> {
        self.param("transport").map(|value| Transport::from_token(value.unwrap_or_default()))
    }

    /// The address that overrides the host (RFC 3261 §19.1.1).
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.param("maddr").flatten().and_then(Host::parse)
    }

    /// Where what is sent to it goes (RFC 3263 §4); `None` if it names no host.
    pub fn hop(&self) -> Option<Hop> {
        let host = self.maddr().or_else(|| self.host())?.to_owned();
        let (port, transport) = (self.port(), self.transport().flatten());
        Some(Hop { host, port, transport, secure: self.scheme() == Scheme::Sips })
    }

    /// The user part is a telephone number: `user=phone`.
    pub fn is_phone(&self) -> bool {
        self.param("user").flatten().is_some_and(|value| value.eq_ignore_ascii_case(b"phone"))
    }

    /// The telephone number of a tel URI, or of a SIP URI with `user=phone`, without its visual
    /// separators: `+12015550123`.
    pub fn tel_number(&self) -> Option<String> {
        let number = match self.scheme() {
            Scheme::Tel => Cow::Borrowed(self.slice(self.parts.user, self.parts.user_end)),
            Scheme::Sip | Scheme::Sips if self.is_phone() => self.user_unescaped()?,
            Scheme::Sip | Scheme::Sips | Scheme::Other => return None,
        };
        let end = memchr::memchr(b';', &number).unwrap_or(number.len());
        let digits = number.get(..end)?.iter().copied().filter(|octet| !is_separator(*octet));
        String::from_utf8(digits.collect()).ok()
    }

    /// Whether both mean the same (RFC 3261 §19.1.4, RFC 3966 §4). Not transitive: a parameter that
    /// only one of them has may be ignored.
    pub fn equivalent(&self, other: &UriRef<'_>) -> bool {
        equivalent::equivalent(self, other)
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Uri {
        Uri::copied(self)
    }

    fn slice(&self, start: u16, end: u16) -> &'a [u8] {
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

impl fmt::Display for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes))
    }
}

impl fmt::Debug for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

impl PartialEq for UriRef<'_> {
    /// As [`UriRef::equivalent`].
    fn eq(&self, other: &Self) -> bool {
        self.equivalent(other)
    }
}

/// Equal without case, escapes undone.
fn same_unescaped(text: &[u8], plain: &[u8]) -> bool {
    text.eq_ignore_ascii_case(plain) || (text.contains(&b'%') && unescape(text).eq_ignore_ascii_case(plain))
}

/// `;a=b;c`, or `?a=b&c`, as pairs: the first octet is the mark before the first pair.
fn pairs(text: &[u8], mark: u8) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let text = text.get(1..).unwrap_or_default();
    text.split(move |octet| *octet == mark).filter(|pair| !pair.is_empty()).map(|pair| {
        match memchr::memchr(b'=', pair) {
            Some(at) => {
                let (name, value) = pair.split_at(at);
                (name, Some(value.get(1..).unwrap_or_default()))
            }
            None => (pair, None),
        }
    })
}

// rfc3966 §3
const fn is_separator(octet: u8) -> bool {
    matches!(octet, b'-' | b'.' | b'(' | b')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_part_is_found() {
        // tests rfc3261 §19.1.1
        let whole = uri("sips:alice:secret@[2001:db8::1]:5081;transport=tcp;lr;x=%41?subject=a%20b&to=x");
        let uri = whole.as_ref();
        assert_eq!((uri.scheme(), uri.scheme_bytes()), (Scheme::Sips, &b"sips"[..]));
        assert_eq!((uri.user(), uri.password()), (Some(&b"alice"[..]), Some(&b"secret"[..])));
        assert_eq!((uri.host().unwrap().to_string().as_str(), uri.port()), ("[2001:db8::1]", Some(5081)));
        assert_eq!(
            (uri.transport(), uri.is_loose_router(), uri.param("X")),
            (Some(Some(Transport::Tcp)), true, Some(Some(&b"%41"[..])))
        );
        assert_eq!(
            uri.headers().collect::<Vec<_>>(),
            [(&b"subject"[..], &b"a%20b"[..]), (&b"to"[..], &b"x"[..])]
        );
        assert_eq!((uri.params().count(), uri.has_headers(), uri.to_string()), (3, true, whole.to_string()));
    }

    #[test]
    fn parts_that_are_not_there_are_none() {
        // tests rfc3261 §19.1.1
        let bare = uri("sip:example.org");
        let uri = bare.as_ref();
        assert_eq!(
            (uri.user(), uri.password(), uri.port(), uri.transport(), uri.maddr().is_none()),
            (None, None, None, None, true)
        );
        assert!(!uri.has_headers() && !uri.is_loose_router() && uri.params().next().is_none());
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // tests rfc3261 §19.1.3
        for text in [
            "sip:alice@atlanta.com",
            "sip:alice:secretword@atlanta.com;transport=tcp",
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            "sips:1212@gateway.com",
            "sip:alice@192.0.2.4",
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            "sip:alice;day=tuesday@atlanta.com",
        ] {
            assert_eq!(uri(text).to_string(), text);
        }
        assert_eq!(uri("sip:alice;day=tuesday@atlanta.com").as_ref().user(), Some(&b"alice;day=tuesday"[..]));
    }

    #[test]
    fn what_is_sent_to_a_uri_goes_to_its_maddr_or_its_host() {
        let hop = |text| {
            uri(text).as_ref().hop().map(|hop| (hop.host.to_string(), hop.port, hop.transport, hop.secure))
        };
        let tcp = Some(Transport::Tcp);
        assert_eq!(hop("sip:a@h:5070;transport=tcp"), Some(("h".to_owned(), Some(5070), tcp, false)));
        assert_eq!(hop("sips:a@h;maddr=192.0.2.1"), Some(("192.0.2.1".to_owned(), None, None, true)));
        assert_eq!(hop("tel:+1"), None);
    }

    #[test]
    fn what_breaks_the_grammar_is_refused_at_its_octet() {
        // tests rfc4475 §3.1.2.7, §3.1.2.8; rfc5118 §4.2
        for (text, at) in [
            ("", 0),
            ("sip:", 4),
            ("sip:@h", 4),
            ("sip:a@", 6),
            ("sip:a b@h", 5),
            ("sip:a@h x", 7),
            ("<sip:a@h>", 0),
            ("sip:a@h:", 8),
            ("sip:a@h:70000", 8),
            ("sip:a@h;", 8),
            ("sip:a@h;;x", 8),
            ("sip:a@h;x=\"1\"", 10),
            ("sip:a@h?", 8),
            ("sip:a%4@h", 5),
            ("sip:2001:db8::1", 9),
            ("sip:[2001:db8::1", 4),
            ("sip:a@b@c", 7),
            ("tel:", 4),
            ("tel:+", 5),
            ("tel:+1x", 6),
            ("tel:+1?a=b", 6),
            ("bob@h", 0),
            ("1a:b", 0),
            ("urn:", 4),
            ("urn:a b", 5),
            ("sip:\u{e9}@h", 4),
        ] {
            assert_eq!(text.parse::<Uri>().map_err(|error| error.at()), Err(at), "{text}");
        }
        assert!("x:".repeat(40_000).parse::<Uri>().is_err());
    }

    #[test]
    fn a_number_is_read_without_its_separators() {
        // tests rfc3966 §5.1.1, rfc3261 §19.1.6
        let number = |text| uri(text).as_ref().tel_number();
        assert_eq!(number("tel:+1-201-555-0123;ext=4").as_deref(), Some("+12015550123"));
        assert_eq!(number("tel:*31#;phone-context=a.b").as_deref(), Some("*31#"));
        assert_eq!(number("sip:+1-201-555-0123;isub=1@gw.com;user=phone").as_deref(), Some("+12015550123"));
        assert_eq!((number("sip:+1@gw.com"), number("urn:a:b")), (None, None));
        assert_eq!(uri("tel:+1").as_ref().host(), None);
    }

    #[test]
    fn an_unknown_scheme_is_kept() {
        // tests rfc4475 §3.3.2
        let opaque = uri("nobodyKnowsThisScheme:totallyopaquecontent");
        assert_eq!(
            (opaque.as_ref().scheme(), opaque.as_ref().user(), opaque.as_ref().host()),
            (Scheme::Other, None, None)
        );
    }
}
