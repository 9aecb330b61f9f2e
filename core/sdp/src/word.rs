//! Words of a value: numbers, as SDP's grammar has them.

use std::str::FromStr;

/// A number of digits alone: no sign, no space.
pub(crate) fn number<T: FromStr>(word: &str) -> Option<T> {
    word.bytes().all(|octet| octet.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// Whether it is a token of RFC 8866 §9: visible, and none of the separators.
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|octet| {
            octet.is_ascii_graphic()
                && !matches!(
                    octet,
                    b'"' | b'('
                        | b')'
                        | b','
                        | b'/'
                        | b':'
                        | b';'
                        | b'<'
                        | b'='
                        | b'>'
                        | b'?'
                        | b'@'
                        | b'['
                        | b'\\'
                        | b']'
                )
        })
}
