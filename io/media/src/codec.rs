//! The codecs behind one door: [`Codec`] says what they are, [`Encoder`] and [`Decoder`] do it.

mod decoder;
mod encoder;
mod opus;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use opus::OpusParameters;
pub(crate) use opus::ticks as opus_ticks;

use ruf_audio::Rate;
use ruf_rtp::Impairment;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, one channel (RFC 7587).
    Opus,
}

impl Codec {
    /// All of them, the best first.
    pub const ALL: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

    /// Its name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// Units of RTP time in a second.
    // rfc3551 §4.5.2: 8000 for G.722, though it has 16000 samples
    // rfc7587 §4.1
    pub const fn clock_rate_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// The rate of its sound.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcmu | Codec::Pcma => Rate::Hz8000,
            Codec::G722 => Rate::Hz16000,
            Codec::Opus => Rate::Hz48000,
        }
    }

    /// How much of it a loss takes away, for the E-model.
    pub(crate) const fn impairment(self) -> Impairment {
        match self {
            Codec::Pcmu | Codec::Pcma => Impairment::G711,
            Codec::G722 => Impairment::G722,
            Codec::Opus => Impairment::OPUS,
        }
    }

    /// How much RTP time a payload takes; `None` if it is none of its.
    pub fn ticks(self, payload: &[u8]) -> Option<u32> {
        match self {
            // An octet for each unit of the clock.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                u32::try_from(payload.len()).ok().filter(|len| *len > 0)
            }
            // The first octet and perhaps the second say it.
            Codec::Opus => opus::ticks(payload),
        }
    }

    /// So much RTP time in samples.
    pub fn samples(self, ticks: i64) -> i64 {
        ticks * i64::from(self.rate().hz()) / i64::from(self.clock_rate_hz())
    }
}
