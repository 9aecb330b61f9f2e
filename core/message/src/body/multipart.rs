//! Reading and writing `multipart/*` bodies (RFC 2046 §5.1.1; in SIP: RFC 5621 §3).

use crate::limits::PARTS_MAX;
use crate::scan::{Scanner, class, trim};
use std::fmt;

/// A part: its header lines and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    head: &'a [u8],
    /// The content, without the line end that belongs to the boundary after it.
    pub content: &'a [u8],
}

impl<'a> Part<'a> {
    /// The value of a header of the part; folds are still in it.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The type; `text/plain` where none is written (RFC 2046 §5.1).
    pub fn content_type(&self) -> &'a [u8] {
        self.header("Content-Type").or_else(|| self.header("c")).unwrap_or(b"text/plain")
    }

    /// All its headers: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.head;
        std::iter::from_fn(move || {
            let line;
            (line, rest) = header_line(rest)?;
            let mut scanner = Scanner::new(line);
            let name = scanner.run(class::TOKEN);
            scanner.eat_around(b':');
            Some((name, trim(scanner.rest())))
        })
    }
}

/// The first header line with its continuations, and what follows.
fn header_line(head: &[u8]) -> Option<(&[u8], &[u8])> {
    if head.is_empty() {
        return None;
    }
    let mut end = 0;
    loop {
        end += memchr::memchr(b'\n', head.get(end..)?).map_or(head.len() - end, |feed| feed + 1);
        if !matches!(head.get(end), Some(b' ' | b'\t')) {
            return head.split_at_checked(end);
        }
    }
}

/// Why a body is no multipart body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultipartError {
    /// The Content-Type names no boundary of 1 to 70 octets.
    BoundaryMissing,
    /// The body has no line that begins a part.
    NoPart,
    /// The body ends before its last boundary.
    NotClosed,
    /// More than [`PARTS_MAX`].
    TooManyParts,
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MultipartError::BoundaryMissing => {
                f.write_str("multipart: the Content-Type names no boundary of 1 to 70 octets")
            }
            MultipartError::NoPart => f.write_str("multipart: no boundary begins a part"),
            MultipartError::NotClosed => f.write_str("multipart: the last boundary is missing"),
            MultipartError::TooManyParts => write!(f, "multipart: more than {PARTS_MAX} parts"),
        }
    }
}

impl std::error::Error for MultipartError {}

/// The boundary that a Content-Type names.
///
/// # Errors
/// If it names none, or one that RFC 2046 does not allow.
pub fn boundary(content_type: &[u8]) -> Result<Vec<u8>, MultipartError> {
    let mut scanner = Scanner::new(content_type);
    scanner.skip_lws();
    scanner.run(class::TOKEN);
    scanner.eat_around(b'/');
    scanner.run(class::TOKEN);
    let params = crate::Params::scan(&mut scanner).map_err(|_| MultipartError::BoundaryMissing)?;
    let boundary = params.unquoted("boundary").ok_or(MultipartError::BoundaryMissing)?;
    match boundary.len() {
        1..=70 if boundary.last() != Some(&b' ') => Ok(boundary.into_owned()),
        _ => Err(MultipartError::BoundaryMissing),
    }
}

/// The parts of a body with this boundary. What stands before the first and after the last boundary
/// is no part and is skipped.
///
/// # Errors
/// If the boundaries are not there, or there are too many.
// rfc2046 §5.1.1
pub fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Result<Vec<Part<'a>>, MultipartError> {
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = 0;
    while at <= body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let next = memchr::memchr(b'\n', rest).map_or(body.len() + 1, |feed| at + feed + 1);
        if let Some(mark) = mark(rest, boundary) {
            if let Some(start) = open {
                if parts.len() == PARTS_MAX {
                    return Err(MultipartError::TooManyParts);
                }
                parts.push(part(before_line_end(body.get(start..at).unwrap_or_default())));
            }
            if mark == Mark::Last {
                return if open.is_some() { Ok(parts) } else { Err(MultipartError::NoPart) };
            }
            open = Some(next.min(body.len()));
        }
        at = next;
    }
    Err(if open.is_some() { MultipartError::NotClosed } else { MultipartError::NoPart })
}

#[derive(PartialEq)]
enum Mark {
    Next,
    Last,
}

/// Whether a boundary line begins here: `--boundary` or `--boundary--`, white space after it.
fn mark(text: &[u8], boundary: &[u8]) -> Option<Mark> {
    let after = text.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (mark, after) = match after.strip_prefix(b"--") {
        Some(after) => (Mark::Last, after),
        None => (Mark::Next, after),
    };
    let line = memchr::memchr(b'\n', after).map_or(after, |feed| after.get(..feed).unwrap_or_default());
    trim(line).is_empty().then_some(mark)
}

/// Without the line end that belongs to the boundary.
fn before_line_end(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text)
}

fn part(text: &[u8]) -> Part<'_> {
    // A part without headers begins with the empty line.
    if let Some(content) = text.strip_prefix(b"\r\n") {
        return Part { head: b"", content };
    }
    match memchr::memmem::find(text, b"\r\n\r\n") {
        Some(end) => Part {
            head: text.get(..end + 2).unwrap_or_default(),
            content: text.get(end + 4..).unwrap_or_default(),
        },
        None => Part { head: text, content: b"" },
    }
}

/// Writes a multipart body.
///
/// ```
/// use ruf_message::body::multipart::{Writer, boundary, parts};
///
/// let mut writer = Writer::new("mixed", "b1");
/// writer.part(&[("Content-Type", "application/sdp")], b"v=0\r\n");
/// let (content_type, body) = writer.finish();
/// let read = parts(&body, &boundary(content_type.as_bytes())?)?;
/// assert_eq!(read[0].content, b"v=0\r\n");
/// # Ok::<(), ruf_message::body::multipart::MultipartError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Writer {
    content_type: String,
    boundary: String,
    body: Vec<u8>,
}

impl Writer {
    /// A body of type `multipart/subtype`. The boundary, up to 70 letters and digits, must stand in
    /// no part: draw it from [`Entropy::token`](crate::Entropy::token).
    pub fn new(subtype: &str, boundary: &str) -> Self {
        Writer {
            content_type: format!("multipart/{subtype};boundary={boundary}"),
            boundary: boundary.to_owned(),
            body: Vec::new(),
        }
    }

    /// Appends a part.
    pub fn part(&mut self, headers: &[(&str, &str)], content: &[u8]) {
        self.body.extend(format!("--{}\r\n", self.boundary).as_bytes());
        for (name, value) in headers {
            self.body.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        self.body.extend(b"\r\n");
        self.body.extend(content);
        self.body.extend(b"\r\n");
    }

    /// The Content-Type and the body, for [`Fields::set_body`](crate::Fields::set_body).
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend(format!("--{}--\r\n", self.boundary).as_bytes());
        (self.content_type, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(body: &'a str, boundary: &str) -> Result<Vec<Part<'a>>, MultipartError> {
        parts(body.as_bytes(), boundary.as_bytes())
    }

    #[test]
    fn the_example_of_the_rfc_has_two_parts() {
        // tests rfc2046 §5.1.1
        let body = "This is the preamble.\r\n--simple boundary\r\n\r\nThis is implicitly typed plain US-ASCII text.\r\n\
            It does NOT end with a linebreak.\r\n--simple boundary \t\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n\
            This DOES end with a linebreak.\r\n\r\n--simple boundary--\r\n\r\nThis is the epilogue.";
        let boundary = boundary(b"multipart/mixed; boundary=\"simple boundary\"").unwrap();
        let parts = parts(body.as_bytes(), &boundary).unwrap();
        assert_eq!(parts.len(), 2);
        assert!(parts[0].content.ends_with(b"linebreak.") && parts[1].content.ends_with(b"linebreak.\r\n"));
        assert_eq!(
            (parts[0].content_type(), parts[1].content_type()),
            (&b"text/plain"[..], &b"text/plain; charset=us-ascii"[..])
        );
    }

    #[test]
    fn parts_may_be_empty_or_without_content_or_hold_longer_boundaries() {
        let parts = read("--b\r\n\r\n\r\n--b\r\nX: 1\r\n folded\r\nY: 2\r\n\r\n--bb\r\n--b--", "b").unwrap();
        assert_eq!(parts.iter().map(|part| part.content).collect::<Vec<_>>(), [&b""[..], b"--bb"]);
        assert_eq!(parts[1].headers().collect::<Vec<_>>(), [(&b"X"[..], &b"1\r\n folded"[..]), (b"Y", b"2")]);
        assert_eq!((parts[1].header("y"), parts[1].header("z")), (Some(&b"2"[..]), None));
    }

    #[test]
    fn what_is_no_multipart_body_is_refused() {
        // tests rfc2046 §5.1.1
        assert_eq!(read("", "b"), Err(MultipartError::NoPart));
        assert_eq!(read("--b--", "b"), Err(MultipartError::NoPart));
        assert_eq!(read("--b\r\n\r\nx", "b"), Err(MultipartError::NotClosed));
        assert_eq!(
            read(&("--b\r\n\r\n".repeat(PARTS_MAX + 2) + "--b--"), "b"),
            Err(MultipartError::TooManyParts)
        );
        for content_type in [
            "multipart/mixed",
            "multipart/mixed;boundary",
            "multipart/mixed;boundary=\"\"",
            "multipart/mixed;boundary=\"a \"",
            "multipart/mixed;;",
        ] {
            assert_eq!(
                boundary(content_type.as_bytes()),
                Err(MultipartError::BoundaryMissing),
                "{content_type}"
            );
        }
        assert_eq!(
            boundary(format!("multipart/mixed;boundary={}", "x".repeat(71)).as_bytes()),
            Err(MultipartError::BoundaryMissing)
        );
    }

    #[test]
    fn what_is_written_is_read() {
        // tests rfc5621 §3
        let mut writer = Writer::new("mixed", "xyz");
        writer.part(&[("Content-Type", "application/sdp"), ("Content-Disposition", "session")], b"v=0\r\n");
        writer.part(&[], b"\0\xff");
        let (content_type, body) = writer.finish();
        let parts = parts(&body, &boundary(content_type.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (parts[0].header("content-disposition"), parts[0].content),
            (Some(&b"session"[..]), &b"v=0\r\n"[..])
        );
        assert_eq!(parts[1].content, b"\0\xff");
    }
}
