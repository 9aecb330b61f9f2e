//! What is kept for each SSRC that one key serves. A stream is never forgotten while its key is in use: who
//! forgot it would take its packets, or use its indices, again.

use crate::error::Refused;
use crate::window::Window;

/// How many streams one key serves in each direction, of RTP and of RTCP each. A peer has one at a time, and
/// a new one when it takes another device into use; only who has the key can begin one.
pub const STREAMS_MAX: usize = 128;

/// A bounded table. There is seldom more than one, so it is searched from its start.
#[derive(Debug)]
pub(crate) struct Streams<T>(Vec<(u32, T)>);

impl<T> Streams<T> {
    pub(crate) fn new() -> Streams<T> {
        Streams(Vec::new())
    }

    pub(crate) fn get(&self, ssrc: u32) -> Option<&T> {
        self.0.iter().find_map(|(of, stream)| (*of == ssrc).then_some(stream))
    }

    pub(crate) fn get_mut(&mut self, ssrc: u32) -> Option<&mut T> {
        self.0.iter_mut().find_map(|(of, stream)| (*of == ssrc).then_some(stream))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is room for a stream that is not there yet.
    pub(crate) fn room(&self) -> Result<(), Refused> {
        if self.len() < STREAMS_MAX { Ok(()) } else { Err(Refused::TooManyStreams) }
    }

    /// A stream that is not there yet, into a table that has [room](Streams::room).
    pub(crate) fn begin(&mut self, ssrc: u32, stream: T) {
        self.0.push((ssrc, stream));
    }
}

impl Streams<Window> {
    /// Notes the index of a packet that is sent or was found authentic, of a stream that is there or for
    /// which there is room.
    pub(crate) fn enter(&mut self, ssrc: u32, index: u64) {
        match self.get_mut(ssrc) {
            Some(window) => window.enter(index),
            None => self.begin(ssrc, Window::starting_at(index)),
        }
    }
}
