//! `m=`: what a stream carries, at which port, by which protocol, in which formats (RFC 8866 §5.14).

use std::fmt;

use crate::limits::Limits;
use crate::word::{is_token, number};

/// What a stream carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
    /// `text`.
    Text,
    /// `application`.
    Application,
    /// `message`.
    Message,
    /// `image`.
    Image,
    /// Any other, as it is written.
    Other(String),
}

impl Kind {
    /// Reads a `<media>`.
    pub fn parse(word: &str) -> Kind {
        match word {
            "audio" => Kind::Audio,
            "video" => Kind::Video,
            "text" => Kind::Text,
            "application" => Kind::Application,
            "message" => Kind::Message,
            "image" => Kind::Image,
            _ => Kind::Other(word.to_owned()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
            Kind::Text => "text",
            Kind::Application => "application",
            Kind::Message => "message",
            Kind::Image => "image",
            Kind::Other(word) => word,
        })
    }
}

/// The transport of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `RTP/AVP`: RTP (RFC 3551).
    RtpAvp,
    /// `RTP/AVPF`: with feedback (RFC 4585).
    RtpAvpf,
    /// `RTP/SAVP`: SRTP (RFC 3711).
    RtpSavp,
    /// `RTP/SAVPF`: SRTP with feedback (RFC 5124).
    RtpSavpf,
    /// `UDP/TLS/RTP/SAVP`: SRTP keyed by DTLS (RFC 5764).
    UdpTlsRtpSavp,
    /// `UDP/TLS/RTP/SAVPF`: the same with feedback.
    UdpTlsRtpSavpf,
    /// Any other, as it is written.
    Other(String),
}

impl Protocol {
    /// Reads a `<proto>`.
    pub fn parse(word: &str) -> Protocol {
        match word {
            "RTP/AVP" => Protocol::RtpAvp,
            "RTP/AVPF" => Protocol::RtpAvpf,
            "RTP/SAVP" => Protocol::RtpSavp,
            "RTP/SAVPF" => Protocol::RtpSavpf,
            "UDP/TLS/RTP/SAVP" => Protocol::UdpTlsRtpSavp,
            "UDP/TLS/RTP/SAVPF" => Protocol::UdpTlsRtpSavpf,
            _ => Protocol::Other(word.to_owned()),
        }
    }

    /// Whether its formats are payload types of RTP.
    pub fn is_rtp(&self) -> bool {
        !matches!(self, Protocol::Other(_))
    }

    /// Whether media is encrypted with keys of the description (RFC 4568 §4).
    pub fn demands_srtp(&self) -> bool {
        matches!(self, Protocol::RtpSavp | Protocol::RtpSavpf)
    }

    /// Whether media is encrypted with keys of DTLS.
    pub fn is_dtls(&self) -> bool {
        matches!(self, Protocol::UdpTlsRtpSavp | Protocol::UdpTlsRtpSavpf)
    }

    /// Whether it has feedback by RTCP (RFC 4585).
    pub fn has_feedback(&self) -> bool {
        matches!(self, Protocol::RtpAvpf | Protocol::RtpSavpf | Protocol::UdpTlsRtpSavpf)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::RtpAvp => "RTP/AVP",
            Protocol::RtpAvpf => "RTP/AVPF",
            Protocol::RtpSavp => "RTP/SAVP",
            Protocol::RtpSavpf => "RTP/SAVPF",
            Protocol::UdpTlsRtpSavp => "UDP/TLS/RTP/SAVP",
            Protocol::UdpTlsRtpSavpf => "UDP/TLS/RTP/SAVPF",
            Protocol::Other(word) => word,
        })
    }
}

/// What an `m=` line says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaLine {
    /// What the stream carries.
    pub kind: Kind,
    /// Where it is received; 0 if it is not wanted.
    pub port: u16,
    /// How many ports, of hierarchical encoding; 1 of all others.
    pub count: u16,
    /// Its transport.
    pub protocol: Protocol,
    /// Its formats in order of preference; of RTP, payload types. At least one.
    pub formats: Vec<String>,
}

impl MediaLine {
    pub(crate) const EXPECTED: &'static str = "`m=<media> <port>[/<count>] <proto> <fmt> ...`";

    /// Reads what follows `m=`.
    pub fn parse(value: &str) -> Option<MediaLine> {
        // rfc8866 §5.14
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().filter(|word| is_token(word))?;
        let port = words.next()?;
        let (port, count) = match port.split_once('/') {
            Some((port, count)) => (port, number(count).filter(|count| *count > 0)?),
            None => (port, 1),
        };
        let protocol = words.next().filter(|word| word.split('/').all(is_token))?;
        let formats: Vec<String> = words.take(Limits::FORMATS_MAX + 1).map(str::to_owned).collect();
        if formats.is_empty() || formats.len() > Limits::FORMATS_MAX {
            return None;
        }
        let (kind, protocol) = (Kind::parse(kind), Protocol::parse(protocol));
        Some(MediaLine { kind, port: number(port)?, count, protocol, formats })
    }
}

impl fmt::Display for MediaLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.port)?;
        if self.count != 1 {
            write!(f, "/{}", self.count)?;
        }
        write!(f, " {}", self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_line_is_read_and_printed() {
        // tests rfc8866 §5.14
        for value in [
            "audio 49170 RTP/AVP 0 8 97",
            "video 49170/2 RTP/AVPF 31",
            "application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "image 0 udptl t38",
            "audio 9 UDP/TLS/RTP/SAVPF 111",
            "x-data 7 TCP/x *",
        ] {
            assert_eq!(MediaLine::parse(value).unwrap().to_string(), value);
        }
        for wrong in [
            "",
            "audio",
            "audio 1",
            "audio 1 RTP/AVP",
            "audio 65536 RTP/AVP 0",
            "audio +1 RTP/AVP 0",
            "audio 1/0 RTP/AVP 0",
            "audio 1 RTP//AVP 0",
        ] {
            assert_eq!(MediaLine::parse(wrong), None, "{wrong}");
        }
        let many = |count| MediaLine::parse(&format!("audio 1 RTP/AVP{}", " 0".repeat(count))).is_some();
        assert!(many(Limits::FORMATS_MAX) && !many(Limits::FORMATS_MAX + 1));
    }
}
