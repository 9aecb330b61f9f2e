//! Requests for the server itself: no user in the Request-URI, and the host is ours.
//!
//! OPTIONS is answered (RFC 3261 section 11); other methods are not what this server does and are
//! told so. REGISTER is the registrar's, not ours.

use ruf_admission::Gate;
use ruf_message::{HeaderName, Method, Request, Response, StatusCode};

/// The methods that the server itself takes.
const ALLOW: &str = "OPTIONS, REGISTER";
/// The extensions that it understands as the end of a request.
const SUPPORTED: [&str; 0] = [];

/// Whether a request is for the server itself: a REGISTER, or any other with nobody in its Request-URI.
pub(crate) fn is_for_us(request: &Request, gate: &Gate) -> bool {
    if request.routes().next().is_some_and(|route| !gate.ourselves().is_us(route.uri())) {
        return false;
    }
    let uri = request.uri();
    gate.ourselves().is_us(uri) && (uri.user().is_none() || request.method() == Method::Register)
}

/// The answer to such a request, REGISTER aside.
pub(crate) fn answer(request: &Request, gate: &Gate) -> Response {
    let unsupported: Vec<&str> = request.require().filter(|tag| !SUPPORTED.contains(tag)).collect();
    let mut response = if !unsupported.is_empty() {
        let mut response = request.reply(StatusCode::BAD_EXTENSION); // rfc3261 §8.2.2.3
        response.set(HeaderName::Unsupported, unsupported.join(", "));
        response
    } else {
        match request.method() {
            Method::Options => options(request), // rfc3261 §11.2
            Method::Other => refused(request, StatusCode::NOT_IMPLEMENTED), // rfc3261 §21.5.2
            _ => refused(request, StatusCode::METHOD_NOT_ALLOWED), // rfc3261 §8.2.1
        }
    };
    response.set_to_tag(&gate.reply_tag(request));
    response
}

fn options(request: &Request) -> Response {
    let mut response = request.reply(StatusCode::OK);
    response.add(HeaderName::Allow, ALLOW);
    response.add(HeaderName::Accept, "*/*");
    response.add(HeaderName::AcceptEncoding, "identity");
    response.add(HeaderName::AcceptLanguage, "en");
    response.add(HeaderName::Supported, SUPPORTED.join(", "));
    response
}

fn refused(request: &Request, status: StatusCode) -> Response {
    let mut response = request.reply(status);
    response.add(HeaderName::Allow, ALLOW);
    response
}
