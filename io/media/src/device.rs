//! Where sound comes from and goes to: a [`Source`] gives 20 ms when asked, a [`Sink`] takes 20 ms. Whoever drives them
//! does so every 20 ms.

mod card;
mod echo;
mod level;
mod ogg;
mod player;
mod recorder;
mod room;
#[cfg(test)]
mod scratch;
mod tap;
mod tone;
mod wav;

pub use card::{Card, Device, devices};
pub use echo::echo;
pub use level::LevelMeter;
pub use player::Player;
pub use recorder::{Recorded, Recorder};
pub use room::Room;
pub use tap::Tap;
pub use tone::ToneGenerator;

use std::fmt;

use ruf_audio::{Frame, Rate};

/// Frames between two times that a recording is made whole: a process that dies loses this much.
const FLUSH_FRAMES: u32 = 50;

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

/// Why a file cannot be played or recorded: one sentence.
#[derive(Debug)]
pub struct FileError(String);

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FileError {}
