//! [`Reply`]: what the server says to a request by itself, beyond what a response copies of its request
//! (RFC 3261 §8.2.6.2).
//!
//! It is written together with the request, and again with its retransmission, which brings all that is
//! copied. So it is all that has to be kept of a response, in a quarter of its octets. Not here: a response
//! that is changed, passed on or has a body ([`Response`](crate::Response)).

use crate::fields::one_line;
use crate::name::HeaderName;
use crate::request::Request;
use crate::status::StatusCode;
use bytes::BufMut;
use smallvec::SmallVec;

/// Octets of a reply that need no allocation.
const INLINE: usize = 184;

/// Octets of header lines that are being written.
pub type ReplyLines = SmallVec<[u8; INLINE]>;

/// Status, phrase, To tag and header lines of a response that has no body.
///
/// ```
/// # use ruf_message::{Reply, HeaderName, Method, Request, StatusCode, Uri};
/// # let server: Uri = "sip:example.org".parse()?;
/// # let request = Request::build(Method::Options, &server).via("SIP/2.0/UDP h;branch=z9hG4bK1")
/// #     .from("<sip:a@h>;tag=1").to("<sip:example.org>").call_id("c").cseq(1).finish()?;
/// let mut reply = Reply::new(StatusCode::OK, "314159");
/// reply.add(HeaderName::Allow, "OPTIONS, REGISTER");
/// let mut octets = Vec::new();
/// reply.write_to(&request, &mut octets);
/// assert!(octets.starts_with(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"));
/// assert!(octets.ends_with(b"\r\nAllow: OPTIONS, REGISTER\r\nContent-Length: 0\r\n\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status (2), lengths of phrase and tag (1 each), phrase, tag, header lines.
    octets: ReplyLines,
}

const HEAD: usize = 4;

impl Reply {
    /// A reply with the phrase of its status.
    pub fn new(status: StatusCode, to_tag: &str) -> Self {
        Self::saying(status, "", to_tag)
    }

    /// A reply with a phrase of its own; an empty one is that of the status. Phrase and tag are cut
    /// after 255 octets.
    pub fn saying(status: StatusCode, reason: &str, to_tag: &str) -> Self {
        let (reason, to_tag) = (cut(reason), cut(to_tag));
        let mut octets = ReplyLines::new();
        octets.extend_from_slice(&status.as_u16().to_be_bytes());
        octets.extend_from_slice(&[reason.len() as u8, to_tag.len() as u8]);
        octets.extend_from_slice(reason);
        octets.extend_from_slice(to_tag);
        one_line(octets.get_mut(HEAD..).unwrap_or_default());
        Reply { octets }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        Said::read(&self.octets).status
    }

    /// Appends a header line.
    pub fn add(&mut self, name: HeaderName, value: impl AsRef<[u8]>) {
        self.add_with(name, |lines| lines.extend_from_slice(value.as_ref()));
    }

    /// Appends a header line whose value `write` appends.
    pub fn add_with(&mut self, name: HeaderName, write: impl FnOnce(&mut ReplyLines)) {
        self.octets.extend_from_slice(name.as_str().as_bytes());
        self.octets.extend_from_slice(b": ");
        let start = self.octets.len();
        write(&mut self.octets);
        // Parts of a value may come from outside.
        one_line(self.octets.get_mut(start..).unwrap_or_default());
        self.octets.extend_from_slice(b"\r\n");
    }

    /// Appends the response to `request` to `out`: Via, From, To, Call-ID and CSeq are the request's.
    // rfc3261 §7.2, §8.2.6.2
    pub fn write_to(&self, request: &Request, out: &mut impl BufMut) {
        Self::write_kept(&self.octets, request, out);
    }

    /// The reply as octets, to be kept.
    pub fn as_kept(&self) -> &[u8] {
        &self.octets
    }

    /// The same as [`Reply::write_to`], of what [`Reply::as_kept`] gave: to a copy of the request it
    /// gives the same octets.
    pub fn write_kept(kept: &[u8], request: &Request, out: &mut impl BufMut) {
        Said::read(kept).write(request, out);
    }
}

/// The parts of a reply.
struct Said<'a> {
    status: StatusCode,
    reason: &'a [u8],
    to_tag: &'a [u8],
    lines: &'a [u8],
}

impl<'a> Said<'a> {
    fn read(octets: &'a [u8]) -> Self {
        let (head, rest) = octets.split_first_chunk::<HEAD>().unwrap_or((&[0; HEAD], &[]));
        let [hundreds, ones, reason, to_tag] = *head;
        let status = StatusCode::new(u16::from_be_bytes([hundreds, ones]));
        let (reason, rest) = rest.split_at_checked(reason.into()).unwrap_or_default();
        let (to_tag, lines) = rest.split_at_checked(to_tag.into()).unwrap_or_default();
        // Nothing else is kept than what was a reply.
        Said { status: status.unwrap_or(StatusCode::SERVER_INTERNAL_ERROR), reason, to_tag, lines }
    }

    fn write(&self, request: &Request, out: &mut impl BufMut) {
        out.put_slice(b"SIP/2.0 ");
        out.put_slice(itoa::Buffer::new().format(self.status.as_u16()).as_bytes());
        out.put_u8(b' ');
        out.put_slice(if self.reason.is_empty() { self.status.reason().as_bytes() } else { self.reason });
        out.put_slice(b"\r\n");
        request.fields.write_copied(self.status, self.to_tag, out);
        out.put_slice(self.lines);
        out.put_slice(b"Content-Length: 0\r\n\r\n");
    }
}

fn cut(text: &str) -> &[u8] {
    text.as_bytes().get(..usize::from(u8::MAX)).unwrap_or(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Response};
    use bytes::Bytes;

    fn options(lines: &str) -> Request {
        let wire = format!(
            "OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\n{lines}\
             Subject: no\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nTimestamp: 5\r\nContent-Length: 2\r\n\r\nhi"
        );
        match Message::parse(Bytes::from(wire)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn written(reply: &Reply, request: &Request) -> String {
        let mut octets = Vec::new();
        reply.write_to(request, &mut octets);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_reply_is_the_response_that_the_request_would_be_given() {
        // tests rfc3261 §8.2.6.1, §8.2.6.2
        for lines in [
            "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n",
            "To: <sip:b@h>;tag=theirs\r\nf: <sip:a@h>\r\n",
            "t: Bob\r\n\t<sip:b@h> ; x=y\r\nX: 1\r\nFrom: <sip:a@h>\r\n",
        ] {
            let mut request = options(lines);
            for stamped in [false, true] {
                if stamped {
                    request.set_via_source("192.0.2.9".parse().unwrap(), Some(5070));
                }
                for status in [StatusCode::TRYING, StatusCode::OK, StatusCode::NOT_FOUND] {
                    let mut response: Response = request.reply(status);
                    response.set_to_tag("ours");
                    response.add(HeaderName::Allow, "OPTIONS");
                    response.add(HeaderName::Supported, "");
                    let mut reply = Reply::new(status, "ours");
                    reply.add(HeaderName::Allow, "OPTIONS");
                    reply.add(HeaderName::Supported, "");
                    assert_eq!(reply.status(), status);
                    assert_eq!(written(&reply, &request), response.to_string());
                }
            }
        }
    }

    #[test]
    fn what_was_kept_answers_a_copy_of_the_request_alike_and_another_with_its_own_lines() {
        let request = options("From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n");
        let mut reply = Reply::saying(StatusCode::BAD_REQUEST, "Contact * Alone", "ours");
        reply.add_with(HeaderName::Contact, |value| value.extend_from_slice(b"<sip:b@192.0.2.2>"));
        let kept = reply.as_kept().to_vec();
        let again = |request: &Request| {
            let mut octets = Vec::new();
            Reply::write_kept(&kept, request, &mut octets);
            String::from_utf8(octets).unwrap()
        };
        assert_eq!(again(&request), written(&reply, &request));
        assert!(again(&request).starts_with("SIP/2.0 400 Contact * Alone\r\nv: SIP/2.0/UDP a;"));
        let other = again(&options("From: <sip:eve@h>;tag=2\r\nTo: <sip:b@h>;tag=3\r\n"));
        assert!(other.contains("eve") && other.contains(";tag=3\r\n") && !other.contains("ours"), "{other}");
    }

    #[test]
    fn no_value_begins_a_line_of_its_own() {
        let request = options("From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n");
        let mut reply = Reply::saying(StatusCode::BAD_REQUEST, "No\r\nX: y", "a\nb");
        reply.add(HeaderName::Contact, "<sip:b@h>\r\nX: y");
        let text = written(&reply, &request);
        assert!(text.starts_with("SIP/2.0 400 No  X: y\r\n") && text.contains(";tag=a b\r\n"), "{text}");
        assert!(text.contains("Contact: <sip:b@h>  X: y\r\n"), "{text}");
    }

    #[test]
    fn octets_that_are_no_reply_make_no_trouble() {
        let request = options("From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n");
        for octets in [&b""[..], b"\0", &[0, 200, 9, 9, b'x'], &[255, 255, 0, 0]] {
            let mut out = Vec::new();
            Reply::write_kept(octets, &request, &mut out);
            assert!(out.starts_with(b"SIP/2.0 "));
        }
    }
}
