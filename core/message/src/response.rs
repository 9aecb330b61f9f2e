//! Responses (RFC 3261 §7.2). They are made by [`Request::reply`](crate::Request::reply).

use crate::fields::{Fields, Span};
use crate::status::StatusCode;
use bytes::Bytes;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A response. Headers and body are read and changed as its [`Fields`].
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    /// `None`: the default phrase of the status.
    pub(crate) reason: Option<Span>,
    pub(crate) fields: Fields,
}

impl Response {
    pub(crate) const fn new(status: StatusCode, fields: Fields) -> Self {
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
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0 ");
        out.extend_from_slice(self.status.to_string().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.reason());
        out.extend_from_slice(b"\r\n");
        self.fields.write(out);
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
