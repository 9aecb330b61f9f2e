//! What is wrong with a description: the line, what was expected there and what stands there.

use std::fmt;

/// A description, or a value in it, that cannot be read. The guilty one is who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    line: usize,
    expected: &'static str,
    found: String,
}

impl ParseError {
    pub(crate) fn new(line: usize, expected: &'static str, found: impl Into<String>) -> ParseError {
        ParseError { line, expected, found: found.into() }
    }

    /// The line, counted from 1; 0 for one that was not read but made.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What should stand there.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// What stands there, shortened; of an attribute only its name, for its value may be a key.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SDP line {}: expected {}, found {}", self.line, self.expected, self.found)
    }
}

impl std::error::Error for ParseError {}
