//! The jitter buffer turn by turn: what is pulled, after what came when.

use ruf_rtp::{Arrival, Content, JitterBuffer, JitterLimits, Packet, Playout, Start};
use std::time::Duration;

/// Packets of 20 ms, 160 ticks; the first came at 0.
struct Rig {
    buffer: JitterBuffer,
}

impl Rig {
    /// Begins at this delay.
    fn new(delay_first_ms: u64) -> Rig {
        let delay_first = Duration::from_millis(delay_first_ms);
        let limits = JitterLimits { delay_first, ..JitterLimits::default() };
        Rig { buffer: JitterBuffer::new(8_000, limits) }
    }

    fn insert(&mut self, at_ms: u64, sequence: u64, timestamp: u32, content: Content, start: Option<Start>) {
        let payload = [sequence as u8];
        let packet = Packet { timestamp, payload: &payload, ..Packet::default() };
        let arrival = Arrival { sequence: 1_000 + sequence, start };
        self.buffer.insert(Duration::from_millis(at_ms), arrival, &packet, content);
    }

    fn audio(&mut self, at_ms: u64, sequence: u64, timestamp: u32) {
        self.insert(at_ms, sequence, timestamp, Content::Audio { ticks: 160 }, None);
    }

    fn pull(&mut self, at_ms: u64) -> String {
        let number = |payload: &[u8]| payload.first().copied().unwrap_or_default();
        match self.buffer.pull(Duration::from_millis(at_ms)) {
            Playout::Frame(frame) => format!("{}", number(frame.payload)),
            Playout::Missing { ticks, next: Some(next) } => {
                format!("-{ticks} before {}", number(next.payload))
            }
            Playout::Missing { ticks, next: None } => format!("-{ticks}"),
            Playout::Noise(noise) => format!("noise {}", number(noise)),
            Playout::Silence => "silence".to_owned(),
        }
    }

    /// What is pulled every 20 ms.
    fn pulls(&mut self, from_ms: u64, count: u64) -> Vec<String> {
        (0..count).map(|pull| self.pull(from_ms + pull * 20)).collect()
    }

    /// Packets 0 to `count`, one every 20 ms, each pulled at `delay_ms`.
    fn talk(&mut self, count: u64, delay_ms: u64) {
        for sequence in 0..count {
            self.audio(sequence * 20, sequence, sequence as u32 * 160);
            self.pull(sequence * 20 + delay_ms % 20);
        }
    }
}

#[test]
fn the_packet_behind_a_gap_is_shown_where_it_touches() {
    let mut rig = Rig::new(60);
    for sequence in [0, 1, 4, 5] {
        rig.audio(sequence * 20, sequence, sequence as u32 * 160);
    }
    let expected = ["0", "1", "-160", "-160 before 4", "4", "5"];
    assert_eq!(rig.pulls(100, 6), expected);
}

#[test]
fn what_comes_late_though_others_waited_is_dropped() {
    let mut rig = Rig::new(60);
    rig.talk(1_000, 60);
    assert_eq!(rig.buffer.target(), Duration::from_millis(20), "and the delay is still 60");
    for sequence in [1_001, 1_002, 1_003] {
        rig.audio(sequence * 20, sequence, sequence as u32 * 160);
    }
    assert_eq!(rig.pulls(20_000, 3), ["229", "230", "231"], "997 to 999");
    assert_eq!(rig.pull(20_060), "-160 before 233", "1000 is missing");
    rig.audio(20_065, 1_000, 160_000);
    assert_eq!(rig.pulls(20_080, 3), ["233", "234", "235"]);
    assert_eq!((rig.buffer.counts().late, rig.buffer.counts().missed), (1, 1));
    assert_eq!(rig.buffer.delay(), Duration::from_millis(60));
}

#[test]
fn what_comes_late_is_played_where_the_delay_must_grow_anyway() {
    let mut rig = Rig::new(20);
    for sequence in [0, 2] {
        rig.audio(sequence * 20, sequence, sequence as u32 * 160);
    }
    assert_eq!(rig.pulls(20, 2), ["0", "-160 before 2"]);
    rig.audio(55, 1, 160);
    assert_eq!(rig.pulls(60, 2), ["1", "2"]);
    assert_eq!(rig.buffer.delay(), Duration::from_millis(40));
}

#[test]
fn a_sender_that_counts_a_little_wrong_is_not_silent() {
    let mut rig = Rig::new(60);
    for (sequence, timestamp) in [(0, 0), (2, 360), (3, 560), (4, 680)] {
        rig.audio(sequence * 20, sequence, timestamp);
    }
    assert_eq!(rig.pulls(100, 6), ["0", "-160 before 2", "2", "3", "4", "-160"]);
}

#[test]
fn a_packet_lost_before_a_silence_is_concealed_and_the_silence_is_not() {
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    assert_eq!(rig.pulls(60, 3), ["0", "-160", "-160"]);
    rig.audio(115, 2, 960);
    assert_eq!(rig.pulls(120, 4), ["silence", "silence", "silence", "2"]);
}

#[test]
fn another_source_begins_at_the_target() {
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    assert_eq!(rig.pull(60), "0");
    rig.insert(70, 1, 9_999, Content::Audio { ticks: 160 }, Some(Start::Changed { ended: 1 }));
    assert_eq!(rig.pulls(80, 4), ["silence", "silence", "silence", "1"], "60 ms after it came");
}

#[test]
fn between_two_numberings_nothing_is_known_to_be_lost() {
    // tests rfc3550 §A.1
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    assert_eq!(rig.pull(60), "0");
    let audio = Content::Audio { ticks: 160 };
    // The second of its packets is the first that comes, and the fourth never does.
    rig.insert(70, 70_001, 9_999, audio, Some(Start::Changed { ended: 1 }));
    rig.insert(75, 70_000, 9_839, audio, None);
    rig.insert(90, 70_003, 10_319, audio, None);
    rig.pulls(80, 12);
    assert_eq!((rig.buffer.counts().played, rig.buffer.counts().missed), (4, 1));
    // Nor if the sender begins anew while nobody is heard.
    rig.insert(2_000, 140_000, 5, audio, Some(Start::Restarted));
    rig.pulls(2_060, 2);
    assert_eq!((rig.buffer.counts().played, rig.buffer.counts().missed), (5, 1));
}

#[test]
fn another_source_has_nothing_to_do_with_the_time_of_the_one_before() {
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    assert_eq!(rig.pull(60), "0");
    rig.insert(3_000, 1, 9_999, Content::Audio { ticks: 160 }, Some(Start::Restarted));
    rig.audio(3_020, 2, 10_159);
    assert_eq!(rig.pulls(3_060, 2), ["1", "2"]);
    assert_eq!(rig.buffer.counts().overdue, 0);
}

#[test]
fn a_clock_that_stands_still_in_silence_is_no_delay() {
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    rig.pulls(60, 20);
    for sequence in 1..4 {
        rig.audio(10_000 + sequence * 20, sequence, sequence as u32 * 160);
    }
    assert_eq!(rig.pulls(10_080, 3), ["1", "2", "3"]);
}

#[test]
fn noise_is_heard_until_somebody_speaks() {
    // tests rfc3389 §4
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    rig.insert(20, 1, 160, Content::Noise, None);
    assert_eq!(rig.pulls(60, 4), ["0", "noise 1", "noise 1", "noise 1"]);
    rig.audio(1_000, 2, 8_000);
    assert_eq!(rig.pulls(1_020, 4), ["noise 1", "noise 1", "2", "-160"]);
}

#[test]
fn nothing_is_concealed_for_long() {
    let mut rig = Rig::new(60);
    rig.audio(0, 0, 0);
    let pulls = rig.pulls(60, 13);
    assert_eq!(pulls.iter().filter(|pull| *pull == "-160").count(), 10, "200 ms");
    assert_eq!(pulls.last().map(String::as_str), Some("silence"));
}
