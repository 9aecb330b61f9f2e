//! What the body is: Content-Type, Content-Disposition, Content-Encoding, Content-Language,
//! Content-Length, Content-ID, MIME-Version (RFC 3261 §20.11 to §20.15, §20.24; RFC 8262 §3). The
//! body itself, and its parts, are in [`body`](crate::body).

use crate::error::HeaderError;
use crate::fields::Fields;
use crate::header::Header;
use crate::header::options::{token, tokens};
use crate::header::wraps::{numbers, wraps};
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::{Scanner, trim};
use std::borrow::Cow;

/// A media type with its parameters: `text/html; charset=ISO-8859-4`.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `text`; compare without case.
    pub kind: &'a [u8],
    /// `html`; compare without case.
    pub subtype: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads a media type that fills `value`.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let kind = scanner.token()?;
        if !scanner.eat_around(b'/') {
            return Err(scanner.expected("/ and a subtype"));
        }
        let subtype = scanner.token()?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(MediaType { kind, subtype, params })
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.kind);
        out.push(b'/');
        out.extend(self.subtype);
        out.extend(self.params.as_bytes());
    }

    /// It is `kind/subtype`, whatever its parameters.
    // rfc3261 §20.15
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// It is the type of this name, `kind/subtype`, whatever its parameters.
    pub fn is_named(&self, name: &str) -> bool {
        name.split_once('/').is_some_and(|(kind, subtype)| self.is(kind, subtype))
    }

    /// It is a multipart of any kind.
    pub fn is_multipart(&self) -> bool {
        self.kind.eq_ignore_ascii_case(b"multipart")
    }

    /// What parts the parts of a multipart.
    pub fn boundary(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("boundary").filter(|boundary| !boundary.is_empty())
    }
}

wraps! { MediaType:
    /// What the body is (RFC 3261 §20.15).
    ContentType,
}

impl<'a> ContentType<'a> {
    /// What the body of a message is; `None`: it does not say, or not so that it can be read.
    pub fn of(fields: &'a Fields) -> Option<MediaType<'a>> {
        fields.header::<Self>().ok().flatten().map(|ContentType(media)| media)
    }
}

/// What the body is for: `session;handling=optional` (RFC 3261 §20.11).
#[derive(Clone, Copy, Debug)]
pub struct ContentDisposition<'a> {
    /// `session`, `render`, `icon`, `alert` ... as written; compare without case.
    pub disposition: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl ContentDisposition<'_> {
    /// Who does not understand the body must refuse the message: true unless it says
    /// `handling=optional`.
    // rfc3261 §20.11
    pub fn is_required(&self) -> bool {
        !self.params.unquoted("handling").is_some_and(|handling| handling.eq_ignore_ascii_case(b"optional"))
    }
}

impl<'a> Header<'a> for ContentDisposition<'a> {
    const NAME: HeaderName = HeaderName::ContentDisposition;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let disposition = scanner.token()?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(ContentDisposition { disposition, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.disposition);
        out.extend(self.params.as_bytes());
    }
}

tokens! {
    /// How the body is packed: `gzip`; elements are undone from the last (RFC 3261 §20.12).
    ContentEncoding,
    /// A language of the body: `fr` (RFC 3261 §20.13).
    ContentLanguage,
}

fn octets(scanner: &mut Scanner<'_>) -> Result<u32, HeaderError> {
    scanner.number()
}

numbers! { octets:
    /// Octets of the body (RFC 3261 §20.14). Whether they are there is the door's to prove.
    ContentLength(u32),
}

/// The name of the body: `<target123@atlanta.example.com>` (RFC 8262 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentId<'a> {
    /// Without the angle brackets: what stands behind `cid:` in a URI.
    pub id: &'a [u8],
}

impl<'a> Header<'a> for ContentId<'a> {
    const NAME: HeaderName = HeaderName::ContentId;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let inner = trim(value).strip_prefix(b"<").and_then(|value| value.strip_suffix(b">"));
        let id = inner.ok_or(HeaderError::new(0, "an identifier in < and >"))?;
        let is_plain = |octet: &u8| octet.is_ascii_graphic() && !matches!(octet, b'<' | b'>');
        match id.iter().position(|octet| !is_plain(octet)) {
            None if !id.is_empty() => Ok(ContentId { id }),
            at => Err(HeaderError::new(at.unwrap_or_default() + 1, "an identifier")),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend(self.id);
        out.push(b'>');
    }
}

/// The version of MIME that the body follows: 1.0 (RFC 3261 §20.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MimeVersion {
    /// Before the dot.
    pub major: u32,
    /// After the dot.
    pub minor: u32,
}

impl<'a> Header<'a> for MimeVersion {
    const NAME: HeaderName = HeaderName::MimeVersion;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let major = scanner.number()?;
        if !scanner.eat(b'.') {
            return Err(scanner.expected("a dot"));
        }
        let minor = scanner.number()?;
        scanner.end()?;
        Ok(MimeVersion { major, minor })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(format!("{}.{}", self.major, self.minor).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_compares_without_case_and_parameters() {
        // tests rfc3261 §20.15
        let media = ContentType::decode(b"Multipart / Mixed ; boundary=\"a;b\"; Type=x").unwrap();
        assert!(media.is("multipart", "mixed") && media.is_multipart() && !media.is("multipart", "related"));
        assert_eq!(&*media.boundary().unwrap(), b"a;b");
        assert_eq!(media.to_value(), b"Multipart/Mixed ; boundary=\"a;b\"; Type=x");
        assert!(ContentType::decode(b"application/sdp;boundary").unwrap().boundary().is_none());
        for bad in [&b""[..], b"text", b"text/", b"/plain", b"text/plain x", b"text/plain;"] {
            assert!(ContentType::decode(bad).is_err());
        }
    }

    #[test]
    fn a_body_is_required_unless_it_says_optional() {
        // tests rfc3261 §20.11
        let required = |value: &str| ContentDisposition::decode(value.as_bytes()).unwrap().is_required();
        assert_eq!(
            [required("session"), required("session;handling=Optional"), required("x;handling=required")],
            [true, false, true]
        );
        let attachment =
            ContentDisposition::decode(b"attachment; filename=smime.p7s; handling=required").unwrap();
        assert_eq!((attachment.disposition, attachment.to_value().len()), (&b"attachment"[..], 49));
        assert!(ContentDisposition::decode(b";handling=optional").is_err());
    }

    #[test]
    fn lengths_languages_and_encodings_are_read() {
        // tests rfc3261 §20.12, §20.13, §20.14, §20.24
        assert_eq!(ContentLength::decode(b" 349"), Ok(ContentLength(349)));
        assert!(ContentLength::decode(b"-999").is_err() && ContentLength::decode(b"1 2").is_err());
        assert!(ContentLength::decode(b"4294967296").is_err());
        assert_eq!(ContentLanguage::decode(b"fr-CA").unwrap().as_str(), "fr-CA");
        assert_eq!(ContentEncoding::decode(b"gzip").unwrap().as_str(), "gzip");
        let version = MimeVersion::decode(b"1.0").unwrap();
        assert_eq!(
            (version, version.to_value().as_slice()),
            (MimeVersion { major: 1, minor: 0 }, &b"1.0"[..])
        );
        assert!(MimeVersion::decode(b"1").is_err());
    }

    #[test]
    fn a_content_id_stands_in_brackets() {
        let id = ContentId::decode(b" <nXYxAE@pres.vancouver.example.com>").unwrap();
        assert_eq!(id.id, b"nXYxAE@pres.vancouver.example.com");
        assert_eq!(id.to_value(), b"<nXYxAE@pres.vancouver.example.com>");
        for bad in [&b"a@b"[..], b"<>", b"<a b>", b"<a", b"<a>>"] {
            assert!(ContentId::decode(bad).is_err());
        }
    }
}
