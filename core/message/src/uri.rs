//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966); URIs of other schemes are kept as they are.
//! [`UriRef`] borrows its text, [`Uri`] owns it. When two URIs are the same is in `uri/equivalent.rs`;
//! where a URI leads is core/locate's.

mod equivalent;

use crate::error::UriError;
use crate::flow::Transport;
use crate::host::Host;
use crate::scan::{class, is};
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`: secure on every hop.
    Sips,
    /// `tel:`: a telephone number.
    Tel,
    /// Anything else.
    #[default]
    Other,
}

/// A URI that borrows its text. Cheap to copy: the text and where its parts begin.
#[derive(Clone, Copy, Default)]
pub struct UriRef<'a> {
    bytes: &'a [u8],
    parts: Parts,
}

/// Where the parts of a URI stand. `sip:user:password@host:port;params?headers`
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    scheme: Scheme,
    /// After the colon of the scheme.
    user: u16,
    /// End of the user; equal to `user` where there is none. Of a tel URI: end of the number.
    user_end: u16,
    /// Equal to `user_end` where there is no userinfo, else the octet after the `@`.
    host: u16,
    host_end: u16,
    port: Option<u16>,
    /// The first `;`, or where it would stand.
    params: u16,
    /// The `?`, or the end.
    headers: u16,
}

impl<'a> UriRef<'a> {
    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// If a `sip:`, `sips:` or `tel:` URI breaks its grammar; for another scheme, if there is no
    /// scheme or an octet that no URI may hold.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Result<Self, UriError> {
        if text.len() > usize::from(u16::MAX) {
            return Err(UriError::new(usize::from(u16::MAX), "the end of the URI"));
        }
        let parts = match text {
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => sip(text, 4, Scheme::Sip)?,
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => sip(text, 5, Scheme::Sips)?,
            [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', ..] => tel(text, 4)?,
            _ => other(text)?,
        };
        Ok(UriRef { bytes: text, parts })
    }

    /// A URI that was read before: `parts` are those of this very text.
    pub(crate) const fn from_parts(bytes: &'a [u8], parts: Parts) -> Self {
        UriRef { bytes, parts }
    }

    pub(crate) const fn parts(&self) -> Parts {
        self.parts
    }

    /// The text as written.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The text of the scheme: what stands before the first colon.
    pub fn scheme_bytes(&self) -> &'a [u8] {
        self.slice(0, self.parts.user.saturating_sub(1))
    }

    /// `sip:` or `sips:`.
    pub const fn is_sip(&self) -> bool {
        matches!(self.parts.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part of a SIP URI as written, escapes and all.
    pub fn user(&self) -> Option<&'a [u8]> {
        (self.is_sip() && self.parts.user_end > self.parts.user)
            .then(|| self.slice(self.parts.user, self.parts.user_end))
    }

    /// The user part with its escapes undone.
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user().map(unescape)
    }

    /// The password (which nobody should use: RFC 3261 §19.1.1), as written.
    pub fn password(&self) -> Option<&'a [u8]> {
        let (start, end) = (self.parts.user_end + 1, self.parts.host.saturating_sub(1));
        (self.user().is_some() && self.parts.user_end < end).then(|| self.slice(start, end))
    }

    /// The host of a SIP URI.
    pub fn host(&self) -> Option<Host<'a>> {
        if self.is_sip() { Host::parse(self.slice(self.parts.host, self.parts.host_end)) } else { None }
    }

    /// The port, if one is written.
    pub const fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The value of a parameter, as written: `None` if there is none, `Some(None)` if it has no value.
    pub fn param(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.params().find(|(found, _)| same_unescaped(found, name.as_bytes())).map(|(_, value)| value)
    }

    /// All parameters: name, and value if it has one; as written.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        pairs(self.slice(self.parts.params, self.parts.headers), b';')
    }

    /// All headers (`?subject=x&priority=urgent`): name and value, as written.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let headers = self.bytes.get(usize::from(self.parts.headers)..).unwrap_or_default();
        pairs(headers, b'&').map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// It has headers, which a Request-URI must not (RFC 3261 §19.1.1, table 1).
    pub fn has_headers(&self) -> bool {
        usize::from(self.parts.headers) < self.bytes.len()
    }

    /// It names a loose router: `lr` (RFC 3261 §19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The transport parameter: `None` if there is none, `Some(None)` if it names none of ours.
    pub fn transport(&self) -> Option<Option<Transport>> {
        self.param("transport").map(|value| Transport::from_token(value.unwrap_or_default()))
    }

    /// The address that overrides the host (RFC 3261 §19.1.1).
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.param("maddr").flatten().and_then(Host::parse)
    }

    /// The user part is a telephone number: `user=phone`.
    pub fn is_phone(&self) -> bool {
        self.param("user").flatten().is_some_and(|value| value.eq_ignore_ascii_case(b"phone"))
    }

    /// The telephone number of a tel URI, or of a SIP URI with `user=phone`, without its visual
    /// separators: `+12015550123`.
    pub fn tel_number(&self) -> Option<String> {
        let number = match self.scheme() {
            Scheme::Tel => Cow::Borrowed(self.slice(self.parts.user, self.parts.user_end)),
            Scheme::Sip | Scheme::Sips if self.is_phone() => self.user_unescaped()?,
            Scheme::Sip | Scheme::Sips | Scheme::Other => return None,
        };
        let end = memchr::memchr(b';', &number).unwrap_or(number.len());
        let digits = number.get(..end)?.iter().copied().filter(|octet| !is_separator(*octet));
        String::from_utf8(digits.collect()).ok()
    }

    /// Whether both mean the same (RFC 3261 §19.1.4, RFC 3966 §4). Not transitive: a parameter that
    /// only one of them has may be ignored.
    pub fn equivalent(&self, other: &UriRef<'_>) -> bool {
        equivalent::equivalent(self, other)
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Uri {
        Uri { bytes: Bytes::copy_from_slice(self.bytes), parts: self.parts }
    }

    fn slice(&self, start: u16, end: u16) -> &'a [u8] {
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

impl fmt::Display for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes))
    }
}

impl fmt::Debug for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

impl PartialEq for UriRef<'_> {
    /// As [`UriRef::equivalent`].
    fn eq(&self, other: &Self) -> bool {
        self.equivalent(other)
    }
}

/// A URI that owns its text. Compares as [`UriRef::equivalent`], so it is no key of a map: see
/// core/admission for the canonical form of an address-of-record.
#[derive(Clone, Default)]
pub struct Uri {
    bytes: Bytes,
    parts: Parts,
}

impl Uri {
    /// Reads a URI that fills `text`, and keeps the text.
    ///
    /// # Errors
    /// As [`UriRef::parse`].
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, UriError> {
        let bytes = text.into();
        let parts = UriRef::parse(&bytes)?.parts;
        Ok(Uri { bytes, parts })
    }

    /// It, borrowed: all readers are there.
    pub fn as_ref(&self) -> UriRef<'_> {
        UriRef { bytes: &self.bytes, parts: self.parts }
    }

    /// The text as written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether both mean the same: [`UriRef::equivalent`].
    pub fn equivalent(&self, other: &Uri) -> bool {
        self.as_ref().equivalent(&other.as_ref())
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        UriRef::parse(text.as_bytes()).map(|uri| uri.to_owned())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_ref())
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.equivalent(other)
    }
}

impl<'a> From<&'a Uri> for UriRef<'a> {
    fn from(uri: &'a Uri) -> Self {
        uri.as_ref()
    }
}

impl From<UriRef<'_>> for Uri {
    fn from(uri: UriRef<'_>) -> Self {
        uri.to_owned()
    }
}

/// The text with each `%41` as the octet it stands for; a `%` that begins no escape stays.
// rfc3261 §19.1.2
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', text) else {
        return Cow::Borrowed(text);
    };
    let (plain, mut rest) = text.split_at(first);
    let mut out = plain.to_vec();
    while let [octet, after @ ..] = rest {
        (rest, _) = match escaped(rest) {
            Some((escape, after)) => (after, out.push(escape)),
            None => (after, out.push(*octet)),
        };
    }
    Cow::Owned(out)
}

/// Appends `user` to `out` as the user part of a SIP URI, escaping what may not stand there.
// rfc3261 §19.1.2
pub fn escape_user(user: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in user {
        if is(octet, class::USER) && octet != b'#' {
            out.push(octet);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            out.extend([b'%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
}

/// The octet that an escape at the start of `text` stands for, and what follows.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, after @ ..] => Some((hex(*high)? << 4 | hex(*low)?, after)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Equal without case, escapes undone.
fn same_unescaped(text: &[u8], plain: &[u8]) -> bool {
    text.eq_ignore_ascii_case(plain) || (text.contains(&b'%') && unescape(text).eq_ignore_ascii_case(plain))
}

/// `;a=b;c`, or `?a=b&c`, as pairs: the first octet is the mark before the first pair.
fn pairs(text: &[u8], mark: u8) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let text = text.get(1..).unwrap_or_default();
    text.split(move |octet| *octet == mark).filter(|pair| !pair.is_empty()).map(|pair| {
        match memchr::memchr(b'=', pair) {
            Some(at) => {
                let (name, value) = pair.split_at(at);
                (name, Some(value.get(1..).unwrap_or_default()))
            }
            None => (pair, None),
        }
    })
}

// rfc3966 §3
const fn is_separator(octet: u8) -> bool {
    matches!(octet, b'-' | b'.' | b'(' | b')')
}

/// The end of the run of `classes` and escapes that begins at `at`.
#[inline]
fn run(text: &[u8], mut at: usize, classes: u8) -> usize {
    loop {
        match text.get(at) {
            Some(octet) if is(*octet, classes) => at += 1,
            Some(b'%') if text.get(at..).and_then(escaped).is_some() => at += 3,
            _ => return at,
        }
    }
}

/// Offsets of a text that [`UriRef::parse`] found to be no longer than 65535 octets.
#[inline]
fn short(at: usize) -> u16 {
    at as u16
}

/// The parts of a SIP URI whose scheme ends before `user`.
// rfc3261 §19.1.1 and §25.1
#[inline]
fn sip(text: &[u8], user: usize, scheme: Scheme) -> Result<Parts, UriError> {
    let (mut user_end, mut host) = (user, user);
    if let Some(offset) = memchr::memchr(b'@', text) {
        user_end = run(text, user, class::USER);
        if user_end == user {
            return Err(UriError::new(user, "a user before the @"));
        }
        let mut end = user_end;
        if text.get(end) == Some(&b':') {
            end = run(text, end + 1, class::USER);
        }
        if end != offset {
            return Err(UriError::new(end, "a character of a user, or @"));
        }
        host = offset + 1;
    }
    let host_end = match text.get(host) {
        Some(b'[') => memchr::memchr(b']', text).map_or(text.len(), |close| close + 1),
        _ => {
            host + text
                .get(host..)
                .unwrap_or_default()
                .iter()
                .take_while(|octet| is(**octet, class::HOST))
                .count()
        }
    };
    if Host::parse(text.get(host..host_end).unwrap_or_default()).is_none() {
        return Err(UriError::new(host, "a host"));
    }
    let (port, params) = port(text, host_end)?;
    let headers = params_end(text, params)?;
    match text.get(headers) {
        None => {}
        Some(b'?') => {
            let end = run(text, headers + 1, class::URIC);
            if end < text.len() || end == headers + 1 {
                return Err(UriError::new(end, "a header of a URI"));
            }
        }
        Some(_) => return Err(UriError::new(headers, "; or ? or the end of the URI")),
    }
    Ok(Parts {
        scheme,
        user: short(user),
        user_end: short(user_end),
        host: short(host),
        host_end: short(host_end),
        port,
        params: short(params),
        headers: short(headers),
    })
}

/// The port at `at`, if a colon stands there, and where it ends.
fn port(text: &[u8], at: usize) -> Result<(Option<u16>, usize), UriError> {
    if text.get(at) != Some(&b':') {
        return Ok((None, at));
    }
    let start = at + 1;
    let digits =
        text.get(start..).unwrap_or_default().iter().take_while(|octet| octet.is_ascii_digit()).count();
    let end = start + digits;
    let number = text
        .get(start..end)
        .and_then(|digits| str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok());
    match number {
        Some(port) => Ok((Some(port), end)),
        None => Err(UriError::new(start, "a port up to 65535")),
    }
}

/// The end of the parameters that begin at `at`.
#[inline]
fn params_end(text: &[u8], at: usize) -> Result<usize, UriError> {
    let mut end = at;
    while text.get(end) == Some(&b';') {
        let name = end + 1;
        end = run(text, name, class::PARAM);
        if end == name {
            return Err(UriError::new(name, "the name of a URI parameter"));
        }
        if text.get(end) == Some(&b'=') {
            end = run(text, end + 1, class::PARAM);
        }
    }
    Ok(end)
}

/// The parts of a tel URI whose scheme ends before `number`.
// rfc3966 §3
fn tel(text: &[u8], number: usize) -> Result<Parts, UriError> {
    let global = text.get(number) == Some(&b'+');
    let start = number + usize::from(global);
    let digits = text.get(start..).unwrap_or_default();
    let is_digit = |octet: &u8| {
        octet.is_ascii_digit() || !global && (octet.is_ascii_hexdigit() || matches!(octet, b'*' | b'#'))
    };
    let length = digits.iter().take_while(|octet| is_digit(octet) || is_separator(**octet)).count();
    if !digits.iter().take(length).any(|octet| is_digit(octet)) {
        return Err(UriError::new(start, "a digit of a telephone number"));
    }
    let end = start + length;
    let headers = params_end(text, end)?;
    if headers < text.len() {
        return Err(UriError::new(headers, "; or the end of the URI"));
    }
    let (user, end, headers) = (short(number), short(end), short(headers));
    Ok(Parts {
        scheme: Scheme::Tel,
        user,
        user_end: end,
        host: end,
        host_end: end,
        port: None,
        params: end,
        headers,
    })
}

/// A URI of a scheme that we keep and do not read.
// rfc3986 §3.1
fn other(text: &[u8]) -> Result<Parts, UriError> {
    let scheme = text
        .iter()
        .take_while(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
        .count();
    if text.get(scheme) != Some(&b':') || !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(UriError::new(0, "a URI"));
    }
    let rest = scheme + 1;
    let end = run(text, rest, class::URIC);
    if end < text.len() || end == rest {
        return Err(UriError::new(end, "a character of a URI"));
    }
    let (rest, end) = (short(rest), short(end));
    Ok(Parts {
        scheme: Scheme::Other,
        user: rest,
        user_end: rest,
        host: end,
        host_end: end,
        port: None,
        params: end,
        headers: end,
    })
}
