//! What goes into a jitter buffer beside a packet, and what comes out.

use std::time::Duration;

/// What is in a packet, as its payload type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Audio.
    Audio {
        /// How much: the codec knows it from the payload.
        ticks: u32,
    },
    /// Comfort noise (RFC 3389).
    Noise,
    /// Telephone events, which are not heard here but have their place in the sequence.
    Event,
}

impl Content {
    pub(super) fn ticks(self) -> i64 {
        match self {
            Content::Audio { ticks } => i64::from(ticks),
            Content::Noise | Content::Event => 0,
        }
    }
}

/// What is to be played next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playout<'a> {
    /// This packet.
    Frame(Frame<'a>),
    /// A packet did not come: it is to be concealed.
    Missing {
        /// For so long.
        ticks: u32,
        /// The packet right behind the gap, if it is there already: some codecs carry the one before in it.
        next: Option<Frame<'a>>,
    },
    /// The other end is silent, with this comfort noise, for as long as the player likes.
    Noise(&'a [u8]),
    /// Nothing is to be heard: the other end is silent, or never spoke, or did not for long.
    Silence,
}

/// A packet that is to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The first after a silence.
    pub marker: bool,
    /// Which codec.
    pub payload_type: u8,
    /// The timestamp that it came with.
    pub timestamp: u32,
    /// Its payload.
    pub payload: &'a [u8],
    /// How much audio is in it.
    pub ticks: u32,
    /// By how much the player may make it longer or, negative, shorter, if it can without being heard: the delay
    /// is not what it should be. Nearly always 0. What the player does shows in when it pulls.
    pub stretch_ticks: i64,
    /// Only in a pause between words.
    pub in_pauses: bool,
}

/// Bounds of a jitter buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JitterLimits {
    /// The target before anything is known of the network.
    pub delay_first: Duration,
    /// The target is never less.
    pub delay_min: Duration,
    /// Nothing is played later.
    pub delay_max: Duration,
    /// When nothing comes, the last audio is concealed for so long.
    pub conceal_max: Duration,
    /// How long a packet is, before one came.
    pub spacing: Duration,
}

impl Default for JitterLimits {
    fn default() -> JitterLimits {
        JitterLimits {
            delay_first: Duration::from_millis(80),
            delay_min: Duration::from_millis(20),
            delay_max: Duration::from_millis(500),
            conceal_max: Duration::from_millis(200),
            spacing: Duration::from_millis(20),
        }
    }
}

/// What happened in a jitter buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of audio that were played.
    pub played: u64,
    /// Packets that were not there at their turn and were not played: lost, late, or dropped on the way here.
    pub missed: u64,
    /// Packets that came when their turn was over.
    pub late: u64,
    /// Packets that would have been played later than at the longest delay.
    pub overdue: u64,
    /// Packets for which there was no room, and payloads that are too long.
    pub refused: u64,
    /// Ticks of concealment, after which the packet that was concealed was played.
    pub stretched_ticks: u64,
}

impl Counts {
    /// Packets that were played, or should have been.
    pub fn packets(&self) -> u64 {
        self.played + self.missed
    }

    /// Packets that came and were not played.
    pub fn discarded(&self) -> u64 {
        (self.late + self.overdue + self.refused).min(self.missed)
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.missed - self.discarded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_came_too_late_or_never() {
        let counts = Counts { played: 90, missed: 10, late: 3, overdue: 2, refused: 1, stretched_ticks: 0 };
        assert_eq!((counts.packets(), counts.discarded(), counts.lost()), (100, 6, 4));
        let late = Counts { late: 20, ..counts };
        assert_eq!((late.discarded(), late.lost()), (10, 0));
    }
}
