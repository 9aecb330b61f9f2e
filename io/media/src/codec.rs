//! The codecs behind one door: [`Codec`] says what they are, [`Encoder`] and [`Decoder`] do it (core/audio).

use ruf_audio::{Frame, G722Decoder, G722Encoder, Law, Rate};
use ruf_rtp::Impairment;

/// Samples of a payload that are decoded at most: 120 ms at the highest rate.
const SAMPLES_MAX: usize = 5_760;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
}

impl Codec {
    /// All of them, the best first.
    pub const ALL: [Codec; 3] = [Codec::G722, Codec::Pcma, Codec::Pcmu];

    /// Its name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
        }
    }

    /// Units of RTP time in a second.
    // rfc3551 §4.5.2: 8000 for G.722, though it has 16000 samples
    pub const fn clock_rate_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
        }
    }

    /// The rate of its sound.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcmu | Codec::Pcma => Rate::Hz8000,
            Codec::G722 => Rate::Hz16000,
        }
    }

    /// How much of it a loss takes away, for the E-model.
    pub(crate) const fn impairment(self) -> Impairment {
        match self {
            Codec::Pcmu | Codec::Pcma => Impairment::G711,
            Codec::G722 => Impairment::G722,
        }
    }

    /// How much RTP time a payload takes; `None` if it is none of its.
    pub(crate) fn ticks(self, payload: &[u8]) -> Option<u32> {
        match self {
            // An octet for each unit of the clock.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                u32::try_from(payload.len()).ok().filter(|len| *len > 0)
            }
        }
    }

    /// So much RTP time in samples.
    pub(crate) fn samples(self, ticks: i64) -> i64 {
        ticks * i64::from(self.rate().hz()) / i64::from(self.clock_rate_hz())
    }
}

/// From frames to payloads.
pub(crate) enum Encoder {
    G711(Law),
    G722(Box<G722Encoder>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Encoder::G711(_) => "G711",
            Encoder::G722(_) => "G722",
        })
    }
}

impl Encoder {
    pub(crate) fn new(codec: Codec) -> Encoder {
        match codec {
            Codec::Pcmu => Encoder::G711(Law::Mu),
            Codec::Pcma => Encoder::G711(Law::A),
            Codec::G722 => Encoder::G722(Box::new(G722Encoder::new())),
        }
    }

    /// Appends a frame, which has the rate of the codec, to a payload.
    pub(crate) fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        match self {
            Encoder::G711(law) => law.encode_to(frame, payload),
            Encoder::G722(encoder) => encoder.encode(frame, payload),
        }
    }
}

/// From payloads to samples, and to what stands for those that did not come.
pub(crate) struct Decoder {
    kind: Kind,
    samples: Vec<i16>,
    rate: Rate,
    concealed: u32,
}

enum Kind {
    G711(Law),
    G722(Box<G722Decoder>),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Decoder {
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu),
            Codec::Pcma => Kind::G711(Law::A),
            Codec::G722 => Kind::G722(Box::new(G722Decoder::new())),
        };
        Decoder { kind, samples: Vec::new(), rate: codec.rate(), concealed: 0 }
    }

    /// What a payload says. `stretch`: by how many samples it may become longer or, negative, shorter.
    pub(crate) fn decode(&mut self, payload: &[u8], _stretch: i64) -> &[i16] {
        let octets_samples = match &self.kind {
            Kind::G711(_) => 1,
            Kind::G722(_) => 2,
        };
        self.samples.clear();
        self.samples.resize((payload.len() * octets_samples).min(SAMPLES_MAX), 0);
        let len = match &mut self.kind {
            Kind::G711(law) => law.decode_to(payload, &mut self.samples),
            Kind::G722(decoder) => decoder.decode(payload, &mut self.samples),
        };
        self.samples.truncate(len);
        self.concealed = 0;
        &self.samples
    }

    /// So many samples for what did not come; `next` is the payload behind it, if it is there.
    pub(crate) fn conceal(&mut self, len: usize, _next: Option<&[u8]>) -> &[i16] {
        self.samples.resize(len.min(SAMPLES_MAX), 0);
        for sample in &mut self.samples {
            *sample /= 2;
        }
        &self.samples
    }

    /// So many samples of this comfort noise.
    pub(crate) fn noise(&mut self, _description: &[u8], len: usize) -> &[i16] {
        self.silence(len)
    }

    /// So many samples of nothing.
    pub(crate) fn silence(&mut self, len: usize) -> &[i16] {
        self.samples.clear();
        self.samples.resize(len.min(SAMPLES_MAX), 0);
        &self.samples
    }
}
