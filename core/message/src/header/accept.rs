//! What the sender takes in answers: Accept, Accept-Encoding, Accept-Language (RFC 3261 §20.1 to
//! §20.3). A type here is one element of its list.

use crate::error::HeaderError;
use crate::fields::Fields;
use crate::header::Header;
use crate::header::address::qvalue;
use crate::header::content::MediaType;
use crate::header::wraps::wraps;
use crate::name::HeaderName;
use crate::params::Params;
use crate::scan::Scanner;

wraps! { MediaType:
    /// A media type that is taken: `application/sdp;level=1`, `text/*`, `*/*` (RFC 3261 §20.1).
    Accept,
}

impl Accept<'_> {
    /// It takes a body of this type: by name or by `*`.
    // rfc3261 §20.1
    pub fn covers(&self, kind: &str, subtype: &str) -> bool {
        let fits = |range: &[u8], text: &str| range == b"*" || range.eq_ignore_ascii_case(text.as_bytes());
        fits(self.0.kind, kind) && fits(self.0.subtype, subtype)
    }

    /// The preference in thousandths; without one 1000, and with one that cannot be read too.
    pub fn q(&self) -> u16 {
        preference(&self.0.params)
    }
}

/// Whether the sender of a message takes bodies of this type, `kind/subtype`; `None`: it does not say. The range that
/// names it most closely decides, and one with q=0 says no.
// rfc3261 §20.1
pub fn takes(fields: &Fields, name: &str) -> Option<bool> {
    if !fields.contains(HeaderName::Accept) {
        return None;
    }
    let (kind, subtype) = name.split_once('/').unwrap_or((name, ""));
    let ranges = fields.headers_of::<Accept<'_>>().flatten().filter(|range| range.covers(kind, subtype));
    let closeness = |range: &Accept<'_>| (range.0.kind != b"*", range.0.subtype != b"*");
    Some(ranges.max_by_key(|range| (closeness(range), range.q())).is_some_and(|range| range.q() > 0))
}

/// Types that hold a word or `*`, and parameters.
macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            /// The word as written, or `*`; compare without case.
            pub range: &'a [u8],
            /// The parameters.
            pub params: Params<'a>,
        }

        impl $name<'_> {
            /// The preference in thousandths; without one 1000, and with one that cannot be read too.
            pub fn q(&self) -> u16 {
                preference(&self.params)
            }
        }

        impl<'a> Header<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
                let mut scanner = Scanner::new(value);
                scanner.skip_lws();
                let range = scanner.token()?;
                let params = Params::scan(&mut scanner)?;
                scanner.end()?;
                Ok($name { range, params })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend(self.range);
                out.extend(self.params.as_bytes());
            }
        }
    )*};
}

ranges! {
    /// A packing that is taken: `gzip` (RFC 3261 §20.2).
    AcceptEncoding,
    /// A language that is taken: `en-gb;q=0.8` (RFC 3261 §20.3).
    AcceptLanguage,
}

fn preference(params: &Params<'_>) -> u16 {
    params.get("q").flatten().and_then(qvalue).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, Request};

    #[test]
    fn ranges_cover_types() {
        // tests rfc3261 §20.1
        let covers = |range: &str| Accept::decode(range.as_bytes()).unwrap().covers("application", "sdp");
        assert_eq!(
            [
                covers("application/sdp;level=1"),
                covers("Application/*"),
                covers("*/*"),
                covers("application/x-private"),
                covers("text/*")
            ],
            [true, true, true, false, false]
        );
        assert_eq!(Accept::decode(b"text/html;q=0.7").unwrap().q(), 700);
        assert!(Accept::decode(b"text").is_err());
    }

    #[test]
    fn preferences_default_to_one() {
        // tests rfc3261 §20.2, §20.3
        let language = AcceptLanguage::decode(b"en-gb;q=0.8").unwrap();
        assert_eq!((language.range, language.q()), (&b"en-gb"[..], 800));
        assert_eq!(language.to_value(), b"en-gb;q=0.8");
        assert_eq!(AcceptLanguage::decode(b"da").unwrap().q(), 1_000);
        assert_eq!(AcceptEncoding::decode(b"*;q=7").unwrap().q(), 1_000);
        assert!(AcceptEncoding::decode(b"").is_err());
    }

    #[test]
    fn the_closest_range_decides_and_0_says_no() {
        // tests rfc3261 §20.1
        let taken = |accept: &[&str]| {
            let uri = "sip:b@h".parse().unwrap();
            let builder = Request::build(Method::Subscribe, &uri).from("<sip:a@h>;tag=a").to("<sip:b@h>");
            let mut request = builder.call_id("1").cseq(1).finish().unwrap();
            accept.iter().for_each(|value| request.add(HeaderName::Accept, value));
            takes(&request, "application/pidf+xml")
        };
        assert_eq!(taken(&[]), None);
        for good in ["application/pidf+xml", "text/plain, Application/PIDF+xml;q=0.1", "*/*", "application/*"]
        {
            assert_eq!(taken(&[good]), Some(true), "{good}");
        }
        for bad in
            ["", "text/*", "application/pidf+xml;q=0", "application/pidf+xml;q=0, */*", "application/*;q=0.0"]
        {
            assert_eq!(taken(&[bad]), Some(false), "{bad}");
        }
        assert_eq!(taken(&["*/*;q=0", "application/pidf+xml"]), Some(true));
    }
}
