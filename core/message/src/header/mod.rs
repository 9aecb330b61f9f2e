//! Typed header values, one file per family. [`Header`] is what they share; reading them from a
//! message is [`Fields::header`](crate::Fields::header).

pub mod accept;
pub mod address;
pub mod auth;
pub mod call_id;
pub mod content;
pub mod cseq;
pub mod date;
pub mod diversion;
pub mod event;
pub mod expires;
pub mod history;
pub mod hops;
pub mod options;
pub mod outbound;
pub mod pointers;
pub mod preferences;
pub mod privacy;
pub mod reason;
pub mod refer;
pub mod reliable;
pub mod text;
pub mod via;
mod wraps;

use crate::error::HeaderError;
use crate::name::HeaderName;

/// A value of one header field: one element, if the field is a comma list.
pub trait Header<'a>: Sized {
    /// The field.
    const NAME: HeaderName;

    /// Reads a value, which may still hold its folding and white space around it.
    ///
    /// # Errors
    /// If the value does not follow the field's grammar.
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError>;

    /// Appends the value to `out`, so that [`decode`](Header::decode) reads the same again.
    fn encode(&self, out: &mut Vec<u8>);

    /// The value as octets.
    fn to_value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}
