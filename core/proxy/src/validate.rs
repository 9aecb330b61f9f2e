//! Request validation (RFC 3261 section 16.3).
//!
//! Reasonable syntax (item 1) was proved by the parse; Proxy-Authorization (item 6) is the gate's.
//! Whether the request has looped (item 4) is known below, where branches are written and read.

use ruf_message::limits::{HEADERS_MAX, MESSAGE_BYTES_MAX};
use ruf_message::{Request, Scheme};

use crate::breadth;
use crate::reject::Reject;

/// Extensions that the proxy itself takes part in. None so far: every one in a Proxy-Require is
/// refused.
const UNDERSTOOD: &[&str] = &[];

/// Header lines that are left free for what forwarding adds: Via, Record-Route, Max-Forwards, a Path.
/// A message with more than [`HEADERS_MAX`] would be read by nobody, and its CANCEL and ACK are made of it.
const LINES_FREE: usize = 16;
/// Octets that are left free for the same and for the contact of the phone. UDP carries a little less
/// than [`MESSAGE_BYTES_MAX`].
const BYTES_FREE: usize = 6 * 1024;

/// May the request be proxied? `has_looped`: it was here before, and what routes it is the same.
pub(crate) fn validate(request: &Request, has_looped: bool) -> Result<(), Reject> {
    scheme(request)?;
    max_forwards(request)?;
    if has_looped {
        return Err(Reject::Loop); // rfc3261 §16.3 step 4, rfc5393 §4.2.2 step 4
    }
    max_breadth(request)?;
    length(request)?;
    proxy_require(request)
}

// rfc3261 §21.5.7
fn length(request: &Request) -> Result<(), Reject> {
    let (mut lines, mut bytes) = (0, request.uri().as_bytes().len() + request.body().len());
    for (name, value) in request.lines() {
        lines += 1;
        bytes += name.len() + value.len() + 4;
    }
    match lines + LINES_FREE > HEADERS_MAX || bytes + BYTES_FREE > MESSAGE_BYTES_MAX {
        true => Err(Reject::TooLong),
        false => Ok(()),
    }
}

// rfc3261 §16.3 step 2
fn scheme(request: &Request) -> Result<(), Reject> {
    let uri = request.uri();
    match uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
        Scheme::Other if is_service(uri.as_bytes()) => Ok(()),
        Scheme::Other => Err(Reject::UnsupportedScheme),
    }
}

/// A service URN; whether the service exists is a matter of routing.
// rfc5031 §3
pub(crate) fn is_service(uri: &[u8]) -> bool {
    uri.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

const PREFIX: &[u8] = b"urn:service:";

// rfc3261 §16.3 step 3; a request without the header passes
fn max_forwards(request: &Request) -> Result<(), Reject> {
    match request.max_forwards() {
        Some(0) => Err(Reject::TooManyHops),
        Some(_) | None => Ok(()),
    }
}

// rfc5393 §5.3.3: not even one branch
fn max_breadth(request: &Request) -> Result<(), Reject> {
    match breadth::incoming(request) {
        0 => Err(Reject::TooBroad),
        _ => Ok(()),
    }
}

// rfc3261 §16.3 step 5; the response lists what was not understood
fn proxy_require(request: &Request) -> Result<(), Reject> {
    let mut unknown = request.proxy_require().filter(|tag| !UNDERSTOOD.contains(tag)).peekable();
    if unknown.peek().is_none() {
        return Ok(());
    }
    let mut list = String::new();
    for tag in unknown {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(tag);
    }
    Err(Reject::BadExtension(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn verdict(uri: &str, headers: &str) -> Result<(), Reject> {
        validate(&sample::request("INVITE", uri, headers), false)
    }

    #[test]
    fn schemes_that_mean_something_here_pass_and_others_do_not() {
        // tests rfc3261 §16.3
        for uri in ["sip:bob@example.org", "sips:bob@example.org", "tel:+1-201-555-0123", "URN:Service:SOS"] {
            assert_eq!(verdict(uri, ""), Ok(()), "{uri}");
        }
        for uri in
            ["nobodyKnowsThisScheme:totallyopaquecontent", "http://example.org", "urn:isbn:1", "mailto:a@b"]
        {
            assert_eq!(verdict(uri, ""), Err(Reject::UnsupportedScheme), "{uri}");
        }
    }

    #[test]
    fn only_max_forwards_of_zero_is_too_many_hops() {
        // tests rfc3261 §16.3 step 3
        let uri = "sip:bob@example.org";
        assert_eq!(verdict(uri, ""), Ok(()));
        assert_eq!(verdict(uri, "Max-Forwards: 1\r\n"), Ok(()));
        assert_eq!(verdict(uri, "Max-Forwards: 0\r\n"), Err(Reject::TooManyHops));
    }

    #[test]
    fn a_loop_is_refused() {
        // tests rfc3261 §16.3 step 4
        let request = sample::request("INVITE", "sip:bob@example.org", "");
        assert_eq!(validate(&request, true), Err(Reject::Loop));
    }

    #[test]
    fn a_breadth_of_zero_is_not_even_one_branch() {
        // tests rfc5393 §5.3.3
        let uri = "sip:bob@example.org";
        assert_eq!(verdict(uri, "Max-Breadth: 1\r\n"), Ok(()));
        assert_eq!(verdict(uri, "Max-Breadth: 0\r\n"), Err(Reject::TooBroad));
    }

    #[test]
    fn a_request_needs_room_for_what_forwarding_adds() {
        // tests rfc3261 §21.5.7
        let uri = "sip:bob@example.org";
        let of_lines = |count| verdict(uri, &"X: y\r\n".repeat(count));
        assert_eq!((of_lines(230), of_lines(240)), (Ok(()), Err(Reject::TooLong)));
        let of_bytes = |count| verdict(uri, &format!("X: {}\r\n", "y".repeat(count)));
        assert_eq!((of_bytes(59_000), of_bytes(60_000)), (Ok(()), Err(Reject::TooLong)));
    }

    #[test]
    fn every_extension_that_a_proxy_would_have_to_know_is_listed() {
        // tests rfc3261 §16.3 step 5
        let uri = "sip:bob@example.org";
        let tags = "Proxy-Require: foo, bar\r\nProxy-Require: baz\r\nRequire: not-ours\r\n";
        assert_eq!(verdict(uri, tags), Err(Reject::BadExtension("foo, bar, baz".into())));
        assert_eq!(verdict(uri, "Require: not-ours\r\n"), Ok(()));
    }
}
