//! What a request answers our challenges with: its credentials for realms of ours, read once for whoever looks at
//! them (RFC 3261 §22.2, §22.3). What they prove is the authenticator's to say; that they go no further, the
//! [`Gate`](crate::Gate)'s.

use crate::ourselves::{Domain, Ourselves};
use ruf_message::header::auth;
use ruf_message::{HeaderName, Request};
use smallvec::SmallVec;

/// Credentials for a realm of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'r> {
    pub(crate) place: Place,
    pub(crate) credentials: auth::Credentials<'r>,
    /// Which of [`Ourselves::domains`] has the realm.
    domain: usize,
}

/// Where an answer stands: which of the lines of this name, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: HeaderName,
    pub(crate) nth: usize,
}

/// Most have one, or none.
pub(crate) type Answers<'r> = SmallVec<[Answer<'r>; 1]>;

/// The answers in a request. What is for somebody else is none of ours.
// rfc3261 §22.3: not consumed by a proxy of another realm
pub(crate) fn answers<'r>(request: &'r Request, ourselves: &Ourselves) -> Answers<'r> {
    let mut found = Answers::new();
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        for (nth, value) in request.raw(name).enumerate() {
            let Ok(credentials) = auth::Credentials::decode(value) else { continue };
            let Some(realm) = credentials.realm().filter(|_| credentials.is_digest()) else { continue };
            let domain = ourselves.domains.iter().position(|domain| domain.name.as_bytes() == &*realm);
            found.extend(domain.map(|domain| Answer { place: Place { name, nth }, credentials, domain }));
        }
    }
    found
}

/// Where they all stand.
pub(crate) fn places(answers: &[Answer<'_>]) -> SmallVec<[Place; 1]> {
    answers.iter().map(|answer| answer.place).collect()
}

impl Answer<'_> {
    /// The domain whose realm it is.
    pub(crate) fn domain<'o>(&self, ourselves: &'o Ourselves) -> Option<&'o Domain> {
        ourselves.domains.get(self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{Method, Uri};

    #[test]
    fn only_what_is_for_a_realm_of_ours_is_an_answer() {
        // tests rfc3261 §22.3
        let uri: Uri = "sip:bob@b.example".parse().unwrap();
        let mut request = Request::build(Method::Invite, &uri)
            .via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
            .from("<sip:alice@a.example>;tag=1")
            .to("<sip:bob@b.example>")
            .call_id("1")
            .cseq(1)
            .finish()
            .unwrap();
        let ourselves =
            Ourselves { domains: ["a.example", "b.example"].map(Domain::new).into(), ..Ourselves::default() };
        assert!(answers(&request, &ourselves).is_empty());
        let of = |realm: &str| format!("Digest username=\"alice\", realm=\"{realm}\"");
        for (name, value) in [
            (HeaderName::ProxyAuthorization, of("b.example")),
            (HeaderName::Authorization, of("far.example")),
            (HeaderName::Authorization, "Basic realm=\"a.example\"".to_owned()),
            (HeaderName::Authorization, of("a.example")),
            (HeaderName::Authorization, of("a.example") + ", realm=\"a.example\""),
        ] {
            request.add(name, value);
        }
        let found = answers(&request, &ourselves);
        let realms: Vec<&str> =
            found.iter().map(|answer| &*answer.domain(&ourselves).unwrap().name).collect();
        assert_eq!(realms, ["a.example", "b.example"]);
        let (first, second) = (HeaderName::Authorization, HeaderName::ProxyAuthorization);
        assert_eq!(
            places(&found).as_slice(),
            [Place { name: first, nth: 2 }, Place { name: second, nth: 0 }]
        );
    }
}
