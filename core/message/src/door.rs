//! The door: octets become a [`Message`] here, once, and what routing reads is proved
//! (RFC 3261 §7, §8.2, §16.3 step 1, §18.3). All other headers are left as they are.

use crate::error::{HeaderError, Malformed, ParseError, Place};
use crate::fields::{Body, Fields, Line, Span};
use crate::header::Header;
use crate::header::address::{Contact, NameAddr};
use crate::header::cseq::CSeq;
use crate::header::via::{MAGIC_COOKIE, Via};
use crate::limits::{HEADERS_MAX, MESSAGE_BYTES_MAX};
use crate::message::Message;
use crate::method::Method;
use crate::name::HeaderName;
use crate::request::Request;
use crate::response::Response;
use crate::scan::{Scanner, class, elements, first_element, is};
use crate::status::StatusCode;
use crate::uri::UriRef;
use bytes::Bytes;

/// Reads a message and proves what routing reads.
pub(crate) fn parse(wire: Bytes) -> Result<Message, Malformed> {
    let mut fields = Fields { wire, ..Fields::default() };
    match read(&mut fields) {
        Ok(Start::Request { method, method_text, uri, parts }) => {
            Ok(Message::Request(Request { method, method_text, uri, uri_parts: parts, fields }))
        }
        Ok(Start::Response { status, reason }) => {
            Ok(Message::Response(Response { status, reason: Some(reason), fields }))
        }
        Err(error) => Err(Malformed { error, answerable: salvage(error, fields) }),
    }
}

/// Whether a request of our own would pass. Via may be missing.
pub(crate) fn check(request: &Request) -> Result<(), ParseError> {
    if request.method_bytes().is_empty()
        || !request.method_bytes().iter().all(|octet| is(*octet, class::TOKEN))
    {
        return Err(bad(Place::StartLine, 0, "the method is no token"));
    }
    let seen = judge(&request.fields, Some(request.method_bytes()))?;
    require(seen | bit(HeaderName::Via))
}

/// What the start line says.
enum Start {
    Request { method: Method, method_text: Span, uri: Span, parts: crate::uri::Parts },
    Response { status: StatusCode, reason: Span },
}

fn read(fields: &mut Fields) -> Result<Start, ParseError> {
    let wire = fields.wire.clone();
    let bytes: &[u8] = &wire;
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(ParseError {
            status: StatusCode::MESSAGE_TOO_LARGE,
            ..bad(Place::Body, MESSAGE_BYTES_MAX, "the message is too long")
        });
    }
    let start = skip_blank_lines(bytes);
    let after = line_end(bytes, start).ok_or(bad(Place::StartLine, start, "no line end"))?;
    // The lines first: a wrong start line wants an answer too, which needs them.
    let lines = lines(bytes, after + 2, &mut fields.lines);
    let begun = start_line(bytes, start, after)?;
    let body = lines?;
    let method = match &begun {
        Start::Request { method_text, .. } => {
            Some(bytes.get(method_text.start()..method_text.end()).unwrap_or_default())
        }
        Start::Response { .. } => None,
    };
    let seen = judge(fields, method)?;
    require(seen)?;
    fields.body = Body::Wire(body_span(fields, body, bytes.len())?);
    Ok(begun)
}

/// Empty lines before a message, which a peer may send to keep a path open.
// rfc3261 §7.5
fn skip_blank_lines(bytes: &[u8]) -> usize {
    bytes.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count() * 2
}

/// Where the CR LF stands that ends the line which begins at `start`. A CR or LF alone ends no line
/// and stands in none: what the next hop took for a line end would begin a header that nobody here saw.
// rfc3261 §7, §25.1
#[inline]
fn line_end(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start + memchr::memchr2(b'\r', b'\n', bytes.get(start..)?)?;
    (bytes.get(end..end + 2) == Some(b"\r\n")).then_some(end)
}

/// Reads all header lines into the table; gives where the body begins.
// rfc3261 §7.3
#[inline]
fn lines(
    bytes: &[u8],
    mut at: usize,
    table: &mut smallvec::SmallVec<[Line; crate::limits::HEADERS_INLINE]>,
) -> Result<usize, ParseError> {
    loop {
        let start = at;
        if bytes.get(start..start + 2) == Some(b"\r\n") {
            return Ok(start + 2);
        }
        let mut end = line_end(bytes, start).ok_or_else(|| no_line_end(bytes, start))?;
        // A line that begins with white space continues the one before.
        while let Some(b' ' | b'\t') = bytes.get(end + 2) {
            end = line_end(bytes, end + 2).ok_or_else(|| no_line_end(bytes, end + 2))?;
        }
        at = end + 2;
        let text = bytes.get(start..end).unwrap_or_default();
        let mut scanner = Scanner::new(text);
        let name = scanner.run(class::TOKEN);
        let name_end = start + name.len();
        while scanner.eat(b' ') || scanner.eat(b'\t') {} // HCOLON knows no fold before the colon
        if name.is_empty() || !scanner.eat(b':') {
            return Err(bad(
                Place::Header(HeaderName::Other),
                start + scanner.at(),
                "expected the name of a header and a colon",
            ));
        }
        scanner.skip_lws();
        let value_start = start + scanner.at();
        let value = trim_end(scanner.rest());
        if table.len() == HEADERS_MAX {
            return Err(bad(Place::HeaderSection, start, "too many header lines"));
        }
        table.push(Line {
            id: HeaderName::from_text(name),
            name: Span::wire(start, name_end),
            value: Span::wire(value_start, value_start + value.len()),
        });
    }
}

fn no_line_end(bytes: &[u8], start: usize) -> ParseError {
    let what = if start == bytes.len() {
        "the empty line after the headers is missing"
    } else {
        "a line that CR LF does not end"
    };
    bad(Place::HeaderSection, start, what)
}

#[inline]
fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is(*last, class::LWS)
    {
        text = rest;
    }
    text
}

/// Reads `METHOD uri SIP/2.0` or `SIP/2.0 200 OK`: single spaces, as the grammar has it.
// rfc3261 §7.1, §7.2
#[inline]
fn start_line(bytes: &[u8], start: usize, end: usize) -> Result<Start, ParseError> {
    let line = bytes.get(start..end).unwrap_or_default();
    let fault = |offset: usize, what| bad(Place::StartLine, start + offset, what);
    let first = memchr::memchr(b' ', line).ok_or(fault(line.len(), "expected a space"))?;
    let (word, rest) = (line.get(..first).unwrap_or_default(), line.get(first + 1..).unwrap_or_default());
    if is_version(word) {
        if !word.eq_ignore_ascii_case(b"SIP/2.0") {
            return Err(ParseError {
                status: StatusCode::VERSION_NOT_SUPPORTED,
                ..fault(0, "the version is not SIP/2.0")
            });
        }
        return status_line(rest, start + first + 1);
    }
    if word.is_empty() || !word.iter().all(|octet| is(*octet, class::TOKEN)) {
        return Err(fault(0, "expected a method"));
    }
    let uri_start = first + 1;
    let second = memchr::memchr(b' ', rest).ok_or(fault(line.len(), "expected a space and the version"))?;
    let version = rest.get(second + 1..).unwrap_or_default();
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        let version_start = uri_start + second + 1;
        // rfc3261 §8.2 and §21.5.6
        if is_version(version) {
            return Err(ParseError {
                status: StatusCode::VERSION_NOT_SUPPORTED,
                ..fault(version_start, "the version is not SIP/2.0")
            });
        }
        return Err(fault(version_start, "expected SIP/2.0 after one space"));
    }
    let text = rest.get(..second).unwrap_or_default();
    let uri =
        UriRef::parse(text).map_err(|error| fault(uri_start + error.at(), error.expected()).expected())?;
    // rfc3261 §19.1.1, table 1
    if uri.is_sip() && uri.has_headers() {
        return Err(fault(uri_start, "a Request-URI has no headers"));
    }
    Ok(Start::Request {
        method: Method::from_token(word),
        method_text: Span::wire(start, start + first),
        uri: Span::wire(start + uri_start, start + uri_start + second),
        parts: uri.parts(),
    })
}

/// `SIP/` digits `.` digits.
fn is_version(text: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match text {
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b'/', number @ ..] => memchr::memchr(b'.', number)
            .is_some_and(|dot| {
                digits(number.get(..dot).unwrap_or_default())
                    && digits(number.get(dot + 1..).unwrap_or_default())
            }),
        _ => false,
    }
}

fn status_line(rest: &[u8], at: usize) -> Result<Start, ParseError> {
    let (code, reason) = match memchr::memchr(b' ', rest) {
        Some(space) => (rest.get(..space).unwrap_or_default(), space + 1),
        None => (rest, rest.len()), // the space before an empty phrase, which some leave out
    };
    let number = match code {
        [b'1'..=b'6', _, _] => {
            str::from_utf8(code).ok().and_then(|code| code.parse().ok()).and_then(StatusCode::new)
        }
        _ => None,
    };
    let status = number.ok_or(bad(Place::StartLine, at, "expected a status of three digits"))?;
    Ok(Start::Response { status, reason: Span::wire(at + reason, at + rest.len()) })
}

/// Headers without which no message can be answered or matched.
// rfc3261 §8.1.1
const REQUIRED: [HeaderName; 5] =
    [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];

const fn bit(id: HeaderName) -> u128 {
    1 << id as u32
}

const _: () = assert!((HeaderName::Other as u32) < u128::BITS);

fn require(seen: u128) -> Result<(), ParseError> {
    match REQUIRED.into_iter().find(|id| seen & bit(*id) == 0) {
        Some(id) => Err(bad(Place::Header(id), 0, "the header is missing")),
        None => Ok(()),
    }
}

/// Proves the headers that routing reads; gives which headers are there.
// rfc3261 §16.3 step 1
fn judge(fields: &Fields, method: Option<&[u8]>) -> Result<u128, ParseError> {
    let mut seen: u128 = 0;
    for line in &fields.lines {
        let id = line.id;
        let first = seen & bit(id) == 0;
        seen |= bit(id);
        let value = fields.text(line.value);
        let fault = |error: HeaderError| {
            bad(Place::Header(id), line.value.start() + error.at(), error.expected()).expected()
        };
        match id {
            HeaderName::Via if first => top_via(value).map_err(fault)?,
            HeaderName::From | HeaderName::To => NameAddr::decode(value).map(drop).map_err(fault)?,
            HeaderName::CallId => call_id(value).map_err(fault)?,
            HeaderName::CSeq => cseq(value, method).map_err(fault)?,
            HeaderName::MaxForwards => max_forwards(value).map_err(fault)?,
            HeaderName::ContentLength => content_length(value).map(drop).map_err(fault)?,
            HeaderName::Route | HeaderName::RecordRoute => each(value, route).map_err(fault)?,
            HeaderName::Contact => each(value, |value| Contact::decode(value).map(drop)).map_err(fault)?,
            HeaderName::Require | HeaderName::ProxyRequire | HeaderName::Supported => {
                each(value, option_tag).map_err(fault)?
            }
            _ => continue,
        }
        // rfc3261 §7.3.1: only what is a comma list may stand on several lines
        if !first && is_once(id) {
            return Err(bad(Place::Header(id), line.value.start(), "the header stands there twice"));
        }
    }
    Ok(seen)
}

/// What is judged and may appear once. Content-Length may be said twice, if both say the same.
const fn is_once(id: HeaderName) -> bool {
    matches!(
        id,
        HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq | HeaderName::MaxForwards
    )
}

/// Applies `judge` to every element of a comma list; an empty header is an empty list.
#[inline]
fn each(value: &[u8], judge: impl Fn(&[u8]) -> Result<(), HeaderError>) -> Result<(), HeaderError> {
    if value.is_empty() {
        return Ok(());
    }
    let offset = |element: &[u8]| element.as_ptr() as usize - value.as_ptr() as usize;
    elements(value).try_for_each(|element| judge(element).map_err(|error| error.shifted(offset(element))))
}

#[inline]
fn top_via(value: &[u8]) -> Result<(), HeaderError> {
    let via = Via::decode(first_element(value).0)?;
    // A branch that is all cookie is unique for nobody. // rfc4475 §3.1.2.18
    if via.branch().is_some_and(|branch| branch.eq_ignore_ascii_case(MAGIC_COOKIE)) {
        return Err(HeaderError::new(0, "a branch that goes on after its cookie"));
    }
    Ok(())
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
fn cseq(value: &[u8], method: Option<&[u8]>) -> Result<(), HeaderError> {
    let cseq = CSeq::decode(value)?;
    match method {
        // rfc3261 §8.1.1.5
        Some(method) if method != cseq.method => Err(HeaderError::new(0, "the method of the request")),
        Some(_) | None => Ok(()),
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

// rfc3261 §20.14
#[inline]
fn content_length(value: &[u8]) -> Result<u32, HeaderError> {
    let mut scanner = Scanner::new(value);
    let length = scanner.number()?;
    scanner.end()?;
    Ok(length)
}

/// A route is an address in angle brackets.
// rfc3261 §20.30, §20.34
#[inline]
fn route(value: &[u8]) -> Result<(), HeaderError> {
    NameAddr::decode(value)?;
    if memchr::memchr(b'<', value).is_none() {
        return Err(HeaderError::new(0, "< before the URI"));
    }
    Ok(())
}

#[inline]
fn option_tag(value: &[u8]) -> Result<(), HeaderError> {
    let mut scanner = Scanner::new(value);
    scanner.token()?;
    scanner.end()
}

/// Where the body stands: what Content-Length says, else all to the end. More octets than it says
/// are dropped, fewer are an error.
// rfc3261 §18.3
fn body_span(fields: &Fields, start: usize, end: usize) -> Result<Span, ParseError> {
    let mut stated: Option<(u32, usize)> = None;
    for line in fields.lines.iter().filter(|line| line.id == HeaderName::ContentLength) {
        let at = line.value.start();
        let fault = |what| bad(Place::Header(HeaderName::ContentLength), at, what);
        let length =
            content_length(fields.text(line.value)).map_err(|error| fault(error.expected()).expected())?;
        if stated.is_some_and(|(before, _)| before != length) {
            return Err(fault("two different lengths"));
        }
        stated = Some((length, at));
    }
    match stated {
        None => Ok(Span::wire(start, end)),
        Some((length, at)) => match start.checked_add(length as usize) {
            Some(stop) if stop <= end => Ok(Span::wire(start, stop)),
            Some(_) | None => {
                Err(bad(Place::Header(HeaderName::ContentLength), at, "the body is shorter than that"))
            }
        },
    }
}

fn bad(place: Place, at: usize, what: &'static str) -> ParseError {
    ParseError { status: StatusCode::BAD_REQUEST, place, at, what, expected: false }
}

/// What a refusal can be made of.
// rfc3261 §8.2.6 and §16.3
#[cold]
fn salvage(error: ParseError, fields: Fields) -> Option<Box<Response>> {
    let start = skip_blank_lines(&fields.wire);
    let mut scanner = Scanner::new(fields.wire.get(start..)?);
    let method = scanner.run(class::TOKEN);
    // rfc3261 §8.1.3.5, §17.2.1: neither a response nor an ACK is ever answered
    let is_request = !method.is_empty() && scanner.peek() == Some(b' ');
    if !is_request || Method::from_token(method) == Method::Ack {
        return None;
    }
    let via = fields.first(HeaderName::Via)?;
    Via::scan_sent_by(&mut Scanner::new(via)).ok()?;
    let mut seen: u128 = 0;
    let mut kept = Fields { lines: smallvec::SmallVec::new(), ..fields.clone() };
    for line in fields.lines.iter().filter(|line| REQUIRED.contains(&line.id)) {
        if line.id == HeaderName::Via || seen & bit(line.id) == 0 {
            kept.lines.push(*line);
        }
        seen |= bit(line.id);
    }
    let mut response = Response::new(error.status, kept);
    if error.status == StatusCode::BAD_REQUEST {
        // rfc3261 §21.4.1: the phrase should say what is wrong
        response.set_status(error.status, &format!("Bad Request ({error})"));
    }
    Some(Box::new(response))
}
