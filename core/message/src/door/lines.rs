//! The lines of a message: the start line, and where each header line stands (RFC 3261 §7.1 to §7.3).

use super::bad;
use crate::error::{ParseError, Place};
use crate::fields::{Line, Lines, Span};
use crate::limits::HEADERS_MAX;
use crate::method::Method;
use crate::name::HeaderName;
use crate::scan::{Scanner, class, is};
use crate::status::StatusCode;
use crate::uri::{Parts, UriRef};

/// What the start line says.
#[derive(Clone, Copy)]
pub(super) enum StartLine {
    Request { method: Method, method_text: Span, uri: Span, uri_parts: Parts },
    Response { status: StatusCode, reason: Span },
}

/// Where the CR LF stands that ends the line which begins at `start`. A CR or LF alone ends no line
/// and stands in none: what the next hop took for a line end would begin a header that nobody here saw.
// rfc3261 §7, §25.1
#[inline]
pub(crate) fn line_end(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start + memchr::memchr2(b'\r', b'\n', bytes.get(start..)?)?;
    (bytes.get(end..end + 2) == Some(b"\r\n")).then_some(end)
}

/// Reads all header lines into the table; gives where the body begins.
// rfc3261 §7.3
#[inline]
pub(super) fn headers(bytes: &[u8], mut at: usize, table: &mut Lines) -> Result<usize, ParseError> {
    loop {
        let start = at;
        let mut end = line_end(bytes, start).ok_or_else(|| unended(bytes, start))?;
        if end == start {
            return Ok(end + 2);
        }
        // A line that begins with white space continues the one before.
        // rfc3261 §7.3.1
        while let Some(b' ' | b'\t') = bytes.get(end + 2) {
            end = line_end(bytes, end + 2).ok_or_else(|| unended(bytes, end + 2))?;
        }
        at = end + 2;
        let mut scanner = Scanner::new(bytes.get(start..end).unwrap_or_default());
        let name = scanner.run(class::TOKEN);
        while scanner.eat(b' ') || scanner.eat(b'\t') {} // HCOLON knows no fold before the colon
        if name.is_empty() || !scanner.eat(b':') {
            let at = start + scanner.at();
            return Err(
                bad(Place::Header(HeaderName::Other), at, "the name of a header and a colon").expected()
            );
        }
        scanner.skip_lws();
        if table.len() == HEADERS_MAX {
            return Err(bad(Place::HeaderSection, start, "too many header lines"));
        }
        let value_start = start + scanner.at();
        table.push(Line {
            id: HeaderName::from_text(name),
            name: Span::wire(start, start + name.len()),
            value: Span::wire(value_start, value_start + trimmed_len(scanner.rest())),
        });
    }
}

/// The length without white space at the end.
#[inline]
fn trimmed_len(mut text: &[u8]) -> usize {
    while let [rest @ .., last] = text
        && is(*last, class::LWS)
    {
        text = rest;
    }
    text.len()
}

#[cold]
fn unended(bytes: &[u8], start: usize) -> ParseError {
    let what = match start {
        end if end == bytes.len() => "the empty line after the headers is missing",
        _ => "CR LF does not end the line",
    };
    bad(Place::HeaderSection, start, what)
}

/// Reads `METHOD uri SIP/2.0` or `SIP/2.0 200 OK`: single spaces, as the grammar has it.
// rfc3261 §7.1, §7.2
#[inline]
pub(super) fn start_line(bytes: &[u8], start: usize, end: usize) -> Result<StartLine, ParseError> {
    let line = bytes.get(start..end).unwrap_or_default();
    let mut scanner = Scanner::new(line);
    let method = scanner.run(class::TOKEN);
    if !scanner.eat(b' ') || method.is_empty() {
        return status_line(line, start);
    }
    let uri_start = scanner.at();
    let uri = UriRef::scan(scanner.rest()).map_err(|error| {
        bad(Place::StartLine, start + uri_start + error.at(), error.expected()).expected()
    })?;
    scanner.skip(uri.as_bytes().len());
    let uri_end = scanner.at();
    if !scanner.eat(b' ') {
        return Err(
            bad(Place::StartLine, start + uri_end, "a character of a URI, or a space after it").expected()
        );
    }
    version(scanner.rest(), start + uri_end + 1)?;
    // rfc3261 §19.1.1, table 1
    if uri.is_sip() && uri.has_headers() {
        return Err(bad(Place::StartLine, start + uri_start, "a Request-URI has no headers"));
    }
    Ok(StartLine::Request {
        method: Method::from_token(method),
        method_text: Span::wire(start, start + method.len()),
        uri: Span::wire(start + uri_start, start + uri_end),
        uri_parts: uri.parts(),
    })
}

/// `SIP/2.0` in any case; another version has a status of its own.
// rfc3261 §7.1, §8.2, §21.5.6
fn version(text: &[u8], at: usize) -> Result<(), ParseError> {
    if text.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let mut scanner = Scanner::new(text);
    let is_sip = scanner.run(class::TOKEN).eq_ignore_ascii_case(b"SIP") && scanner.eat(b'/');
    let is_version = scanner.number().is_ok() && scanner.eat(b'.') && scanner.number().is_ok();
    if is_sip && is_version && scanner.rest().is_empty() {
        let error = bad(Place::StartLine, at, "the version is not SIP/2.0");
        return Err(ParseError { status: StatusCode::VERSION_NOT_SUPPORTED, ..error });
    }
    Err(bad(Place::StartLine, at, "SIP/2.0 after one space").expected())
}

// rfc3261 §7.2
fn status_line(line: &[u8], start: usize) -> Result<StartLine, ParseError> {
    let space = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (first, rest) = line.split_at(space);
    if !first.contains(&b'/') {
        return Err(bad(Place::StartLine, start, "a method and a space, or SIP/2.0").expected());
    }
    version(first, start)?;
    // The space before an empty phrase, which some leave out, is not asked for.
    let (hundreds, tens, ones, reason) = match rest {
        [b' ', hundreds, tens, ones] => (hundreds, tens, ones, &b""[..]),
        [b' ', hundreds, tens, ones, b' ', reason @ ..] => (hundreds, tens, ones, reason),
        _ => return Err(bad(Place::StartLine, start + space + 1, "a status of three digits").expected()),
    };
    let digit = |digit: &u8| char::from(*digit).to_digit(10).and_then(|digit| u16::try_from(digit).ok());
    let number = || Some(digit(hundreds)? * 100 + digit(tens)? * 10 + digit(ones)?);
    let status = number()
        .and_then(StatusCode::new)
        .ok_or(bad(Place::StartLine, start + space + 1, "a status from 100 to 699").expected())?;
    let end = start + line.len();
    Ok(StartLine::Response { status, reason: Span::wire(end - reason.len(), end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(line: &str) -> Result<StartLine, (u16, usize)> {
        start_line(line.as_bytes(), 0, line.len()).map_err(|error| (error.status.as_u16(), error.at))
    }

    #[test]
    fn a_request_line_has_single_spaces() {
        // tests rfc3261 §7.1 and rfc4475 §3.1.2.8 to §3.1.2.11
        assert!(start("INVITE sip:a@h SIP/2.0").is_ok() && start("x!%~ tel:+1 sip/2.0").is_ok());
        for (line, at) in [
            ("INVITE  sip:a@h SIP/2.0", 7),
            ("INVITE sip:a@h  SIP/2.0", 15),
            ("INVITE sip:a@h SIP/2.0 ", 15),
            ("INVITE <sip:a@h> SIP/2.0", 7),
            ("INVITE sip:a@h; lr SIP/2.0", 15),
            ("INVITE sip:a@h?x=y SIP/2.0", 7),
            ("INVITE sip:a@h", 14),
            ("IN\u{e9}VITE sip:a@h SIP/2.0", 0),
            (" sip:a@h SIP/2.0", 0),
            ("INVITE", 0),
        ] {
            assert_eq!(start(line).err(), Some((400, at)), "{line}");
        }
    }

    #[test]
    fn only_a_version_is_another_version() {
        // tests rfc3261 §21.5.6
        for (line, status) in [
            ("OPTIONS sip:h SIP/7.0", 505),
            ("OPTIONS sip:h SIP/2.00", 505),
            ("SIP/3.0 200 OK", 505),
            ("OPTIONS sip:h HTTP/1.1", 400),
            ("OPTIONS sip:h SIP/2", 400),
            ("OPTIONS sip:h SIP/a.b", 400),
            ("HTTP/1.1 200 OK", 400),
        ] {
            assert_eq!(start(line).err().map(|(found, _)| found), Some(status), "{line}");
        }
    }

    #[test]
    fn a_status_has_three_digits_and_any_phrase() {
        // tests rfc3261 §7.2 and rfc4475 §3.1.1.12, §3.1.1.13, §3.1.2.19
        for (line, phrase) in [
            ("SIP/2.0 100 ", ""),
            ("SIP/2.0 100", ""),
            ("sip/2.0 200 = 2**3 * 5**2 \u{43d}", "= 2**3 * 5**2 \u{43d}"),
        ] {
            let Ok(StartLine::Response { reason, .. }) = start(line) else {
                panic!("{line}");
            };
            assert_eq!(&line[reason.start()..reason.end()], phrase);
        }
        for line in [
            "SIP/2.0 4294967301 OK",
            "SIP/2.0 099 x",
            "SIP/2.0 700 x",
            "SIP/2.0  200 OK",
            "SIP/2.0 20 OK",
            "SIP/2.0 ",
        ] {
            assert_eq!(start(line).err(), Some((400, 8)), "{line}");
        }
    }

    fn table(section: &str) -> Result<Vec<(HeaderName, String, String)>, String> {
        let mut lines = Lines::default();
        let body = headers(section.as_bytes(), 0, &mut lines).map_err(|error| error.to_string())?;
        assert_eq!(body, section.len());
        let text = |span: Span| section[span.start()..span.end()].to_owned();
        Ok(lines.iter().map(|line| (line.id, text(line.name), text(line.value))).collect())
    }

    #[test]
    fn names_are_full_or_compact_and_values_lose_their_white_space() {
        // tests rfc3261 §7.3.1, §7.3.3
        let read = table("TO :\r\n sip:a@h ;  tag=1 \t\r\nl:\t0\r\nX-y:\r\nSubject: a\r\n\tb\r\n  c\r\n\r\n")
            .unwrap();
        let expected = [
            (HeaderName::To, "TO", "sip:a@h ;  tag=1"),
            (HeaderName::ContentLength, "l", "0"),
            (HeaderName::Other, "X-y", ""),
            (HeaderName::Subject, "Subject", "a\r\n\tb\r\n  c"),
        ];
        assert_eq!(read, expected.map(|(id, name, value)| (id, name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_section_without_its_end_is_refused() {
        // tests rfc3261 §7
        for (section, error) in [
            ("To: x\r\n", "header section, octet 7: the empty line after the headers is missing"),
            ("To: x", "header section, octet 0: CR LF does not end the line"),
            ("To: x\n\r\n", "header section, octet 0: CR LF does not end the line"),
            ("To: x\r\n y\n\r\n", "header section, octet 7: CR LF does not end the line"),
            ("\n", "header section, octet 0: CR LF does not end the line"),
            ("To x\r\n\r\n", "header line, octet 3: expected the name of a header and a colon"),
            (": x\r\n\r\n", "header line, octet 0: expected the name of a header and a colon"),
            (" x: y\r\n\r\n", "header line, octet 1: expected the name of a header and a colon"),
        ] {
            assert_eq!(table(section).unwrap_err(), error, "{section:?}");
        }
    }

    #[test]
    fn the_table_has_a_bound() {
        assert_eq!(table(&("a:b\r\n".repeat(HEADERS_MAX) + "\r\n")).unwrap().len(), HEADERS_MAX);
        assert!(
            table(&("a:b\r\n".repeat(HEADERS_MAX + 1) + "\r\n"))
                .unwrap_err()
                .contains("too many header lines")
        );
    }
}
