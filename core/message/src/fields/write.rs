//! Writing: one pass over the table, neighbouring lines of the wire buffer in one piece.

use super::{Fields, Line, one_line};
use crate::name::HeaderName;
use crate::request::is_copied;
use crate::scan::{Scanner, class, is};
use crate::status::StatusCode;
use bytes::BufMut;
use smallvec::SmallVec;

impl Fields {
    /// An upper estimate of what [`Fields::write`] appends.
    pub(crate) fn written_len(&self) -> usize {
        const NAME_AND_MARKS: usize = 32;
        let lines: usize =
            self.lines.iter().map(|line| self.name(line).len() + self.text(line.value).len() + 4).sum();
        lines + self.body().len() + NAME_AND_MARKS
    }

    /// Appends the header lines, with a Content-Length that is right, the empty line and the body.
    // rfc3261 §7.3, §20.14
    pub(crate) fn write(&self, out: &mut impl BufMut) {
        let body = self.body();
        let mut length_written = false;
        let mut run = Run::default();
        for line in &self.lines {
            if line.id == HeaderName::ContentLength {
                if length_written || number(self.text(line.value)) != Some(body.len()) {
                    run.end(self, out);
                    if !length_written {
                        write_length(body.len(), out);
                    }
                    length_written = true;
                    continue;
                }
                length_written = true;
            }
            run.line(self, line, out);
        }
        run.end(self, out);
        if !length_written {
            write_length(body.len(), out);
        }
        out.put_slice(b"\r\n");
        out.put_slice(body);
    }

    /// Appends the lines of a request that stand in its response, To with this tag (unless that is empty) if
    /// it has none.
    // rfc3261 §8.2.6.2
    pub(crate) fn write_copied(&self, status: StatusCode, to_tag: &[u8], out: &mut impl BufMut) {
        let mut run = Run::default();
        for line in self.lines.iter().filter(|line| is_copied(line.id, status)) {
            if line.id == HeaderName::To && !to_tag.is_empty() && self.to_tag().is_none() {
                run.end(self, out);
                let mut to = SmallVec::<[u8; 128]>::from_slice(self.text(line.value));
                one_line(&mut to);
                out.put_slice(b"To: ");
                out.put_slice(&to);
                out.put_slice(b";tag=");
                out.put_slice(to_tag);
                out.put_slice(b"\r\n");
            } else {
                run.line(self, line, out);
            }
        }
        run.end(self, out);
    }

    /// Where a line stands that is still as received: from its name to the end of its value.
    fn wire_range(&self, line: &Line) -> Option<(usize, usize)> {
        let as_received = !line.name.is_own() && !line.value.is_own() && line.name.end() > 0;
        // A value whose first elements were taken off does not follow its name any more.
        (as_received && self.follows_name(line)).then(|| (line.name.start(), line.value.end()))
    }

    fn follows_name(&self, line: &Line) -> bool {
        match self.wire.get(line.name.end()..line.value.start()) {
            Some(b": ") => true,
            Some(between) => between.iter().all(|octet| *octet == b':' || is(*octet, class::LWS)),
            None => false,
        }
    }

    fn only_white(&self, start: usize, end: usize) -> bool {
        match self.wire.get(start..end) {
            Some(b"\r\n") => true,
            Some(between) => between.iter().all(|octet| is(*octet, class::LWS)),
            None => false,
        }
    }
}

/// Lines that stand one behind the other in the wire buffer, not written yet.
#[derive(Default)]
struct Run(Option<(usize, usize)>);

impl Run {
    fn line(&mut self, fields: &Fields, line: &Line, out: &mut impl BufMut) {
        match fields.wire_range(line) {
            Some((start, end)) => match &mut self.0 {
                Some((_, last)) if fields.only_white(*last, start) => *last = end,
                _ => {
                    self.end(fields, out);
                    self.0 = Some((start, end));
                }
            },
            None => {
                self.end(fields, out);
                out.put_slice(fields.name(line));
                out.put_slice(b": ");
                out.put_slice(fields.text(line.value));
                out.put_slice(b"\r\n");
            }
        }
    }

    fn end(&mut self, fields: &Fields, out: &mut impl BufMut) {
        if let Some((start, end)) = self.0.take() {
            out.put_slice(fields.wire.get(start..end).unwrap_or_default());
            out.put_slice(b"\r\n");
        }
    }
}

fn write_length(length: usize, out: &mut impl BufMut) {
    out.put_slice(b"Content-Length: ");
    out.put_slice(itoa::Buffer::new().format(length).as_bytes());
    out.put_slice(b"\r\n");
}

fn number(text: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::new(text);
    let number = scanner.number().ok()?;
    scanner.end().ok().map(|()| number as usize)
}

#[cfg(test)]
mod tests {
    use crate::{HeaderName, Message, Request};
    use bytes::Bytes;

    fn message(lines: &str, body: &str) -> Request {
        let wire = format!(
            "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n{body}"
        );
        match Message::parse(Bytes::from(wire)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn tail(request: &Request) -> String {
        request.to_string().split_once("CSeq: 1 OPTIONS\r\n").unwrap().1.to_owned()
    }

    #[test]
    fn untouched_lines_keep_their_spelling_folds_and_octets() {
        // tests rfc3261 §7.3.1
        let lines = "suBject :a\r\n\tb  \r\nX: \u{e9}\r\nl:  1\r\nY:\r\n";
        assert_eq!(tail(&message(lines, "z")), format!("{lines}\r\nz"));
    }

    #[test]
    fn the_length_is_always_that_of_the_body() {
        // tests rfc3261 §20.14
        assert_eq!(tail(&message("", "xyz")), "Content-Length: 3\r\n\r\nxyz");
        assert_eq!(tail(&message("l: 2\r\nX: 1\r\n", "xyz")), "l: 2\r\nX: 1\r\n\r\nxy");
        let mut twice = message("l: 2\r\nContent-Length: 02\r\n", "xyz");
        assert_eq!(tail(&twice), "l: 2\r\n\r\nxy");
        twice.set_body("text/plain", "four");
        assert_eq!(tail(&twice), "Content-Length: 4\r\nContent-Type: text/plain\r\n\r\nfour");
        twice.set(HeaderName::ContentLength, "99");
        assert!(tail(&twice).contains("Content-Length: 4\r\n"));
    }

    #[test]
    fn a_removed_line_leaves_no_trace_between_its_neighbours() {
        let mut message = message("X-A: 1\r\nX-B: 2\r\nX-C: 3\r\nl: 0\r\n", "");
        message.remove("X-B");
        assert_eq!(tail(&message), "X-A: 1\r\nX-C: 3\r\nl: 0\r\n\r\n");
        message.prepend("X-C", "2");
        assert_eq!(tail(&message), "X-A: 1\r\nX-C: 2\r\nX-C: 3\r\nl: 0\r\n\r\n");
    }
}
