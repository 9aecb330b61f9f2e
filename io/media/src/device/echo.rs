//! What is heard is said again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_audio::Frame;

use super::{Sink, Source};

/// Frames that may wait: what comes late must not come later and later.
const FRAMES_MAX: usize = 10;

/// Two ends of one echo: what the sink hears, the source says.
pub fn echo() -> (Box<dyn Source>, Box<dyn Sink>) {
    let echo = Echo(Arc::default());
    (Box::new(echo.clone()), Box::new(echo))
}

#[derive(Clone)]
struct Echo(Arc<Mutex<Line>>);

/// What was heard and not said yet.
#[derive(Default)]
struct Line {
    frames: VecDeque<Frame>,
    /// Somebody says it.
    is_asked: bool,
}

impl Echo {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Echo {
    fn frame(&mut self) -> Option<Frame> {
        let mut line = self.line();
        line.is_asked = true;
        line.frames.pop_front()
    }
}

impl Sink for Echo {
    fn hear(&mut self, frame: &Frame) {
        let mut line = self.line();
        // What is heard before anybody says it would make all that follows later.
        let max = if line.is_asked { FRAMES_MAX } else { 1 };
        if line.frames.len() >= max {
            line.frames.pop_front();
        }
        line.frames.push_back(frame.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_audio::Rate;

    #[test]
    fn what_is_heard_is_said_in_order_and_not_later_and_later() {
        let (mut source, mut sink) = echo();
        for level in 90..95 {
            sink.hear(&Frame::of(Rate::Hz8000, &[level; 160]));
        }
        assert_eq!(
            source.frame().map(|frame| frame[0]),
            Some(94),
            "before it is said, only the newest is kept"
        );
        assert_eq!(source.frame(), None);
        for level in 0..25 {
            sink.hear(&Frame::of(Rate::Hz8000, &[level; 160]));
        }
        let said: Vec<i16> = std::iter::from_fn(|| source.frame()).map(|frame| frame[0]).collect();
        assert_eq!(said, (15..25).collect::<Vec<_>>());
    }
}
