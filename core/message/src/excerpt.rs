//! What is kept of a request that has gone its way: its CANCEL, of which an ACK can still be made, and its
//! outline, of which an answer can. Both are written at once, as long as they are and no longer.
//!
//! Not here: the same as requests that can be changed ([`Request::cancel`], [`Request::reply`]).

use crate::fields::Line;
use crate::method::Method;
use crate::name::HeaderName;
use crate::request::Request;
use crate::scan::first_element;

const VERSION: &[u8] = b" SIP/2.0\r\n";
const VIA: &[u8] = b"Via: ";
const MAX_FORWARDS: &[u8] = b"Max-Forwards: 70\r\n";
const CSEQ: &[u8] = b"CSeq: ";
/// Around the name and the value of a line.
const LINE: usize = ": \r\n".len();
const END: &[u8] = b"Content-Length: 0\r\n\r\n";

impl Request {
    /// [`Request::cancel`] as octets.
    // rfc3261 §9.1
    pub fn cancel_bytes(&self) -> Box<[u8]> {
        let via = first_element(self.fields.first(HeaderName::Via).unwrap_or_default()).0;
        use HeaderName::{CallId, From, Route, To};
        let kept = |id| matches!(id, From | To | CallId | Route);
        let method = Method::Cancel.as_str().as_bytes();
        let (mut digits, number) = (itoa::Buffer::new(), self.cseq().number);
        let number = digits.format(number).as_bytes();
        let last = [MAX_FORWARDS, CSEQ, number, b" ", method, b"\r\n"];
        self.excerpt(method, &[VIA, via, b"\r\n"], kept, &last)
    }

    /// The request as octets, without its body and without what no answer copies: answers to what is read
    /// from it are those to this one, but for the Timestamp of a 100.
    // rfc3261 §8.2.6.1, §8.2.6.2
    pub fn outline_bytes(&self) -> Box<[u8]> {
        use HeaderName::{CSeq, CallId, From, To, Via};
        let kept = |id| matches!(id, Via | From | To | CallId | CSeq);
        self.excerpt(self.method_bytes(), &[], kept, &[])
    }

    /// A start line, `first`, the lines that are `kept`, `last`, and no body.
    fn excerpt(
        &self,
        method: &[u8],
        first: &[&[u8]],
        kept: impl Fn(HeaderName) -> bool,
        last: &[&[u8]],
    ) -> Box<[u8]> {
        let uri = self.uri().as_bytes();
        let lines = || self.fields.lines.iter().filter(|line| kept(line.id));
        let text = |line: &Line| (self.fields.name(line), self.fields.text(line.value));
        let long = |pieces: &[&[u8]]| pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let of_lines = |line: &Line| text(line).0.len() + text(line).1.len() + LINE;
        let start = [method, b" ", uri, VERSION];
        let length =
            long(&start) + long(first) + lines().map(of_lines).sum::<usize>() + long(last) + END.len();
        let mut out = Vec::with_capacity(length);
        start.iter().chain(first).for_each(|piece| out.extend_from_slice(piece));
        for line in lines() {
            let (name, value) = text(line);
            [name, b": ", value, b"\r\n"].iter().for_each(|piece| out.extend_from_slice(piece));
        }
        last.iter().chain([&END]).for_each(|piece| out.extend_from_slice(piece));
        out.into_boxed_slice()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Message, Request, StatusCode};
    use bytes::Bytes;

    const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nv: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff,\r\n SIP/2.0/TCP x\r\n\
        Via: SIP/2.0/TCP y\r\nTo: Bob <sip:bob@biloxi.com>\r\nFrom : Alice\r\n <sip:alice@atlanta.com>;tag=88sja8x\r\nMax-Forwards: 12\r\n\
        Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\ni: 987asjd97y7atg\r\nX: y\r\nCSeq: 986759 INVITE\r\n\
        Content-Length: 3\r\n\r\nxyz";

    fn read(wire: impl Into<Bytes>) -> Request {
        match Message::parse(wire.into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// As received, and as it is after some hop has worked on it.
    fn requests() -> [Request; 2] {
        let received = read(Bytes::from_static(INVITE.as_bytes()));
        let mut changed = received.clone();
        changed.set_via_source([192, 0, 2, 9].into(), None);
        changed.pop_route();
        changed.set_uri(&"sip:bob@192.0.2.4;ob".parse::<crate::Uri>().unwrap());
        changed.push_via("SIP/2.0/UDP here;branch=z9hG4bK1");
        [received, changed]
    }

    /// What a message says, however it is spelled.
    fn lines(request: &Request) -> Vec<String> {
        let text = |(name, value): (&[u8], &[u8])| {
            format!("{}: {}", String::from_utf8_lossy(name).trim(), String::from_utf8_lossy(value))
        };
        let mut lines: Vec<String> = request.lines().map(text).collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_cancel_is_that_of_the_request() {
        // tests rfc3261 §9.1
        for request in requests() {
            let wire = request.cancel_bytes();
            let (long, short) = (read(request.cancel().to_bytes()), read(wire));
            assert_eq!((lines(&short), short.uri()), (lines(&long), long.uri()));
            assert!(short.body().is_empty());
        }
    }

    #[test]
    fn the_ack_that_is_made_of_the_cancel_is_that_of_the_request() {
        // tests rfc3261 §17.1.1.3
        for request in requests() {
            let mut busy = request.reply(StatusCode::BUSY_HERE);
            busy.set_to_tag("99sa0xk");
            let of = |request: &Request| lines(&read(request.ack_for(&busy).to_bytes()));
            assert_eq!(of(&read(request.cancel_bytes())), of(&request));
        }
    }

    #[test]
    fn an_answer_to_the_outline_is_one_to_the_request() {
        // tests rfc3261 §8.2.6.1, §8.2.6.2
        for request in requests() {
            let wire = request.outline_bytes();
            let outline = read(wire.clone());
            let answer = |request: &Request| {
                let mut answer = request.reply(StatusCode::BUSY_HERE);
                answer.set_to_tag("a");
                answer.to_bytes()
            };
            // Spelled without the white space before a colon, and otherwise the same.
            let bare = |answer: Bytes| String::from_utf8_lossy(&answer).replace("From :", "From:");
            assert_eq!(bare(answer(&outline)), bare(answer(&request)));
            assert_eq!((outline.method(), outline.uri()), (request.method(), request.uri()));
            assert!(outline.body().is_empty() && outline.max_forwards().is_none());
        }
    }
}
