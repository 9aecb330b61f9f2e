//! [`Encoder`]: from frames to payloads.

use ruf_audio::{G722Encoder, Law};

use super::opus::OpusEncoder;
use crate::agreed::AgreedCodec;
use crate::codec::Codec;

/// Of one codec, in one direction of one stream.
pub(crate) enum Encoder {
    G711(Law),
    G722(Box<G722Encoder>),
    Opus(OpusEncoder),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Encoder::G711(_) => "G711",
            Encoder::G722(_) => "G722",
            Encoder::Opus(_) => "Opus",
        })
    }
}

impl Encoder {
    pub(crate) fn new(agreed: &AgreedCodec) -> Encoder {
        match agreed.codec {
            Codec::Pcmu => Encoder::G711(Law::Mu),
            Codec::Pcma => Encoder::G711(Law::A),
            Codec::G722 => Encoder::G722(Box::new(G722Encoder::new())),
            Codec::Opus => Encoder::Opus(OpusEncoder::new(&agreed.opus)),
        }
    }

    /// The payload of these samples, which are one to six frames at the rate of the codec. Nothing, if
    /// nothing needs to be sent for them.
    pub(crate) fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.clear();
        match self {
            Encoder::G711(law) => law.encode_to(samples, payload),
            Encoder::G722(encoder) => encoder.encode(samples, payload),
            Encoder::Opus(encoder) => encoder.encode(samples, payload),
        }
    }
}
