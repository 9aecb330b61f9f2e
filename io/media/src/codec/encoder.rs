//! [`Encoder`]: from frames to payloads.

use ruf_audio::{Frame, G722Encoder, Law};

use super::Codec;

/// Of one codec, in one direction of one stream.
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
