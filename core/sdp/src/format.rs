//! `a=rtpmap` and `a=fmtp`: what a payload type carries (RFC 8866 §6.6, §6.15), and the payload types that
//! are known without (RFC 3551 §6).

use std::fmt;

use crate::section::{Attribute, Section};
use crate::word::number;

/// Payload types of RTP are below this.
const PAYLOAD_TYPES: usize = 128;

/// What a payload type carries: an encoding, its clock, its channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// `PCMU`, `opus`. Compared without regard to case.
    pub name: String,
    /// Of the RTP timestamps; of G.722, 8000 (RFC 3551 §4.5.2).
    pub clock_rate_hz: u32,
    /// Of audio; 1 of all others.
    pub channels: u8,
}

impl Encoding {
    /// With one channel.
    pub fn new(name: &str, clock_rate_hz: u32) -> Encoding {
        Encoding { name: name.to_owned(), clock_rate_hz, channels: 1 }
    }

    /// Whether it has that name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether both are the same.
    pub fn matches(&self, other: &Encoding) -> bool {
        self.is(&other.name) && (self.clock_rate_hz, self.channels) == (other.clock_rate_hz, other.channels)
    }

    /// What a payload type means without `a=rtpmap` (RFC 3551 §6, tables 4 and 5).
    pub fn of_static(payload_type: u8) -> Option<Encoding> {
        // rfc3551 §6
        STATIC.iter().find(|row| row.0 == payload_type).map(|(_, name, clock_rate_hz, channels)| Encoding {
            name: (*name).to_owned(),
            clock_rate_hz: *clock_rate_hz,
            channels: *channels,
        })
    }

    /// The payload type that means it without `a=rtpmap`.
    pub fn static_payload_type(&self) -> Option<u8> {
        let found = STATIC.iter().find(|(_, name, clock_rate_hz, channels)| {
            self.is(name) && (self.clock_rate_hz, self.channels) == (*clock_rate_hz, *channels)
        });
        found.map(|row| row.0)
    }

    fn parse(value: &str) -> Option<Encoding> {
        let mut parts = value.split('/');
        let (name, clock_rate_hz) = (parts.next()?, number(parts.next()?)?);
        let channels = match parts.next() {
            Some(channels) => number(channels)?,
            None => 1,
        };
        (!name.is_empty() && parts.next().is_none() && channels > 0).then(|| Encoding {
            name: name.to_owned(),
            clock_rate_hz,
            channels,
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.clock_rate_hz)?;
        if self.channels == 1 { Ok(()) } else { write!(f, "/{}", self.channels) }
    }
}

/// RFC 3551 §6, and where it differs the registry: payload type, encoding, clock, channels.
const STATIC: &[(u8, &str, u32, u8)] = &[
    (0, "PCMU", 8_000, 1),
    (3, "GSM", 8_000, 1),
    (4, "G723", 8_000, 1),
    (5, "DVI4", 8_000, 1),
    (6, "DVI4", 16_000, 1),
    (7, "LPC", 8_000, 1),
    (8, "PCMA", 8_000, 1),
    (9, "G722", 8_000, 1),
    (10, "L16", 44_100, 2),
    (11, "L16", 44_100, 1),
    (12, "QCELP", 8_000, 1),
    (13, "CN", 8_000, 1),
    (14, "MPA", 90_000, 1),
    (15, "G728", 8_000, 1),
    (16, "DVI4", 11_025, 1),
    (17, "DVI4", 22_050, 1),
    (18, "G729", 8_000, 1),
    (25, "CelB", 90_000, 1),
    (26, "JPEG", 90_000, 1),
    (28, "nv", 90_000, 1),
    (31, "H261", 90_000, 1),
    (32, "MPV", 90_000, 1),
    (33, "MP2T", 90_000, 1),
    (34, "H263", 90_000, 1),
];

/// `a=rtpmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rtpmap {
    /// Below 128.
    pub payload_type: u8,
    /// What it carries.
    pub encoding: Encoding,
}

impl Attribute for Rtpmap {
    const NAME: &'static str = "rtpmap";
    const EXPECTED: &'static str = "`a=rtpmap:<payload type> <encoding>/<clock rate>[/<channels>]`";

    fn parse(value: &str) -> Option<Rtpmap> {
        // rfc8866 §6.6
        let (payload_type, encoding) = value.trim().split_once(' ')?;
        Some(Rtpmap {
            payload_type: number(payload_type).filter(|number: &u8| usize::from(*number) < PAYLOAD_TYPES)?,
            encoding: Encoding::parse(encoding.trim_start())?,
        })
    }
}

impl fmt::Display for Rtpmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.payload_type, self.encoding)
    }
}

/// `a=fmtp`: the parameters of a format.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fmtp {
    /// A format of the `m=` line.
    pub format: String,
    /// Its parameters, as they are written.
    pub parameters: String,
}

impl Attribute for Fmtp {
    const NAME: &'static str = "fmtp";
    const EXPECTED: &'static str = "`a=fmtp:<format> <parameters>`";

    fn parse(value: &str) -> Option<Fmtp> {
        // rfc8866 §6.15
        let (format, parameters) = value.trim().split_once(' ')?;
        Some(Fmtp { format: format.to_owned(), parameters: parameters.trim_start().to_owned() })
    }
}

impl fmt::Display for Fmtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.format, self.parameters)
    }
}

/// The value of one of the parameters of an `a=fmtp`, which are parted by semicolons; names are compared
/// without regard to case (RFC 4855). Empty if it has none.
pub fn fmtp_parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One format of an RTP stream: its payload type and all that is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Format {
    /// Below 128.
    pub payload_type: u8,
    /// What it carries.
    pub encoding: Encoding,
    /// Its parameters, as they are written; empty if there are none.
    pub fmtp: String,
}

/// The formats of an RTP stream that say what they are, in the order of the `m=` line, each once. A payload
/// type without `a=rtpmap` is one of `known`, or the static one; a dynamic one without is left out. One pass over
/// the section.
pub(crate) fn formats(listed: &[String], section: &Section, known: &[Format]) -> Vec<Format> {
    let mut encodings: [Option<Encoding>; PAYLOAD_TYPES] = [const { None }; PAYLOAD_TYPES];
    for Rtpmap { payload_type, encoding } in section.readable() {
        if let Some(slot) = encodings.get_mut(usize::from(payload_type)) {
            slot.get_or_insert(encoding);
        }
    }
    let mut parameters: [Option<String>; PAYLOAD_TYPES] = [const { None }; PAYLOAD_TYPES];
    for Fmtp { format, parameters: said } in section.readable() {
        if let Some(slot) = number(&format).and_then(|at: usize| parameters.get_mut(at)) {
            slot.get_or_insert(said);
        }
    }
    let mut listed_before = [false; PAYLOAD_TYPES];
    let mut formats = Vec::new();
    for payload_type in listed.iter().filter_map(|word| number::<u8>(word)) {
        let at = usize::from(payload_type);
        match listed_before.get_mut(at) {
            Some(before) if !*before => *before = true,
            Some(_) | None => continue,
        }
        let said = encodings.get_mut(at).and_then(Option::take);
        let known = || known.iter().find(|known| known.payload_type == payload_type);
        let known = || known().map(|known| known.encoding.clone());
        let Some(encoding) = said.or_else(known).or_else(|| Encoding::of_static(payload_type)) else {
            continue;
        };
        let fmtp = parameters.get_mut(at).and_then(Option::take).unwrap_or_default();
        formats.push(Format { payload_type, encoding, fmtp });
    }
    formats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Description, Line};

    #[test]
    fn an_rtpmap_is_read_and_printed() {
        // tests rfc8866 §6.6
        for value in ["0 PCMU/8000", "111 opus/48000/2", "99 h263-1998/90000"] {
            assert_eq!(Rtpmap::parse(value).unwrap().to_string(), value);
        }
        assert_eq!(Rtpmap::parse("8 PCMA/8000/1").unwrap().to_string(), "8 PCMA/8000");
        for wrong in ["", "0", "128 x/8000", "0 PCMU", "0 /8000", "0 PCMU/x", "0 PCMU/8000/0", "0 a/1/1/1"] {
            assert_eq!(Rtpmap::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_are_found_by_name() {
        // tests rfc8866 §6.15
        let fmtp = Fmtp::parse("96 minptime=10; UseInBandFec=1;stereo").unwrap();
        assert_eq!(fmtp_parameter(&fmtp.parameters, "useinbandfec"), Some("1"));
        assert_eq!(fmtp_parameter(&fmtp.parameters, "stereo"), Some(""));
        assert_eq!(fmtp_parameter(&fmtp.parameters, "ptime"), None);
        assert_eq!(fmtp.to_string(), "96 minptime=10; UseInBandFec=1;stereo");
    }

    #[test]
    fn static_payload_types_have_their_names() {
        // tests rfc3551 §6
        assert_eq!(Encoding::of_static(9), Some(Encoding::new("G722", 8_000)));
        assert_eq!(Encoding::of_static(96), None);
        assert_eq!(Encoding::new("pcma", 8_000).static_payload_type(), Some(8));
        assert_eq!(Encoding::new("PCMA", 16_000).static_payload_type(), None);
        for row in STATIC {
            assert_eq!(Encoding::of_static(row.0).unwrap().static_payload_type(), Some(row.0));
        }
    }

    #[test]
    fn formats_are_those_of_the_media_line() {
        let text = b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 9 RTP/AVP 111 0 96 0 x 200\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:111 twice/1\r\na=rtpmap:5 not/listed\r\na=fmtp:111 useinbandfec=1\r\n";
        let description = Description::parse(text).unwrap();
        let formats = description.media().next().unwrap().formats();
        let brief: Vec<String> = formats
            .iter()
            .map(|found| format!("{} {} {}", found.payload_type, found.encoding, found.fmtp))
            .collect();
        assert_eq!(brief, ["111 opus/48000/2 useinbandfec=1", "0 PCMU/8000 "]);
    }

    #[test]
    fn a_line_of_ours_is_read_again() {
        let map = Rtpmap { payload_type: 96, encoding: Encoding::new("iLBC", 8_000) };
        let line = Line::attribute(Rtpmap::NAME, &map);
        assert_eq!(Rtpmap::parse(line.as_attribute().unwrap().1), Some(map));
    }
}
