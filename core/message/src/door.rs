//! The door: octets become a [`Message`] here, once, and what routing reads is proved
//! (RFC 3261 §7, §8.2, §16.3 step 1, §18.3). All other headers are left as they are.
//!
//! `door/lines.rs` finds the lines, `door/judge.rs` judges the headers, this file composes them and
//! saves what it can of a message that is refused.

mod judge;
mod lines;

use crate::error::{Malformed, ParseError, Place};
use crate::fields::{Body, Fields, Lines, Noted, Room};
use crate::framing::FrameError;
use crate::header::via::Via;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::Message;
use crate::method::Method;
use crate::name::HeaderName;
use crate::request::Request;
use crate::response::Response;
use crate::scan::{Scanner, class, is};
use crate::status::StatusCode;
use bytes::Bytes;
use lines::StartLine;
pub(crate) use lines::line_end;

/// Reads a message and proves what routing reads.
pub(crate) fn parse(wire: Bytes, room: Room) -> Result<Message, Malformed> {
    let Room(mut fields) = room;
    fields.wire = wire;
    match read(&mut fields) {
        Ok(StartLine::Request { method, method_text, uri, uri_parts }) => {
            Ok(Message::Request(Request { method, method_text, uri, uri_parts, fields }))
        }
        Ok(StartLine::Response { status, reason }) => {
            Ok(Message::Response(Response { status, reason: Some(reason), fields }))
        }
        Err(error) => Err(Malformed { error, answerable: salvage(error, fields) }),
    }
}

/// Whether a request of our own would pass. Via may be missing.
pub(crate) fn check(request: &Request) -> Result<(), ParseError> {
    let method = request.method_bytes();
    if method.is_empty() || !method.iter().all(|octet| is(*octet, class::TOKEN)) {
        return Err(bad(Place::StartLine, 0, "the method is no token"));
    }
    let seen = judge::headers(&request.fields, Some(method), &mut Noted::default())?;
    judge::all_there(seen.and(HeaderName::Via))
}

fn read(fields: &mut Fields) -> Result<StartLine, ParseError> {
    let bytes: &[u8] = &fields.wire;
    if bytes.len() > MESSAGE_BYTES_MAX {
        let error = bad(Place::Body, MESSAGE_BYTES_MAX, "the message is too long");
        return Err(ParseError { status: StatusCode::MESSAGE_TOO_LARGE, ..error });
    }
    let start = blank_lines(bytes);
    let end =
        lines::line_end(bytes, start).ok_or(bad(Place::StartLine, start, "CR LF does not end the line"))?;
    // The header lines first: a wrong start line wants an answer too, which needs them.
    let body = lines::headers(bytes, end + 2, &mut fields.lines);
    let start_line = lines::start_line(bytes, start, end)?;
    let body = body?;
    let method = match start_line {
        StartLine::Request { method_text, .. } => Some(fields.text(method_text)),
        StartLine::Response { .. } => None,
    };
    let mut noted = Noted::default();
    let seen = judge::headers(fields, method, &mut noted)?;
    judge::all_there(seen)?;
    fields.noted = noted;
    fields.body = Body::Wire(judge::body(fields, body)?);
    Ok(start_line)
}

/// What a stream broke off with: the headers that an answer needs are saved as far as they came.
pub(crate) fn unframed(wire: Bytes, error: FrameError) -> Malformed {
    let (status, place, what) = match error {
        FrameError::NoMessage => (StatusCode::BAD_REQUEST, Place::StartLine, "it is no message"),
        FrameError::HeadTooLong => {
            (StatusCode::BAD_REQUEST, Place::HeaderSection, "no empty line ends it in time")
        }
        FrameError::MessageTooLong => (StatusCode::MESSAGE_TOO_LARGE, Place::Body, "the message is too long"),
        FrameError::LengthMissing => {
            let name = HeaderName::ContentLength;
            (StatusCode::BAD_REQUEST, Place::Header(name), "a stream needs it")
        }
        FrameError::LengthUnreadable => {
            let name = HeaderName::ContentLength;
            (StatusCode::BAD_REQUEST, Place::Header(name), "it is no number, or there are two")
        }
    };
    let error = ParseError { status, ..bad(place, 0, what) };
    let mut fields = Box::new(Fields { wire, ..Fields::default() });
    let bytes: &[u8] = &fields.wire;
    if let Some(end) = lines::line_end(bytes, blank_lines(bytes)) {
        // Where the lines end does not matter: the framer has said what is wrong.
        let _ = lines::headers(bytes, end + 2, &mut fields.lines);
    }
    Malformed { error, answerable: salvage(error, fields) }
}

/// The octets of empty lines before a message, which a peer may send to keep a path open.
// rfc3261 §7.5
fn blank_lines(bytes: &[u8]) -> usize {
    bytes.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count() * 2
}

const fn bad(place: Place, at: usize, what: &'static str) -> ParseError {
    ParseError { status: StatusCode::BAD_REQUEST, place, at, what, expected: false }
}

/// What a refusal can be made of: the headers that a reply copies, as far as they are there.
// rfc3261 §8.2.6 and §16.3
#[cold]
fn salvage(error: ParseError, mut fields: Box<Fields>) -> Option<Response> {
    let start = blank_lines(&fields.wire);
    let mut scanner = Scanner::new(fields.wire.get(start..)?);
    let method = scanner.run(class::TOKEN);
    // Neither a response nor an ACK is ever answered.
    // rfc3261 §8.1.3.5 and §17.1.1.3
    let is_request = !method.is_empty() && scanner.peek() == Some(b' ');
    if !is_request || Method::from_token(method) == Method::Ack {
        return None;
    }
    let via = fields.first(HeaderName::Via)?;
    Via::scan_sent_by(&mut Scanner::new(via)).ok()?;
    let mut lines = Lines::default();
    let mut seen = judge::Seen::default();
    for line in fields.lines.iter().filter(|line| judge::REQUIRED.contains(&line.id)) {
        if line.id == HeaderName::Via || !seen.contains(line.id) {
            lines.push(*line);
        }
        seen = seen.and(line.id);
    }
    fields.lines = lines;
    let mut response = Response::new(error.status, fields);
    if error.status == StatusCode::BAD_REQUEST {
        // rfc3261 §21.4.1: the phrase should say what is wrong
        response.set_status(error.status, &format!("Bad Request ({error})"));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
        To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";

    fn refused(text: &str) -> (StatusCode, String, Option<String>) {
        match Message::parse(Bytes::from(text.to_owned())) {
            Ok(message) => panic!("accepted: {message}"),
            Err(malformed) => (
                malformed.status(),
                malformed.to_string(),
                malformed.reply("t").map(|reply| reply.to_string()),
            ),
        }
    }

    #[test]
    fn the_smallest_message_is_read() {
        let Ok(Message::Request(request)) = Message::parse(Bytes::from_static(OPTIONS.as_bytes())) else {
            panic!("refused");
        };
        assert_eq!(
            (request.method(), request.call_id(), request.body()),
            (Method::Options, &b"c"[..], &b""[..])
        );
        assert_eq!(
            (request.from_tag(), request.to_tag(), request.max_forwards()),
            (Some(&b"1"[..]), None, None)
        );
    }

    #[test]
    fn a_branch_that_is_all_cookie_is_refused_wherever_it_stands() {
        // tests rfc4475 §3.2.1
        for branches in ["z9hG4bK", "z9hG4bK1;branch=z9hg4bk", "z9hG4bK;branch=z9hG4bK1"] {
            let (status, error, _) = refused(&OPTIONS.replace("z9hG4bK1", branches));
            assert_eq!(status, StatusCode::BAD_REQUEST, "{branches}");
            assert!(error.contains("cookie"), "{error}");
        }
    }

    #[test]
    fn empty_lines_before_a_message_are_skipped() {
        // tests rfc3261 §7.5
        assert!(Message::parse(Bytes::from(format!("\r\n\r\n{OPTIONS}"))).is_ok());
    }

    #[test]
    fn a_refusal_copies_what_a_reply_needs_and_says_what_is_wrong() {
        // tests rfc3261 §8.2.6, §21.4.1
        let (status, error, reply) = refused(&OPTIONS.replace("CSeq: 1 ", "Max-Forwards: x\r\nCSeq: 1 "));
        assert_eq!(
            (status, error.as_str()),
            (StatusCode::BAD_REQUEST, "Max-Forwards, octet 123: expected a number")
        );
        assert_eq!(
            reply.unwrap(),
            "SIP/2.0 400 Bad Request (Max-Forwards, octet 123: expected a number)\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
            From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=t\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn what_a_stream_broke_off_with_is_answered_as_far_as_it_came() {
        // tests rfc3261 §18.3, §20.14
        let unframed = |text: &str, error| {
            let malformed = Malformed::unframed(Bytes::from(text.to_owned()), error);
            (malformed.status(), malformed.reply("t").map(|reply| reply.to_string()))
        };
        let (status, reply) = unframed(OPTIONS, FrameError::LengthMissing);
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let reply = reply.unwrap();
        assert!(
            reply.starts_with("SIP/2.0 400 Bad Request (Content-Length, octet 0: a stream needs it)"),
            "{reply}"
        );
        assert!(reply.contains("Call-ID: c\r\n"), "{reply}");
        let (status, reply) = unframed(&OPTIONS[..OPTIONS.len() - 2], FrameError::HeadTooLong);
        assert!(status == StatusCode::BAD_REQUEST && reply.is_some());
        let (status, reply) = unframed("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TC", FrameError::HeadTooLong);
        assert_eq!((status, reply), (StatusCode::BAD_REQUEST, None));
        assert_eq!(unframed(OPTIONS, FrameError::MessageTooLong).0, StatusCode::MESSAGE_TOO_LARGE);
        assert_eq!(unframed("", FrameError::HeadTooLong).1, None);
    }

    #[test]
    fn another_version_is_told_so() {
        // tests rfc3261 §8.2, §21.5.6
        let (status, _, reply) = refused(&OPTIONS.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"));
        assert_eq!(status, StatusCode::VERSION_NOT_SUPPORTED);
        assert!(reply.unwrap().starts_with("SIP/2.0 505 Version Not Supported\r\n"));
    }

    #[test]
    fn responses_and_acks_and_what_has_no_via_are_not_answered() {
        // tests rfc3261 §17.1.1.3, §8.1.3.5
        assert_eq!(refused(&OPTIONS.replace("OPTIONS", "ACK").replace("CSeq: 1", "CSeq: x")).2, None);
        assert_eq!(
            refused(
                &OPTIONS.replace("OPTIONS sip:h SIP/2.0", "SIP/2.0 200 OK").replace("CSeq: 1", "CSeq: x")
            )
            .2,
            None
        );
        assert_eq!(refused(&OPTIONS.replace("Via", "Vio")).2, None);
        assert_eq!(refused(&OPTIONS.replace("UDP a", "UDP")).2, None);
        for noise in ["", "\0", "GET", "\r\n", "GET / HTTP/1.1\r\n\r\n"] {
            assert_eq!(refused(noise).2, None, "{noise:?}");
        }
    }

    #[test]
    fn what_no_datagram_can_carry_is_refused() {
        let longest = format!("{OPTIONS}{}", "x".repeat(MESSAGE_BYTES_MAX - OPTIONS.len()));
        assert!(Message::parse(Bytes::from(longest.clone())).is_ok());
        assert_eq!(refused(&(longest + "x")).0, StatusCode::MESSAGE_TOO_LARGE);
    }
}
