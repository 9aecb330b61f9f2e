//! The table of header lines. It knows which names cannot be in it, since most questions are for headers
//! that are not there.

use super::{Line, Span};
use crate::limits::HEADERS_INLINE;
use crate::name::HeaderName;
use smallvec::SmallVec;
use std::ops::Deref;

#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: SmallVec<[Line; HEADERS_INLINE]>,
    /// The bits of all names that were ever in it.
    names: u64,
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        Lines { lines: self.lines.clone(), names: self.names }
    }

    fn clone_from(&mut self, other: &Self) {
        self.lines.clone_from(&other.lines);
        self.names = other.names;
    }
}

/// Some names share one.
#[inline]
const fn bit(id: HeaderName) -> u64 {
    1 << (id as u8 % 64)
}

impl Lines {
    /// `false`: no line has this name.
    #[inline]
    pub(crate) const fn may_have(&self, id: HeaderName) -> bool {
        self.names & bit(id) != 0
    }

    /// Those among which lines of this name are, if there are any.
    #[inline]
    pub(crate) fn that_may_be(&self, id: HeaderName) -> &[Line] {
        if self.may_have(id) { &self.lines } else { &[] }
    }

    /// Those of `others` that `keep` says, where none is yet.
    pub(crate) fn keep_of(&mut self, others: &Lines, keep: impl Fn(HeaderName) -> bool) {
        self.lines.extend(others.lines.iter().filter(|line| keep(line.id)).copied());
        self.names = others.names;
    }

    #[inline]
    pub(crate) fn push(&mut self, line: Line) {
        self.names |= bit(line.id);
        self.lines.push(line);
    }

    /// Without any line, and without memory for more than most messages have.
    pub(crate) fn clear(&mut self) {
        self.names = 0;
        if self.lines.spilled() { self.lines = SmallVec::new() } else { self.lines.clear() }
    }

    pub(crate) fn insert(&mut self, at: usize, line: Line) {
        self.names |= bit(line.id);
        self.lines.insert(at, line);
    }

    pub(crate) fn remove(&mut self, at: usize) -> Line {
        self.lines.remove(at)
    }

    /// Puts a line in the place of another.
    pub(crate) fn replace(&mut self, at: usize, line: Line) {
        self.names |= bit(line.id);
        if let Some(there) = self.lines.get_mut(at) {
            *there = line;
        }
    }

    /// The value of a line, to be changed.
    pub(crate) fn value_mut(&mut self, at: usize) -> Option<&mut Span> {
        self.lines.get_mut(at).map(|line| &mut line.value)
    }
}

impl Deref for Lines {
    type Target = [Line];

    #[inline]
    fn deref(&self) -> &[Line] {
        &self.lines
    }
}

impl<'a> IntoIterator for &'a Lines {
    type Item = &'a Line;
    type IntoIter = std::slice::Iter<'a, Line>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.lines.iter()
    }
}
