//! How loud what goes through is, for whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ruf_audio::{Frame, SILENCE_DBOV, level_dbov};

use super::{Sink, Source};

/// Measures what goes through a sink or a source, and passes it on.
#[derive(Clone, Debug)]
pub struct LevelMeter(Arc<AtomicU8>);

impl Default for LevelMeter {
    fn default() -> LevelMeter {
        LevelMeter(Arc::new(AtomicU8::new(SILENCE_DBOV)))
    }
}

impl LevelMeter {
    /// The level of the last 20 ms in -dBov: 0 is overload, 127 is silence (RFC 6464).
    pub fn dbov(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Measures what is heard.
    pub fn heard(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(Metered { level: self.clone(), end: sink })
    }

    /// Measures what is said.
    pub fn said(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Metered { level: self.clone(), end: source })
    }

    fn look(&self, frame: Option<&Frame>) {
        let level = frame.map_or(SILENCE_DBOV, |frame| level_dbov(frame));
        self.0.store(level, Ordering::Relaxed);
    }
}

struct Metered<E> {
    level: LevelMeter,
    end: E,
}

impl Sink for Metered<Box<dyn Sink>> {
    fn hear(&mut self, frame: &Frame) {
        self.level.look(Some(frame));
        self.end.hear(frame);
    }
}

impl Source for Metered<Box<dyn Source>> {
    fn frame(&mut self) -> Option<Frame> {
        let frame = self.end.frame();
        self.level.look(frame.as_ref());
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{ToneGenerator, echo};
    use ruf_audio::{Rate, Tone};

    #[test]
    fn a_level_follows_what_goes_through_and_nothing_is_silence() {
        let (said, heard) = (LevelMeter::default(), LevelMeter::default());
        let mut source = said.said(Box::new(ToneGenerator::new(Tone::sine(440.0, -20.0), Rate::Hz16000)));
        let (mut again, sink) = echo();
        let mut sink = heard.heard(sink);
        assert_eq!((said.dbov(), heard.dbov()), (127, 127));
        for _ in 0..5 {
            sink.hear(&source.frame().unwrap());
        }
        assert!((20..=24).contains(&said.dbov()), "{}", said.dbov());
        assert_eq!(said.dbov(), heard.dbov());
        assert!(again.frame().is_some());
        sink.hear(&Frame::silence(Rate::Hz8000));
        assert_eq!(heard.dbov(), 127);
        let mut nothing = said.said(echo().0);
        assert!(nothing.frame().is_none());
        assert_eq!(said.dbov(), 127);
    }
}
