//! [`Ends`]: what a script says and hears, for whichever call it is in: it moves from one call to the next without
//! beginning anew.

use std::sync::{Arc, Mutex, PoisonError};

use ruf_sip::device::{Null, Recorder, Silence, Tap};
use ruf_sip::{Call, Frame, Sink, Source};

/// A source and a sink that calls take over from each other.
#[derive(Clone)]
pub(super) struct Ends {
    source: Shared<dyn Source>,
    sink: Shared<dyn Sink>,
    tap: Tap,
}

struct Shared<T: ?Sized>(Arc<Mutex<Box<T>>>);

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl Ends {
    pub(super) fn new(source: Box<dyn Source>, sink: Box<dyn Sink>, recorder: Option<&Recorder>) -> Ends {
        let tap = Tap::default();
        tap.record(recorder);
        let (source, sink) = (Mutex::new(tap.said(source)), Mutex::new(tap.heard(sink)));
        Ends { source: Shared(Arc::new(source)), sink: Shared(Arc::new(sink)), tap }
    }

    /// Nobody hears what is said, and so it is not recorded; or it is again.
    pub(super) fn mute(&self, is_muted: bool) {
        self.tap.mute(is_muted);
    }

    /// This call hears what is said from now on.
    pub(super) fn say_in(&self, call: &Call) {
        call.say(self.source.clone());
    }

    /// This call is heard from now on.
    pub(super) fn hear(&self, call: &Call) {
        call.hear_with(self.sink.clone());
    }

    /// This call says and hears nothing any more.
    pub(super) fn leave(call: &Call) {
        call.say(Silence);
        call.hear_with(Null);
    }
}

impl Source for Shared<dyn Source> {
    fn frame(&mut self) -> Option<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).frame()
    }
}

impl Sink for Shared<dyn Sink> {
    fn hear(&mut self, frame: &Frame) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hear(frame);
    }
}
