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
        let mut fields = Box::<Fields>::default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn options() -> RequestBuilder {
        Request::build(Method::Options, &"sip:bob@example.org;lr".parse().unwrap())
            .from("<sip:alice@example.org>;tag=1")
            .to("<sip:bob@example.org>")
            .call_id("abc")
            .cseq(7)
    }

    #[test]
    fn what_was_built_reads_as_if_received() {
        // tests rfc3261 §8.1.1
        let built = options()
            .via("SIP/2.0/UDP h;branch=z9hG4bK1")
            .header("X-Y", "z")
            .body("text/plain", "hello")
            .finish()
            .unwrap();
        let Ok(Message::Request(read)) = Message::parse(built.to_bytes()) else {
            panic!("{built}");
        };
        assert_eq!(read.to_bytes(), built.to_bytes());
        assert_eq!(
            (built.method(), built.max_forwards(), built.cseq().number, built.body()),
            (Method::Options, Some(70), 7, &b"hello"[..])
        );
        assert_eq!(
            (built.uri().to_string().as_str(), built.cseq().method),
            ("sip:bob@example.org;lr", &b"OPTIONS"[..])
        );
    }

    #[test]
    fn only_via_may_be_missing() {
        // tests rfc3261 §8.1.1
        assert!(options().finish().is_ok());
        let uri = "sip:bob@example.org".parse().unwrap();
        let missing =
            Request::build(Method::Bye, &uri).from("<sip:a@h>").to("<sip:b@h>").call_id("c").finish();
        assert_eq!(missing.unwrap_err().to_string(), "CSeq, octet 0: the header is missing");
    }

    #[test]
    fn a_broken_header_is_not_built() {
        assert_eq!(options().from("x").finish().unwrap_err().header(), Some(HeaderName::From));
        assert_eq!(
            options().header(HeaderName::Route, "sip:h").finish().unwrap_err().header(),
            Some(HeaderName::Route)
        );
        for method in ["NO GOOD", ""] {
            let error = RequestBuilder::new(method, &Uri::default()).finish().unwrap_err();
            assert_eq!(error.to_string(), "start line, octet 0: the method is no token");
        }
    }

    #[test]
    fn a_method_of_any_name_is_built() {
        let request = RequestBuilder::new("DANCE", &"tel:+1".parse().unwrap())
            .from("<sip:a@h>")
            .to("<sip:b@h>")
            .call_id("c")
            .cseq(u32::MAX)
            .finish()
            .unwrap();
        assert_eq!(
            (request.method(), request.method_bytes(), request.cseq().method),
            (Method::Other, &b"DANCE"[..], &b"DANCE"[..])
        );
        assert_eq!(request.cseq().number, CSEQ_MAX);
        assert!(request.to_string().starts_with("DANCE tel:+1 SIP/2.0\r\n"));
    }
}
