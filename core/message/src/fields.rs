//! The header fields and body of a message: one shared buffer, one of our own, and a table that says
//! where each line stands. An edit appends to our own buffer and changes the table, so what is read
//! is what will be sent; writing is one pass over the table.
//!
//! What the start line adds is in `request.rs` and `response.rs`; the first reading in `door.rs`.

mod edit;
mod hops;
mod lines;
mod write;

pub(crate) use edit::one_line;
pub(crate) use hops::with_source;
pub(crate) use lines::Lines;

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::address::{Contact, NameAddr};
use crate::header::cseq::CSeq;
use crate::header::via::{Via, ViaAt};
use crate::name::{HeaderName, Repeat};
use crate::scan::{Scanner, elements, first_element};
use crate::uri::{Parts, UriRef};
use bytes::Bytes;

/// The header fields and the body of a [`Request`](crate::Request) or
/// [`Response`](crate::Response), which both read like it.
///
/// The readers of what [`Message::parse`](crate::Message::parse) proved cannot fail. In a message
/// that was edited into something it would not accept, they read as empty.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// What was received.
    pub(crate) wire: Bytes,
    /// What was added since.
    pub(crate) own: Vec<u8>,
    pub(crate) lines: Lines,
    pub(crate) body: Body,
    pub(crate) noted: Noted,
}

/// What is asked for again and again, where the door found it. An edit of its line forgets it, and it is
/// read from the line again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noted {
    /// The top Via.
    pub(crate) via: Option<ViaAt>,
    pub(crate) from_tag: Option<TagAt>,
    pub(crate) to_tag: Option<TagAt>,
    pub(crate) cseq: Option<CSeqAt>,
    /// The URI of the first Route, if there is one.
    pub(crate) route: Option<Option<UriAt>>,
}

/// The number of CSeq, and where its method stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CSeqAt {
    pub(crate) number: u32,
    pub(crate) method: Span,
}

/// Where the tag of an address stands, if it has one.
pub(crate) type TagAt = Option<Span>;

/// Where a URI stands, and its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UriAt {
    pub(crate) text: Span,
    pub(crate) parts: Parts,
}

impl Noted {
    /// A line of this name was changed.
    pub(crate) fn forget(&mut self, id: HeaderName) {
        match id {
            HeaderName::Via => self.via = None,
            HeaderName::From => self.from_tag = None,
            HeaderName::To => self.to_tag = None,
            HeaderName::CSeq => self.cseq = None,
            HeaderName::Route => self.route = None,
            _ => {}
        }
    }
}

/// The memory of a message that is done with, for the next one: its table, and what was changed in it. With one,
/// [`Message::parse_in`](crate::Message::parse_in) and [`Request::copy_in`](crate::Request::copy_in) allocate nothing
/// for a message of up to [`HEADERS_INLINE`](crate::limits::HEADERS_INLINE) lines.
#[derive(Debug, Default)]
pub struct Room(pub(crate) Box<Fields>);

impl Room {
    /// That of a message that had these.
    pub(crate) fn of(mut fields: Box<Fields>) -> Self {
        fields.clear();
        Room(fields)
    }
}

/// Octets of our own buffer that are kept; one that grew beyond was for a rare message.
const OWN_KEPT_MAX: usize = 1024;

/// A range of the wire buffer or of our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The highest bit says our own.
    start: u32,
    len: u32,
}

const OWN: u32 = 1 << 31;

impl Span {
    /// Of the wire buffer, which is no longer than 65535 octets.
    #[inline]
    pub(crate) const fn wire(start: usize, end: usize) -> Self {
        Span { start: start as u32, len: (end - start) as u32 }
    }

    pub(crate) const fn is_own(self) -> bool {
        self.start & OWN != 0
    }

    pub(crate) const fn start(self) -> usize {
        (self.start & !OWN) as usize
    }

    pub(crate) const fn end(self) -> usize {
        self.start() + self.len as usize
    }

    /// Where `part` stands, which was cut out of `text`, the text of this span.
    pub(crate) fn of_part(self, text: &[u8], part: &[u8]) -> Self {
        let before = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let start = u32::try_from(before).unwrap_or(u32::MAX).min(self.len);
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX).min(self.len - start);
        Span { start: self.start + start, len }
    }

    /// Without its first octets.
    pub(crate) fn without_first(self, octets: usize) -> Self {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX).min(self.len);
        Span { start: self.start + octets, len: self.len - octets }
    }
}

/// One header line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    pub(crate) id: HeaderName,
    /// Empty: the canonical text of `id`.
    pub(crate) name: Span,
    /// Without white space at its ends; folds are still in it.
    pub(crate) value: Span,
}

/// Where the body is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Wire(Span),
    Own(Bytes),
}

impl Default for Body {
    fn default() -> Self {
        Body::Own(Bytes::new())
    }
}

/// The name of a header field to look for or to write: a [`HeaderName`] or a text.
#[derive(Clone, Copy, Debug)]
pub struct FieldName<'a> {
    pub(crate) id: HeaderName,
    pub(crate) text: &'a str,
}

impl From<HeaderName> for FieldName<'_> {
    fn from(id: HeaderName) -> Self {
        FieldName { id, text: id.as_str() }
    }
}

impl<'a> From<&'a str> for FieldName<'a> {
    fn from(text: &'a str) -> Self {
        FieldName { id: HeaderName::from_text(text.as_bytes()), text }
    }
}

impl Fields {
    pub(crate) fn copy_in(&self, room: Room) -> Box<Fields> {
        let Fields { wire, own, lines, body, noted } = self;
        let Room(mut copy) = room;
        copy.wire.clone_from(wire);
        copy.own.extend_from_slice(own);
        copy.lines.clone_from(lines);
        copy.body.clone_from(body);
        copy.noted = *noted;
        copy
    }

    /// As of a message with nothing in it; what was allocated for its lines and changes stays, as far as most need it.
    fn clear(&mut self) {
        let Fields { wire, own, lines, body, noted } = self;
        (*wire, *body, *noted) = (Bytes::new(), Body::default(), Noted::default());
        lines.clear();
        own.clear();
        if own.capacity() > OWN_KEPT_MAX {
            *own = Vec::new();
        }
    }

    /// The top Via: the hop that a request came from, or a response goes to.
    pub fn via(&self) -> Via<'_> {
        if let Some(at) = self.noted.via {
            return at.read(|span| self.text(span));
        }
        self.first(HeaderName::Via)
            .and_then(|value| Via::scan(&mut Scanner::new(value)).ok())
            .unwrap_or_default()
    }

    /// Who sent the request.
    pub fn from(&self) -> NameAddr<'_> {
        self.address(HeaderName::From)
    }

    /// Whom the request was for.
    pub fn to(&self) -> NameAddr<'_> {
        self.address(HeaderName::To)
    }

    /// The tag of From.
    pub fn from_tag(&self) -> Option<&[u8]> {
        match self.noted.from_tag {
            Some(tag) => tag.map(|span| self.text(span)),
            None => self.from().tag(),
        }
    }

    /// The tag of To: in a request, it belongs to a dialog.
    pub fn to_tag(&self) -> Option<&[u8]> {
        match self.noted.to_tag {
            Some(tag) => tag.map(|span| self.text(span)),
            None => self.to().tag(),
        }
    }

    /// The URI of the first Route.
    pub(crate) fn first_route(&self) -> Option<UriRef<'_>> {
        match self.noted.route {
            Some(at) => at.map(|at| UriRef::from_parts(self.text(at.text), at.parts)),
            None => self.addresses(HeaderName::Route).next().map(|route| route.uri()),
        }
    }

    /// The Call-ID. Compares octet by octet (RFC 3261 §20.8).
    pub fn call_id(&self) -> &[u8] {
        self.first(HeaderName::CallId).unwrap_or_default()
    }

    /// The number and method.
    pub fn cseq(&self) -> CSeq<'_> {
        if let Some(CSeqAt { number, method }) = self.noted.cseq {
            return CSeq { number, method: self.text(method) };
        }
        self.first(HeaderName::CSeq).and_then(|value| CSeq::decode(value).ok()).unwrap_or_default()
    }

    /// The contacts.
    pub fn contacts(&self) -> impl Iterator<Item = Contact<'_>> {
        self.headers_of::<Contact<'_>>().filter_map(Result::ok)
    }

    /// The recorded routes, the last proxy of the request first.
    pub fn record_routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// The extensions that the peer must understand.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.option_tags(HeaderName::Require)
    }

    /// The extensions that the sender understands.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.option_tags(HeaderName::Supported)
    }

    /// The first value of a header, decoded; `None` if the header is not there.
    ///
    /// # Errors
    /// If it breaks its grammar.
    pub fn header<'a, T: Header<'a>>(&'a self) -> Result<Option<T>, HeaderError> {
        self.headers_of::<T>().next().transpose()
    }

    /// All values of a header, decoded: over all its lines and the elements of its comma lists.
    pub fn headers_of<'a, T: Header<'a>>(&'a self) -> impl Iterator<Item = Result<T, HeaderError>> {
        self.values(T::NAME).map(|value| T::decode(value).map_err(|error| error.named(T::NAME)))
    }

    /// The values of a header as written, one for each line; folds are still in them
    /// ([`unfold`](crate::scan::unfold)).
    pub fn raw<'n>(&self, name: impl Into<FieldName<'n>>) -> impl Iterator<Item = &[u8]> {
        let name = name.into();
        let lines = self.lines.that_may_be(name.id).iter();
        lines.filter(move |line| self.is(line, name)).map(|line| self.text(line.value))
    }

    /// The values of a header as written, comma lists split into their elements; empty ones left out.
    pub fn values<'n>(&self, name: impl Into<FieldName<'n>>) -> impl Iterator<Item = &[u8]> {
        let name = name.into();
        let list = name.id.repeat() == Repeat::List;
        self.raw(name).flat_map(move |value| {
            let (first, rest) = if list { first_element(value) } else { (value, None) };
            std::iter::once(first)
                .chain(rest.into_iter().flat_map(elements))
                .filter(|element| !element.is_empty())
        })
    }

    /// There is such a header.
    pub fn contains<'n>(&self, name: impl Into<FieldName<'n>>) -> bool {
        self.raw(name).next().is_some()
    }

    /// All header lines: name as written, and value.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.name(line), self.text(line.value)))
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Body::Wire(span) => self.text(*span),
            Body::Own(body) => body,
        }
    }

    /// The body, shared.
    pub fn body_bytes(&self) -> Bytes {
        match &self.body {
            Body::Wire(span) if span.end() <= self.wire.len() => self.wire.slice(span.start()..span.end()),
            Body::Wire(_) => Bytes::new(),
            Body::Own(body) => body.clone(),
        }
    }

    pub(crate) fn address(&self, name: HeaderName) -> NameAddr<'_> {
        self.first(name).and_then(|value| NameAddr::decode(value).ok()).unwrap_or_default()
    }

    pub(crate) fn addresses(&self, name: HeaderName) -> impl Iterator<Item = NameAddr<'_>> {
        self.values(name).filter_map(|value| NameAddr::decode(value).ok())
    }

    pub(crate) fn option_tags(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| str::from_utf8(value).ok())
    }

    /// The value of the first line of a known header.
    #[inline]
    pub(crate) fn first(&self, id: HeaderName) -> Option<&[u8]> {
        self.lines.that_may_be(id).iter().find(|line| line.id == id).map(|line| self.text(line.value))
    }

    #[inline]
    pub(crate) fn text(&self, span: Span) -> &[u8] {
        let buffer = if span.is_own() { &self.own[..] } else { &self.wire[..] };
        buffer.get(span.start()..span.end()).unwrap_or_default()
    }

    pub(crate) fn name(&self, line: &Line) -> &[u8] {
        match self.text(line.name) {
            [] => line.id.as_str().as_bytes(),
            name => name,
        }
    }

    fn is(&self, line: &Line, name: FieldName<'_>) -> bool {
        line.id == name.id
            && (line.id != HeaderName::Other
                || self.text(line.name).eq_ignore_ascii_case(name.text.as_bytes()))
    }
}
