//! A codec as this side would have it, and when two formats are the same codec (RFC 3264 §6.1).
//!
//! What a codec computes is core/audio's and io/media's.

use crate::format::{Encoding, Format, fmtp_parameter};

/// A codec with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Codec {
    /// Its name, clock and channels.
    pub encoding: Encoding,
    /// What `a=fmtp` says of what we receive; empty for nothing.
    pub fmtp: String,
    /// The payload type that an offer gives it if nothing else has it. Static ones have their own.
    pub payload_type: Option<u8>,
}

impl Codec {
    /// With one channel, no parameters, and any payload type.
    pub fn new(name: &str, clock_rate_hz: u32) -> Codec {
        Codec { encoding: Encoding::new(name, clock_rate_hz), fmtp: String::new(), payload_type: None }
    }

    /// With so many channels.
    #[must_use]
    pub fn channels(mut self, channels: u8) -> Codec {
        self.encoding.channels = channels;
        self
    }

    /// With these parameters.
    #[must_use]
    pub fn fmtp(mut self, fmtp: &str) -> Codec {
        fmtp.clone_into(&mut self.fmtp);
        self
    }

    /// G.711 μ-law.
    pub fn pcmu() -> Codec {
        Codec::new("PCMU", 8_000)
    }

    /// G.711 A-law.
    pub fn pcma() -> Codec {
        Codec::new("PCMA", 8_000)
    }

    /// G.722, whose clock is said to be 8000 (RFC 3551 §4.5.2).
    pub fn g722() -> Codec {
        Codec::new("G722", 8_000)
    }

    /// Opus with forward error correction (RFC 7587 §6.1).
    pub fn opus() -> Codec {
        Codec::new("opus", 48_000).channels(2).fmtp("useinbandfec=1")
    }
}

/// Parameters that make another codec of it, so that both sides must say the same: encoding, parameter, and
/// what it is where it is not said.
const CONFIGURATIONS: &[(&str, &str, &str)] = &[
    ("H264", "packetization-mode", "0"),
    ("AMR", "octet-align", "0"),
    ("AMR-WB", "octet-align", "0"),
    ("G7221", "bitrate", ""),
    ("VP9", "profile-id", "0"),
];

/// Whether both are the same codec, in a configuration that both understand.
pub(crate) fn is_same(encodings: (&Encoding, &Encoding), fmtps: (&str, &str)) -> bool {
    // rfc3264 §6.1
    let (ours, theirs) = encodings;
    ours.matches(theirs)
        && CONFIGURATIONS.iter().filter(|(name, ..)| ours.is(name)).all(|(_, parameter, default)| {
            let value = |fmtp| fmtp_parameter(fmtp, parameter).unwrap_or(default);
            value(fmtps.0) == value(fmtps.1)
        })
}

/// See [`is_same`].
pub(crate) fn is_same_format(ours: &Format, theirs: &Format) -> bool {
    is_same((&ours.encoding, &theirs.encoding), (&ours.fmtp, &theirs.fmtp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_makes_another_codec() {
        // tests rfc3264 §6.1
        let same = |name: &str, ours: &str, theirs: &str| {
            let encoding = Encoding::new(name, 90_000);
            is_same((&encoding, &Encoding::new(&name.to_lowercase(), 90_000)), (ours, theirs))
        };
        assert!(same("H264", "packetization-mode=1; a=b", "profile-level-id=42e01f;packetization-mode=1"));
        assert!(!same("H264", "packetization-mode=1", ""));
        assert!(same("H264", "packetization-mode=0", ""));
        assert!(same("opus", "stereo=1", ""));
        assert!(!is_same((&Codec::opus().encoding, &Encoding::new("opus", 48_000)), ("", "")));
    }
}
