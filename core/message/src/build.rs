//! Building a request from nothing (RFC 3261 §8.1.1).

use crate::door;
use crate::error::ParseError;
use crate::fields::{FieldName, Fields};
use crate::limits::CSEQ_MAX;
use crate::method::Method;
use crate::name::HeaderName;
use crate::request::Request;
use crate::uri::Uri;
use bytes::Bytes;

/// A request in the making; [`finish`](RequestBuilder::finish) lets it through the same door as one
/// that was received.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    method: String,
    request: Request,
}

impl RequestBuilder {
    /// A request with a method of any name.
    pub fn new(method: &str, uri: &Uri) -> Self {
        let mut fields = Fields::default();
        let method_text = fields.append(method.as_bytes());
        let span = fields.append(uri.as_bytes());
        let request = Request {
            method: Method::from_token(method.as_bytes()),
            method_text,
            uri: span,
            uri_parts: uri.as_ref().parts(),
            fields,
        };
        RequestBuilder { method: method.to_owned(), request }
    }

    /// A hop, below those already there. A request for ruf-transaction gets its Via there.
    #[must_use]
    pub fn via(self, value: impl AsRef<[u8]>) -> Self {
        self.header(HeaderName::Via, value)
    }

    /// Who sends it, with a tag.
    #[must_use]
    pub fn from(self, value: impl AsRef<[u8]>) -> Self {
        self.header(HeaderName::From, value)
    }

    /// Whom it is for.
    #[must_use]
    pub fn to(self, value: impl AsRef<[u8]>) -> Self {
        self.header(HeaderName::To, value)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(self, value: impl AsRef<[u8]>) -> Self {
        self.header(HeaderName::CallId, value)
    }

    /// The number of CSeq, below 2**31.
    #[must_use]
    pub fn cseq(self, number: u32) -> Self {
        let value = format!("{} {}", number.min(CSEQ_MAX), self.method);
        self.header(HeaderName::CSeq, value)
    }

    /// The hops it may take; 70 if this is not called.
    #[must_use]
    pub fn max_forwards(self, hops: u8) -> Self {
        self.header(HeaderName::MaxForwards, hops.to_string())
    }

    /// Any header line.
    #[must_use]
    pub fn header<'n>(mut self, name: impl Into<FieldName<'n>>, value: impl AsRef<[u8]>) -> Self {
        self.request.add(name, value);
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, content_type: impl AsRef<[u8]>, body: impl Into<Bytes>) -> Self {
        self.request.set_body(content_type, body);
        self
    }

    /// The request, checked as if it had been received. Only Via may be missing: the transaction
    /// that sends the request writes it.
    ///
    /// # Errors
    /// If a header that routing reads is missing or broken.
    // rfc3261 §8.1.1
    pub fn finish(mut self) -> Result<Request, ParseError> {
        if !self.request.contains(HeaderName::MaxForwards) {
            self.request.set_max_forwards(70); // rfc3261 §8.1.1.6
        }
        door::check(&self.request)?;
        Ok(self.request)
    }
}
