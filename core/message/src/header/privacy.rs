//! Who it is, and who may know: Privacy (RFC 3323), P-Asserted-Identity, P-Preferred-Identity
//! (RFC 3325), Identity (RFC 8224). Whom to believe is core/admission's; signatures are not
//! checked here.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::address::address_header;
use crate::header::pointers::bracketed;
use crate::name::HeaderName;
use crate::params::Param;
use crate::scan::{Scanner, class, is, trim, unquote};
use crate::uri::UriRef;

address_header! {
    /// Who it is, as a trusted element found out (RFC 3325 §9.1).
    PAssertedIdentity = PAssertedIdentity,
    /// Who the user would like to be taken for (RFC 3325 §9.2).
    PPreferredIdentity = PPreferredIdentity,
}

/// What is to be hidden: `header;user` (RFC 3323 §4.2).
#[derive(Clone, Copy, Debug)]
pub struct Privacy<'a> {
    values: &'a [u8],
}

impl<'a> Privacy<'a> {
    /// What is asked for: `header`, `session`, `user`, `none`, `critical`, `id`, ...
    pub fn values(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.values.split(|octet| *octet == b';');
        values.filter_map(|value| str::from_utf8(trim(value)).ok())
    }

    /// This is asked for.
    pub fn asks(&self, value: &str) -> bool {
        self.values().any(|asked| asked.eq_ignore_ascii_case(value))
    }

    /// Where the request has been is to be hidden.
    // rfc7044 §10.1.2
    pub fn hides_history(&self) -> bool {
        self.asks("history") || self.asks("header")
    }
}

impl<'a> Header<'a> for Privacy<'a> {
    const NAME: HeaderName = HeaderName::Privacy;

    // rfc3323 §4.2
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let start = scanner.at();
        scanner.token()?;
        while scanner.eat_around(b';') {
            scanner.token()?;
        }
        let values = scanner.since(start);
        scanner.end()?;
        Ok(Privacy { values })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.values);
    }
}

/// A signature over who calls whom: `eyJhbGci…;info=<https://…>;alg=ES256;ppt=shaken` (RFC 8224 §4).
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The PASSporT, whole or without its first two parts; opaque here. Quoted in the older form of
    /// RFC 4474, whose other half is Identity-Info.
    pub digest: &'a [u8],
    /// Where the certificate is to be had.
    pub info: Option<UriRef<'a>>,
    /// All that follows the digest.
    params: &'a [u8],
}

impl<'a> Identity<'a> {
    /// The algorithm of the signature; without it ES256.
    pub fn alg(&self) -> Option<&'a [u8]> {
        self.param("alg")
    }

    /// The type of the PASSporT.
    pub fn ppt(&self) -> Option<&'a [u8]> {
        self.param("ppt")
    }

    fn param(&self, name: &str) -> Option<&'a [u8]> {
        let mut scanner = Scanner::new(self.params);
        std::iter::from_fn(|| identity_param(&mut scanner).ok().flatten())
            .find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
            .and_then(|param| param.value)
    }
}

/// Takes one parameter: one that any header may have, or a URI in angle brackets.
fn identity_param<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Param<'a>>, HeaderError> {
    if !scanner.eat_around(b';') {
        return Ok(None);
    }
    let name = scanner.token()?;
    if !scanner.eat_around(b'=') {
        return Ok(Some(Param { name, value: None }));
    }
    let value = match scanner.peek() {
        Some(b'<') => bracketed(scanner)?.as_bytes(),
        Some(b'"') => scanner.quoted()?,
        _ => match scanner.run(class::VALUE) {
            [] => return Err(scanner.expected("the value of a parameter")),
            value => value,
        },
    };
    Ok(Some(Param { name, value: Some(value) }))
}

impl<'a> Header<'a> for Identity<'a> {
    const NAME: HeaderName = HeaderName::Identity;

    // rfc8224 §4
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let digest = if scanner.peek() == Some(b'"') {
            scanner.quoted()?
        } else {
            let start = scanner.at();
            // base64, of the web or not
            while scanner.peek().is_some_and(|octet| is(octet, class::TOKEN) || matches!(octet, b'/' | b'='))
            {
                scanner.skip(1);
            }
            scanner.since(start)
        };
        if unquote(digest).is_empty() {
            return Err(scanner.expected("a signature"));
        }
        let start = scanner.at();
        let mut info = None;
        while let Some(param) = identity_param(&mut scanner)? {
            if param.name.eq_ignore_ascii_case(b"info") && info.is_none() {
                info = param.value.and_then(|uri| UriRef::parse(uri).ok());
            }
        }
        let params = scanner.since(start);
        scanner.end()?;
        Ok(Identity { digest, info, params })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.digest);
        out.extend(self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privacy_is_a_list_parted_by_semicolons() {
        // tests rfc3323 §4.2
        let privacy = Privacy::decode(b" header ; User;critical").unwrap();
        assert_eq!(privacy.values().collect::<Vec<_>>(), ["header", "User", "critical"]);
        assert!(privacy.asks("user") && !privacy.asks("none"));
        assert_eq!(privacy.to_value(), b"header ; User;critical");
        for bad in [&b""[..], b";", b"id;", b"id, user", b"id user"] {
            assert!(Privacy::decode(bad).is_err());
        }
    }

    #[test]
    fn identities_are_addresses() {
        // tests rfc3325 §9.1, §9.2
        let asserted = PAssertedIdentity::decode(b"\"Cullen Jennings\" <sip:fluffy@cisco.com>").unwrap();
        assert_eq!(&*asserted.display(), b"Cullen Jennings");
        assert_eq!(
            PPreferredIdentity::decode(b"tel:+14085264000").unwrap().to_value(),
            b"<tel:+14085264000>"
        );
    }

    #[test]
    fn a_signature_says_where_its_certificate_is() {
        // tests rfc8224 §4
        let value = b"eyJhbGci.eyJ0eXAi.sv7Rn-_x==;info=<https://biloxi.example.org/biloxi.cer?a=1;b> ;alg=ES256;ppt=\"shaken\"";
        let identity = Identity::decode(value).unwrap();
        assert_eq!(identity.digest, b"eyJhbGci.eyJ0eXAi.sv7Rn-_x==");
        assert_eq!(identity.info.unwrap().as_bytes(), b"https://biloxi.example.org/biloxi.cer?a=1;b");
        assert_eq!((identity.alg(), identity.ppt()), (Some(&b"ES256"[..]), Some(&b"\"shaken\""[..])));
        assert_eq!(identity.to_value(), value);
    }

    #[test]
    fn the_older_form_is_quoted_and_the_broken_one_refused() {
        // tests rfc8224 §4
        assert!(
            Identity::decode(b"\"CyI4+nAkHrH3ntmaxgr01TMxTmtjP7MASwliNRdupRI1vpkXRvZXx1ja9k0=\"")
                .unwrap()
                .info
                .is_none()
        );
        for bad in [&b""[..], b"\"\"", b";info=<https://a>", b"a;info=<https://a", b"a b", b"a;info=<>"] {
            assert!(Identity::decode(bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
