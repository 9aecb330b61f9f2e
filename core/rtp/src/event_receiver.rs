//! What reports of telephone events add up to (RFC 4733 §2.5.2): each event begins once and ends once, however many
//! packets tell it, and however many are lost.
//!
//! Not here: which payload type it is (core/sdp), and what a digit is for.

use crate::event::{Event, EventReport};
use smallvec::SmallVec;
use std::time::Duration;

/// An event of which nothing was heard for so long has ended: five of the slowest reports that are usual.
// rfc4733 §2.5.2.2: "a given time period elapses"
const LAPSE: Duration = Duration::from_millis(250);
/// What is so much earlier than the last event is not of it, but of another clock.
const STALE_TICKS_MAX: u32 = 0x4_0000;
/// Reports taken from one packet.
const REPORTS_MAX: usize = 8;

/// An event begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventChange {
    /// It begins.
    Begin {
        /// Which.
        event: Event,
        /// In dBm0 without the sign.
        volume: u8,
    },
    /// It is over.
    End {
        /// Which.
        event: Event,
        /// How long it lasted, in ticks; as far as it was heard of, if its end was lost.
        duration_ticks: u32,
    },
}

/// The events of one source.
#[derive(Clone, Debug, Default)]
pub struct EventReceiver {
    now: Option<Sounding>,
    /// The timestamp of the last event: what is not later is known.
    last: Option<u32>,
}

/// The event that lasts.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    event: Event,
    /// Of its segment.
    timestamp: u32,
    segment_ticks: u16,
    /// Of the segments before.
    before_ticks: u32,
    heard: Duration,
}

impl EventReceiver {
    /// Has heard nothing yet.
    pub fn new() -> EventReceiver {
        EventReceiver::default()
    }

    /// A packet of events came. An odd rest of the payload is ignored.
    // rfc4733 §2.5.1.5, §2.5.2.4: several events in one packet follow each other
    pub fn receive(&mut self, now: Duration, timestamp: u32, payload: &[u8]) -> SmallVec<[EventChange; 2]> {
        let mut changes = SmallVec::new();
        let mut timestamp = timestamp;
        for octets in payload.as_chunks().0.iter().take(REPORTS_MAX) {
            let report = EventReport::read(*octets);
            // rfc4733 §2.3.5: no event of ours is a state
            if report.duration > 0 {
                self.report(now, timestamp, report, &mut changes);
            }
            timestamp = timestamp.wrapping_add(u32::from(report.duration));
        }
        changes
    }

    fn report(
        &mut self,
        now: Duration,
        timestamp: u32,
        report: EventReport,
        changes: &mut SmallVec<[EventChange; 2]>,
    ) {
        match &mut self.now {
            Some(sounding) if sounding.timestamp == timestamp => {
                sounding.segment_ticks = sounding.segment_ticks.max(report.duration);
                sounding.heard = now;
            }
            Some(sounding) if sounding.is_continued(timestamp, report.event) => {
                sounding.before_ticks += u32::from(sounding.segment_ticks);
                sounding.timestamp = timestamp;
                sounding.segment_ticks = report.duration;
                sounding.heard = now;
                self.last = Some(timestamp);
            }
            // rfc4733 §2.5.2.2: of what is over nothing begins again
            _ if self.last.is_some_and(|last| last.wrapping_sub(timestamp) <= STALE_TICKS_MAX) => return,
            _ => {
                changes.extend(self.end());
                changes.push(EventChange::Begin { event: report.event, volume: report.volume });
                self.last = Some(timestamp);
                self.now = Some(Sounding {
                    event: report.event,
                    timestamp,
                    segment_ticks: report.duration,
                    before_ticks: 0,
                    heard: now,
                });
            }
        }
        if report.is_end {
            changes.extend(self.end());
        }
    }

    /// Time passes: an event whose end was lost is over.
    pub fn tick(&mut self, now: Duration) -> Option<EventChange> {
        let lapsed = self.now.is_some_and(|sounding| now.saturating_sub(sounding.heard) >= LAPSE);
        if lapsed { self.end() } else { None }
    }

    /// Another source, or one that begins anew: its timestamps have nothing to do with those before.
    pub fn restart(&mut self) -> Option<EventChange> {
        self.last = None;
        self.end()
    }

    /// The event that lasts.
    pub fn sounding(&self) -> Option<Event> {
        self.now.map(|sounding| sounding.event)
    }

    fn end(&mut self) -> Option<EventChange> {
        let Sounding { event, segment_ticks, before_ticks, .. } = self.now.take()?;
        Some(EventChange::End { event, duration_ticks: before_ticks + u32::from(segment_ticks) })
    }
}

impl Sounding {
    /// Whether another segment begins at `timestamp`, where this one ended.
    // rfc4733 §2.5.2.3
    fn is_continued(&self, timestamp: u32, event: Event) -> bool {
        event == self.event
            && self.segment_ticks == u16::MAX
            && timestamp == self.timestamp.wrapping_add(u32::from(self.segment_ticks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_sender::EventSender;
    use proptest::prelude::*;

    /// What is heard of packets at these milliseconds: timestamp, event, duration, end.
    fn heard(reports: &[(u64, u32, u8, u16, bool)]) -> Vec<String> {
        let mut receiver = EventReceiver::new();
        let mut heard = Vec::new();
        for &(at_ms, timestamp, event, duration, is_end) in reports {
            let now = Duration::from_millis(at_ms);
            heard.extend(receiver.tick(now).map(told));
            let report = EventReport { event: Event(event), is_end, volume: 10, duration };
            heard.extend(receiver.receive(now, timestamp, &report.write()).into_iter().map(told));
        }
        heard
    }

    fn told(change: EventChange) -> String {
        match change {
            EventChange::Begin { event, .. } => format!("{event} down"),
            EventChange::End { event, duration_ticks } => format!("{event} up {duration_ticks}"),
        }
    }

    #[test]
    fn a_digit_begins_once_and_ends_once() {
        // tests rfc4733 §2.5.2.2
        let reports = [
            (0, 1_000, 5, 160, false),
            (20, 1_000, 5, 320, false),
            (40, 1_000, 5, 480, true),
            (60, 1_000, 5, 480, true),
            (80, 1_000, 5, 480, true),
            (81, 1_000, 5, 320, false),
            (200, 3_000, 5, 160, true),
        ];
        assert_eq!(heard(&reports), ["5 down", "5 up 480", "5 down", "5 up 160"]);
    }

    #[test]
    fn an_event_whose_end_is_lost_ends_by_the_next_or_by_time() {
        // tests rfc4733 §2.5.2.2
        assert_eq!(
            heard(&[
                (0, 0, 1, 160, false),
                (20, 0, 1, 320, false),
                (90, 800, 2, 160, false),
                (400, 800, 2, 200, true)
            ]),
            ["1 down", "1 up 320", "2 down", "2 up 160"],
            "and what comes of it later is known"
        );
    }

    #[test]
    fn only_the_last_packet_of_a_digit_is_enough() {
        assert_eq!(heard(&[(0, 0, 9, 800, true)]), ["9 down", "9 up 800"]);
    }

    #[test]
    fn segments_of_a_long_event_are_one() {
        // tests rfc4733 §2.5.2.3
        let start = 0xFFFF_0000u32;
        let reports = [
            (0, start, 1, 160, false),
            (20, start, 1, 0xFFFF, false),
            (40, start.wrapping_add(0xFFFF), 1, 160, false),
            (60, start.wrapping_add(0xFFFF), 1, 320, true),
        ];
        assert_eq!(heard(&reports), ["1 down", "1 up 65855"]);
        let other = [(0, start, 1, 0xFFFF, false), (40, start.wrapping_add(0xFFFF), 2, 160, true)];
        assert_eq!(heard(&other), ["1 down", "1 up 65535", "2 down", "2 up 160"]);
    }

    #[test]
    fn several_events_in_one_packet_follow_each_other() {
        // tests rfc4733 §2.5.2.4
        let mut receiver = EventReceiver::new();
        let report = |event, duration, is_end| {
            EventReport { event: Event(event), is_end, volume: 10, duration }.write()
        };
        let payload = [report(1, 400, true), report(2, 400, true), report(3, 160, false)].concat();
        let first: Vec<String> =
            receiver.receive(Duration::ZERO, 0, &payload).into_iter().map(told).collect();
        assert_eq!(first, ["1 down", "1 up 400", "2 down", "2 up 400", "3 down"]);
        assert!(receiver.receive(Duration::ZERO, 0, &payload).is_empty());
        let end = receiver.receive(Duration::ZERO, 800, &report(3, 320, true));
        assert_eq!(end.as_slice(), [EventChange::End { event: Event(3), duration_ticks: 320 }]);
    }

    #[test]
    fn a_report_without_duration_says_nothing() {
        // tests rfc4733 §2.3.5
        assert_eq!(heard(&[(0, 0, 1, 0, false), (20, 0, 1, 0, true)]), [""; 0]);
        assert_eq!(heard(&[(0, 0, 1, 0, false), (20, 0, 1, 160, true)]), ["1 down", "1 up 160"]);
    }

    #[test]
    fn a_sender_may_give_each_event_a_clock_of_its_own() {
        let reports =
            [(0, 9_000_000, 1, 160, true), (200, 1_000, 2, 160, true), (400, 8_000_000, 3, 160, true)];
        assert_eq!(heard(&reports), ["1 down", "1 up 160", "2 down", "2 up 160", "3 down", "3 up 160"]);
    }

    #[test]
    fn another_source_may_have_earlier_timestamps() {
        let mut receiver = EventReceiver::new();
        let report = EventReport { event: Event(1), is_end: false, volume: 10, duration: 160 }.write();
        receiver.receive(Duration::ZERO, 70_000, &report);
        assert_eq!(receiver.sounding(), Some(Event(1)));
        assert!(receiver.restart().is_some());
        assert_eq!(receiver.receive(Duration::ZERO, 100, &report).len(), 1);
    }

    proptest! {
        /// Digits under loss, duplication and reordering within a packet's neighbourhood: of each of which a packet
        /// came there is one begin and one end, in order.
        #[test]
        fn every_digit_that_left_a_trace_is_heard_once(
            digits in prop::collection::vec(0u8..16, 1..8),
            fates in prop::collection::vec(0u8..10, 200),
        ) {
            let mut receiver = EventReceiver::new();
            let (mut timestamp, mut fates) = (5_000u32, fates.into_iter().cycle());
            let (mut now, mut expected, mut events) = (Duration::ZERO, Vec::new(), Vec::new());
            for digit in digits {
                let mut sender = EventSender::begin(Event(digit), 10, timestamp, 160, Some(640));
                let mut came = false;
                while !sender.is_done() {
                    for update in sender.advance(160) {
                        let copies = match fates.next() { Some(0..=4) => 0, Some(9) => 2, _ => 1 };
                        for _ in 0..copies {
                            came = true;
                            events.extend(receiver.receive(now, update.timestamp, &update.payload));
                        }
                    }
                    now += Duration::from_millis(20);
                    timestamp += 160;
                }
                if came {
                    expected.push(Event(digit));
                }
            }
            events.extend(receiver.tick(now + LAPSE));
            let begun: Vec<Event> = events.iter().filter_map(|change| match change {
                EventChange::Begin { event, .. } => Some(*event),
                EventChange::End { .. } => None,
            }).collect();
            let is_paired = events.chunks(2).all(|pair| matches!(pair,
                [EventChange::Begin { event, .. }, EventChange::End { event: ended, .. }] if event == ended));
            prop_assert!(is_paired, "{:?}", events);
            prop_assert_eq!(begun, expected);
        }
    }
}
