//! Reading octets of a header value: classes of characters, a [`Scanner`], quoted strings, comma
//! lists (RFC 3261 §25.1). What the pieces mean is not here: see [`header`](crate::header).
//!
//! A value may still hold its folding (CR LF followed by a space); all white space here includes CR
//! and LF, so no copy is made to unfold.

pub mod class;
mod list;
mod quoted;
mod scanner;

pub use class::is;
pub use list::{Elements, elements, first_element};
pub use quoted::{quote, unfold, unquote};
pub use scanner::Scanner;

/// `bytes` without white space at its ends.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [first, rest @ ..] = bytes
        && is(*first, class::LWS)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is(*last, class::LWS)
    {
        bytes = rest;
    }
    bytes
}
