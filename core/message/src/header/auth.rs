//! Challenges and credentials: WWW-Authenticate, Proxy-Authenticate, Authorization,
//! Proxy-Authorization, Authentication-Info (RFC 3261 §20.6, §20.7, §20.27, §20.28, §20.44,
//! §25.1; RFC 7616 §3.3 to §3.5; RFC 8760 §2). What a digest is computed from is read here; the
//! computation is core/auth's, and what a failure means core/admission's.

mod params;

use params::Found;
pub use params::{AUTH_PARAMS_MAX, AuthParam, AuthParams};

use crate::error::HeaderError;
use crate::header::wraps::wraps;
use crate::scan::{Scanner, elements, trim, unquote};
use std::borrow::Cow;

/// A scheme and its parameters.
fn scheme_and_params<'a>(
    value: &'a [u8],
    each: impl FnMut(AuthParam<'a>) -> Found,
) -> Result<(&'a [u8], AuthParams<'a>), HeaderError> {
    let mut scanner = Scanner::new(value);
    scanner.skip_lws();
    let scheme = scanner.token()?;
    let after = scanner.at();
    scanner.skip_lws();
    if scanner.at() == after {
        return Err(scanner.expected("a space after the scheme"));
    }
    // Of another scheme it need not be parameters that follow: `Basic QWxhZGRpbg==`.
    if !scheme.eq_ignore_ascii_case(b"Digest") {
        return Ok((scheme, AuthParams::unchecked(trim(scanner.rest()))));
    }
    Ok((scheme, AuthParams::scan_each(&mut scanner, each)?))
}

fn encode_scheme_and_params(scheme: &[u8], params: &AuthParams<'_>, out: &mut Vec<u8>) {
    out.extend(scheme);
    out.push(b' ');
    out.extend(params.as_bytes());
}

/// What a server asks a client to prove: `Digest realm="…", nonce="…", …` (RFC 7616 §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// The scheme as written; compare without case.
    pub scheme: &'a [u8],
    /// The parameters. Of a scheme other than Digest they are not checked.
    pub params: AuthParams<'a>,
}

impl<'a> Challenge<'a> {
    /// Reads the whole of a header line.
    ///
    /// # Errors
    /// If it is no scheme, or a Digest with broken parameters.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        scheme_and_params(value, |_| Found::Unknown).map(|(scheme, params)| Challenge { scheme, params })
    }

    /// Appends scheme and parameters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_scheme_and_params(self.scheme, &self.params, out);
    }

    /// The scheme is Digest, the only one that SIP knows (RFC 3261 §22.4).
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// The realm, which tells the user which password is meant.
    pub fn realm(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("realm")
    }

    /// The nonce.
    pub fn nonce(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("nonce")
    }

    /// What the client gives back untouched.
    pub fn opaque(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("opaque")
    }

    /// The credentials before were right, but their nonce too old.
    pub fn is_stale(&self) -> bool {
        self.params.is_true("stale")
    }

    /// The algorithm's name; `None` stands for MD5.
    // rfc7616 §3.3
    pub fn algorithm(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("algorithm")
    }

    /// The qualities of protection offered, in order; none from a server of RFC 2069.
    pub fn qop(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let list = self.params.get("qop").unwrap_or_default();
        let list = list.strip_prefix(b"\"").and_then(|list| list.strip_suffix(b"\"")).unwrap_or(list);
        elements(list).filter(|qop| !qop.is_empty())
    }

    /// The server takes a hash in place of the user's name (RFC 7616 §3.4.4).
    pub fn offers_userhash(&self) -> bool {
        self.params.is_true("userhash")
    }
}

/// A client's proof: `Digest username="…", realm="…", …` (RFC 7616 §3.4).
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The scheme as written; compare without case.
    pub scheme: &'a [u8],
    /// The parameters. Of a scheme other than Digest they are not checked.
    pub params: AuthParams<'a>,
    /// Those of a Digest that the RFC defines.
    pub digest: DigestParams<'a>,
}

/// The parameters of a client's Digest (RFC 7616 §3.4), each as written, quotes included; none of another scheme.
#[derive(Clone, Copy, Debug, Default)]
pub struct DigestParams<'a> {
    /// The user's name, or its hash.
    pub username: Option<&'a [u8]>,
    /// The user's name by RFC 5987.
    pub username_extended: Option<&'a [u8]>,
    /// What stands for the user's name is its hash.
    pub userhash: Option<&'a [u8]>,
    /// The realm.
    pub realm: Option<&'a [u8]>,
    /// The server's nonce.
    pub nonce: Option<&'a [u8]>,
    /// The Request-URI as the client saw it.
    pub uri: Option<&'a [u8]>,
    /// The digest.
    pub response: Option<&'a [u8]>,
    /// The hash it was made by.
    pub algorithm: Option<&'a [u8]>,
    /// The quality of protection.
    pub qop: Option<&'a [u8]>,
    /// The nonce count.
    pub nc: Option<&'a [u8]>,
    /// The client's nonce.
    pub cnonce: Option<&'a [u8]>,
    /// What the server gave to be given back.
    pub opaque: Option<&'a [u8]>,
}

impl<'a> DigestParams<'a> {
    /// Takes a parameter that the RFC defines.
    fn note(&mut self, param: AuthParam<'a>) -> Found {
        let Some(slot) = self.slot(param.name) else { return Found::Unknown };
        match slot.replace(param.value) {
            None => Found::Once,
            Some(_) => Found::Twice,
        }
    }

    /// The place of the parameter of this name.
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        Some(match name.len() {
            2 if is("nc") => &mut self.nc,
            3 if is("uri") => &mut self.uri,
            3 if is("qop") => &mut self.qop,
            5 if is("nonce") => &mut self.nonce,
            5 if is("realm") => &mut self.realm,
            6 if is("cnonce") => &mut self.cnonce,
            6 if is("opaque") => &mut self.opaque,
            8 if is("response") => &mut self.response,
            8 if is("username") => &mut self.username,
            8 if is("userhash") => &mut self.userhash,
            9 if is("algorithm") => &mut self.algorithm,
            9 if is("username*") => &mut self.username_extended,
            _ => return None,
        })
    }
}

impl<'a> Credentials<'a> {
    /// Reads the whole of a header line.
    ///
    /// # Errors
    /// If it is no scheme, or a Digest with broken parameters or two user names.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut digest = DigestParams::default();
        let (scheme, params) = scheme_and_params(value, |param| digest.note(param))?;
        // rfc7616 §3.4
        if digest.username.is_some() && digest.username_extended.is_some() {
            return Err(HeaderError::new(0, "username or username*, not both"));
        }
        Ok(Credentials { scheme, params, digest })
    }

    /// Appends scheme and parameters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_scheme_and_params(self.scheme, &self.params, out);
    }

    /// The scheme is Digest, the only one that SIP knows (RFC 3261 §22.4).
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// The user's name, or its hash if [`is_userhash`](Self::is_userhash); from `username` or,
    /// decoded, from `username*`.
    pub fn username(&self) -> Option<Cow<'a, [u8]>> {
        match self.digest.username_extended {
            Some(extended) => extended_value(extended).map(Cow::Owned),
            None => self.digest.username.map(unquote),
        }
    }

    /// What stands for the user's name is its hash (RFC 7616 §3.4.4).
    pub fn is_userhash(&self) -> bool {
        self.digest.userhash.is_some_and(|value| unquote(value).eq_ignore_ascii_case(b"true"))
    }

    /// The realm.
    pub fn realm(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.realm.map(unquote)
    }

    /// The nonce, as the server gave it.
    pub fn nonce(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.nonce.map(unquote)
    }

    /// The Request-URI as it was when the digest was computed.
    pub fn uri(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.uri.map(unquote)
    }

    /// The digest, in hexadecimal.
    pub fn response(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.response.map(unquote)
    }

    /// The algorithm's name; `None` stands for MD5.
    pub fn algorithm(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.algorithm.map(unquote)
    }

    /// The client's nonce.
    pub fn cnonce(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.cnonce.map(unquote)
    }

    /// What the server gave to be given back.
    pub fn opaque(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.opaque.map(unquote)
    }

    /// The quality of protection: one token, which some put in quotes.
    pub fn qop(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.qop.map(unquote)
    }

    /// The nonce count as written: what the digest is computed from.
    pub fn nc_text(&self) -> Option<Cow<'a, [u8]>> {
        self.digest.nc.map(unquote)
    }

    /// The nonce count: eight hexadecimal digits.
    // rfc3261 §25.1
    pub fn nc(&self) -> Option<u32> {
        let digits = self.nc_text()?;
        if digits.len() != 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()
    }
}

/// The text of `UTF-8''J%C3%A4s%C3%B8n` (RFC 5987 §3.2); `None` in any other character set.
fn extended_value(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = value.splitn(3, |octet| *octet == b'\'');
    if !parts.next()?.eq_ignore_ascii_case(b"UTF-8") {
        return None;
    }
    let mut octets = parts.nth(1)?.iter();
    let mut text = Vec::new();
    while let Some(&octet) = octets.next() {
        if octet == b'%' {
            let digits = [*octets.next()?, *octets.next()?];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            text.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            text.push(octet);
        }
    }
    str::from_utf8(&text).is_ok().then_some(text)
}

/// What a server tells a client that proved itself: its own proof, the next nonce (RFC 7616 §3.5).
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'a> {
    /// The parameters.
    pub params: AuthParams<'a>,
}

impl<'a> Confirmation<'a> {
    /// Reads the whole of a header line.
    ///
    /// # Errors
    /// If its parameters are broken.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        AuthParams::scan(&mut scanner).map(|params| Confirmation { params })
    }

    /// Appends the parameters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.params.as_bytes());
    }

    /// The nonce to use next.
    pub fn next_nonce(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("nextnonce")
    }

    /// The server's digest, in hexadecimal.
    pub fn response(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("rspauth")
    }

    /// The quality of protection applied to the response.
    pub fn qop(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("qop")
    }

    /// The client's nonce, given back.
    pub fn cnonce(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("cnonce")
    }

    /// The nonce count, given back, as written.
    pub fn nc_text(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("nc")
    }
}

wraps! { Challenge:
    /// A server's challenge, in a 401 (RFC 3261 §20.44).
    WwwAuthenticate,
    /// A proxy's challenge, in a 407 (RFC 3261 §20.27).
    ProxyAuthenticate,
}

wraps! { Credentials:
    /// The answer to a server's challenge (RFC 3261 §20.7).
    Authorization,
    /// The answer to a proxy's challenge (RFC 3261 §20.28).
    ProxyAuthorization,
}

wraps! { Confirmation:
    /// A server's confirmation (RFC 3261 §20.6).
    AuthenticationInfo,
    /// A proxy's confirmation (RFC 7615 §4).
    ProxyAuthenticationInfo,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    fn text(value: Option<Cow<'_, [u8]>>) -> String {
        String::from_utf8(value.expect("a parameter").into_owned()).unwrap()
    }

    #[test]
    fn a_challenge_reads_with_and_without_quotes() {
        // tests rfc7616 §3.3 and rfc3261 §20.27
        let challenge = Challenge::decode(
            b"Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\" , qop = \"auth, auth-int\",\r\n nonce=f84f1cec41e6cbe5aea9c8e88d359, opaque=\"\", stale=FALSE, algorithm=MD5",
        )
        .unwrap();
        assert!(challenge.is_digest() && !challenge.is_stale() && !challenge.offers_userhash());
        assert_eq!(text(challenge.realm()), "atlanta.com");
        assert_eq!(text(challenge.nonce()), "f84f1cec41e6cbe5aea9c8e88d359");
        assert_eq!(text(challenge.opaque()), "");
        assert_eq!(text(challenge.algorithm()), "MD5");
        assert_eq!(challenge.qop().collect::<Vec<_>>(), [&b"auth"[..], b"auth-int"]);
        let again =
            WwwAuthenticate::decode(b"digest realm=\"a\", nonce=\"n\", stale=\"True\", userhash=true")
                .unwrap();
        assert!(again.is_stale() && again.offers_userhash() && again.qop().next().is_none());
    }

    #[test]
    fn credentials_read_with_and_without_quotes() {
        // tests rfc7616 §3.9.1
        let credentials = Authorization::decode(
            b"Digest username=\"Mufasa\",realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=\"SHA-256\",
               nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000a0f,
               cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth,
               response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", opaque=\"FQhe/q\\\"aU\"",
        )
        .unwrap();
        assert_eq!(text(credentials.username()), "Mufasa");
        assert_eq!(text(credentials.uri()), "/dir/index.html");
        assert_eq!(text(credentials.algorithm()), "SHA-256");
        assert_eq!(text(credentials.opaque()), "FQhe/q\"aU");
        assert_eq!((credentials.nc(), text(credentials.nc_text())), (Some(0xa0f), "00000a0f".into()));
        assert_eq!(
            (text(credentials.qop()), text(credentials.realm())),
            ("auth".into(), "http-auth@example.org".into())
        );
        assert!(
            text(credentials.nonce()).starts_with("7ypf/") && text(credentials.cnonce()).starts_with("f2/wE")
        );
        assert!(text(credentials.response()).starts_with("753927fa"));
        assert_eq!(credentials.params.get("qop"), Some(&b"auth"[..]));
        assert_eq!(credentials.params.get("cnonce").unwrap()[0], b'"');
    }

    #[test]
    fn a_user_name_may_be_extended_or_hashed() {
        // tests rfc7616 §3.4, §3.4.4, §3.9.2
        let credentials = Credentials::decode(
            b"Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"x\", userhash=false",
        )
        .unwrap();
        assert_eq!(text(credentials.username()), "Jäsøn Doe");
        assert!(!credentials.is_userhash());
        assert!(Credentials::decode(b"Digest username=\"488869477b\", userhash=true").unwrap().is_userhash());
        for bad in ["ISO-8859-1''J%E4s", "UTF-8''%E4", "UTF-8''%4", "UTF-8''%+1", "UTF-8'en"] {
            let header = format!("Digest username*={bad}");
            assert!(Credentials::decode(header.as_bytes()).unwrap().username().is_none(), "{bad}");
        }
        assert!(Credentials::decode(b"Digest username=\"a\", username*=UTF-8''a").is_err());
    }

    #[test]
    fn a_nonce_count_has_eight_digits() {
        // tests rfc3261 §25.1
        let nc = |nc: &str| Credentials::decode(format!("Digest nc={nc}").as_bytes()).unwrap().nc();
        assert_eq!(
            [nc("00000001"), nc("\"FFFFFFFF\""), nc("1"), nc("+0000001"), nc("000000001")],
            [Some(1), Some(u32::MAX), None, None, None]
        );
    }

    #[test]
    fn empty_list_elements_and_other_schemes_are_read_over() {
        let credentials = Credentials::decode(b"Digest ,a=b,, c=\"d\" , ").unwrap();
        assert_eq!(credentials.params.iter().count(), 2);
        let basic = Credentials::decode(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert!(!basic.is_digest() && basic.username().is_none());
        assert_eq!(basic.params.as_bytes(), b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn a_confirmation_has_no_scheme() {
        // tests rfc7616 §3.5, rfc3261 §20.6
        let value = b"nextnonce=\"47364c23\", qop=auth, rspauth=\"6629fae4\", cnonce=\"0a4f\", nc=00000001";
        let info = AuthenticationInfo::decode(value).unwrap();
        assert_eq!(text(info.next_nonce()), "47364c23");
        assert_eq!((text(info.qop()), text(info.response())), ("auth".into(), "6629fae4".into()));
        assert_eq!((text(info.cnonce()), text(info.nc_text())), ("0a4f".into(), "00000001".into()));
        assert_eq!(info.to_value(), value);
    }

    #[test]
    fn encoding_is_stable() {
        for value in [&b"Digest realm=\"a\" ,\r\n nonce=b"[..], b"Basic abc=="] {
            let once = Challenge::decode(value).map(WwwAuthenticate).unwrap().to_value();
            assert_eq!(WwwAuthenticate::decode(&once).unwrap().to_value(), once);
        }
    }
}
