//! `a=ssrc`: what is said of one source of RTP (RFC 5576), and `a=extmap`: the extensions of RTP's header
//! (RFC 8285).

use std::fmt;

use crate::direction::Direction;
use crate::section::Attribute;
use crate::word::number;

/// `a=ssrc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ssrc {
    /// The source.
    pub ssrc: u32,
    /// `cname`, `msid`.
    pub attribute: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

impl Attribute for Ssrc {
    const NAME: &'static str = "ssrc";
    const EXPECTED: &'static str = "`a=ssrc:<ssrc> <attribute>[:<value>]`";

    fn parse(value: &str) -> Option<Ssrc> {
        let (ssrc, attribute) = value.trim().split_once(' ')?;
        let (attribute, value) = match attribute.split_once(':') {
            Some((attribute, value)) => (attribute, Some(value.to_owned())),
            None => (attribute, None),
        };
        Some(Ssrc { ssrc: number(ssrc)?, attribute: attribute.to_owned(), value })
    }
}

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} {}:{value}", self.ssrc, self.attribute),
            None => write!(f, "{} {}", self.ssrc, self.attribute),
        }
    }
}

/// `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extmap {
    /// The number in the packet.
    pub id: u16,
    /// Which way it is used, if that is said.
    pub direction: Option<Direction>,
    /// What it is.
    pub uri: String,
    /// The rest, as it is written; empty if there is none.
    pub attributes: String,
}

impl Attribute for Extmap {
    const NAME: &'static str = "extmap";
    const EXPECTED: &'static str = "`a=extmap:<id>[/<direction>] <uri> [<attributes>]`";

    fn parse(value: &str) -> Option<Extmap> {
        let mut words = value.trim().splitn(3, ' ');
        let (id, uri) = (words.next()?, words.next().filter(|uri| !uri.is_empty())?);
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Some(Direction::parse(direction)?)),
            None => (id, None),
        };
        let attributes = words.next().unwrap_or_default().to_owned();
        Some(Extmap { id: number(id)?, direction, uri: uri.to_owned(), attributes })
    }
}

impl fmt::Display for Extmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(direction) = self.direction {
            write!(f, "/{direction}")?;
        }
        write!(f, " {}", self.uri)?;
        if self.attributes.is_empty() { Ok(()) } else { write!(f, " {}", self.attributes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_and_printed() {
        for value in ["2754920552 cname:t9YU8M1UxTF8Y1A1", "11 msid:a b", "11 fmtp:96 a=b:c", "7 mute"] {
            assert_eq!(Ssrc::parse(value).unwrap().to_string(), value);
        }
        assert_eq!(Ssrc::parse("4294967296 cname:x"), None);
        assert_eq!(Ssrc::parse("1"), None);
    }

    #[test]
    fn an_extension_is_read_and_printed() {
        for value in ["1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "2/sendonly urn:x a b", "4096 urn:y"] {
            assert_eq!(Extmap::parse(value).unwrap().to_string(), value);
        }
        for wrong in ["", "1", "x urn:y", "1/both urn:y", "1  urn:y"] {
            assert_eq!(Extmap::parse(wrong), None, "{wrong}");
        }
    }
}
