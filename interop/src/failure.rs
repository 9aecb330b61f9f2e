//! Why a cell of the table, or a whole run, failed: one sentence for a person to read.
//!
//! This is a test program: nobody acts on the kind of a failure, everybody reads its words.

use std::fmt;

/// One sentence: what was expected, and what was seen instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

/// What a check comes to.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure that says `sentence`.
    pub(crate) fn new(sentence: impl fmt::Display) -> Failure {
        Failure(sentence.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(error)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Failure {
        Failure::new(error)
    }
}

/// Fails with a formatted sentence.
macro_rules! fail {
    ($($sentence:tt)*) => {
        return Err($crate::failure::Failure::new(format!($($sentence)*)))
    };
}
pub(crate) use fail;

/// Fails with a formatted sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)*) => {
        if !$condition {
            $crate::failure::fail!($($sentence)*)
        }
    };
}
pub(crate) use ensure;
