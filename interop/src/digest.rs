//! The caller's side of Digest with MD5 (RFC 7616, `qop=auth`), computed here and not by core/auth,
//! so that a mistake in one is not repeated in the other.

use md5::{Digest, Md5};

use crate::failure::{Outcome, ensure, fail};
use crate::raw;
use crate::sip::Sip;

/// An account as its user knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) user: &'static str,
    pub(crate) secret: &'static str,
}

/// Credentials for `challenged`, to be sent with a request of this method and URI: the name of the
/// header, and its value. `count` is how often the nonce was used, this time included.
pub(crate) fn answer(
    challenged: &Sip,
    account: Account,
    method: &str,
    uri: &str,
    count: u32,
) -> Outcome<(&'static str, String)> {
    let (asks, answers) = match challenged.status() {
        Some(401) => ("WWW-Authenticate", "Authorization"),
        Some(407) => ("Proxy-Authenticate", "Proxy-Authorization"),
        _ => fail!("no challenge: {}", challenged.start),
    };
    let Some(challenge) = challenged.headers(asks).into_iter().find(|value| is_md5(value)) else {
        fail!("no challenge for MD5: {:?}", challenged.headers(asks));
    };
    let realm = parameter(challenge, "realm");
    let nonce = parameter(challenge, "nonce");
    ensure!(parameter(challenge, "qop").contains("auth"), "a challenge without qop: {challenge}");
    let cnonce = raw::unique();
    let ha1 = md5(&format!("{}:{realm}:{}", account.user, account.secret));
    let ha2 = md5(&format!("{method}:{uri}"));
    let response = md5(&format!("{ha1}:{nonce}:{count:08x}:{cnonce}:auth:{ha2}"));
    let mut value = format!(
        "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, cnonce=\"{cnonce}\", qop=auth, nc={count:08x}",
        account.user
    );
    let opaque = parameter(challenge, "opaque");
    if !opaque.is_empty() {
        value.push_str(&format!(", opaque=\"{opaque}\""));
    }
    Ok((answers, value))
}

fn is_md5(challenge: &str) -> bool {
    let algorithm = parameter(challenge, "algorithm");
    algorithm.is_empty() || algorithm.eq_ignore_ascii_case("MD5")
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A parameter of a challenge or of credentials, without quotes; empty where it is missing.
pub(crate) fn parameter(value: &str, name: &str) -> String {
    let mut rest = value.trim_start().split_once(' ').map_or("", |(_, rest)| rest);
    while let Some((key, after)) = rest.split_once('=') {
        let (found, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if key.trim_matches([',', ' ']).eq_ignore_ascii_case(name) {
            return found.trim().to_owned();
        }
        rest = next;
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_quoted_and_bare() {
        let challenge = "Digest realm=\"a, b\", qop=\"auth,auth-int\",algorithm=MD5, nonce=\"n==\"";
        assert_eq!(parameter(challenge, "realm"), "a, b");
        assert_eq!(parameter(challenge, "qop"), "auth,auth-int");
        assert_eq!(parameter(challenge, "algorithm"), "MD5");
        assert_eq!(parameter(challenge, "nonce"), "n==");
        assert_eq!(parameter(challenge, "opaque"), "");
    }

    #[test]
    fn md5_is_that_of_rfc_1321() {
        assert_eq!(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn md5_is_chosen_among_challenges() {
        let challenged = Sip::read(
            b"SIP/2.0 401 No\r\nCSeq: 1 REGISTER\r\n\
              WWW-Authenticate: Digest realm=\"x\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\"\r\n\
              WWW-Authenticate: Digest realm=\"x\", nonce=\"m\", algorithm=MD5, qop=\"auth\"\r\n\r\n",
        )
        .expect("a message");
        let account = Account { user: "anna", secret: "secret" };
        let (name, value) = answer(&challenged, account, "REGISTER", "sip:x", 1).expect("an answer");
        assert_eq!(name, "Authorization");
        assert_eq!(parameter(&value, "nonce"), "m");
        assert_eq!(parameter(&value, "nc"), "00000001");
        assert_eq!(parameter(&value, "response").len(), 32);
    }
}
