//! URIs that say where more is to be had: Call-Info, Alert-Info, Error-Info (RFC 3261 §20.4,
//! §20.9, §20.18). A type here is one element of its list. Nothing here fetches a URI, and nobody
//! should without asking (RFC 3261 §20.4).

use crate::error::HeaderError;
use crate::header::wraps::wraps;
use crate::params::Params;
use crate::scan::Scanner;
use crate::uri::UriRef;

/// `<http://www.example.com/alice/photo.jpg>;purpose=icon`.
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    /// The URI.
    pub uri: UriRef<'a>,
    /// The parameters after it.
    pub params: Params<'a>,
}

impl<'a> Pointer<'a> {
    /// Reads one that fills `value`.
    ///
    /// # Errors
    /// If it is no URI in angle brackets, followed by parameters.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let uri = bracketed(&mut scanner)?;
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(Pointer { uri, params })
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend(self.uri.as_bytes());
        out.push(b'>');
        out.extend(self.params.as_bytes());
    }

    /// What it is good for: `icon`, `info`, `card`, ... (RFC 3261 §20.9).
    pub fn purpose(&self) -> Option<&'a [u8]> {
        self.params.get("purpose").flatten()
    }
}

/// Takes a URI in angle brackets.
pub(crate) fn bracketed<'a>(scanner: &mut Scanner<'a>) -> Result<UriRef<'a>, HeaderError> {
    if !scanner.eat(b'<') {
        return Err(scanner.expected("a URI in < and >"));
    }
    let start = scanner.at();
    let close =
        memchr::memchr(b'>', scanner.rest()).ok_or(HeaderError::new(start, "a URI that is closed by >"))?;
    scanner.skip(close);
    let uri = UriRef::parse(scanner.since(start));
    scanner.skip(1);
    uri.map_err(|error| HeaderError::new(start + error.at(), error.expected()))
}

wraps! { Pointer:
    /// About who calls or is called (RFC 3261 §20.9).
    CallInfo,
    /// Another way to ring (RFC 3261 §20.4).
    AlertInfo,
    /// About an error (RFC 3261 §20.18).
    ErrorInfo,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn a_pointer_is_a_uri_and_its_purpose() {
        // tests rfc3261 §20.9
        let info = CallInfo::decode(b"<http://wwww.example.com/alice/photo.jpg> ;purpose=icon").unwrap();
        assert_eq!(info.uri.as_bytes(), b"http://wwww.example.com/alice/photo.jpg");
        assert_eq!(info.purpose(), Some(&b"icon"[..]));
        assert_eq!(info.to_value(), b"<http://wwww.example.com/alice/photo.jpg> ;purpose=icon");
    }

    #[test]
    fn any_scheme_is_taken_and_no_bare_uri() {
        // tests rfc3261 §20.4, §20.18
        assert!(AlertInfo::decode(b"<urn:alert:service:call-waiting>").unwrap().purpose().is_none());
        assert_eq!(
            ErrorInfo::decode(b"<sip:not-in-service-recording@atlanta.com>").unwrap().uri.user(),
            Some(&b"not-in-service-recording"[..])
        );
        for (bad, at) in
            [(&b"http://a"[..], 0), (b"<http://a", 1), (b"<sip:>", 5), (b"", 0), (b"<http://a> x", 11)]
        {
            assert_eq!(ErrorInfo::decode(bad).unwrap_err().at(), at, "{}", bad.escape_ascii());
        }
    }
}
