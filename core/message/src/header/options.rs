//! Lists of names: option tags (Require, Proxy-Require, Supported, Unsupported), methods (Allow),
//! entity tags (SIP-ETag, SIP-If-Match) (RFC 3261 §20.5, §20.29, §20.32, §20.37, §20.40;
//! RFC 3903 §11.3). A type here is one element of its list; lists of event packages are in
//! [`event`](super::event).

use crate::error::HeaderError;
use crate::header::Header;
use crate::method::Method;
use crate::name::HeaderName;
use crate::scan::Scanner;

/// Types that hold one token.
macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// The token as written.
            pub const fn as_str(&self) -> &'a str {
                self.0
            }
        }

        impl<'a> Header<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            #[inline]
            fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
                token(value).map($name)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend(self.0.as_bytes());
            }
        }
    )*};
}
pub(crate) use tokens;

/// A token that fills `value`.
#[inline]
pub(crate) fn token(value: &[u8]) -> Result<&str, HeaderError> {
    let mut scanner = Scanner::new(value);
    scanner.skip_lws();
    let token = scanner.token()?;
    scanner.end()?;
    str::from_utf8(token).map_err(|_| HeaderError::new(0, "a token in ASCII"))
}

/// Types that hold one option tag: names that compare without case (RFC 3261 §7.3.1).
macro_rules! option_tags {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        tokens! { $($(#[$doc])* $name),* }

        $(impl PartialEq<str> for $name<'_> {
            fn eq(&self, other: &str) -> bool {
                self.0.eq_ignore_ascii_case(other)
            }
        })*
    };
}

option_tags! {
    /// An extension that the server must understand (RFC 3261 §20.32).
    Require,
    /// An extension that every proxy on the way must understand (RFC 3261 §20.29).
    ProxyRequire,
    /// An extension that the sender understands (RFC 3261 §20.37).
    Supported,
    /// An extension that was required and is not understood (RFC 3261 §20.40).
    Unsupported,
}

tokens! {
    /// A method that the sender understands (RFC 3261 §20.5).
    Allow,
    /// Which version of a publication this is (RFC 3903 §11.3.1).
    SipETag,
    /// Which version of a publication is changed (RFC 3903 §11.3.2).
    SipIfMatch,
}

impl Allow<'_> {
    /// The method, if it is one of ours.
    pub fn method(&self) -> Method {
        Method::from_token(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_tags_compare_without_case() {
        // tests rfc3261 §7.3.1, §20.32
        let tag = Require::decode(b" 100Rel ").unwrap();
        assert!(tag == *"100rel" && tag != *"timer");
        assert_eq!((tag.as_str(), tag.to_value().as_slice()), ("100Rel", &b"100Rel"[..]));
        for bad in [&b""[..], b"a b", b"a;b", "ä".as_bytes(), b"\"a\""] {
            assert!(Supported::decode(bad).is_err() && Unsupported::decode(bad).is_err());
        }
    }

    #[test]
    fn methods_are_known_by_their_case() {
        // tests rfc3261 §20.5
        assert_eq!(Allow::decode(b"UPDATE").unwrap().method(), Method::Update);
        assert_eq!(Allow::decode(b"update").unwrap().method(), Method::Other);
    }

    #[test]
    fn entity_tags_are_opaque_tokens() {
        // tests rfc3903 §11.3.1, §11.3.2
        assert_eq!(SipETag::decode(b"dx200xyz").unwrap().as_str(), "dx200xyz");
        assert_eq!(SipIfMatch::decode(b"dx200xyz").unwrap().to_value(), b"dx200xyz");
        assert!(SipIfMatch::decode(b"*, a").is_err());
    }
}
