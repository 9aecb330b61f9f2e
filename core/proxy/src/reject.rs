//! The answers that a proxy gives itself, as a user agent server (RFC 3261 sections 16.3 and 8.2).
//!
//! Not here: when (`validate.rs`, `target.rs`, `response.rs`).

use ruf_admission::Gate;
use ruf_message::{HeaderName, Request, Response, StatusCode};

/// Why a request is not proxied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reject {
    /// The Request-URI has a scheme that means nothing here: 416.
    UnsupportedScheme,
    /// Max-Forwards is 0: 483.
    TooManyHops,
    /// It was here before, and would go the same way again: 482.
    Loop,
    /// Max-Breadth is 0: 440.
    TooBroad,
    /// With what forwarding adds, it would be longer than a message may be: 513.
    TooLong,
    /// Proxy-Require names these extensions, a list with commas: 420.
    BadExtension(String),
}

impl Reject {
    /// The response of this refusal.
    // rfc3261 §16.3: as a user agent server, with an error code
    pub(crate) fn into_response(self, request: &Request, gate: &Gate) -> Response {
        match self {
            Reject::UnsupportedScheme => response(request, StatusCode::UNSUPPORTED_URI_SCHEME, gate),
            Reject::TooManyHops => response(request, StatusCode::TOO_MANY_HOPS, gate),
            Reject::Loop => response(request, StatusCode::LOOP_DETECTED, gate),
            Reject::TooBroad => response(request, StatusCode::MAX_BREADTH_EXCEEDED, gate),
            Reject::TooLong => response(request, StatusCode::MESSAGE_TOO_LARGE, gate),
            Reject::BadExtension(tags) => {
                let mut response = response(request, StatusCode::BAD_EXTENSION, gate);
                response.add(HeaderName::Unsupported, &tags);
                response
            }
        }
    }
}

/// A response of ours, with a To tag.
// rfc3261 §8.2.6.2
pub(crate) fn response(request: &Request, status: StatusCode, gate: &Gate) -> Response {
    let mut response = request.reply(status);
    response.set_to_tag(&gate.reply_tag(request));
    response
}
