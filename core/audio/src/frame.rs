//! A [`Frame`]: 20 ms of sound at one of the three [`Rate`]s that telephony knows.
//!
//! Everything between a decoder and a device speaks frames. Files and devices of other rates are
//! brought to one of the three by [`Resampler`](crate::Resampler) at their own edge.

use std::ops::{Deref, DerefMut};

/// What a frame lasts, in milliseconds.
pub const FRAME_MS: u32 = 20;

/// Samples in a frame at the highest rate.
const FRAME_LEN_MAX: usize = Rate::Hz48000.frame_len();

/// How many samples a second has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rate {
    /// Narrowband: G.711.
    Hz8000,
    /// Wideband: G.722.
    Hz16000,
    /// Fullband: Opus and sound devices.
    Hz48000,
}

impl Rate {
    /// Samples a second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        match self {
            Rate::Hz8000 => 8_000,
            Rate::Hz16000 => 16_000,
            Rate::Hz48000 => 48_000,
        }
    }

    /// The rate with so many samples a second, if it is one of ours.
    #[must_use]
    pub const fn of_hz(hz: u32) -> Option<Rate> {
        match hz {
            8_000 => Some(Rate::Hz8000),
            16_000 => Some(Rate::Hz16000),
            48_000 => Some(Rate::Hz48000),
            _ => None,
        }
    }

    /// Samples in a frame.
    #[must_use]
    pub const fn frame_len(self) -> usize {
        self.samples(FRAME_MS)
    }

    /// Samples in so many milliseconds.
    #[must_use]
    pub const fn samples(self, millis: u32) -> usize {
        (self.hz() / 1_000) as usize * millis as usize
    }
}

/// 20 ms of one channel, linear, signed, 16 bits. It derefs to its samples.
///
/// The samples are within the frame, so that nothing is allocated where frames are made, copied and
/// mixed by the thousand.
#[derive(Clone)]
pub struct Frame {
    rate: Rate,
    samples: [i16; FRAME_LEN_MAX],
}

impl Frame {
    /// 20 ms of nothing.
    #[must_use]
    pub const fn silence(rate: Rate) -> Frame {
        Frame { rate, samples: [0; FRAME_LEN_MAX] }
    }

    /// The first 20 ms of these samples; what is missing is silence.
    #[must_use]
    pub fn of(rate: Rate, samples: &[i16]) -> Frame {
        let mut frame = Frame::silence(rate);
        for (to, from) in frame.iter_mut().zip(samples) {
            *to = *from;
        }
        frame
    }

    /// Samples a second.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }
}

impl Deref for Frame {
    type Target = [i16];

    fn deref(&self) -> &[i16] {
        self.samples.get(..self.rate.frame_len()).unwrap_or(&self.samples)
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut [i16] {
        // No rate has a longer frame than the array, so nothing is left out.
        let len = self.rate.frame_len().min(FRAME_LEN_MAX);
        self.samples.split_at_mut(len).0
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        self.rate == other.rate && self[..] == other[..]
    }
}

impl Eq for Frame {}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let peak = self.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        write!(f, "Frame({} Hz, peak {peak})", self.rate.hz())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_twenty_milliseconds_at_every_rate() {
        for (rate, len) in [(Rate::Hz8000, 160), (Rate::Hz16000, 320), (Rate::Hz48000, 960)] {
            assert_eq!(Rate::of_hz(rate.hz()), Some(rate));
            assert_eq!(Frame::silence(rate).len(), len);
            assert_eq!(Frame::of(rate, &[7; 2_000])[..], [7; 2_000][..len]);
        }
        assert_eq!(Rate::of_hz(44_100), None);
    }

    #[test]
    fn what_is_missing_of_a_frame_is_silence_and_what_is_behind_it_does_not_count() {
        let short = Frame::of(Rate::Hz8000, &[1, 2, 3]);
        assert_eq!(short[..4], [1, 2, 3, 0]);
        let mut same = Frame::of(Rate::Hz8000, &[1, 2, 3]);
        assert_eq!(short, same);
        same[159] = 1;
        assert_ne!(short, same);
        assert_ne!(Frame::silence(Rate::Hz8000), Frame::silence(Rate::Hz16000));
    }
}
