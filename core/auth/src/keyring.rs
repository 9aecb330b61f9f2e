//! The client's side: which challenge of a 401 or 407 to answer, with which password, and the counting
//! that goes with it (RFC 3261 §22.2, §22.3; RFC 7616 §3.6; RFC 8760 §2.4). Sending the request again,
//! with the next CSeq, is the agent's business (core/agent).
//!
//! ```
//! use ruf_auth::Keyring;
//! use ruf_message::{Entropy, Method, Request, StatusCode, Uri};
//!
//! let registrar: Uri = "sip:example.org".parse()?;
//! let mut register = Request::build(Method::Register, &registrar)
//!     .via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1").from("<sip:alice@example.org>;tag=1")
//!     .to("<sip:alice@example.org>").call_id("1").cseq(1).finish()?;
//! let mut refused = register.reply(StatusCode::UNAUTHORIZED);
//! refused.add("WWW-Authenticate", r#"Digest realm="example.org", nonce="n", algorithm=SHA-256, qop="auth""#);
//!
//! let mut keyring = Keyring::new("alice", "secret");
//! keyring.challenged(&register, &refused, &mut Entropy::from_seed([0; 32]))?;
//! keyring.authorize(&mut register);
//! assert_eq!(register.raw("Authorization").count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::algorithm::Algorithm;
use crate::challenge::Challenge;
use crate::credentials::{Credentials, strip};
use crate::ha1::{ha1, userhash};
use crate::session::{Asker, Session};
use ruf_message::header::auth;
use ruf_message::{Entropy, Request, Response};
use std::fmt;

/// So often in a row a server may say that only the nonce was wrong.
const STALE_MAX: u8 = 3;

/// Passwords by realm, and the challenges that are being answered with them.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<Key>,
    sessions: Vec<Session>,
    algorithms: Vec<Algorithm>,
}

#[derive(Clone)]
struct Key {
    /// `None`: whoever asks.
    realm: Option<String>,
    user: String,
    secret: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} at {:?})", self.user, self.realm)
    }
}

/// Why no challenge of a response can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// There is none that we understand.
    Unsupported,
    /// We have no password for this realm.
    NoPassword(String),
    /// The password for this realm was just refused.
    Rejected(String),
}

impl fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswerable::Unsupported => f.write_str("the server asks for a password in no way we know"),
            Unanswerable::NoPassword(realm) => write!(f, "no password is known for the realm {realm}"),
            Unanswerable::Rejected(realm) => write!(f, "the realm {realm} refused user name or password"),
        }
    }
}

impl std::error::Error for Unanswerable {}

impl Keyring {
    /// One name and password, for whoever asks.
    pub fn new(user: &str, secret: &str) -> Self {
        Self::empty().with(None, user, secret)
    }

    /// Without any password yet.
    pub fn empty() -> Self {
        Keyring { keys: Vec::new(), sessions: Vec::new(), algorithms: Algorithm::ALL.to_vec() }
    }

    /// No password is known.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// With one more: for a realm, or (`None`) for those that have no password of their own.
    #[must_use]
    pub fn with(mut self, realm: Option<&str>, user: &str, secret: &str) -> Self {
        self.keys.push(Key {
            realm: realm.map(str::to_owned),
            user: user.to_owned(),
            secret: secret.to_owned(),
        });
        self
    }

    /// With these algorithms only.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// Takes the challenges of a 401 or 407 to `request`. If it succeeds, [`Keyring::authorize`] the
    /// request again.
    ///
    /// # Errors
    /// If none can be answered, or one was answered with the same password just now.
    pub fn challenged(
        &mut self,
        request: &Request,
        response: &Response,
        entropy: &mut Entropy,
    ) -> Result<(), Unanswerable> {
        let mut missing = None;
        let mut answered = false;
        for asker in Asker::ALL {
            for challenge in self.chosen(asker, response) {
                let realm = String::from_utf8_lossy(&challenge.realm).into_owned();
                let Some(key) = self.key(&challenge.realm).cloned() else {
                    missing.get_or_insert(realm);
                    continue;
                };
                let stale_in_a_row =
                    self.after_refusal(asker, &challenge, request).ok_or(Unanswerable::Rejected(realm))?;
                self.open(asker, &challenge, &key, stale_in_a_row, entropy);
                answered = true;
            }
        }
        match (answered, missing) {
            (true, _) => Ok(()),
            (false, Some(realm)) => Err(Unanswerable::NoPassword(realm)),
            (false, None) => Err(Unanswerable::Unsupported),
        }
    }

    /// Answers every open challenge in this request; what it said before is replaced.
    pub fn authorize(&mut self, request: &mut Request) {
        for session in &mut self.sessions {
            let name = session.asker.answered_in();
            request.remove_if(name, |value| Credentials::realm_of(value).as_deref() == Some(&session.realm));
            let value = session.answer(request);
            request.add(name, value);
        }
    }

    /// This request goes to another server, which has asked nothing yet: takes our answers out of it, and forgets the
    /// challenges, not the passwords.
    // A nonce is good at the server that made it.
    pub fn start_over(&mut self, request: &mut Request) {
        self.sessions.clear();
        for asker in Asker::ALL {
            request.remove(asker.answered_in());
        }
    }

    /// For each realm, the topmost challenge that we understand.
    // rfc8760 §2.4
    fn chosen<'a>(&self, asker: Asker, response: &'a Response) -> Vec<Challenge<'a>> {
        let mut chosen: Vec<Challenge<'a>> = Vec::new();
        for challenge in response.raw(asker.asks_in()).filter_map(|value| Challenge::read(value).ok()) {
            if self.algorithms.contains(&challenge.algorithm)
                && chosen.iter().all(|other| other.realm != challenge.realm)
            {
                chosen.push(challenge);
            }
        }
        chosen
    }

    fn key(&self, realm: &[u8]) -> Option<&Key> {
        let named =
            self.keys.iter().find(|key| key.realm.as_deref().is_some_and(|named| named.as_bytes() == realm));
        named.or_else(|| self.keys.iter().find(|key| key.realm.is_none()))
    }

    /// `None` if the request already answered this realm with a new nonce, and the server does not say
    /// that only the nonce was wrong. Otherwise how often in a row it said so.
    // rfc3261 §22.1: the same credentials are not tried again
    fn after_refusal(&self, asker: Asker, challenge: &Challenge<'_>, request: &Request) -> Option<u8> {
        let session =
            self.sessions.iter().find(|session| session.asker == asker && session.realm == *challenge.realm);
        let Some(session) = session else { return Some(0) };
        let mut nonces = request.raw(asker.answered_in()).filter_map(|value| {
            auth::Credentials::decode(value).ok().and_then(|value| value.params.get("nonce")).map(strip)
        });
        if !nonces.any(|nonce| nonce == session.nonce) {
            return Some(0);
        }
        if challenge.stale {
            return Some(session.stale_in_a_row + 1).filter(|often| *often <= STALE_MAX);
        }
        // An old nonce may be refused by a server that does not know `stale`.
        (session.count > 1).then_some(0)
    }

    fn open(
        &mut self,
        asker: Asker,
        challenge: &Challenge<'_>,
        key: &Key,
        stale_in_a_row: u8,
        entropy: &mut Entropy,
    ) {
        let realm = String::from_utf8_lossy(&challenge.realm);
        let hashed = || userhash(challenge.algorithm, &key.user, &realm).to_string();
        self.sessions.retain(|session| session.asker != asker || session.realm != *challenge.realm);
        self.sessions.push(Session {
            asker,
            realm: challenge.realm.to_vec(),
            nonce: challenge.nonce.to_vec(),
            opaque: challenge.opaque.map(<[u8]>::to_vec),
            algorithm: challenge.algorithm,
            session: challenge.session,
            offered: challenge.offered,
            ha1: ha1(challenge.algorithm, &key.user, &realm, &key.secret),
            // rfc7616 §3.4.4
            username: if challenge.userhash { hashed() } else { key.user.clone() },
            hashed: challenge.userhash,
            cnonce: entropy.token(16),
            count: 0,
            stale_in_a_row,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asking, Ha1};
    use ruf_message::{HeaderName, Method, StatusCode, Uri};

    fn request() -> Request {
        let uri: Uri = "sip:bob@example.org".parse().unwrap();
        Request::build(Method::Invite, &uri)
            .via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
            .from("<sip:alice@example.org>;tag=1")
            .to("<sip:bob@example.org>")
            .call_id("1")
            .cseq(1)
            .body("application/sdp", &b"v=0"[..])
            .finish()
            .unwrap()
    }

    fn refusal(request: &Request, asker: Asker, values: &[&str]) -> Response {
        let status = if asker == Asker::Server {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED
        };
        let mut response = request.reply(status);
        for value in values {
            response.add(asker.asks_in(), value);
        }
        response
    }

    fn entropy() -> Entropy {
        Entropy::from_seed([5; 32])
    }

    fn asked(realm: &str, nonce: &str, algorithm: Algorithm, stale: bool) -> String {
        String::from_utf8(Asking { realm, nonce, algorithm, stale }.to_value()).unwrap()
    }

    fn values(request: &Request, name: HeaderName) -> Vec<String> {
        request.raw(name).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }

    /// What a server would say to the only answer in the request.
    fn proves(request: &Request, name: HeaderName, realm: &str, secret: &str) -> (Algorithm, Option<u32>) {
        let values = values(request, name);
        assert_eq!(values.len(), 1, "{values:?}");
        let credentials = Credentials::read(values[0].as_bytes()).unwrap();
        let ha1 = Ha1::new("alice", realm, secret);
        assert!(credentials.prove(&ha1.get(credentials.algorithm).unwrap(), b"INVITE", b"v=0"), "{values:?}");
        (credentials.algorithm, credentials.count())
    }

    #[test]
    fn the_topmost_challenge_that_is_understood_is_answered() {
        // tests rfc8760 §2.4
        let mut request = request();
        let all = [
            "Digest realm=\"r\", nonce=\"a\", algorithm=SHA3-999, qop=\"auth\"".to_owned(),
            asked("r", "b", Algorithm::Sha512_256, false),
            asked("r", "c", Algorithm::Sha256, false),
            asked("r", "d", Algorithm::Md5, false),
        ];
        let refused = refusal(&request, Asker::Proxy, &all.each_ref().map(String::as_str));
        for (mut keyring, expected) in [
            (Keyring::new("alice", "secret"), Algorithm::Sha512_256),
            (Keyring::new("alice", "secret").with_algorithms(&[Algorithm::Md5]), Algorithm::Md5),
        ] {
            keyring.challenged(&request, &refused, &mut entropy()).unwrap();
            keyring.authorize(&mut request);
            assert_eq!(proves(&request, HeaderName::ProxyAuthorization, "r", "secret"), (expected, Some(1)));
        }
        assert!(values(&request, HeaderName::Authorization).is_empty());
    }

    #[test]
    fn each_request_under_a_nonce_is_counted() {
        // tests rfc7616 §3.4
        let mut request = request();
        let mut keyring = Keyring::new("alice", "secret");
        let refused = refusal(&request, Asker::Server, &[&asked("r", "n", Algorithm::Sha256, false)]);
        keyring.challenged(&request, &refused, &mut entropy()).unwrap();
        for expected in 1..=3 {
            keyring.authorize(&mut request);
            assert_eq!(proves(&request, HeaderName::Authorization, "r", "secret").1, Some(expected));
        }
    }

    #[test]
    fn another_server_is_answered_when_it_asks_and_not_before() {
        // tests rfc3261 §22.1, §22.3
        let mut request = request();
        let mut keyring = Keyring::new("alice", "secret");
        for (nonce, asker) in [("of one", Asker::Proxy), ("of the other", Asker::Proxy), ("3", Asker::Server)]
        {
            let refused = refusal(&request, asker, &[&asked("r", nonce, Algorithm::Sha256, false)]);
            assert_eq!(keyring.challenged(&request, &refused, &mut entropy()), Ok(()), "{nonce}");
            keyring.authorize(&mut request);
            assert_eq!(proves(&request, asker.answered_in(), "r", "secret").1, Some(1));
            keyring.start_over(&mut request);
            keyring.authorize(&mut request);
            let all = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
            assert!(all.iter().all(|name| values(&request, *name).is_empty()), "{nonce}");
        }
    }

    #[test]
    fn servers_of_every_age_are_answered_as_they_ask() {
        // tests rfc3261 §22.4, rfc7616 §3.4.2, §3.4.4
        for (challenge, inside) in [
            ("Digest realm=\"r\", nonce=\"n\"", "algorithm=MD5"),
            ("Digest realm=\"r\", nonce=\"n\", opaque=\"o==\"", "opaque=\"o==\""),
            ("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", "qop=auth-int, nc=00000001"),
            (
                "Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256-sess",
                "algorithm=SHA-256-sess",
            ),
            ("Digest realm=\"r\", nonce=\"n\", qop=\"auth\", userhash=true", "userhash=true"),
        ] {
            let mut request = request();
            let mut keyring = Keyring::new("alice", "secret");
            keyring
                .challenged(&request, &refusal(&request, Asker::Server, &[challenge]), &mut entropy())
                .unwrap();
            keyring.authorize(&mut request);
            proves(&request, HeaderName::Authorization, "r", "secret");
            let sent = values(&request, HeaderName::Authorization);
            assert!(sent[0].contains(inside), "{sent:?}");
            assert_eq!(sent[0].contains("cnonce"), challenge.contains("qop"), "{sent:?}");
        }
    }

    #[test]
    fn several_realms_are_answered_each_with_its_password() {
        // tests rfc3261 §22.3, rfc8760 §2.4
        let mut request = request();
        let mut refused = refusal(
            &request,
            Asker::Proxy,
            &[&asked("p", "n", Algorithm::Md5, false), &asked("q", "n", Algorithm::Md5, false)],
        );
        refused.add(HeaderName::WwwAuthenticate, asked("s", "n", Algorithm::Sha256, false));
        let mut keyring = Keyring::empty().with(Some("p"), "alice", "one").with(None, "alice", "two");
        keyring.challenged(&request, &refused, &mut entropy()).unwrap();
        keyring.authorize(&mut request);
        keyring.authorize(&mut request);
        proves(&request, HeaderName::Authorization, "s", "two");
        let proxies = values(&request, HeaderName::ProxyAuthorization);
        assert_eq!(proxies.len(), 2);
        for (value, realm, secret) in [(&proxies[0], "p", "one"), (&proxies[1], "q", "two")] {
            let ha1 = Ha1::new("alice", realm, secret);
            assert!(Credentials::read(value.as_bytes()).unwrap().prove(
                &ha1.get(Algorithm::Md5).unwrap(),
                b"INVITE",
                b"v=0"
            ));
        }
        let mut stranger = Keyring::empty().with(Some("p"), "alice", "one");
        assert_eq!(stranger.challenged(&request, &refused, &mut entropy()), Ok(()));
        let unknown = refusal(&request, Asker::Server, &[&asked("x", "n", Algorithm::Md5, false)]);
        assert_eq!(
            stranger.challenged(&request, &unknown, &mut entropy()),
            Err(Unanswerable::NoPassword("x".into()))
        );
    }

    #[test]
    fn a_refused_password_is_not_tried_again_but_a_stale_nonce_is() {
        // tests rfc3261 §22.1
        let mut request = request();
        let mut keyring = Keyring::new("alice", "secret");
        let challenge = |keyring: &mut Keyring, request: &Request, nonce: &str, stale| {
            let refused = refusal(request, Asker::Server, &[&asked("r", nonce, Algorithm::Md5, stale)]);
            keyring.challenged(request, &refused, &mut entropy())
        };
        let rejected = Err(Unanswerable::Rejected("r".into()));
        assert_eq!(challenge(&mut keyring, &request, "0", false), Ok(()));
        // A second 401 to the first, bare request (it was sent twice) is no refusal.
        assert_eq!(challenge(&mut keyring, &request, "1", false), Ok(()));
        keyring.authorize(&mut request);
        assert_eq!(challenge(&mut keyring, &request, "2", false), rejected);
        assert_eq!(challenge(&mut keyring, &request, "2", true), Ok(()));
        keyring.authorize(&mut request);
        keyring.authorize(&mut request);
        // An old nonce: maybe this server never says stale.
        assert_eq!(challenge(&mut keyring, &request, "3", false), Ok(()));
        for nonce in ["4", "5", "6"] {
            keyring.authorize(&mut request);
            assert_eq!(challenge(&mut keyring, &request, nonce, true), Ok(()));
        }
        keyring.authorize(&mut request);
        assert_eq!(challenge(&mut keyring, &request, "7", true), rejected);
    }

    #[test]
    fn a_second_proxy_that_asks_does_not_refuse_the_answer_to_the_first() {
        // tests rfc3261 §22.3
        let mut request = request();
        let mut keyring = Keyring::new("alice", "secret");
        for realm in ["near", "far"] {
            let challenge = asked(realm, &format!("of {realm}"), Algorithm::Md5, false);
            let refused = refusal(&request, Asker::Proxy, &[&challenge]);
            assert_eq!(keyring.challenged(&request, &refused, &mut entropy()), Ok(()), "{realm}");
            keyring.authorize(&mut request);
        }
        assert_eq!(values(&request, HeaderName::ProxyAuthorization).len(), 2);
    }

    #[test]
    fn nothing_that_is_understood_is_said_so() {
        // tests rfc8760 §2.4
        let request = request();
        let refused = refusal(&request, Asker::Server, &["Basic realm=\"r\"", "Digest realm=\"r\""]);
        let mut keyring = Keyring::new("alice", "secret");
        assert_eq!(keyring.challenged(&request, &refused, &mut entropy()), Err(Unanswerable::Unsupported));
        assert!(!format!("{keyring:?}").contains("secret"));
    }

    #[test]
    fn why_a_challenge_goes_unanswered_is_said_and_no_secret_with_it() {
        for (why, says) in [
            (Unanswerable::Unsupported, "no way we know"),
            (Unanswerable::NoPassword("here".into()), "realm here"),
            (Unanswerable::Rejected("here".into()), "here refused"),
        ] {
            assert!(why.to_string().contains(says), "{why}");
        }
        let key = Key { realm: Some("here".into()), user: "alice".into(), secret: "s3cret".into() };
        assert_eq!(format!("{key:?}"), "Key(alice at Some(\"here\"))");
    }
}
