//! Sending one telephone event (RFC 4733 §2.5.1): reports that grow, long events in segments, the end told three
//! times.
//!
//! Not here: the header of the packets ([`Sender::event`](crate::Sender::event)). While an event is sent, its frames
//! are told by [`Sender::silence`](crate::Sender::silence) and no audio is sent, until [`EventSender::is_done`].

use crate::event::{Event, EventReport};
use smallvec::SmallVec;

/// How often the end is told.
// rfc4733 §2.5.1.4
const END_REPORTS: u8 = 3;
/// A longer event has several segments.
// rfc4733 §2.5.1.3
const SEGMENT_TICKS_MAX: u32 = 0xFFFF;

/// One packet that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Set on the first packet of the event.
    pub marker: bool,
    /// Of the event or of its segment.
    pub timestamp: u32,
    /// The report.
    pub payload: [u8; EventReport::BYTES],
}

/// One event on its way.
#[derive(Clone, Debug)]
pub struct EventSender {
    event: Event,
    volume: u8,
    /// Between two packets.
    interval_ticks: u32,
    /// When it ends by itself, since it began.
    length_ticks: Option<u32>,
    /// Of the segment.
    timestamp: u32,
    /// How much of `interval_ticks` has passed.
    passed_ticks: u32,
    /// How long the segment has lasted.
    segment_ticks: u32,
    /// How long all of it has lasted, until it ended.
    total_ticks: u32,
    is_first: bool,
    /// Reports of an end that are still due: of the event, once it has ended.
    end_reports: Option<u8>,
}

impl EventSender {
    /// Begins at `timestamp`, which is [`Sender::timestamp`](crate::Sender::timestamp). It lasts for `length_ticks`,
    /// or until [`EventSender::end`]; reports are `interval_ticks` apart, best the ticks of a packet of audio.
    pub fn begin(
        event: Event,
        volume: u8,
        timestamp: u32,
        interval_ticks: u32,
        length_ticks: Option<u32>,
    ) -> Self {
        EventSender {
            event,
            volume,
            interval_ticks: interval_ticks.max(1),
            length_ticks,
            timestamp,
            passed_ticks: 0,
            segment_ticks: 0,
            total_ticks: 0,
            is_first: true,
            end_reports: None,
        }
    }

    /// It ends with the frame that comes next, if it has not ended.
    pub fn end(&mut self) {
        self.length_ticks =
            Some(self.length_ticks.unwrap_or(u32::MAX).min(self.total_ticks.saturating_add(1)));
    }

    /// A frame of `ticks` has passed: what is to be sent now, mostly nothing or one packet.
    pub fn advance(&mut self, ticks: u32) -> SmallVec<[Update; 2]> {
        let mut updates = SmallVec::new();
        self.passed_ticks += ticks;
        if self.end_reports.is_none() {
            self.segment_ticks += ticks;
            self.total_ticks = self.total_ticks.saturating_add(ticks);
            let has_ended = self.length_ticks.is_some_and(|length| self.total_ticks >= length);
            while self.segment_ticks > SEGMENT_TICKS_MAX {
                self.end_segment(&mut updates);
            }
            if has_ended {
                self.end_reports = Some(END_REPORTS);
                self.passed_ticks = self.interval_ticks;
            }
        }
        if self.passed_ticks >= self.interval_ticks && !self.is_done() {
            self.passed_ticks %= self.interval_ticks;
            updates.push(self.report());
        }
        updates
    }

    /// The segment is full, and the next one begins where it ended.
    // rfc4733 §2.5.1.3
    fn end_segment(&mut self, updates: &mut SmallVec<[Update; 2]>) {
        let beyond_ticks = self.segment_ticks - SEGMENT_TICKS_MAX;
        self.segment_ticks = SEGMENT_TICKS_MAX;
        for _ in 0..END_REPORTS {
            updates.push(self.report());
        }
        self.timestamp = self.timestamp.wrapping_add(SEGMENT_TICKS_MAX);
        self.segment_ticks = beyond_ticks;
    }

    // rfc4733 §2.5.1.2
    fn report(&mut self) -> Update {
        let report = EventReport {
            event: self.event,
            is_end: self.end_reports.is_some(),
            volume: self.volume,
            duration: u16::try_from(self.segment_ticks).unwrap_or(u16::MAX),
        };
        if let Some(left) = &mut self.end_reports {
            *left = left.saturating_sub(1);
        }
        let marker = std::mem::replace(&mut self.is_first, false);
        Update { marker, timestamp: self.timestamp, payload: report.write() }
    }

    /// Its end has been told for the last time.
    pub fn is_done(&self) -> bool {
        self.end_reports == Some(0)
    }

    /// Which event it is.
    pub fn event(&self) -> Event {
        self.event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packets of each 20 ms, as `M` for a marker, timestamp, duration, `E` for the end.
    fn sent(sender: &mut EventSender) -> Vec<String> {
        let told = |update: Update| {
            let report = EventReport::read(update.payload);
            let (marker, end) = (if update.marker { "M" } else { "" }, if report.is_end { "E" } else { "" });
            format!("{marker}{}+{}{end}", update.timestamp, report.duration)
        };
        let updates: Vec<String> = sender.advance(160).into_iter().map(told).collect();
        updates
    }

    fn whole(sender: &mut EventSender) -> Vec<String> {
        let mut frames = Vec::new();
        while !sender.is_done() {
            frames.push(sent(sender).join(" "));
            assert!(frames.len() < 1_000);
        }
        frames
    }

    #[test]
    fn a_digit_grows_and_its_end_is_told_three_times() {
        // tests rfc4733 §2.5.1.2, §2.5.1.4, §2.2.1, §2.2.2
        let mut sender = EventSender::begin(Event(5), 10, 1_000, 160, Some(640));
        let expected = ["M1000+160", "1000+320", "1000+480", "1000+640E", "1000+640E", "1000+640E"];
        assert_eq!(whole(&mut sender), expected);
        assert!(sender.advance(160).is_empty());
    }

    #[test]
    fn reports_may_be_further_apart_than_frames() {
        // tests rfc4733 §2.5.1.2
        let mut sender = EventSender::begin(Event(5), 10, 0, 400, Some(800));
        let expected = ["", "", "M0+480", "", "0+800E", "", "", "0+800E", "", "0+800E"];
        assert_eq!(whole(&mut sender), expected);
        let mut short = EventSender::begin(Event(5), 10, 0, 400, Some(640));
        let expected = ["", "", "M0+480", "0+640E", "", "", "0+640E", "", "0+640E"];
        assert_eq!(whole(&mut short), expected, "its end is told at once");
    }

    #[test]
    fn a_key_that_is_held_ends_when_it_is_let_go() {
        let mut sender = EventSender::begin(Event(5), 10, 0, 160, None);
        assert_eq!([sent(&mut sender), sent(&mut sender)], [["M0+160"], ["0+320"]]);
        sender.end();
        assert_eq!(whole(&mut sender), ["0+480E", "0+480E", "0+480E"]);
        let mut at_once = EventSender::begin(Event(5), 10, 0, 160, None);
        at_once.end();
        at_once.end();
        assert_eq!(whole(&mut at_once), ["M0+160E", "0+160E", "0+160E"]);
    }

    #[test]
    fn a_long_event_has_segments() {
        // tests rfc4733 §2.5.1.3
        let mut sender = EventSender::begin(Event(5), 10, 0xFFFF_FF00, 160, Some(66_000));
        let frames = whole(&mut sender);
        let next = 0xFFFF_FF00u32.wrapping_add(0xFFFF);
        let full = "4294967040+65535";
        assert_eq!(frames[408], "4294967040+65440");
        assert_eq!(frames[409], format!("{full} {full} {full} {next}+65"));
        assert_eq!(frames[410], format!("{next}+225"));
        assert_eq!(frames.last(), Some(&format!("{next}+545E")));
        assert_eq!(frames.iter().filter(|frame| frame.contains('M')).count(), 1);
    }
}
