//! The bounds of a message, by name. Bounds of tables (transactions, bindings) live with the tables.

/// Largest message accepted or framed: what one UDP datagram can carry (RFC 3261 §18.1.1).
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Largest number of header lines in one message.
pub const HEADERS_MAX: usize = 256;

/// Header lines that a message holds without an allocation.
pub const HEADERS_INLINE: usize = 24;

/// Largest header section (start line and headers) that a stream may send before its empty line.
pub const HEAD_BYTES_MAX: usize = 32_768;

/// Largest number of parts in one multipart body.
pub const PARTS_MAX: usize = 32;

/// Largest number of parameters, and of headers, in one URI: comparing two URIs looks for each of one
/// among those of the other (RFC 3261 §19.1.4).
pub const URI_PARTS_MAX: usize = 64;

/// CSeq numbers stay below 2**31 (RFC 3261 §8.1.1.5).
pub const CSEQ_MAX: u32 = (1 << 31) - 1;
