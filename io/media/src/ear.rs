//! [`Ear`]: from packets to frames: order and delay, decoding, concealment, digits.

use std::collections::VecDeque;
use std::time::Duration;

use ruf_audio::{Frame, Rate};
use ruf_rtp::{
    Content, EventChange, EventReceiver, JitterBuffer, JitterLimits, Packet, Playout, Quality, QualityMeter,
    Received, Receiver, Start,
};

use crate::agreed::Agreed;
use crate::codec::{Codec, Decoder};

/// A frame is made of at most so many turns of the jitter buffer: a payload of no audio must not hold us.
const TURNS_MAX: usize = 16;
/// Frames between two looks at how good the call is.
const LOOK_FRAMES: u32 = 50;
/// Digits that wait to be told.
const DIGITS_MAX: usize = 64;

/// The hearing half of a stream.
#[derive(Debug)]
pub(crate) struct Ear {
    lines: Vec<Line>,
    events: Option<u8>,
    noise: Option<u8>,
    /// Of the codec that is received.
    clock_rate_hz: u32,
    receiver: Receiver,
    jitter: JitterBuffer,
    keys: EventReceiver,
    /// The timestamp from which on the far side's encoder begins anew.
    begins: Option<u32>,
    /// It is that of the packet that comes next.
    begins_next: bool,
    /// Whose samples these are.
    current: usize,
    samples: VecDeque<i16>,
    digits: VecDeque<char>,
    meter: QualityMeter,
    round_trip: Option<Duration>,
    frames: u32,
}

/// One codec that the far side may send.
#[derive(Debug)]
struct Line {
    payload_type: u8,
    codec: Codec,
    decoder: Decoder,
}

impl Ear {
    /// Hears what was agreed on; `None` if no codec was.
    pub(crate) fn new(agreed: &Agreed) -> Option<Ear> {
        let clock_rate_hz = agreed.codecs.first()?.codec.clock_rate_hz();
        let lines = agreed.codecs.iter().map(|agreed| Line {
            payload_type: agreed.receive,
            codec: agreed.codec,
            decoder: Decoder::new(agreed.codec),
        });
        Some(Ear {
            lines: lines.collect(),
            events: agreed.events.map(|events| events.receive),
            noise: agreed.noise,
            clock_rate_hz,
            receiver: Receiver::new(clock_rate_hz),
            jitter: JitterBuffer::new(clock_rate_hz, JitterLimits::default()),
            keys: EventReceiver::new(),
            begins: None,
            begins_next: false,
            current: 0,
            samples: VecDeque::new(),
            digits: VecDeque::new(),
            meter: QualityMeter::new(agreed.codecs.first()?.codec.impairment()),
            round_trip: None,
            frames: 0,
        })
    }

    /// Another description of the same stream: what is heard goes on if the codecs are the same.
    pub(crate) fn agree(&mut self, agreed: &Agreed) {
        let same = self.lines.len() == agreed.codecs.len()
            && self
                .lines
                .iter()
                .zip(&agreed.codecs)
                .all(|(line, agreed)| (line.payload_type, line.codec) == (agreed.receive, agreed.codec));
        if !same && let Some(ear) = Ear::new(agreed) {
            let digits = std::mem::take(&mut self.digits);
            *self = Ear { digits, ..ear };
            return;
        }
        self.events = agreed.events.map(|events| events.receive);
        self.noise = agreed.noise;
        self.receiver.expect_change();
    }

    /// The far side sets up its stream anew: what comes from now on is of a new encoder, be it of the same SSRC.
    pub(crate) fn restart(&mut self) {
        self.begins_next = true;
    }

    /// A packet came from whom we believe.
    pub(crate) fn receive(&mut self, now: Duration, packet: &Packet<'_>) {
        let payload_type = packet.payload_type;
        let content = match self.lines.iter().find(|line| line.payload_type == payload_type) {
            Some(line) => match line.codec.ticks(packet.payload) {
                Some(ticks) => {
                    let codec = line.codec;
                    self.follow_clock(codec);
                    Content::Audio { ticks }
                }
                // Not a payload of its codec.
                None => return,
            },
            None if self.events == Some(payload_type) => Content::Event,
            None if self.noise == Some(payload_type) => Content::Noise,
            None => return,
        };
        let Received::Accepted(arrival) = self.receiver.receive(now, packet) else { return };
        if matches!(arrival.start, Some(Start::Changed { .. })) {
            let ended = self.keys.restart();
            self.note(ended);
        }
        self.begins_next |= arrival.start.is_some();
        if matches!(content, Content::Audio { .. }) && std::mem::take(&mut self.begins_next) {
            self.begins = Some(packet.timestamp);
        }
        if content == Content::Event {
            for change in self.keys.receive(now, packet.timestamp, packet.payload) {
                self.note(Some(change));
            }
        }
        self.jitter.insert(now, arrival, packet, content);
    }

    /// A codec with another clock begins anew: its timestamps are not comparable.
    fn follow_clock(&mut self, codec: Codec) {
        let clock_rate_hz = codec.clock_rate_hz();
        if clock_rate_hz != self.clock_rate_hz {
            self.clock_rate_hz = clock_rate_hz;
            self.receiver = Receiver::new(clock_rate_hz);
            self.jitter = JitterBuffer::new(clock_rate_hz, JitterLimits::default());
            self.meter = QualityMeter::new(codec.impairment());
        }
    }

    /// The next 20 ms of what the far side says.
    pub(crate) fn frame(&mut self, now: Duration) -> Frame {
        let ended = self.keys.tick(now);
        self.note(ended);
        self.frames += 1;
        if self.frames.is_multiple_of(LOOK_FRAMES) {
            self.meter.look(&self.receiver, &self.jitter, self.round_trip);
        }
        for _ in 0..TURNS_MAX {
            if self.samples.len() >= self.rate().frame_len() {
                break;
            }
            self.turn(now);
        }
        let len = self.rate().frame_len().min(self.samples.len());
        let samples: Vec<i16> = self.samples.drain(..len).collect();
        Frame::of(self.rate(), &samples)
    }

    /// What the jitter buffer has next becomes samples.
    fn turn(&mut self, now: Duration) {
        let frame_len = self.rate().frame_len();
        let missing = frame_len.saturating_sub(self.samples.len());
        let playout = self.jitter.pull(now);
        if let Playout::Frame(frame) = &playout
            && let Some(at) = self.lines.iter().position(|line| line.payload_type == frame.payload_type)
            && at != self.current
        {
            // Of another rate, perhaps.
            self.current = at;
            self.samples.clear();
        }
        let Some(line) = self.lines.get_mut(self.current) else { return };
        let heard = match playout {
            Playout::Frame(frame) => {
                // Of two timestamps the later one is less than half of all ahead.
                let reached = |begins: &mut u32| frame.timestamp.wrapping_sub(*begins) < 1 << 31;
                if self.begins.take_if(reached).is_some() {
                    line.decoder.restart();
                }
                let stretch_by = line.codec.samples(frame.stretch_ticks);
                line.decoder.decode(frame.payload, stretch_by, frame.in_pauses)
            }
            Playout::Missing { ticks, next } => {
                let next = next.filter(|next| next.payload_type == line.payload_type);
                let len = usize::try_from(line.codec.samples(i64::from(ticks))).unwrap_or(frame_len);
                line.decoder.conceal(len, next.map(|next| next.payload))
            }
            Playout::Noise(description) => line.decoder.noise(description, missing),
            Playout::Silence => line.decoder.silence(missing),
        };
        self.samples.extend(heard);
    }

    /// The next key that the far side pressed.
    pub(crate) fn digit(&mut self) -> Option<char> {
        self.digits.pop_front()
    }

    /// What RTCP tells of what is heard.
    pub(crate) fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// This source said that it has ended.
    pub(crate) fn bye(&mut self, ssrc: u32) {
        self.receiver.bye(ssrc);
    }

    /// The round trip of the network, as RTCP measured it.
    pub(crate) fn travels(&mut self, round_trip: Option<Duration>) {
        self.round_trip = round_trip;
    }

    /// How good it is received.
    pub(crate) fn quality(&self) -> Quality {
        self.meter.quality()
    }

    /// The rate of what is heard now.
    pub(crate) fn rate(&self) -> Rate {
        self.lines.get(self.current).map_or(Rate::Hz8000, |line| line.codec.rate())
    }

    fn note(&mut self, change: Option<EventChange>) {
        if let Some(EventChange::Begin { event, .. }) = change
            && let Some(digit) = event.key()
            && self.digits.len() < DIGITS_MAX
        {
            self.digits.push_back(digit);
        }
    }
}
