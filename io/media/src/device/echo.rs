//! What is heard is said again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ruf_audio::Frame;

use super::{Sink, Source};

/// Frames that may wait: what comes late must not come later and later.
const FRAMES_MAX: usize = 10;

/// Two ends of one echo: what the sink hears, the source says.
pub fn echo() -> (Box<dyn Source>, Box<dyn Sink>) {
    let frames = Echo(Arc::default());
    (Box::new(frames.clone()), Box::new(frames))
}

#[derive(Clone)]
struct Echo(Arc<Mutex<VecDeque<Frame>>>);

impl Source for Echo {
    fn frame(&mut self) -> Option<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Sink for Echo {
    fn hear(&mut self, frame: &Frame) {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() >= FRAMES_MAX {
            frames.pop_front();
        }
        frames.push_back(frame.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_audio::Rate;

    #[test]
    fn what_is_heard_is_said_in_order_and_not_later_and_later() {
        let (mut source, mut sink) = echo();
        assert_eq!(source.frame(), None);
        for level in 0..25 {
            sink.hear(&Frame::of(Rate::Hz8000, &[level; 160]));
        }
        let said: Vec<i16> = std::iter::from_fn(|| source.frame()).map(|frame| frame[0]).collect();
        assert_eq!(said, (15..25).collect::<Vec<_>>());
    }
}
