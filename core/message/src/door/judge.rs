//! What routing reads is judged here, once for each message (RFC 3261 §16.3 step 1, §8.1.1, §20).

use super::bad;
use crate::error::{HeaderError, ParseError, Place};
use crate::fields::{CSeqAt, Fields, Line, Noted, Span, TagAt, UriAt};
use crate::header::Header;
use crate::header::address::NameAddr;
use crate::header::cseq::CSeq;
use crate::header::via::{MAGIC_COOKIE, Via, ViaAt};
use crate::name::HeaderName;
use crate::scan::{Scanner, class};

/// Headers without which no message can be answered or matched.
// rfc3261 §8.1.1
pub(super) const REQUIRED: [HeaderName; 5] =
    [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];

/// Which of the headers that may appear once, or must appear, were there.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen(u8);

impl Seen {
    #[inline]
    pub(super) const fn contains(self, id: HeaderName) -> bool {
        self.0 & bit(id) != 0
    }

    #[inline]
    pub(super) const fn and(self, id: HeaderName) -> Self {
        Seen(self.0 | bit(id))
    }
}

/// The bit of a header; none for one that is not counted.
#[inline]
const fn bit(id: HeaderName) -> u8 {
    match id {
        HeaderName::Via => 1,
        HeaderName::From => 2,
        HeaderName::To => 4,
        HeaderName::CallId => 8,
        HeaderName::CSeq => 16,
        HeaderName::MaxForwards => 32,
        _ => 0,
    }
}

/// No required header is missing.
pub(super) fn all_there(seen: Seen) -> Result<(), ParseError> {
    match REQUIRED.into_iter().find(|id| !seen.contains(*id)) {
        Some(id) => Err(bad(Place::Header(id), 0, "the header is missing")),
        None => Ok(()),
    }
}

/// Proves the headers that routing reads; gives which headers are there. `method` is that of a request.
// rfc3261 §16.3 step 1
#[inline]
pub(super) fn headers(fields: &Fields, method: Option<&[u8]>, noted: &mut Noted) -> Result<Seen, ParseError> {
    let mut seen = Seen::default();
    noted.route = Some(None);
    for line in &fields.lines {
        let id = line.id;
        let again = seen.contains(id);
        seen = seen.and(id);
        let judged = match id {
            HeaderName::Via if again => Ok(()),
            // Only a comma list may stand on several lines.
            // rfc3261 §7.3.1
            _ if again => {
                return Err(bad(Place::Header(id), line.value.start(), "the header stands there twice"));
            }
            HeaderName::Via => top_via(fields, line).map(|via| noted.via = Some(via)),
            HeaderName::From => address(fields, line).map(|tag| noted.from_tag = Some(tag)),
            HeaderName::To => address(fields, line).map(|tag| noted.to_tag = Some(tag)),
            HeaderName::CallId => call_id(fields.text(line.value)),
            HeaderName::CSeq => cseq(fields, line, method).map(|cseq| noted.cseq = Some(cseq)),
            HeaderName::MaxForwards => max_forwards(fields.text(line.value)),
            HeaderName::Route => routes(fields, line, noted),
            HeaderName::RecordRoute => list(fields.text(line.value), |scanner| route(scanner).map(drop)),
            HeaderName::Contact => contact(fields.text(line.value)),
            HeaderName::Require | HeaderName::ProxyRequire | HeaderName::Supported => {
                list(fields.text(line.value), option_tag)
            }
            _ => Ok(()), // not read by routing, or the length, which is judged with the body
        };
        judged.map_err(|error| {
            bad(Place::Header(id), line.value.start() + error.at(), error.expected()).expected()
        })?;
    }
    Ok(seen)
}

/// Judges every element of a comma list; an empty header is an empty list.
// rfc3261 §7.3.1
#[inline]
fn list<'a>(
    value: &'a [u8],
    mut element: impl FnMut(&mut Scanner<'a>) -> Result<(), HeaderError>,
) -> Result<(), HeaderError> {
    if value.is_empty() {
        return Ok(());
    }
    let mut scanner = Scanner::new(value);
    loop {
        element(&mut scanner)?;
        if !scanner.eat_around(b',') {
            return scanner.end();
        }
    }
}

/// The first hop; those below it are other elements' business.
#[inline]
fn top_via(fields: &Fields, line: &Line) -> Result<ViaAt, HeaderError> {
    let value = fields.text(line.value);
    let mut scanner = Scanner::new(value);
    let mut bare_cookie = false;
    let is_cookie = |branch: &[u8]| branch.eq_ignore_ascii_case(MAGIC_COOKIE);
    let via = Via::scan_branches(&mut scanner, |branch| bare_cookie |= is_cookie(branch))?;
    // A branch that is all cookie is unique for nobody.
    // rfc4475 §3.2.1
    if bare_cookie {
        return Err(HeaderError::new(0, "a branch that goes on after its cookie"));
    }
    if !scanner.eat_around(b',') {
        scanner.end()?;
    }
    Ok(via.at(value, line.value))
}

/// An address; gives where its tag stands.
#[inline]
fn address(fields: &Fields, line: &Line) -> Result<TagAt, HeaderError> {
    let value = fields.text(line.value);
    let mut scanner = Scanner::new(value);
    let (_, tag) = NameAddr::scan_tagged(&mut scanner)?;
    scanner.end()?;
    Ok(tag.map(|tag| line.value.of_part(value, tag)))
}

/// `*` alone, or addresses.
// rfc3261 §20.10
#[inline]
fn contact(value: &[u8]) -> Result<(), HeaderError> {
    if value == b"*" { Ok(()) } else { list(value, |scanner| NameAddr::scan(scanner).map(drop)) }
}

/// Routes; notes where the first stands.
#[inline]
fn routes(fields: &Fields, line: &Line, noted: &mut Noted) -> Result<(), HeaderError> {
    let value = fields.text(line.value);
    list(value, |scanner| {
        let uri = route(scanner)?.uri();
        let at = || UriAt { text: line.value.of_part(value, uri.as_bytes()), parts: uri.parts() };
        noted.route.get_or_insert_default().get_or_insert_with(at);
        Ok(())
    })
}

/// A route is an address in angle brackets.
// rfc3261 §20.30, §20.34
#[inline]
fn route<'a>(scanner: &mut Scanner<'a>) -> Result<NameAddr<'a>, HeaderError> {
    let start = scanner.at();
    let bracket_first = scanner.peek() == Some(b'<');
    let address = NameAddr::scan(scanner)?;
    if bracket_first || scanner.since(start).contains(&b'<') {
        return Ok(address);
    }
    Err(HeaderError::new(start, "< before the URI"))
}

#[inline]
fn option_tag(scanner: &mut Scanner<'_>) -> Result<(), HeaderError> {
    scanner.token().map(drop)
}

// rfc3261 §25.1 callid
#[inline]
fn call_id(value: &[u8]) -> Result<(), HeaderError> {
    let mut scanner = Scanner::new(value);
    let word = scanner.run(class::WORD);
    if word.is_empty() || scanner.eat(b'@') && scanner.run(class::WORD).is_empty() {
        return Err(scanner.expected("a word"));
    }
    scanner.end()
}

#[inline]
fn cseq(fields: &Fields, line: &Line, method: Option<&[u8]>) -> Result<CSeqAt, HeaderError> {
    let value = fields.text(line.value);
    let cseq = CSeq::decode(value)?;
    match method {
        // rfc3261 §8.1.1.5
        Some(method) if method != cseq.method => Err(HeaderError::new(0, "the method of the request")),
        Some(_) | None => Ok(CSeqAt { number: cseq.number, method: line.value.of_part(value, cseq.method) }),
    }
}

// rfc3261 §20.22
#[inline]
fn max_forwards(value: &[u8]) -> Result<(), HeaderError> {
    let mut scanner = Scanner::new(value);
    if scanner.number()? > 255 {
        return Err(HeaderError::new(0, "a number up to 255"));
    }
    scanner.end()
}

/// Where the body stands: what Content-Length says, else all to the end. More octets than it says
/// are dropped, fewer are an error.
// rfc3261 §18.3
#[inline]
pub(super) fn body(fields: &Fields, start: usize) -> Result<Span, ParseError> {
    let end = fields.wire.len();
    let mut stated: Option<usize> = None;
    for line in fields.lines.iter().filter(|line| line.id == HeaderName::ContentLength) {
        let fault = |what| bad(Place::Header(HeaderName::ContentLength), line.value.start(), what);
        let length =
            content_length(fields.text(line.value)).map_err(|error| fault(error.expected()).expected())?;
        if start + length > end {
            return Err(fault("the body is shorter than that"));
        }
        // Said twice, it must be said the same.
        // rfc4475 §3.3.9
        if stated.is_some_and(|before| before != length) {
            return Err(fault("two different lengths"));
        }
        stated = Some(length);
    }
    Ok(Span::wire(start, stated.map_or(end, |length| start + length)))
}

// rfc3261 §20.14
fn content_length(value: &[u8]) -> Result<usize, HeaderError> {
    let mut scanner = Scanner::new(value);
    let length = scanner.number()?;
    scanner.end()?;
    Ok(length as usize)
}
