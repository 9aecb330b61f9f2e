//! Bodies of several parts (RFC 2046 §5.1, RFC 5621). What a part means is for who knows its type.

pub mod multipart;
