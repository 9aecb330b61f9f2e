//! What a client answers a challenge with, as a server reads it: the value of Authorization and
//! Proxy-Authorization (RFC 7616 §3.4, RFC 8760 §2.6). The grammar is core/message's; whether the nonce is a good
//! one, the gate's (core/admission).

use crate::algorithm::{Algorithm, Hex};
use crate::digest::{Count, Digest, Protection};
use ruf_message::header::auth::{self, DigestParams};
use ruf_message::scan::unquote;
use std::borrow::Cow;

/// Digest credentials, read.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    /// The user's name, or its hash.
    pub username: Username<'a>,
    /// The realm they are for.
    pub realm: Cow<'a, [u8]>,
    /// The nonce, as it was between the quotation marks.
    pub nonce: &'a [u8],
    /// The Request-URI that the client saw.
    pub uri: &'a [u8],
    /// The proof.
    pub response: Hex,
    /// The hash.
    pub algorithm: Algorithm,
    /// Its `-sess` variant.
    pub session: bool,
    /// The quality of protection.
    pub qop: Qop<'a>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Username<'a> {
    /// The name.
    Plain(Cow<'a, [u8]>),
    /// H(name ":" realm) in lower case (`userhash=true`).
    // rfc7616 §3.4.4
    Hashed(String),
}

/// The quality of protection that the client chose.
#[derive(Clone, Copy, Debug)]
pub enum Qop<'a> {
    /// No `qop`: as in RFC 2069.
    None,
    /// `auth`, and the number behind its `nc`.
    Auth(Count<'a>, u32),
    /// `auth-int`.
    AuthInt(Count<'a>, u32),
}

/// Why a value is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// Another scheme, or a hash that we do not know: for somebody else, or for nobody.
    NotOurs,
    /// No nonce yet: some clients name themselves before they are asked.
    // rfc8760 §2.7
    Unchallenged,
    /// A parameter is missing or improper; names it.
    // rfc7616 §3.4: answered with a 4xx
    Improper(&'static str),
}

impl<'a> Credentials<'a> {
    /// Reads a header value.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn read(value: &'a [u8]) -> Result<Self, CredentialsError> {
        let value =
            auth::Credentials::decode(value).map_err(|_| CredentialsError::Improper("the grammar"))?;
        Credentials::of(&value)
    }

    /// Reads what was decoded.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn of(value: &auth::Credentials<'a>) -> Result<Self, CredentialsError> {
        use CredentialsError::{Improper, NotOurs, Unchallenged};
        // rfc3261 §22.4: Basic is neither accepted nor asked for; nor is anything else
        if !value.is_digest() {
            return Err(NotOurs);
        }
        let found = &value.digest;
        let (algorithm, session) = match found.algorithm.map(strip) {
            // rfc7616 §3.3: MD5 where none is named
            None => (Algorithm::Md5, false),
            Some(token) => Algorithm::from_token(token).ok_or(NotOurs)?,
        };
        let realm = unquote(found.realm.ok_or(Improper("realm"))?);
        let nonce = found.nonce.map(strip).ok_or(Improper("nonce"))?;
        let response = found.response.map(strip).ok_or(Improper("response"))?;
        if nonce.is_empty() || response.is_empty() {
            return Err(Unchallenged);
        }
        let response =
            Hex::parse(response).filter(|response| response.as_bytes().len() == algorithm.hex_len());
        let qop = qop(found)?;
        if session && matches!(qop, Qop::None) {
            return Err(Improper("qop")); // rfc3261 §22.4 (8): -sess needs a cnonce
        }
        let username =
            if value.is_userhash() { hashed(found) } else { value.username().map(Username::Plain) };
        Ok(Credentials {
            username: username.ok_or(Improper("username"))?,
            realm,
            nonce,
            uri: found.uri.map(strip).filter(|uri| !uri.is_empty()).ok_or(Improper("uri"))?,
            response: response.ok_or(Improper("response"))?,
            algorithm,
            session,
            qop,
        })
    }

    /// The realm alone: who is asked to read the rest. `None` if the value is not Digest or has none.
    pub fn realm_of(value: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        auth::Credentials::decode(value).ok().filter(auth::Credentials::is_digest)?.realm()
    }

    /// Whether they prove knowledge of the password behind this H(A1), for a request of this method
    /// and body. Takes the same time for any wrong response.
    // rfc7616 §3.6: the same computation, and the comparison
    pub fn prove(&self, ha1: &Hex, method: &[u8], body: &[u8]) -> bool {
        let protection = match self.qop {
            Qop::None => Protection::None,
            Qop::Auth(count, _) => Protection::Auth(count),
            Qop::AuthInt(count, _) => Protection::AuthInt(count, body),
        };
        let Credentials { algorithm, session, nonce, uri, .. } = *self;
        Digest { algorithm, session, nonce, method, uri, protection }.response(ha1).same(&self.response)
    }

    /// The number of this request under its nonce; `None` if the client does not count.
    pub const fn count(&self) -> Option<u32> {
        match self.qop {
            Qop::None => None,
            Qop::Auth(_, count) | Qop::AuthInt(_, count) => Some(count),
        }
    }
}

/// What stands between the quotation marks; escapes stay, since that is what both sides hash.
// rfc7616 §3.4.5
pub(crate) fn strip(raw: &[u8]) -> &[u8] {
    match raw {
        [b'"', inner @ .., b'"'] => inner,
        bare => bare,
    }
}

fn qop<'a>(found: &DigestParams<'a>) -> Result<Qop<'a>, CredentialsError> {
    use CredentialsError::Improper;
    // rfc8760 §2.6 (8): to be understood, and not to be insisted on
    let Some(qop) = found.qop.map(strip) else { return Ok(Qop::None) };
    let nc = found.nc.map(strip).ok_or(Improper("nc"))?;
    let digits = str::from_utf8(nc)
        .ok()
        .filter(|nc| nc.len() <= 8 && nc.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let number = digits.and_then(|nc| u32::from_str_radix(nc, 16).ok()).ok_or(Improper("nc"))?;
    let count = Count { nc, cnonce: found.cnonce.map(strip).ok_or(Improper("cnonce"))? };
    if qop.eq_ignore_ascii_case(b"auth") {
        Ok(Qop::Auth(count, number))
    } else if qop.eq_ignore_ascii_case(b"auth-int") {
        Ok(Qop::AuthInt(count, number))
    } else {
        Err(Improper("qop"))
    }
}

fn hashed<'a>(found: &DigestParams<'a>) -> Option<Username<'a>> {
    Some(Username::Hashed(Hex::parse(strip(found.username?))?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ha1::Ha1;

    const RESPONSE: &str = "6629fae49393a05397450978507c4ef1";

    fn read(parameters: &str) -> Result<Credentials<'_>, CredentialsError> {
        Credentials::read(parameters.as_bytes())
    }

    fn with(more: &str) -> String {
        format!(
            "Digest username=\"bob\",realm=\"biloxi.com\",nonce=\"dcd9\",uri=\"sip:bob@biloxi.com\",response=\"{RESPONSE}\"{more}"
        )
    }

    #[test]
    fn credentials_of_a_phone_are_read() {
        // tests rfc3261 §22.2, rfc7616 §3.4
        let text = with(",qop=auth,nc=00000a01,cnonce=\"0a4f113b\",opaque=\"5ccc\"");
        let credentials = read(&text).unwrap();
        assert_eq!(credentials.username, Username::Plain(Cow::Borrowed(b"bob")));
        assert_eq!((&*credentials.realm, credentials.nonce), (&b"biloxi.com"[..], &b"dcd9"[..]));
        assert_eq!((credentials.algorithm, credentials.session), (Algorithm::Md5, false));
        assert_eq!(credentials.count(), Some(0xa01));
        assert_eq!(Credentials::realm_of(text.as_bytes()).as_deref(), Some(&b"biloxi.com"[..]));
    }

    #[test]
    fn what_should_not_be_quoted_may_be_quoted() {
        let text = with(",qop=\"auth-int\",nc=\"1\",cnonce=c,algorithm=\"md5-SESS\"");
        let credentials = read(&text).unwrap();
        assert!(matches!(credentials.qop, Qop::AuthInt(_, 1)) && credentials.session);
    }

    #[test]
    fn without_qop_they_are_of_the_old_kind() {
        // tests rfc8760 §2.6
        let text = with("");
        assert_eq!(read(&text).unwrap().count(), None);
        assert_eq!(read(&with(",algorithm=MD5-sess")).unwrap_err(), CredentialsError::Improper("qop"));
    }

    #[test]
    fn a_client_that_was_not_asked_yet_is_no_error() {
        // tests rfc8760 §2.7
        let text = "Digest username=\"a\",realm=\"b\",nonce=\"\",uri=\"sip:b\",response=\"\"";
        assert_eq!(read(text).unwrap_err(), CredentialsError::Unchallenged);
    }

    #[test]
    fn other_schemes_and_hashes_are_not_ours() {
        // tests rfc3261 §22.4
        for other in
            ["Basic YWxpY2U6c2VjcmV0", "NoOneKnowsThisScheme opaque-data=here", &with(",algorithm=AKAv1-MD5")]
        {
            assert_eq!(read(other).unwrap_err(), CredentialsError::NotOurs, "{other}");
        }
    }

    #[test]
    fn improper_parameters_are_named() {
        // tests rfc7616 §3.4
        use CredentialsError::Improper;
        let auth = ",qop=auth,nc=00000001,cnonce=\"c\"";
        for (text, expected) in [
            (with(auth).replace("realm", "x"), "realm"),
            (with(auth).replace("nonce=\"dcd9\",", ""), "nonce"),
            (with(auth).replace("uri", "x"), "uri"),
            (with(auth).replace(RESPONSE, "66"), "response"),
            (with(auth).replace("username=\"bob\",", ""), "username"),
            (with(",username*=UTF-8''bob"), "the grammar"),
            (with(auth).replace("username=\"bob\"", "username*=bob"), "username"),
            (with(auth).replace("nc=00000001", "nc=000000001"), "nc"),
            (with(auth).replace("nc=00000001", "nc=+1"), "nc"),
            (with(auth).replace("cnonce", "x"), "cnonce"),
            (with(",qop=other,nc=1,cnonce=c"), "qop"),
            (with(",userhash=true"), "username"),
            (with(" x"), "the grammar"),
        ] {
            assert_eq!(read(&text).unwrap_err(), Improper(expected), "{text}");
        }
    }

    #[test]
    fn names_come_escaped_encoded_or_hashed() {
        // tests rfc7616 §3.4, §3.4.4
        let plain = |name: &[u8]| Username::Plain(Cow::Owned(name.to_vec()));
        let escaped = with("").replace("\"bob\"", r#""b\"o""#);
        assert_eq!(read(&escaped).unwrap().username, plain(b"b\"o"));
        let encoded = with("").replace("username=\"bob\"", "username*=utf-8'en'J%C3%A4s%20n");
        assert_eq!(read(&encoded).unwrap().username, plain("J\u{e4}s n".as_bytes()));
        let hash = crate::userhash(Algorithm::Md5, "bob", "biloxi.com").to_string();
        let hashed = with(",userhash=true").replace("\"bob\"", &format!("\"{}\"", hash.to_uppercase()));
        assert_eq!(read(&hashed).unwrap().username, Username::Hashed(hash));
    }

    #[test]
    fn only_the_right_password_method_and_body_prove_anything() {
        // tests rfc7616 §3.6
        let digest = Digest {
            algorithm: Algorithm::Sha256,
            session: false,
            nonce: b"n",
            method: b"INVITE",
            uri: b"sip:b",
            protection: Protection::AuthInt(Count { nc: b"00000001", cnonce: b"c" }, b"v=0"),
        };
        let ha1 = Ha1::new("a", "r", "secret").get(Algorithm::Sha256).unwrap();
        let text = format!(
            "Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"sip:b\",response=\"{}\",algorithm=SHA-256,qop=auth-int,nc=00000001,cnonce=\"c\"",
            digest.response(&ha1)
        );
        let credentials = read(&text).unwrap();
        assert!(credentials.prove(&ha1, b"INVITE", b"v=0"));
        assert!(!credentials.prove(&ha1, b"INVITE", b"v=1"));
        assert!(!credentials.prove(&ha1, b"BYE", b"v=0"));
        assert!(!credentials.prove(
            &Ha1::new("a", "r", "Secret").get(Algorithm::Sha256).unwrap(),
            b"INVITE",
            b"v=0"
        ));
    }

    #[test]
    fn an_empty_nonce_or_response_alone_is_no_answer_to_a_challenge() {
        for empty in ["nonce", "response"] {
            let of = |name: &str| if name == empty { "" } else { "0123456789abcdef0123456789abcdef" };
            let value = format!(
                "Digest username=\"a\", realm=\"r\", uri=\"sip:r\", nonce=\"{}\", response=\"{}\"",
                of("nonce"),
                of("response")
            );
            assert_eq!(Credentials::read(value.as_bytes()).err(), Some(CredentialsError::Unchallenged));
        }
    }
}
