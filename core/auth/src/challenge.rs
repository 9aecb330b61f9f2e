//! What a server asks with: the value of WWW-Authenticate and Proxy-Authenticate, written by a server
//! and read by a client (RFC 7616 §3.3, RFC 8760 §2.3, §2.4).

use crate::algorithm::Algorithm;
use crate::credentials::strip;
use ruf_message::HeaderError;
use ruf_message::header::auth;
use ruf_message::scan::quote;
use std::borrow::Cow;

/// A challenge as a server writes it. `qop="auth"` is always offered.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whose password: the name of the domain.
    pub realm: &'a str,
    /// The nonce; letters, digits and the like.
    pub nonce: &'a str,
    /// The hash.
    pub algorithm: Algorithm,
    /// The password may be right: only the nonce was not.
    pub stale: bool,
}

impl Asking<'_> {
    /// The header value.
    // rfc3261 §22.4 (8) and rfc8760 §2.6 (8): always with qop
    // rfc7616 §3.3: what is quoted and what is not
    pub fn to_value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(160);
        value.extend_from_slice(b"Digest realm=");
        quote(self.realm.as_bytes(), &mut value);
        value.extend_from_slice(b", nonce=");
        quote(self.nonce.as_bytes(), &mut value);
        value.extend_from_slice(b", algorithm=");
        value.extend_from_slice(self.algorithm.as_str().as_bytes());
        value.extend_from_slice(b", qop=\"auth\"");
        if self.stale {
            value.extend_from_slice(b", stale=true");
        }
        value
    }
}

/// A challenge as a client reads it.
#[derive(Clone, Debug)]
pub struct Challenge<'a> {
    /// Whose password.
    pub realm: Cow<'a, [u8]>,
    /// The nonce, as it was between the quotation marks.
    pub nonce: &'a [u8],
    /// To be sent back as it is.
    pub opaque: Option<&'a [u8]>,
    /// The hash.
    pub algorithm: Algorithm,
    /// Its `-sess` variant.
    pub session: bool,
    /// What may be protected.
    pub offered: Offered,
    /// The last answer was wrong only in its nonce.
    pub stale: bool,
    /// The user's name is to be hashed.
    pub userhash: bool,
}

/// The qualities of protection a challenge offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// No `qop`: a server of RFC 2069.
    None,
    /// `auth`, whatever else.
    Auth,
    /// `auth-int` alone.
    AuthInt,
}

/// Why a challenge is passed over.
// rfc8760 §2.4: what is not understood is ignored
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError {
    /// Another scheme, hash or quality of protection.
    Unsupported,
    /// It breaks the grammar, or has no realm or nonce.
    Malformed(HeaderError),
}

impl<'a> Challenge<'a> {
    /// Reads a header value.
    ///
    /// # Errors
    /// See [`ChallengeError`].
    pub fn read(value: &'a [u8]) -> Result<Self, ChallengeError> {
        let end = value.len();
        let value = auth::Challenge::decode(value).map_err(ChallengeError::Malformed)?;
        if !value.is_digest() {
            return Err(ChallengeError::Unsupported);
        }
        let missing = |what| ChallengeError::Malformed(HeaderError::new(end, what));
        let (algorithm, session) = match value.algorithm() {
            None => (Algorithm::Md5, false),
            Some(token) => Algorithm::from_token(&token).ok_or(ChallengeError::Unsupported)?,
        };
        let offers = |name: &[u8]| value.qop().any(|qop| qop.eq_ignore_ascii_case(name));
        let offered = match (value.qop().next(), offers(b"auth"), offers(b"auth-int")) {
            (None, _, _) => Offered::None,
            (Some(_), true, _) => Offered::Auth,
            (Some(_), false, true) => Offered::AuthInt,
            (Some(_), false, false) => return Err(ChallengeError::Unsupported),
        };
        Ok(Challenge {
            realm: value.realm().ok_or(missing("a realm"))?,
            nonce: value.params.get("nonce").map(strip).ok_or(missing("a nonce"))?,
            opaque: value.params.get("opaque").map(strip),
            algorithm,
            // rfc3261 §22.4 (8): without qop there is no cnonce to bind a session to
            session: session && offered != Offered::None,
            offered,
            stale: value.is_stale(),
            userhash: value.offers_userhash(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_written_by_a_server_is_read_by_a_client() {
        // tests rfc3261 §22.4, rfc8760 §2.6
        let asking = Asking { realm: "example.org", nonce: "abc", algorithm: Algorithm::Sha256, stale: true };
        let value = asking.to_value();
        let expected =
            "Digest realm=\"example.org\", nonce=\"abc\", algorithm=SHA-256, qop=\"auth\", stale=true";
        assert_eq!(str::from_utf8(&value), Ok(expected));
        let read = Challenge::read(&value).unwrap();
        assert_eq!((&*read.realm, read.nonce, read.opaque), (&b"example.org"[..], &b"abc"[..], None));
        assert_eq!(
            (read.algorithm, read.session, read.offered, read.stale),
            (Algorithm::Sha256, false, Offered::Auth, true)
        );
        assert!(!Challenge::read(&Asking { stale: false, ..asking }.to_value()).unwrap().stale);
    }

    #[test]
    fn what_a_client_does_not_understand_it_passes_over() {
        // tests rfc8760 §2.4
        for other in [
            "Basic realm=\"a\"",
            "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-1",
            "Digest realm=\"a\", nonce=\"b\", qop=\"x\"",
        ] {
            assert_eq!(
                Challenge::read(other.as_bytes()).unwrap_err(),
                ChallengeError::Unsupported,
                "{other}"
            );
        }
        for broken in ["Digest realm=\"a\"", "Digest nonce=\"a\"", "Digest realm=\"a"] {
            assert!(
                matches!(Challenge::read(broken.as_bytes()), Err(ChallengeError::Malformed(_))),
                "{broken}"
            );
        }
    }

    #[test]
    fn of_several_qualities_the_plain_one_is_taken() {
        let offered = |qop: &str| {
            let value = format!("Digest realm=\"a\", nonce=\"b\", algorithm=MD5-sess{qop}");
            let read = Challenge::read(value.as_bytes()).unwrap();
            (read.offered, read.session)
        };
        assert_eq!(offered(", qop=\"auth-int, AUTH\""), (Offered::Auth, true));
        assert_eq!(offered(", qop=auth-int"), (Offered::AuthInt, true));
        assert_eq!(offered(""), (Offered::None, false));
    }
}
