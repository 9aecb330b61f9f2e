//! Responses (RFC 3261 §7.2). They are made by [`Request::reply`](crate::Request::reply).

use crate::fields::{Fields, Room, Span};
use crate::status::StatusCode;
use bytes::{BufMut, Bytes};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A response. Headers and body are read and changed as its [`Fields`].
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    /// `None`: the default phrase of the status.
    pub(crate) reason: Option<Span>,
    pub(crate) fields: Box<Fields>,
}

impl Response {
    pub(crate) const fn new(status: StatusCode, fields: Box<Fields>) -> Self {
        Response { status, reason: None, fields }
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The phrase, as written: any UTF-8, or nothing.
    pub fn reason(&self) -> &[u8] {
        match self.reason {
            Some(span) => self.fields.text(span),
            None => self.status.reason().as_bytes(),
        }
    }

    /// Changes status and phrase; an empty phrase becomes the status's own.
    pub fn set_status(&mut self, status: StatusCode, reason: &str) {
        self.status = status;
        self.reason = if reason.is_empty() { None } else { Some(self.fields.append(reason.as_bytes())) };
    }

    /// The response as octets; Content-Length is set right.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.reason().len() + 32 + self.fields.written_len());
        self.write_to(&mut out);
        out.into()
    }

    /// Appends the response to `out`.
    // rfc3261 §7.2
    pub fn write_to(&self, out: &mut impl BufMut) {
        out.put_slice(b"SIP/2.0 ");
        out.put_slice(itoa::Buffer::new().format(self.status.as_u16()).as_bytes());
        out.put_u8(b' ');
        out.put_slice(self.reason());
        out.put_slice(b"\r\n");
        self.fields.write(out);
    }
}

impl From<Response> for Room {
    fn from(response: Response) -> Self {
        Room::of(response.fields)
    }
}

impl Deref for Response {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl DerefMut for Response {
    fn deref_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use crate::{HeaderName, Message, Response, StatusCode};
    use bytes::Bytes;

    fn response(start_line: &str) -> Response {
        let wire = format!(
            "{start_line}\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(wire)) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_phrase_is_kept_until_it_is_changed() {
        // tests rfc3261 §7.2
        let mut busy = response("SIP/2.0 486 Not n\u{f6}w");
        assert_eq!((busy.status(), busy.reason()), (StatusCode::BUSY_HERE, "Not n\u{f6}w".as_bytes()));
        assert!(busy.to_string().starts_with("SIP/2.0 486 Not n\u{f6}w\r\nVia"));
        busy.set_status(StatusCode::DECLINE, "");
        assert!(busy.to_string().starts_with("SIP/2.0 603 Decline\r\nVia"));
        busy.set_status(StatusCode::DECLINE, "No\r\nX: y");
        assert!(busy.to_string().starts_with("SIP/2.0 603 No  X: y\r\nVia"));
    }

    #[test]
    fn a_response_goes_back_hop_by_hop() {
        // tests rfc3261 §16.7
        let mut ok = response("SIP/2.0 200 OK");
        ok.push_via("SIP/2.0/UDP z");
        assert!(ok.pop_via());
        assert_eq!(ok.via().host().to_string(), "a");
        assert_eq!(ok.raw(HeaderName::Via).count(), 1);
    }
}
