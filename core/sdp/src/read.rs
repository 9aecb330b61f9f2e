//! Reading a description: lines, their order, and what is forgiven (RFC 8866 §5, §9).
//!
//! Devices write what the grammar does not allow. Each such thing that is let pass has a name, [`Liberty`],
//! and is told with its line; everything else is an error. Time is linear in the octets.

use bytes::Bytes;

use crate::origin::Origin;
use crate::{Description, Limits, Line, MediaLine, ParseError, Section};

/// A description, and what was forgiven in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What was read.
    pub description: Description,
    /// What it does not keep of RFC 8866, and at which line.
    pub liberties: Vec<(usize, Liberty)>,
}

/// What is forgiven though RFC 8866 does not allow it, or only asks to tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Liberty {
    /// Lines end with LF alone. Told once, for the first.
    BareLineFeed,
    /// The last line has no end.
    NoLastLineEnd,
    /// An empty line. It is left out.
    EmptyLine,
    /// A line that begins with a semicolon, as in files of examples. It is left out.
    Comment,
    /// A type letter that is not known. The line is kept, and means nothing.
    UnknownType,
    /// A line that should stand before others, or in the session's section. It means what it does at its place.
    OutOfOrder,
    /// There is no `s=` line. Told for the last line.
    NoSessionName,
    /// There is no `t=` line. Told for the last line.
    NoTiming,
    /// An `m=` line that cannot be read: a description to keep, but none for offer/answer.
    UnreadableMedia,
}

/// The order of the session's lines (RFC 8866 §5); `r=` and `z=` belong to `t=`.
const SESSION_ORDER: &[&str] = &["v", "o", "s", "i", "u", "e", "p", "c", "b", "trz", "k", "a"];
/// The order of a media's lines.
const MEDIA_ORDER: &[&str] = &["m", "i", "c", "b", "k", "a"];

pub(crate) fn read(octets: &[u8], limits: &Limits) -> Result<Reading, ParseError> {
    if octets.len() > limits.octets_max {
        return Err(ParseError::new(0, "no more octets than the bound", octets.len().to_string()));
    }
    let whole = Bytes::copy_from_slice(octets);
    let mut reader = Reader::default();
    let mut rest: &[u8] = &whole;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        if number > limits.lines_max {
            return Err(ParseError::new(number, "no more lines than the bound", "one more"));
        }
        let (line, after) = match rest.iter().position(|octet| *octet == b'\n') {
            Some(end) => {
                let (line, after) = rest.split_at(end);
                (line, after.get(1..).unwrap_or_default())
            }
            None => {
                reader.forgive(number, Liberty::NoLastLineEnd);
                (rest, Default::default())
            }
        };
        let content = line.strip_suffix(b"\r").unwrap_or(line);
        let ended = line.len() < rest.len();
        if ended && content.len() == line.len() && !reader.bare_line_feeds {
            reader.bare_line_feeds = true; // rfc8866 §5
            reader.forgive(number, Liberty::BareLineFeed);
        }
        // `slice_ref` wants a piece of `whole`, which `content` is.
        reader.line(number, whole.slice_ref(content), limits)?;
        rest = after;
    }
    reader.finish(number)
}

#[derive(Default)]
struct Reader {
    session: Section,
    media: Vec<Section>,
    liberties: Vec<(usize, Liberty)>,
    bare_line_feeds: bool,
    /// How far in the order of its section the last line was.
    place: usize,
}

impl Reader {
    fn forgive(&mut self, number: usize, liberty: Liberty) {
        self.liberties.push((number, liberty));
    }

    fn line(&mut self, number: usize, content: Bytes, limits: &Limits) -> Result<(), ParseError> {
        let [letter, b'=', value @ ..] = &content[..] else {
            match content.first() {
                None => self.forgive(number, Liberty::EmptyLine),
                Some(b';') => self.forgive(number, Liberty::Comment),
                Some(_) => return Err(not_a_line(number, &content)),
            }
            return Ok(());
        };
        if !letter.is_ascii_alphabetic() || value.iter().any(|octet| matches!(octet, b'\r' | b'\0')) {
            return Err(not_a_line(number, &content));
        }
        let line = Line::read(*letter, content.slice_ref(value), number);
        if self.session.lines().is_empty() && *letter != b'v' {
            return Err(line.unreadable("`v=0`"));
        }
        match letter {
            b'v' if !self.session.lines().is_empty() => {
                return Err(line.unreadable("one description")); // rfc3264 §5
            }
            b'v' if value != b"0" => return Err(line.unreadable("`v=0`")), // rfc8866 §5.1
            b'o' if self.session.first('o').is_some() => return Err(line.unreadable("one `o=`")),
            b'o' if !self.media.is_empty() => return Err(line.unreadable("`o=` before `m=`")),
            b'o' if Origin::parse(line.text()).is_none() => return Err(line.unreadable(Origin::EXPECTED)),
            b'm' if self.media.len() == limits.media_max => {
                return Err(line.unreadable("no more media than the bound"));
            }
            b'm' => {
                if MediaLine::parse(line.text()).is_none() {
                    self.forgive(number, Liberty::UnreadableMedia);
                }
                self.media.push(Section::default());
                self.place = 0;
            }
            _ => {}
        }
        self.order(&line);
        self.media.last_mut().unwrap_or(&mut self.session).push(line);
        Ok(())
    }

    /// Whether the line stands where it should.
    fn order(&mut self, line: &Line) {
        let order = if self.media.is_empty() { SESSION_ORDER } else { MEDIA_ORDER };
        let place = order.iter().position(|letters| letters.contains(line.letter()));
        match place {
            Some(place) if place >= self.place => self.place = place,
            Some(_) => self.forgive(line.number(), Liberty::OutOfOrder),
            None if SESSION_ORDER.iter().any(|letters| letters.contains(line.letter())) => {
                self.forgive(line.number(), Liberty::OutOfOrder);
            }
            None => self.forgive(line.number(), Liberty::UnknownType),
        }
    }

    fn finish(mut self, number: usize) -> Result<Reading, ParseError> {
        if self.session.lines().is_empty() {
            return Err(ParseError::new(number, "`v=0`", "nothing"));
        }
        if self.session.first('o').is_none() {
            return Err(ParseError::new(number, Origin::EXPECTED, "none"));
        }
        if self.session.first('s').is_none() {
            self.forgive(number, Liberty::NoSessionName);
        }
        if self.session.first('t').is_none() {
            self.forgive(number, Liberty::NoTiming);
        }
        let description = Description::new(self.session, self.media);
        Ok(Reading { description, liberties: self.liberties })
    }
}

fn not_a_line(number: usize, content: &[u8]) -> ParseError {
    let shown: String = String::from_utf8_lossy(content).chars().take(8).collect();
    ParseError::new(number, "`<type>=<value>`", format!("`{}`", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liberties(text: &str) -> Vec<(usize, Liberty)> {
        read(text.as_bytes(), &Limits::DEFAULT).expect("a description").liberties
    }

    fn error(text: &str) -> String {
        read(text.as_bytes(), &Limits::DEFAULT).expect_err("no description").to_string()
    }

    #[test]
    fn what_is_well_formed_needs_no_liberty() {
        // tests rfc8866 §5
        let text =
            "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\na=x\r\nm=audio 9 RTP/AVP 0\r\na=y\r\n";
        assert_eq!(liberties(text), []);
        assert_eq!(Description::parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn each_liberty_is_named() {
        use Liberty::*;
        // tests rfc8866 §5
        let text =
            ";x\nv=0\r\no=- 1 1 IN IP4 h\r\n\r\na=x\r\ns=-\r\nf=?\r\nm=audio\r\na=x\r\ni=x\r\nt=0 0\r\na=y";
        let expected = [
            (1, BareLineFeed),
            (1, Comment),
            (4, EmptyLine),
            (6, OutOfOrder),
            (7, UnknownType),
            (8, UnreadableMedia),
            (10, OutOfOrder),
            (11, OutOfOrder),
            (12, NoLastLineEnd),
            (12, NoTiming),
        ];
        assert_eq!(liberties(text), expected);
        assert_eq!(liberties("v=0\r\no=- 1 1 IN IP4 h\r\n"), [(2, NoSessionName), (2, NoTiming)]);
    }

    #[test]
    fn an_error_names_the_line_and_what_was_expected() {
        // tests rfc8866 §5.1, §5.2, rfc3264 §5
        assert_eq!(error(""), "SDP line 0: expected `v=0`, found nothing");
        assert_eq!(error("o=- 1 1 IN IP4 h\r\n"), "SDP line 1: expected `v=0`, found `o=- 1 1 IN IP4 h`");
        assert_eq!(error("v=1\r\n"), "SDP line 1: expected `v=0`, found `v=1`");
        assert!(error("v=0\r\ns=-\r\n").contains("expected `o="));
        assert!(error("v=0\r\no=- x 1 IN IP4 h\r\n").starts_with("SDP line 2: expected `o="));
        assert!(error("v=0\r\no=- 1 1 IN IP4 h\r\nv=0\r\n").contains("expected one description"));
        assert!(
            error("v=0\r\no=- 1 1 IN IP4 h\r\no=- 2 1 IN IP4 h\r\n").contains("line 3: expected one `o=`")
        );
        assert!(error("v=0\r\nm=x 1 y z\r\no=- 1 1 IN IP4 h\r\n").contains("line 3: expected `o=` before"));
        assert!(error("v=0\r\n1=x\r\n").contains("line 2: expected `<type>="));
        assert_eq!(error("v=0\r\nwho?"), "SDP line 2: expected `<type>=<value>`, found `who?`");
        assert!(error("v=0\r\na=x\ry\r\n").contains("line 2"));
    }

    #[test]
    fn bounds_hold() {
        let text = b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 9 RTP/AVP 0\r\nm=audio 9 RTP/AVP 0\r\n";
        let fails = |limits| read(text, &limits).is_err();
        assert!(!fails(Limits { octets_max: text.len(), lines_max: 4, media_max: 2 }));
        assert!(fails(Limits { octets_max: text.len() - 1, ..Limits::DEFAULT }));
        assert!(fails(Limits { lines_max: 3, ..Limits::DEFAULT }));
        assert!(fails(Limits { media_max: 1, ..Limits::DEFAULT }));
    }
}
