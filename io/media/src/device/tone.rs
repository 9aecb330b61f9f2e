//! A tone as a source.

use ruf_audio::{Frame, Rate, Tone, ToneSource};

use super::Source;

/// Says a tone: for ever, or until it is over, and then nothing.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    tone: ToneSource,
    rate: Rate,
}

impl ToneGenerator {
    /// From its first beat, at this rate.
    pub fn new(tone: Tone, rate: Rate) -> ToneGenerator {
        ToneGenerator { tone: ToneSource::new(tone, rate), rate }
    }
}

impl Source for ToneGenerator {
    fn frame(&mut self) -> Option<Frame> {
        if self.tone.is_over() {
            return None;
        }
        let mut frame = Frame::silence(self.rate);
        self.tone.fill(&mut frame);
        Some(frame)
    }
}
