//! Where sound comes from and goes to: a [`Source`] gives 20 ms when asked, a [`Sink`] takes 20 ms. Whoever drives them
//! does so every 20 ms.

mod echo;
mod tone;
mod wav;

pub use echo::echo;
pub use tone::ToneGenerator;
pub use wav::{WavError, WavPlayer, WavRecorder};

use ruf_audio::{Frame, Rate};

/// Where sound comes from.
pub trait Source: Send {
    /// The next 20 ms; `None`: nothing is said now.
    fn frame(&mut self) -> Option<Frame>;
}

/// Where sound goes to.
pub trait Sink: Send {
    /// The next 20 ms.
    fn hear(&mut self, frame: &Frame);
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn frame(&mut self) -> Option<Frame> {
        (**self).frame()
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn hear(&mut self, frame: &Frame) {
        (**self).hear(frame);
    }
}

/// Says silence.
#[derive(Clone, Copy, Debug)]
pub struct Silence;

impl Source for Silence {
    fn frame(&mut self) -> Option<Frame> {
        Some(Frame::silence(Rate::Hz8000))
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Null;

impl Sink for Null {
    fn hear(&mut self, _: &Frame) {}
}
