//! An authentication session of a client: one challenge, answered request after request
//! (RFC 7616 §3.4, §3.6). Which challenge, and with which password, is the
//! [`Keyring`](crate::Keyring)'s choice.

use crate::algorithm::{Algorithm, Hex};
use crate::challenge::Offered;
use crate::digest::{Count, Digest, Protection};
use ruf_message::scan::quote;
use ruf_message::{HeaderName, Request};

/// Who asked, and so which header field answers.
// rfc3261 §22.2 (401) and §22.3 (407)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Server,
    Proxy,
}

impl Asker {
    pub(crate) const ALL: [Asker; 2] = [Asker::Server, Asker::Proxy];

    pub(crate) const fn asks_in(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::WwwAuthenticate,
            Asker::Proxy => HeaderName::ProxyAuthenticate,
        }
    }

    pub(crate) const fn answered_in(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::Authorization,
            Asker::Proxy => HeaderName::ProxyAuthorization,
        }
    }
}

/// An authentication session: one challenge, answered request after request.
// rfc7616 §3.6
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) asker: Asker,
    pub(crate) realm: Vec<u8>,
    pub(crate) nonce: Vec<u8>,
    pub(crate) opaque: Option<Vec<u8>>,
    pub(crate) algorithm: Algorithm,
    pub(crate) session: bool,
    pub(crate) offered: Offered,
    pub(crate) ha1: Hex,
    /// As it is sent: the name, or its hash.
    pub(crate) username: String,
    pub(crate) hashed: bool,
    /// One for the whole session, since a `-sess` key is made of it.
    pub(crate) cnonce: String,
    /// Requests sent with this nonce.
    pub(crate) count: u32,
    pub(crate) stale_in_a_row: u8,
}

impl Session {
    /// The header value for this request.
    // rfc7616 §3.4: nc counts the requests sent with this nonce
    pub(crate) fn answer(&mut self, request: &Request) -> Vec<u8> {
        self.count = self.count.saturating_add(1);
        let nc = format!("{:08x}", self.count);
        let count = Count { nc: nc.as_bytes(), cnonce: self.cnonce.as_bytes() };
        let uri = request.uri();
        let protection = match self.offered {
            Offered::None => Protection::None,
            Offered::Auth => Protection::Auth(count),
            Offered::AuthInt => Protection::AuthInt(count, request.body()),
        };
        let digest = Digest {
            algorithm: self.algorithm,
            session: self.session,
            nonce: &self.nonce,
            method: request.method_bytes(),
            uri: uri.as_bytes(),
            protection,
        };
        let response = digest.response(&self.ha1);
        self.print(uri.as_bytes(), &response, &nc)
    }

    fn print(&self, uri: &[u8], response: &Hex, nc: &str) -> Vec<u8> {
        let mut value = Vec::with_capacity(320);
        let mut quoted = |name: &str, text: &[u8]| {
            value.extend_from_slice(name.as_bytes());
            quote(text, &mut value);
        };
        quoted("Digest username=", self.username.as_bytes());
        quoted(", realm=", &self.realm);
        value.extend_from_slice(b", nonce=\"");
        value.extend_from_slice(&self.nonce);
        value.extend_from_slice(b"\", uri=\"");
        value.extend_from_slice(uri);
        value.extend_from_slice(
            format!("\", response=\"{response}\", algorithm={}", self.algorithm).as_bytes(),
        );
        if self.session {
            value.extend_from_slice(b"-sess");
        }
        if self.offered != Offered::None {
            // rfc3261 §22.4 (8): asked with qop, answered with qop
            let qop = if self.offered == Offered::Auth { "auth" } else { "auth-int" };
            value.extend_from_slice(format!(", cnonce=\"{}\", qop={qop}, nc={nc}", self.cnonce).as_bytes());
        }
        if self.hashed {
            value.extend_from_slice(b", userhash=true");
        }
        if let Some(opaque) = &self.opaque {
            value.extend_from_slice(b", opaque=\"");
            value.extend_from_slice(opaque);
            value.push(b'"');
        }
        value
    }
}
