//! Which source is heard, and which packets of it (RFC 3550 §8.2, §A.1).
//!
//! One source at a time is heard in a call. The first one is heard from its first packet on: a call's "hello" must not
//! be lost to probation, and port and payload types, both agreed on, are the check that there is. Another source
//! during the call is taken by a rule:
//!
//! - the one that is heard said BYE, or signalling said that a change is due ([`Receiver::expect_change`]): at once;
//! - else after two packets in sequence, if the one that is heard has not brought two itself, or is silent for
//!   [`SILENCE`]. So who only guesses an SSRC is never heard beside a source that speaks, and a source that changes
//!   its SSRC loses a tenth of a second.
//!
//! Not here: which address is believed (io/media: what comes from elsewhere is not given to a receiver), loops of our
//! own packets ([`Conflicts`](crate::Conflicts)).

use crate::packet::Packet;
use crate::reception::Reception;
use crate::sequence::{Sequence, Step};
use std::time::Duration;

/// Who was heard last so long ago may be followed by another.
pub const SILENCE: Duration = Duration::from_millis(100);
/// So many packets in sequence prove a source.
// rfc3550 §A.1: MIN_SEQUENTIAL
const SEQUENTIAL_MIN: u32 = 2;

/// The receiving side of one stream.
#[derive(Clone, Debug)]
pub struct Receiver {
    clock_rate: u32,
    source: Option<Source>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    reception: Reception,
    last: Duration,
    /// Two came in sequence.
    is_proven: bool,
    /// The next one is taken at once.
    yields: bool,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    ssrc: u32,
    next: u16,
    in_sequence: u32,
}

/// What a packet is to the source that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It belongs to it, and is new.
    Accepted(Arrival),
    /// It came before.
    Duplicate,
    /// Its sequence number is far from the others; when the next one follows it, the sender began anew.
    Jump,
    /// It is of another source.
    Stranger,
}

/// The place of a packet among all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its extended sequence number: rising over the whole call, whatever the sender does.
    pub sequence: u64,
    /// It begins something that has nothing to do with the timestamps before.
    pub start: Option<Start>,
}

/// What begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The first source.
    First,
    /// Another source; the one before has ended.
    Changed {
        /// The SSRC of the one before.
        ended: u32,
    },
    /// The same source, with a new sequence.
    Restarted,
}

impl Receiver {
    /// Hears nothing yet. `clock_rate` is that of the timestamps, in Hz.
    pub fn new(clock_rate: u32) -> Receiver {
        Receiver { clock_rate, source: None, candidate: None }
    }

    /// A packet came, from the address that is believed and with a payload type that was agreed on.
    // rfc3550 §8.2: packets of a second source are ignored, until the first is silent
    pub fn receive(&mut self, now: Duration, packet: &Packet) -> Received {
        match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc => {
                self.candidate = None;
                source.hear(now, packet)
            }
            Some(source) => {
                let (ended, after) = (source.ssrc, source.reception.highest());
                let may_follow = source.yields
                    || stranger_in_sequence(&mut self.candidate, packet) >= SEQUENTIAL_MIN
                        && (!source.is_proven || now.saturating_sub(source.last) >= SILENCE);
                if !may_follow {
                    return Received::Stranger;
                }
                self.begin(now, packet, after, Start::Changed { ended })
            }
            None => self.begin(now, packet, 0, Start::First),
        }
    }

    fn begin(&mut self, now: Duration, packet: &Packet, after: u64, start: Start) -> Received {
        let mut reception = Reception::begin(self.clock_rate, Sequence::begin(packet.sequence, after));
        reception.packet(now, packet.timestamp);
        let sequence = reception.highest();
        let is_proven = matches!(start, Start::Changed { .. });
        self.candidate = None;
        self.source = Some(Source { ssrc: packet.ssrc, reception, last: now, is_proven, yields: false });
        Received::Accepted(Arrival { sequence, start: Some(start) })
    }

    /// Signalling says that another source is about to speak, as after a transfer or a new offer.
    pub fn expect_change(&mut self) {
        if let Some(source) = &mut self.source {
            source.yields = true;
        }
    }

    /// This source said BYE.
    // rfc3550 §6.3.4: what comes of it afterwards, out of order, is still heard
    pub fn bye(&mut self, ssrc: u32) {
        if self.ssrc() == Some(ssrc) {
            self.expect_change();
        }
    }

    /// The source that is heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// How it is received.
    pub fn reception(&self) -> Option<&Reception> {
        self.source.as_ref().map(|source| &source.reception)
    }

    /// When its last packet came.
    pub fn last_heard(&self) -> Option<Duration> {
        self.source.as_ref().map(|source| source.last)
    }
}

impl Source {
    fn hear(&mut self, now: Duration, packet: &Packet) -> Received {
        let expected = self.reception.sequence().expected();
        let before = self.reception.highest();
        let arrival = match self.reception.sequence().hear(packet.sequence) {
            Step::Duplicate => {
                self.reception.duplicate();
                return Received::Duplicate;
            }
            Step::Jump => return Received::Jump,
            Step::New(sequence) => {
                self.is_proven |= sequence == before + 1;
                Arrival { sequence, start: None }
            }
            Step::Restart(sequence) => {
                self.reception.restart(expected);
                Arrival { sequence, start: Some(Start::Restarted) }
            }
        };
        self.last = now;
        self.reception.packet(now, packet.timestamp);
        Received::Accepted(arrival)
    }
}

/// How many packets of a stranger came in sequence, with this one.
fn stranger_in_sequence(candidate: &mut Option<Candidate>, packet: &Packet) -> u32 {
    let in_sequence = match candidate {
        Some(Candidate { ssrc, next, in_sequence }) if *ssrc == packet.ssrc && *next == packet.sequence => {
            *in_sequence + 1
        }
        _ => 1,
    };
    *candidate = Some(Candidate { ssrc: packet.ssrc, next: packet.sequence.wrapping_add(1), in_sequence });
    in_sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        receiver: Receiver,
        now_ms: u64,
    }

    impl Rig {
        fn new() -> Rig {
            Rig { receiver: Receiver::new(8_000), now_ms: 0 }
        }

        fn hear(&mut self, ssrc: u32, sequence: u16) -> Received {
            let packet = Packet { ssrc, sequence, ..Packet::default() };
            self.receiver.receive(Duration::from_millis(self.now_ms), &packet)
        }

        /// A call of which source 1 was heard for three packets.
        fn talking() -> Rig {
            let mut rig = Rig::new();
            for sequence in 1..=3 {
                assert!(matches!(rig.hear(1, sequence), Received::Accepted(_)));
                rig.now_ms += 20;
            }
            rig
        }
    }

    fn start(received: Received) -> Option<Start> {
        let Received::Accepted(arrival) = received else { panic!("{received:?}") };
        arrival.start
    }

    #[test]
    fn the_first_packet_of_a_call_is_heard() {
        // tests rfc3550 §A.1
        let mut rig = Rig::new();
        assert_eq!(start(rig.hear(1, 50_000)), Some(Start::First));
        assert_eq!(start(rig.hear(1, 50_001)), None);
        assert_eq!(rig.hear(1, 50_001), Received::Duplicate);
        assert_eq!(rig.receiver.reception().map(Reception::received), Some(2));
        rig.now_ms = 20;
        rig.hear(1, 50_002);
        assert_eq!(rig.receiver.last_heard(), Some(Duration::from_millis(20)));
    }

    #[test]
    fn nobody_is_heard_beside_a_source_that_speaks() {
        // tests rfc3550 §8.2
        let mut rig = Rig::talking();
        for sequence in 4..100 {
            assert_eq!(rig.hear(2, sequence), Received::Stranger);
            assert_eq!(start(rig.hear(1, sequence)), None);
            rig.now_ms += 20;
        }
    }

    #[test]
    fn a_source_that_fell_silent_is_followed_by_the_next() {
        // tests rfc3550 §8.2
        let mut rig = Rig::talking();
        let last = rig.receiver.reception().unwrap().highest();
        let mut refused = 0;
        let changed = loop {
            match rig.hear(2, 700 + refused) {
                Received::Stranger => refused += 1,
                received => break received,
            }
            rig.now_ms += 20;
        };
        assert_eq!(refused, 4, "a tenth of a second");
        let Received::Accepted(arrival) = changed else { panic!("{changed:?}") };
        assert_eq!(arrival.start, Some(Start::Changed { ended: 1 }));
        assert!(arrival.sequence > last, "numbers rise");
        assert_eq!(rig.receiver.ssrc(), Some(2));
        assert_eq!(rig.hear(1, 4), Received::Stranger, "the one before has ended");
    }

    #[test]
    fn what_a_stranger_sent_before_the_source_spoke_again_counts_for_nothing() {
        let mut rig = Rig::talking();
        assert_eq!(rig.hear(2, 7), Received::Stranger);
        assert_eq!(start(rig.hear(1, 4)), None);
        rig.now_ms += 200;
        assert_eq!(rig.hear(2, 8), Received::Stranger);
        assert_eq!(start(rig.hear(2, 9)), Some(Start::Changed { ended: 1 }));
    }

    #[test]
    fn single_packets_of_strangers_are_never_heard() {
        let mut rig = Rig::talking();
        rig.now_ms += 10_000;
        for ssrc in 2..50 {
            assert_eq!(rig.hear(ssrc, 7), Received::Stranger);
            assert_eq!(rig.hear(2, ssrc as u16 * 3), Received::Stranger);
        }
    }

    #[test]
    fn a_change_that_was_announced_loses_nothing() {
        // tests rfc3550 §6.3.4
        let mut rig = Rig::talking();
        rig.receiver.bye(9);
        assert_eq!(rig.hear(2, 1), Received::Stranger, "somebody else's BYE");
        rig.receiver.bye(1);
        assert_eq!(start(rig.hear(2, 2)), Some(Start::Changed { ended: 1 }));
        rig.receiver.expect_change();
        assert_eq!(start(rig.hear(3, 2)), Some(Start::Changed { ended: 2 }));
    }

    #[test]
    fn one_stray_packet_before_the_call_costs_one_packet() {
        let mut rig = Rig::new();
        assert_eq!(start(rig.hear(9, 4)), Some(Start::First));
        assert_eq!(rig.hear(1, 100), Received::Stranger);
        assert_eq!(start(rig.hear(1, 101)), Some(Start::Changed { ended: 9 }));
    }

    #[test]
    fn a_sender_that_begins_anew_is_heard_from_its_second_packet_on() {
        // tests rfc3550 §A.1
        let mut rig = Rig::talking();
        assert_eq!(rig.hear(1, 30_000), Received::Jump);
        assert_eq!(start(rig.hear(1, 30_001)), Some(Start::Restarted));
        let reception = rig.receiver.reception().unwrap();
        assert_eq!((reception.expected(), reception.lost()), (4, 0));
    }
}
