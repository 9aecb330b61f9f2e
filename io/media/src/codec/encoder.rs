//! [`Encoder`]: from frames to payloads.

use ruf_audio::{G722Encoder, Law};

use super::opus::OpusEncoder;
use crate::agreed::AgreedCodec;
use crate::codec::Codec;

/// Of one codec, in one direction of one stream.
pub struct Encoder(Kind);

enum Kind {
    G711(Law),
    G722(Box<G722Encoder>),
    Opus(OpusEncoder),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::G711(_) => "G711",
            Kind::G722(_) => "G722",
            Kind::Opus(_) => "Opus",
        })
    }
}

impl Encoder {
    /// As it was agreed on.
    pub fn new(agreed: &AgreedCodec) -> Encoder {
        Encoder(match agreed.codec {
            Codec::Pcmu => Kind::G711(Law::Mu),
            Codec::Pcma => Kind::G711(Law::A),
            Codec::G722 => Kind::G722(Box::new(G722Encoder::new())),
            Codec::Opus => Kind::Opus(OpusEncoder::new(&agreed.opus)),
        })
    }

    /// So much of what is sent is lost: what can be prepared for that, is.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        match &mut self.0 {
            Kind::G711(_) | Kind::G722(_) => {}
            Kind::Opus(encoder) => encoder.expect_loss(percent),
        }
    }

    /// The payload of these samples, which are one to six frames at the rate of the codec. Nothing, if
    /// nothing needs to be sent for them.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.clear();
        match &mut self.0 {
            Kind::G711(law) => law.encode_to(samples, payload),
            Kind::G722(encoder) => encoder.encode(samples, payload),
            Kind::Opus(encoder) => encoder.encode(samples, payload),
        }
    }
}
