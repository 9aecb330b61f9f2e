//! Requests (RFC 3261 §7.1): the start line, what only requests carry, and the requests and
//! responses that follow from one: reply, ACK, CANCEL. Building one from nothing is in `build.rs`.

use crate::build::RequestBuilder;
use crate::fields::{Fields, Room, Span};
use crate::header::address::NameAddr;
use crate::method::Method;
use crate::name::HeaderName;
use crate::response::Response;
use crate::scan::Scanner;
use crate::status::StatusCode;
use crate::uri::{Parts, Uri, UriRef};
use bytes::{BufMut, Bytes};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A request. Headers and body are read and changed as its [`Fields`].
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) method_text: Span,
    pub(crate) uri: Span,
    pub(crate) uri_parts: Parts,
    /// In a box of its own, since a request is handed from one machine to the next, and comes far.
    pub(crate) fields: Box<Fields>,
}

impl Request {
    /// Begins a request from nothing.
    pub fn build(method: Method, uri: &Uri) -> RequestBuilder {
        RequestBuilder::new(method.as_str(), uri)
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The method's token.
    pub fn method_bytes(&self) -> &[u8] {
        match self.method {
            Method::Other => self.fields.text(self.method_text),
            known => known.as_str().as_bytes(),
        }
    }

    /// The Request-URI.
    pub fn uri(&self) -> UriRef<'_> {
        UriRef::from_parts(self.fields.text(self.uri), self.uri_parts)
    }

    /// How many hops are left; `None` if it does not say.
    pub fn max_forwards(&self) -> Option<u8> {
        let number = Scanner::new(self.fields.first(HeaderName::MaxForwards)?).number().ok()?;
        u8::try_from(number).ok()
    }

    /// The proxies to go through, next one first.
    pub fn routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.fields.addresses(HeaderName::Route)
    }

    /// The proxy to go through next: the URI of the first of [`Request::routes`].
    pub fn next_route(&self) -> Option<UriRef<'_>> {
        self.fields.first_route()
    }

    /// The extensions that a proxy must understand.
    pub fn proxy_require(&self) -> impl Iterator<Item = &str> {
        self.fields.option_tags(HeaderName::ProxyRequire)
    }

    /// Changes the Request-URI.
    // rfc3261 §16.6 step 2
    pub fn set_uri<'u>(&mut self, uri: impl Into<UriRef<'u>>) {
        let uri = uri.into();
        self.uri_parts = uri.parts();
        self.uri = self.fields.append(uri.as_bytes());
    }

    /// Changes Max-Forwards.
    // rfc3261 §16.6 step 3
    pub fn set_max_forwards(&mut self, hops: u8) {
        self.fields.set_number(HeaderName::MaxForwards, hops.into());
    }

    /// Changes Max-Breadth.
    // rfc5393 §5.3.3
    pub fn set_max_breadth(&mut self, branches: u32) {
        self.fields.set_number(HeaderName::MaxBreadth, branches);
    }

    /// Puts a route before all others: `<sip:proxy.example.org;lr>`.
    // rfc3261 §16.6 step 6
    pub fn push_route(&mut self, value: impl AsRef<[u8]>) {
        self.prepend(HeaderName::Route, value);
    }

    /// Takes the first route off; `false` if there was none.
    // rfc3261 §16.4
    pub fn pop_route(&mut self) -> bool {
        self.fields.pop(HeaderName::Route)
    }

    /// Puts a recorded route before all others.
    // rfc3261 §16.6 step 4
    pub fn push_record_route(&mut self, value: impl AsRef<[u8]>) {
        self.prepend(HeaderName::RecordRoute, value);
    }

    /// The response to this request: Via, From, To, Call-ID and CSeq are the request's, and the
    /// Timestamp in a 100. Give To a tag with [`Fields::set_to_tag`].
    // rfc3261 §8.2.6.1, §8.2.6.2
    pub fn reply(&self, status: StatusCode) -> Response {
        self.reply_in(status, Room::default())
    }

    /// The same in this room.
    pub fn reply_in(&self, status: StatusCode, room: Room) -> Response {
        Response::new(status, self.fields.keeping(|id| is_copied(id, status), room))
    }

    /// The ACK to a final response other than 2xx: a part of this INVITE's own transaction.
    // rfc3261 §17.1.1.3
    pub fn ack_for(&self, response: &Response) -> Request {
        let mut ack = self.sibling(Method::Ack);
        if let Some(to) = response.raw(HeaderName::To).next() {
            ack.set(HeaderName::To, to);
        }
        ack
    }

    /// The CANCEL of this request.
    // rfc3261 §9.1
    pub fn cancel(&self) -> Request {
        self.sibling(Method::Cancel)
    }

    /// A request of the same transaction: Request-URI, top Via, From, To, Call-ID, Route and the
    /// number of CSeq are this one's.
    // rfc3261 §9.1, §17.1.1.3
    fn sibling(&self, method: Method) -> Request {
        let copied = |id| {
            matches!(
                id,
                HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::Route
            )
        };
        let mut fields = self.fields.keeping(copied, Room::default());
        let top = crate::scan::first_element(self.fields.first(HeaderName::Via).unwrap_or_default()).0;
        fields.set(HeaderName::Via, top);
        fields.set(HeaderName::MaxForwards, "70");
        fields.set(HeaderName::CSeq, format!("{} {method}", self.cseq().number));
        Request { method, method_text: Span::default(), uri: self.uri, uri_parts: self.uri_parts, fields }
    }

    /// A copy in this room.
    pub fn copy_in(&self, room: Room) -> Request {
        let fields = self.fields.copy_in(room);
        Request {
            method: self.method,
            method_text: self.method_text,
            uri: self.uri,
            uri_parts: self.uri_parts,
            fields,
        }
    }

    /// The octets that it was read from, whatever was changed since; written now, if it was built here.
    pub fn as_received(&self) -> Bytes {
        if self.fields.wire.is_empty() { self.to_bytes() } else { self.fields.wire.clone() }
    }

    /// The request as octets; Content-Length is set right.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.uri().as_bytes().len() + 64 + self.fields.written_len());
        self.write_to(&mut out);
        out.into()
    }

    /// Appends the request to `out`.
    // rfc3261 §7.1
    pub fn write_to(&self, out: &mut impl BufMut) {
        out.put_slice(self.method_bytes());
        out.put_u8(b' ');
        out.put_slice(self.uri().as_bytes());
        out.put_slice(b" SIP/2.0\r\n");
        self.fields.write(out);
    }
}

/// Whether a response of this status has the lines of this name that its request has.
// rfc3261 §8.2.6.1, §8.2.6.2
pub(crate) const fn is_copied(id: HeaderName, status: StatusCode) -> bool {
    match id {
        HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => true,
        HeaderName::Timestamp => status.as_u16() == StatusCode::TRYING.as_u16(),
        _ => false,
    }
}

impl Fields {
    /// A copy of the lines that `keep` says, without the body.
    fn keeping(&self, keep: impl Fn(HeaderName) -> bool, room: Room) -> Box<Fields> {
        let Room(mut copy) = room;
        copy.wire.clone_from(&self.wire);
        copy.own.extend_from_slice(&self.own);
        copy.lines.keep_of(&self.lines, keep);
        copy.noted = self.noted;
        copy
    }
}

impl From<Request> for Room {
    fn from(request: Request) -> Self {
        Room::of(request.fields)
    }
}

impl Deref for Request {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use crate::{HeaderName, Message, Method, Request, StatusCode, Uri};
    use bytes::Bytes;

    const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff, SIP/2.0/TCP x\r\n\
        To: Bob <sip:bob@biloxi.com>\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\nMax-Forwards: 12\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\n\
        Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nTimestamp: 54\r\nProxy-Require: a,b\r\nContent-Length: 3\r\n\r\nxyz";

    fn invite() -> Request {
        match Message::parse(Bytes::from_static(INVITE.as_bytes())) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_forwarded_request_shows_each_change_at_once() {
        // tests rfc3261 §16.6
        let mut request = invite();
        let target: Uri = "sip:bob@192.0.2.4:5070;ob".parse().unwrap();
        request.set_uri(&target);
        request.set_max_forwards(11);
        assert!(request.pop_route());
        request.push_route("<sip:p0;lr>");
        request.push_record_route("<sip:me;lr>");
        assert_eq!((request.uri(), request.max_forwards()), (target.as_ref(), Some(11)));
        let routes: Vec<_> = request.routes().map(|route| route.uri().to_string()).collect();
        assert_eq!(routes, ["sip:p0;lr", "sip:p2;lr"]);
        assert_eq!(request.next_route().map(|route| route.to_string()).as_deref(), Some("sip:p0;lr"));
        assert_eq!(request.record_routes().count(), 1);
        assert_eq!(request.proxy_require().collect::<Vec<_>>(), ["a", "b"]);
        assert!(
            request
                .to_string()
                .starts_with("INVITE sip:bob@192.0.2.4:5070;ob SIP/2.0\r\nVia: SIP/2.0/UDP pc33")
        );
    }

    #[test]
    fn a_reply_copies_what_the_rfc_says() {
        // tests rfc3261 §8.2.6.1, §8.2.6.2
        let mut reply = invite().reply(StatusCode::RINGING);
        reply.set_to_tag("a6c85cf");
        assert_eq!(
            reply.to_string(),
            "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff, SIP/2.0/TCP x\r\n\
            To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        assert!(invite().reply(StatusCode::TRYING).contains(HeaderName::Timestamp));
    }

    #[test]
    fn the_ack_is_that_of_the_example() {
        // tests rfc3261 §17.1.1.3
        let mut busy = invite().reply(StatusCode::BUSY_HERE);
        busy.set_to_tag("99sa0xk");
        let ack = invite().ack_for(&busy);
        assert_eq!(
            ack.to_string(),
            "ACK sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            To: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Route: <sip:p1;lr>, <sip:p2;lr>\r\nCall-ID: 987asjd97y7atg\r\nMax-Forwards: 70\r\nCSeq: 986759 ACK\r\n\
            Content-Length: 0\r\n\r\n"
        );
        assert_eq!(ack.method(), Method::Ack);
    }

    #[test]
    fn a_copy_in_the_room_of_another_is_as_the_original_and_changed_alone() {
        let mut first = invite();
        first.push_route("<sip:another-message;lr>");
        let mut original = invite();
        original.set_max_forwards(3);
        let before = original.to_bytes();
        let mut copy = original.copy_in(first.into());
        assert_eq!(copy.to_bytes(), before);
        copy.set_max_forwards(2);
        copy.push_record_route("<sip:me;lr>");
        assert_eq!((original.to_bytes(), copy.max_forwards()), (before, Some(2)));
        let Ok(Message::Request(read)) =
            Message::parse_in(Bytes::from_static(INVITE.as_bytes()), copy.into())
        else {
            panic!("refused");
        };
        assert_eq!(read.to_bytes(), invite().to_bytes());
        assert_eq!(
            (read.max_forwards(), read.record_routes().count(), read.routes().count()),
            (Some(12), 0, 2)
        );
    }

    #[test]
    fn a_cancel_differs_in_its_method_alone() {
        // tests rfc3261 §9.1
        let cancel = invite().cancel();
        let Ok(Message::Request(read)) = Message::parse(cancel.to_bytes()) else {
            panic!("{cancel}");
        };
        assert_eq!(
            (read.method(), read.cseq().number, read.cseq().method),
            (Method::Cancel, 986_759, &b"CANCEL"[..])
        );
        assert_eq!(
            (read.uri(), read.call_id(), read.to_tag(), read.from_tag()),
            (invite().uri(), invite().call_id(), None, invite().from_tag())
        );
        assert_eq!(
            (read.raw(HeaderName::Via).count(), read.via().branch(), read.routes().count()),
            (1, invite().via().branch(), 2)
        );
        assert!(!read.contains(HeaderName::ProxyRequire) && read.body().is_empty());
    }
}
