//! The sending side of one stream: sequence, timestamp, SSRC and marker (RFC 3550 §5.1, RFC 3551 §4.1).
//!
//! The timestamp follows the sampling clock whether something is sent or not: each frame is told once, by
//! [`Sender::audio`], [`Sender::noise`] or [`Sender::silence`]. Reports of telephone events stand beside that and take
//! sequence numbers only.
//!
//! Not here: when a packet is due (io/media), what is an event's report ([`EventSender`](crate::EventSender)).

use crate::event_sender::Update;
use crate::packet::Packet;
use crate::random::Random;

/// What the next packet of a stream carries in its header.
#[derive(Clone, Debug)]
pub struct Sender {
    random: Random,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The last frame was sent as audio: the next one has no marker.
    is_talking: bool,
    packets: u32,
    octets: u32,
}

impl Sender {
    /// Begins where the seed says: 64 random bits of the shell's.
    // rfc3550 §5.1: all three are random; rfc4568 §6.4: a sequence that begins low does not roll over unheard
    pub fn new(seed: u64) -> Sender {
        let mut random = Random::from_seed(seed);
        let (ssrc, sequence, timestamp) = (random.u32(), random.u16() & 0x7FFF, random.u32());
        Sender { random, ssrc, sequence, timestamp, is_talking: false, packets: 0, octets: 0 }
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of the next frame.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// A frame of `ticks` is sent.
    // rfc3551 §4.1: the marker is set on the first packet after a silence
    pub fn audio<'a>(&mut self, payload_type: u8, ticks: u32, payload: &'a [u8]) -> Packet<'a> {
        let marker = !std::mem::replace(&mut self.is_talking, true);
        let packet = self.packet(marker, payload_type, self.timestamp, payload);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        packet
    }

    /// A frame of `ticks` is told to be silent, by comfort noise.
    // rfc3389 §4: without the marker
    pub fn noise<'a>(&mut self, payload_type: u8, ticks: u32, payload: &'a [u8]) -> Packet<'a> {
        let packet = self.packet(false, payload_type, self.timestamp, payload);
        self.silence(ticks);
        packet
    }

    /// Nothing is sent of a frame of `ticks`.
    pub fn silence(&mut self, ticks: u32) {
        self.is_talking = false;
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    /// A report of a telephone event. The time of its frame is told by [`Sender::silence`].
    // rfc4733 §2.5.1.2: of the same sequence and timestamps as audio, §2.5.1.6
    pub fn event<'a>(&mut self, payload_type: u8, update: &'a Update) -> Packet<'a> {
        self.packet(update.marker, payload_type, update.timestamp, &update.payload)
    }

    fn packet<'a>(
        &mut self,
        marker: bool,
        payload_type: u8,
        timestamp: u32,
        payload: &'a [u8],
    ) -> Packet<'a> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        Packet { marker, payload_type, sequence, timestamp, ssrc: self.ssrc, payload, ..Packet::default() }
    }

    /// Takes another SSRC, as after a collision, that `is_taken` does not know; returns the one that needs a BYE.
    // rfc3550 §8.2: another one is looked up first; §6.4.1: the counts begin again
    pub fn change_ssrc(&mut self, is_taken: impl Fn(u32) -> bool) -> u32 {
        let old = self.ssrc;
        while self.ssrc == old || is_taken(self.ssrc) {
            self.ssrc = self.random.u32();
        }
        (self.packets, self.octets) = (0, 0);
        old
    }

    /// Packets sent with this SSRC, as a sender report counts them.
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// Octets of payload sent with this SSRC.
    pub fn octets(&self) -> u32 {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event_sender::EventSender;

    #[test]
    fn a_sequence_begins_low() {
        // tests rfc4568 §6.4
        let firsts: Vec<u16> = (0..200).map(|seed| Sender::new(seed).audio(0, 160, &[]).sequence).collect();
        assert!(firsts.iter().all(|first| *first < 0x8000) && firsts.iter().any(|first| *first > 0x4000));
    }

    #[test]
    fn audio_counts_on_and_marks_what_follows_a_silence() {
        // tests rfc3550 §5.1, rfc3551 §4.1, rfc3389 §4
        let mut sender = Sender::new(7);
        let first = sender.audio(0, 160, b"abc");
        let second = sender.audio(0, 160, b"d");
        sender.silence(160);
        sender.silence(160);
        let third = sender.audio(0, 160, b"e");
        let noise = sender.noise(13, 160, b"f");
        let last = sender.audio(0, 160, b"g");
        let packets = [first, second, third, noise, last];
        assert_eq!(packets.map(|packet| packet.marker), [true, false, true, false, true]);
        assert_eq!(packets.map(|packet| packet.sequence.wrapping_sub(first.sequence)), [0, 1, 2, 3, 4]);
        let ticks = packets.map(|packet| packet.timestamp.wrapping_sub(first.timestamp));
        assert_eq!(ticks, [0, 160, 640, 800, 960]);
        assert_eq!((sender.packets(), sender.octets()), (5, 7));
    }

    #[test]
    fn reports_of_an_event_count_on_and_share_its_timestamp() {
        // tests rfc4733 §2.5.1.2, §2.5.1.6
        let mut sender = Sender::new(7);
        let before = sender.audio(0, 160, b"a");
        let mut event = EventSender::begin(Event(1), 10, sender.timestamp(), 160, Some(320));
        let mut packets = Vec::new();
        while !event.is_done() {
            for update in event.advance(160) {
                let packet = sender.event(101, &update);
                packets.push((
                    packet.marker,
                    packet.sequence.wrapping_sub(before.sequence),
                    packet.timestamp,
                ));
            }
            sender.silence(160);
        }
        let start = before.timestamp.wrapping_add(160);
        assert_eq!(packets, [(true, 1, start), (false, 2, start), (false, 3, start), (false, 4, start)]);
        let after = sender.audio(0, 160, b"b");
        assert_eq!(after.sequence.wrapping_sub(before.sequence), 5);
        assert_eq!((after.marker, after.timestamp.wrapping_sub(start)), (true, 640));
    }

    #[test]
    fn two_seeds_share_nothing_and_one_repeats() {
        // tests rfc3550 §5.1
        let header = |seed| {
            let packet = Sender::new(seed).audio(0, 160, b"");
            (packet.ssrc, packet.sequence, packet.timestamp)
        };
        assert_eq!(header(1), header(1));
        let (a, b) = (header(1), header(2));
        assert!(a.0 != b.0 && a.1 != b.1 && a.2 != b.2);
    }

    #[test]
    fn a_changed_ssrc_is_one_that_nobody_has() {
        // tests rfc3550 §8.2
        let mut sender = Sender::new(1);
        let (old, next) = (sender.ssrc(), sender.clone().random.u32());
        sender.audio(0, 160, b"a");
        assert_eq!(sender.change_ssrc(|ssrc| ssrc == next), old);
        assert!(sender.ssrc() != old && sender.ssrc() != next);
        assert_eq!((sender.packets(), sender.octets()), (0, 0));
    }
}
