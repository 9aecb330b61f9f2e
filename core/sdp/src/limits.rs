//! The bounds of a description. What is larger is refused, with the line at which it became so.

/// Bounds of what is read. The default is for what comes from anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a description.
    pub octets_max: usize,
    /// Its lines, of all sections.
    pub lines_max: usize,
    /// Its `m=` lines.
    pub media_max: usize,
}

impl Limits {
    /// Formats of an `m=` line: twice the payload types that there are. A line with more cannot be read.
    pub const FORMATS_MAX: usize = 256;
    /// What a datagram holds, and more streams than any call has.
    pub const DEFAULT: Limits = Limits { octets_max: 65_536, lines_max: 4_096, media_max: 64 };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}
