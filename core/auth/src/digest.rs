//! The arithmetic of Digest: from a stored hash and the parameters of one request to the `response`
//! that proves knowledge of the password (RFC 7616 §3.4, RFC 8760 §2.6). Reading and writing the
//! header fields is [`credentials`](crate::Credentials) and [`challenge`](crate::Asking).

use crate::algorithm::{Algorithm, Hex};

/// Everything a response is computed from, apart from the password. All octets are as they were
/// between the quotation marks.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    /// The hash.
    pub algorithm: Algorithm,
    /// The `-sess` variant: the key is bound to nonce and cnonce.
    pub session: bool,
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// The method of the request.
    pub method: &'a [u8],
    /// The `uri` parameter, which may differ from a Request-URI that a proxy rewrote.
    pub uri: &'a [u8],
    /// What is protected.
    pub protection: Protection<'a>,
}

/// The quality of protection (`qop`).
#[derive(Clone, Copy, Debug)]
pub enum Protection<'a> {
    /// No `qop`: the way of RFC 2069, which old phones still go.
    None,
    /// `qop=auth`.
    Auth(Count<'a>),
    /// `qop=auth-int`: the body too.
    AuthInt(Count<'a>, &'a [u8]),
}

/// What a client adds to a response so that no two are alike.
#[derive(Clone, Copy, Debug)]
pub struct Count<'a> {
    /// `nc`: eight hexadecimal digits.
    pub nc: &'a [u8],
    /// `cnonce`: the client's own random text.
    pub cnonce: &'a [u8],
}

impl Digest<'_> {
    /// The `response` for this H(A1).
    // rfc7616 §3.4.1 and, without qop, rfc3261 §22.4 (8)
    pub fn response(&self, ha1: &Hex) -> Hex {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let (qop, count) = match self.protection {
            Protection::None => (None, None),
            Protection::Auth(count) => (Some("auth"), Some(count)),
            Protection::AuthInt(count, _) => (Some("auth-int"), Some(count)),
        };
        // rfc7616 §3.4.2
        let cnonce = count.map_or(&b""[..], |count| count.cnonce);
        let ha1 = if self.session { hash(&[ha1.as_bytes(), b":", self.nonce, b":", cnonce]) } else { *ha1 };
        // rfc7616 §3.4.3; an empty body is hashed as the empty string, rfc8760 §2.6 (7)
        let ha2 = match self.protection {
            Protection::None | Protection::Auth(_) => hash(&[self.method, b":", self.uri]),
            Protection::AuthInt(_, body) => {
                hash(&[self.method, b":", self.uri, b":", hash(&[body]).as_bytes()])
            }
        };
        match (qop, count) {
            (Some(qop), Some(count)) => hash(&[
                ha1.as_bytes(),
                b":",
                self.nonce,
                b":",
                count.nc,
                b":",
                count.cnonce,
                b":",
                qop.as_bytes(),
                b":",
                ha2.as_bytes(),
            ]),
            (None, _) | (_, None) => hash(&[ha1.as_bytes(), b":", self.nonce, b":", ha2.as_bytes()]),
        }
    }
}
