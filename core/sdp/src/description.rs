//! A session description: the session's section and one for each media (RFC 8866 §5).
//!
//! It is a value of lines. Everything that was read is kept, known or not, in its order, so that it prints
//! as it came; line ends print as CRLF, and empty lines and comments are gone. What is forgiven when it is
//! read is in `read`; what lines mean is with the types of the views.

use std::fmt;

use crate::read::{Reading, read};
use crate::{Connection, Limits, Line, Media, Origin, ParseError, Section};

/// A session description.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Description {
    session: Section,
    media: Vec<Section>,
}

impl Description {
    /// Reads one, with the bounds of [`Limits::DEFAULT`]; what was forgiven is not told.
    ///
    /// # Errors
    /// The first line that is none of a description's.
    pub fn parse(octets: &[u8]) -> Result<Description, ParseError> {
        Description::read(octets, &Limits::DEFAULT).map(|reading| reading.description)
    }

    /// Reads one, and tells what was forgiven.
    ///
    /// # Errors
    /// The first line that is none of a description's, or goes beyond a bound.
    pub fn read(octets: &[u8], limits: &Limits) -> Result<Reading, ParseError> {
        read(octets, limits)
    }

    /// One of these sections.
    pub(crate) fn new(session: Section, media: Vec<Section>) -> Description {
        Description { session, media }
    }

    /// The session's section.
    pub fn session(&self) -> &Section {
        &self.session
    }

    /// See [`Description::session`].
    pub fn session_mut(&mut self) -> &mut Section {
        &mut self.session
    }

    /// The media sections, in their order.
    pub fn sections(&self) -> &[Section] {
        &self.media
    }

    /// The media sections with what they have of the session.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Media<'_>> {
        self.media.iter().map(|own| Media::new(&self.session, own))
    }

    /// Adds a media section; [`Section::media`] makes one.
    pub fn push_media(&mut self, section: Section) {
        self.media.push(section);
    }

    /// The `o=` line (RFC 8866 §5.2).
    ///
    /// # Errors
    /// The line, if it is missing or cannot be read.
    pub fn origin(&self) -> Result<Origin, ParseError> {
        let line = self.session.first('o').ok_or_else(|| ParseError::new(1, Origin::EXPECTED, "none"))?;
        Origin::parse(line.text()).ok_or_else(|| line.unreadable(Origin::EXPECTED))
    }

    /// Whether everything can be read that an offer or answer lives by: the origin, each `m=` line, and an
    /// address for each media that is not refused.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn validate(&self) -> Result<(), ParseError> {
        self.origin()?;
        for media in self.media() {
            let line = media.line()?;
            let connection = media.connection()?;
            if connection.is_none() && line.port != 0 {
                return Err(ParseError::new(media.number(), Connection::EXPECTED, "none for this media"));
            }
        }
        Ok(())
    }

    /// The text, with CRLF behind each line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        for line in self.lines() {
            line.print(&mut out);
        }
        out
    }

    /// All lines of all sections.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.session.lines().iter().chain(self.media.iter().flat_map(|section| section.lines()))
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

/// The lines without the values of keys.
impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}
