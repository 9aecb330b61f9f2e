//! [`Tap`]: a place in the sound of a call where a recorder is put, and taken away again, while the call goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruf_audio::Frame;

use super::recorder::Tape;
use super::{Recorder, Sink, Source};

/// Lets sound through, and into a recorder while there is one. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Mutex<Tapped>>);

#[derive(Debug, Default)]
struct Tapped {
    tape: Option<Arc<Tape>>,
    is_muted: bool,
}

impl Tap {
    /// Records from now on what is heard and said, for as long as there is this recorder; or no longer. The file is
    /// whole once the recorder is finished.
    pub fn record(&self, recorder: Option<&Recorder>) {
        self.tapped().tape = recorder.map(Recorder::tape);
    }

    /// What is said is not recorded, since nobody hears it; or it is again.
    pub fn mute(&self, is_muted: bool) {
        self.tapped().is_muted = is_muted;
    }

    /// What is heard goes through here.
    pub fn heard(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(Heard { tap: self.clone(), sink })
    }

    /// What is said goes through here.
    pub fn said(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Said { tap: self.clone(), source })
    }

    fn tapped(&self) -> MutexGuard<'_, Tapped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Heard {
    tap: Tap,
    sink: Box<dyn Sink>,
}

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        self.sink.hear(frame);
        if let Some(tape) = &self.tap.tapped().tape {
            tape.hear(frame);
        }
    }
}

struct Said {
    tap: Tap,
    source: Box<dyn Source>,
}

impl Source for Said {
    fn frame(&mut self) -> Option<Frame> {
        let frame = self.source.frame();
        let tapped = self.tap.tapped();
        if let Some(tape) = &tapped.tape {
            tape.say(frame.as_ref().filter(|_| !tapped.is_muted));
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Null, ToneGenerator};
    use ruf_audio::{Rate, Tone, tone_hz};
    use std::time::Duration;

    /// The longest that is waited for the disk.
    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn what_goes_through_is_recorded_while_there_is_a_recorder_and_what_nobody_hears_is_not() {
        let folder = std::env::temp_dir().join(format!("ruf-media-tap-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let tap = Tap::default();
        let mut sink = tap.heard(Box::new(Null));
        let tone = |hz| ToneGenerator::new(Tone::sine(hz, -10.0), Rate::Hz16000);
        let (mut far, mut source) = (tone(440.0), tap.said(Box::new(tone(700.0))));
        let mut goes_on = |frames| {
            for _ in 0..frames {
                sink.hear(&far.frame().unwrap());
                assert!(source.frame().is_some());
            }
        };
        goes_on(10);
        let sides = |name: &str| {
            let samples: Vec<i16> =
                hound::WavReader::open(folder.join(name)).unwrap().samples().map(Result::unwrap).collect();
            [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect::<Vec<i16>>())
        };
        let is = |samples: &[i16], wanted: f32| {
            tone_hz(samples, 16_000).is_some_and(|(hz, _)| (hz - wanted).abs() < 3.0)
        };
        let recorder = Recorder::create_private(&folder.join("first.wav")).unwrap();
        tap.record(Some(&recorder));
        goes_on(50);
        tap.mute(true);
        goes_on(50);
        tap.record(None);
        goes_on(10);
        assert_eq!(recorder.finish(WAIT).trouble, None);
        let [heard, said] = sides("first.wav");
        assert_eq!(heard.len(), 100 * 320);
        assert!(is(&heard, 440.0) && is(&said[320..16_000], 700.0));
        assert!(said[16_640..].iter().all(|sample| *sample == 0), "nobody heard that");
        // Again, into another file, which ends with its recorder.
        let recorder = Recorder::create_private(&folder.join("second.wav")).unwrap();
        tap.record(Some(&recorder));
        tap.mute(false);
        goes_on(20);
        assert_eq!(recorder.finish(WAIT).trouble, None);
        goes_on(10);
        let [heard, said] = sides("second.wav");
        assert_eq!(heard.len(), 20 * 320);
        assert!(is(&said[320..], 700.0));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
