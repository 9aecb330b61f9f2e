//! What can be wrong with octets from outside. Each error names the header and the octet; a
//! [`Malformed`] message knows its answer.

use crate::door;
use crate::fields::Fields;
use crate::framing::FrameError;
use crate::name::HeaderName;
use crate::response::Response;
use crate::status::StatusCode;
use bytes::Bytes;
use std::fmt;

/// A header value that does not follow its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError {
    pub(crate) name: HeaderName,
    pub(crate) at: usize,
    pub(crate) expected: &'static str,
}

impl HeaderError {
    /// At octet `at` of the value (counted from 0), something else than `expected` stands.
    pub const fn new(at: usize, expected: &'static str) -> Self {
        HeaderError { name: HeaderName::Other, at, expected }
    }

    /// The same error, `by` octets further right: for a value found inside another.
    #[must_use]
    pub const fn shifted(self, by: usize) -> Self {
        HeaderError { at: self.at + by, ..self }
    }

    /// The same error, told which header it stands in.
    #[must_use]
    pub const fn named(self, name: HeaderName) -> Self {
        HeaderError { name, ..self }
    }

    /// The header; [`HeaderName::Other`] if the decoder was called without one.
    pub const fn name(&self) -> HeaderName {
        self.name
    }

    /// Octet of the value, counted from 0.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What should have stood there.
    pub const fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            HeaderName::Other => write!(f, "octet {}: expected {}", self.at, self.expected),
            name => write!(f, "{name}, octet {}: expected {}", self.at, self.expected),
        }
    }
}

impl std::error::Error for HeaderError {}

/// A URI that does not follow its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriError {
    pub(crate) at: usize,
    pub(crate) expected: &'static str,
}

impl UriError {
    pub(crate) const fn new(at: usize, expected: &'static str) -> Self {
        UriError { at, expected }
    }

    /// Octet of the URI, counted from 0.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What should have stood there.
    pub const fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "URI, octet {}: expected {}", self.at, self.expected)
    }
}

impl std::error::Error for UriError {}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub(crate) status: StatusCode,
    pub(crate) place: Place,
    pub(crate) at: usize,
    pub(crate) what: &'static str,
    /// `what` says what should have stood there.
    pub(crate) expected: bool,
}

/// Where in a message an error stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    StartLine,
    Header(HeaderName),
    HeaderSection,
    Body,
}

impl ParseError {
    /// The same error, whose words say what should have stood there.
    pub(crate) const fn expected(self) -> Self {
        ParseError { expected: true, ..self }
    }

    /// The answer to a request with this fault: 400, 413, 505.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The guilty header, if it is one.
    pub const fn header(&self) -> Option<HeaderName> {
        match self.place {
            Place::Header(name) => Some(name),
            Place::StartLine | Place::HeaderSection | Place::Body => None,
        }
    }

    /// Octet of the message, counted from 0.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The fault in words; or what should have stood there.
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::StartLine => f.write_str("start line")?,
            Place::Header(HeaderName::Other) => f.write_str("header line")?,
            Place::Header(name) => write!(f, "{name}")?,
            Place::HeaderSection => f.write_str("header section")?,
            Place::Body => f.write_str("body")?,
        }
        let expected = if self.expected { "expected " } else { "" };
        write!(f, ", octet {}: {expected}{}", self.at, self.what)
    }
}

impl std::error::Error for ParseError {}

/// Octets that are no message, with what of them can be saved for an answer.
#[derive(Clone, Debug)]
pub struct Malformed {
    pub(crate) error: ParseError,
    /// The request's Via, From, To, Call-ID and CSeq as far as they are there; `None` where nothing
    /// may be answered.
    pub(crate) answerable: Option<Response>,
}

impl Malformed {
    /// What a [`Framer`](crate::Framer) could not cut out of a stream: the octets from the start of
    /// the message, and why. The rest of the stream is lost, but the request may be answered.
    // rfc3261 §18.3 and §20.14
    pub fn unframed(octets: Bytes, error: FrameError) -> Malformed {
        door::unframed(octets, error)
    }

    /// The first fault.
    pub const fn error(&self) -> &ParseError {
        &self.error
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.error.status
    }

    /// What could be saved of a request that may be answered: Via, From, To, Call-ID, CSeq.
    pub fn fields(&self) -> Option<&Fields> {
        self.answerable.as_ref().map(|response| &*response.fields)
    }

    /// The answer, to be sent back where the octets came from: `None` if this was a response or an
    /// ACK, or no top Via names a hop. A 400 says in its phrase what was wrong.
    // rfc3261 §8.2.6, §16.3 and §21.4.1
    pub fn reply(&self, to_tag: &str) -> Option<Response> {
        let mut response = self.answerable.clone()?;
        response.set_to_tag(to_tag);
        Some(response)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Malformed {}
