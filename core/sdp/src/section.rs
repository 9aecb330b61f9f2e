//! A section of a description, the session's or a media's: its lines in their order, and the typed view
//! of one attribute (RFC 8866 §5.13).
//!
//! A value is read when it is asked for; what nobody asks for is kept as it came.

use std::fmt;

use crate::{Line, MediaLine, ParseError};

/// The value of an attribute that has a type. It prints as it is written after the colon.
pub trait Attribute: Sized + fmt::Display {
    /// The attribute's name.
    const NAME: &'static str;
    /// What stands in an error: the form of the whole line.
    const EXPECTED: &'static str;

    /// Reads what follows the colon; `None` if it is no such value.
    fn parse(value: &str) -> Option<Self>;
}

/// The lines of a section, in their order. A media section begins with its `m=` line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    lines: Vec<Line>,
}

impl Section {
    /// A media section of our own.
    pub fn media(line: &MediaLine) -> Section {
        Section { lines: vec![Line::new('m', line.to_string())] }
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The first line of a type.
    pub fn first(&self, letter: char) -> Option<&Line> {
        self.lines.iter().find(|line| line.letter() == letter)
    }

    /// The values of all attributes of a name, in their order.
    pub fn attributes(&self, name: &str) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter_map(move |line| line.as_attribute().filter(|found| found.0 == name))
            .map(|found| found.1)
    }

    /// The value of the first attribute of a name; empty if it has none.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes(name).next()
    }

    /// Whether it has an attribute of that name.
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// All attributes of a type; an error for each that is none.
    pub fn all<T: Attribute>(&self) -> impl Iterator<Item = Result<T, ParseError>> {
        self.lines.iter().filter_map(|line| {
            let (_, value) = line.as_attribute().filter(|found| found.0 == T::NAME)?;
            Some(T::parse(value).ok_or_else(|| line.unreadable(T::EXPECTED)))
        })
    }

    /// All attributes of a type that can be read; others are passed over (RFC 8866 §5.13: as one that is not
    /// understood).
    pub fn readable<T: Attribute>(&self) -> impl Iterator<Item = T> {
        self.all().flatten() // rfc8866 §5.13
    }

    /// The first attribute of a type.
    ///
    /// # Errors
    /// The line, if it cannot be read.
    pub fn get<T: Attribute>(&self) -> Result<Option<T>, ParseError> {
        self.all().next().transpose()
    }

    /// Adds a line at the end.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds an attribute at the end.
    pub fn put<T: Attribute>(&mut self, attribute: &T) {
        self.push(Line::attribute(T::NAME, attribute));
    }

    /// Adds an attribute without value at the end.
    pub fn put_flag(&mut self, name: &str) {
        self.push(Line::attribute(name, ""));
    }

    /// Puts a line right behind the first: `o=` behind `v=`, `c=` behind `m=`.
    pub(crate) fn put_second(&mut self, line: Line) {
        self.lines.insert(self.lines.len().min(1), line);
    }

    /// Keeps the lines that are wanted.
    pub fn retain(&mut self, keep: impl FnMut(&Line) -> bool) {
        self.lines.retain(keep);
    }
}
