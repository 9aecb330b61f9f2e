//! A URI that owns its text.

use super::{Parts, UriRef};
use crate::error::UriError;
use smallvec::SmallVec;
use std::fmt;
use std::str::FromStr;

/// A URI that owns its text. Compares as [`UriRef::equivalent`], so it is no key of a map: see
/// core/admission for the canonical form of an address-of-record.
#[derive(Clone, Default)]
pub struct Uri {
    /// In place, as far as most are long.
    text: SmallVec<[u8; 48]>,
    parts: Parts,
}

impl Uri {
    /// A copy of a URI.
    pub(super) fn copied(uri: &UriRef<'_>) -> Self {
        Uri { text: SmallVec::from_slice(uri.as_bytes()), parts: uri.parts() }
    }

    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// As [`UriRef::parse`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, UriError> {
        Ok(Uri::copied(&UriRef::parse(text.as_ref())?))
    }

    /// It, borrowed: all readers are there.
    pub fn as_ref(&self) -> UriRef<'_> {
        UriRef::from_parts(&self.text, self.parts)
    }

    /// The text as written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether both mean the same: [`UriRef::equivalent`].
    pub fn equivalent(&self, other: &Uri) -> bool {
        self.as_ref().equivalent(&other.as_ref())
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        UriRef::parse(text.as_bytes()).map(|uri| uri.to_owned())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_ref())
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.equivalent(other)
    }
}

impl<'a> From<&'a Uri> for UriRef<'a> {
    fn from(uri: &'a Uri) -> Self {
        uri.as_ref()
    }
}

impl From<UriRef<'_>> for Uri {
    fn from(uri: UriRef<'_>) -> Self {
        uri.to_owned()
    }
}
