//! Messages: what is accepted prints and reads again as the same, through all its views and edits.

use bytes::Bytes;
use ruf_message::body::multipart;
use ruf_message::{Fields, HeaderName, Message, Request, StatusCode, UriRef};

/// Any octets: refused with an error and an answer that print, or accepted, and then stable.
pub fn message(octets: &[u8]) {
    match Message::parse(Bytes::copy_from_slice(octets)) {
        Err(malformed) => {
            assert!(!malformed.to_string().is_empty() && malformed.error().at() <= octets.len());
            if let Some(reply) = malformed.reply("t") {
                assert!(reply.to_bytes().starts_with(b"SIP/2.0 "));
            }
        }
        Ok(message) => {
            let printed = message.to_bytes();
            let again = reparse(&printed);
            assert_eq!(again.to_bytes(), printed, "printing is stable");
            assert_eq!(again.body(), message.body());
            same_lines(&message, &again);
            views(&message);
            match message {
                Message::Request(request) => edited(request),
                Message::Response(mut response) => {
                    response.set_to_tag("t");
                    response.push_via("SIP/2.0/UDP h;branch=z9hG4bKf");
                    reparse(&response.to_bytes());
                }
            }
        }
    }
}

fn reparse(printed: &Bytes) -> Message {
    Message::parse(printed.clone())
        .unwrap_or_else(|malformed| panic!("{malformed} in {}", printed.escape_ascii()))
}

/// The same lines, but for the length, which is put right.
fn same_lines(a: &Fields, b: &Fields) {
    let is_length = |name: &[u8]| HeaderName::from_text(name) == HeaderName::ContentLength;
    let others = |fields: &Fields| -> Vec<(Vec<u8>, Vec<u8>)> {
        fields
            .lines()
            .filter(|(name, _)| !is_length(name))
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect()
    };
    assert_eq!(others(a), others(b));
}

/// A fault as a parser of ours might have it, for `dev/fuzz plant`: in what only an accepted request has.
fn planted(request: &Request) {
    if cfg!(feature = "planted") && matches!(request.max_forwards(), Some(72..=79)) {
        panic!("planted in message");
    }
}

/// Whatever a proxy does to a request leaves one that the next hop accepts.
fn edited(mut request: Request) {
    planted(&request);
    for response in [request.reply(StatusCode::TRYING), request.reply(StatusCode::OK)] {
        reparse(&response.to_bytes());
    }
    let mut busy = request.reply(StatusCode::BUSY_HERE);
    busy.set_to_tag("t");
    reparse(&request.ack_for(&busy).to_bytes());
    reparse(&request.cancel().to_bytes());

    let (hops, routes) = (request.values(HeaderName::Via).count(), request.routes().count());
    request.set_via_source([192, 0, 2, 1].into(), Some(5060));
    request.push_via("SIP/2.0/TLS h;branch=z9hG4bKf");
    request.push_route("<sip:p;lr>");
    request.push_record_route("<sip:p;lr>");
    request.set_max_forwards(7);
    request.set_uri(UriRef::parse(b"sip:x@y").unwrap_or_default());
    request.set_body("text/plain", "x");
    let Message::Request(mut sent) = reparse(&request.to_bytes()) else {
        panic!("a request became a response");
    };
    assert_eq!(
        (sent.max_forwards(), sent.uri().as_bytes(), sent.body()),
        (Some(7), &b"sip:x@y"[..], &b"x"[..])
    );
    assert!(sent.pop_via() && sent.pop_route());
    assert_eq!((sent.values(HeaderName::Via).count(), sent.routes().count()), (hops, routes));
    assert_eq!((sent.via().received(), sent.via().rport()), ("192.0.2.1".parse().ok(), Some(Some(5060))));
    while sent.pop_via() {}
    sent.remove_if(HeaderName::Supported, |_| true);
    assert!(!sent.contains(HeaderName::Via) && sent.supported().next().is_none());
}

fn views(fields: &Fields) {
    for name in HeaderName::KNOWN {
        for value in fields.values(*name) {
            crate::views::reads_what_it_prints(*name, value);
        }
    }
    let content_type = fields.raw(HeaderName::ContentType).next().unwrap_or_default();
    if let Ok(boundary) = multipart::boundary(content_type)
        && let Ok(parts) = multipart::parts(fields.body(), &boundary)
    {
        for part in parts {
            assert!(part.headers().all(|(name, value)| name.len() + value.len() <= fields.body().len()));
            assert!(
                !part.content_type().is_empty()
                    || part.header("Content-Type").is_some()
                    || part.header("c").is_some()
            );
        }
    }
}
