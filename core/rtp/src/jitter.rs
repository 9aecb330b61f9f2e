//! The jitter buffer: from packets as they come to frames as they are played.
//!
//! The player pulls. Whenever what it has decoded runs short it asks for the next piece and gets as many ticks as the
//! sender put into one packet: a player of 20 ms frames asks twice for packets of 10 ms, and once in three times for
//! packets of 60 ms. So the player's clock is the clock, and its jitter is measured with the network's.
//!
//! What is heard when:
//!
//! - The *delay* of a packet at its turn is how much later it could have come, measured from the fastest packet of
//!   the last seconds. The *target* is the delay with which nearly all of them are there in time. Whatever begins (a
//!   call, speech after a silence) begins at the target.
//! - A packet that is missing at its turn is concealed, and discarded if it comes later though those behind it were
//!   there; the target remembers. When *nothing* is there, time stands still: what comes then is played, late, and
//!   the delay has grown where a gap was heard anyway.
//! - Otherwise the player changes the delay, who knows what is quiet: a frame says by how much it may be stretched or
//!   shortened ([`Frame::stretch_ticks`]). A pause may be shortened by much, and nobody hears it; words only if no pause
//!   comes for seconds ([`Frame::in_pauses`]). That is rare, and follows a drift of the clocks, too: it shows as a delay
//!   that grows or shrinks. Only if the player never shortens anything, a packet is dropped every few seconds.
//!
//! Here are the turns; in `store` the packets, in `delay` the target, in `timeline` timestamps without end.
//!
//! Not here: decoding, concealing and stretching (core/audio), digits ([`EventReceiver`](crate::EventReceiver)).

mod bursts;
mod delay;
mod playout;
mod store;
mod timeline;
mod window;

pub use bursts::BurstFigures;
pub use playout::{Content, Counts, Frame, JitterLimits, Playout};

use crate::packet::Packet;
use crate::receiver::Arrival;
use bursts::Bursts;
use delay::Delay;
use smallvec::SmallVec;
use std::time::Duration;
use store::{Store, Stored};
use timeline::Timeline;
use window::WindowedMin;

/// A packet so much earlier than the fastest one has another clock; so has one so much later, after a silence.
const JUMP_MICROS: i64 = 1_000_000;
/// So much more delay than needed is worth a packet now and then,
const EXCESS_MICROS: i64 = 120_000;
/// if the player did not shorten it within so many packets.
const HINTS_MAX: u32 = 600;
/// For so many packets a pause is waited for that can be shortened: speech has one every few seconds.
const HINTS_FOR_PAUSES: u32 = 400;
/// A voice is stretched by whole periods: a little more is asked for, so that a low one has some to give.
const PERIOD_MICROS: i64 = 10_000;
/// A payload of comfort noise that is longer is cut: its coefficients are optional.
const NOISE_BYTES_MAX: usize = 16;

/// The packets of one stream, in the order in which they are heard.
#[derive(Debug)]
pub struct JitterBuffer {
    limits: JitterLimits,
    store: Store,
    timeline: Timeline,
    delay: Delay,
    /// The least delay at which packets were played, of the last seconds.
    least: WindowedMin,
    state: State,
    /// What is heard while nobody speaks: a payload of comfort noise, or nothing.
    noise: SmallVec<[u8; NOISE_BYTES_MAX]>,
    /// Of the last packet with audio.
    ticks: i64,
    /// At which the last packet was played.
    delay_micros: i64,
    /// Packets in a row of which the player was told that they may be shorter.
    hints: u32,
    counts: Counts,
    bursts: Bursts,
    /// The number behind the last one before the sender began anew: how many packets lie between it and those of now,
    /// no number says.
    numbered_anew: u64,
}

/// ```text
///            begins, at the target
///   Idle ────────────────────────────► Playing
///        ◄────────────────────────────
///          noise, a digit, silence, another clock; nothing for long
/// ```
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody speaks.
    Idle {
        /// The sequence number that comes next, if one came before.
        next: Option<u64>,
    },
    /// Somebody does.
    Playing(Expected),
}

/// What is played next.
#[derive(Clone, Copy, Debug)]
struct Expected {
    sequence: u64,
    timestamp: i64,
    /// How much was concealed since its turn.
    concealed_ticks: i64,
    /// While it was concealed, others behind it were there.
    was_passed: bool,
}

/// What a turn came to.
enum Turn {
    Play { stored: Stored, stretch_micros: i64, in_pauses: bool },
    Miss { ticks: i64, shows_next: bool },
    Quiet,
}

impl JitterBuffer {
    /// Is empty. `clock_rate` is that of the timestamps, in Hz.
    pub fn new(clock_rate: u32, limits: JitterLimits) -> JitterBuffer {
        let timeline = Timeline::new(clock_rate);
        JitterBuffer {
            store: Store::new(),
            delay: Delay::new(&limits),
            least: WindowedMin::new(),
            state: State::Idle { next: None },
            noise: SmallVec::new(),
            ticks: timeline.spacing(timeline.ticks(micros(limits.spacing))),
            delay_micros: 0,
            hints: 0,
            counts: Counts::default(),
            bursts: Bursts::default(),
            numbered_anew: 0,
            timeline,
            limits,
        }
    }

    /// A packet came. `arrival` is what the [`Receiver`](crate::Receiver) said of it.
    pub fn insert(&mut self, now: Duration, arrival: Arrival, packet: &Packet, content: Content) {
        let (timestamp, starts) = match content {
            Content::Event => (self.timeline.near(packet.timestamp), false),
            Content::Audio { .. } | Content::Noise => self.place(micros(now), arrival, packet, content),
        };
        let next = match self.state {
            State::Idle { next } => next,
            State::Playing(expected) => Some(expected.sequence),
        };
        if next.is_some_and(|next| arrival.sequence < next) {
            self.counts.late += 1;
            return;
        }
        let stored = Stored::new(arrival.sequence, timestamp, starts, packet, content);
        self.counts.refused += self.store.insert(stored, packet.payload);
    }

    /// The place of a packet on the timeline, and whether it begins one. The target learns of it.
    fn place(&mut self, now: i64, arrival: Arrival, packet: &Packet, content: Content) -> (i64, bool) {
        let near = self.timeline.near(packet.timestamp);
        let relative = self.delay.relative(now - self.timeline.micros(near));
        let is_newest = self.timeline.is_newest(arrival.sequence);
        let is_idle = matches!(self.state, State::Idle { .. });
        // The sender's clock was set, or stood still while it was silent.
        let was_set =
            self.timeline.is_behind(near) || relative < -JUMP_MICROS || is_idle && relative > JUMP_MICROS;
        let starts = arrival.start.is_some() || is_newest && was_set;
        let timestamp = if starts { self.timeline.restart(packet.timestamp) } else { near };
        if starts {
            self.delay.restart();
        }
        if arrival.start.is_some() {
            self.numbered_anew = self.timeline.after_newest();
        }
        if is_newest {
            self.timeline.advance(arrival.sequence, timestamp, content.ticks());
        }
        let spacing = self.timeline.micros(self.ticks);
        self.delay.hear(now, now - self.timeline.micros(timestamp), spacing);
        (timestamp, starts)
    }

    /// The player has nothing left: what it plays next.
    pub fn pull(&mut self, now: Duration) -> Playout<'_> {
        match self.turn(micros(now)) {
            Turn::Play { stored, stretch_micros, in_pauses } => {
                let stretch_ticks = self.timeline.ticks(stretch_micros);
                let frame = self.store.lend(stored).frame();
                Playout::Frame(Frame { stretch_ticks, in_pauses, ..frame })
            }
            Turn::Miss { ticks, shows_next } => {
                let next = if shows_next { self.store.first() } else { None };
                Playout::Missing { ticks: to_u32(ticks), next: next.map(Stored::frame) }
            }
            Turn::Quiet if self.noise.is_empty() => Playout::Silence,
            Turn::Quiet => Playout::Noise(&self.noise),
        }
    }

    fn turn(&mut self, now: i64) -> Turn {
        loop {
            let Some(first) = self.store.first() else { return self.starve() };
            let turn = match self.state {
                State::Idle { next } => self.resume(now, next),
                State::Playing(next) if first.sequence > next.sequence => self.pass(next),
                State::Playing(next) => self.follow(now, next),
            };
            if let Some(turn) = turn {
                return turn;
            }
        }
    }

    /// Nothing is there.
    fn starve(&mut self) -> Turn {
        let State::Playing(next) = &mut self.state else { return Turn::Quiet };
        if self.timeline.micros(next.concealed_ticks) >= micros(self.limits.conceal_max) {
            self.state = State::Idle { next: Some(next.sequence) };
            return Turn::Quiet;
        }
        next.concealed_ticks += self.ticks;
        Turn::Miss { ticks: self.ticks, shows_next: false }
    }

    /// Nobody speaks, and a packet is there: it begins when it may.
    fn resume(&mut self, now: i64, next: Option<u64>) -> Option<Turn> {
        let first = self.store.first()?;
        let (sequence, timestamp) = (first.sequence, first.timestamp);
        let delay = self.delay_of(now, timestamp);
        if first.content == Content::Event {
            self.store.drop_first();
            self.state = State::Idle { next: Some(sequence + 1) };
        } else if delay < self.delay.target() {
            return Some(Turn::Quiet);
        } else {
            self.store.begin_first();
            self.state =
                State::Playing(Expected { sequence, timestamp, concealed_ticks: 0, was_passed: false });
        }
        self.miss(next.map_or(0, |next| self.missing(next, sequence)));
        None
    }

    /// The first packet that is there is not the one whose turn it is: conceals what lies between, then goes on
    /// behind it.
    fn pass(&mut self, next: Expected) -> Option<Turn> {
        let first = self.store.first()?;
        let (sequence, timestamp) = (first.sequence, first.timestamp);
        let left = timestamp - next.timestamp - next.concealed_ticks;
        let missing = sequence - next.sequence;
        let lost_ticks = self.ticks.saturating_mul(i64::try_from(missing).unwrap_or(i64::MAX));
        let counted = self.missing(next.sequence, sequence);
        if left <= self.ticks / 2 {
            self.miss(counted);
            self.state = State::Playing(Expected { sequence, timestamp, ..Expected::at(next) });
        } else if next.concealed_ticks >= lost_ticks {
            // Beyond what was lost the sender was silent.
            self.miss(counted);
            self.state = State::Playing(Expected { sequence, ..Expected::at(next) });
        } else if self.timeline.micros(next.concealed_ticks) >= micros(self.limits.conceal_max) {
            self.state = State::Idle { next: Some(next.sequence) };
        } else {
            let ticks = left.min(self.ticks);
            let concealed_ticks = next.concealed_ticks + ticks;
            self.state = State::Playing(Expected { concealed_ticks, was_passed: true, ..next });
            return Some(Turn::Miss { ticks, shows_next: left <= self.ticks + self.ticks / 2 });
        }
        None
    }

    /// The packet whose turn it is, is there.
    fn follow(&mut self, now: i64, next: Expected) -> Option<Turn> {
        let first = self.store.first()?;
        let is_event = first.content == Content::Event;
        // rfc3389 §5.1: none is missing, so the sender was silent
        if !is_event && (first.starts || first.timestamp - next.timestamp > self.ticks / 2) {
            self.state = State::Idle { next: Some(next.sequence) };
            return None;
        }
        let stored = self.store.take_first()?;
        let delay = self.delay_of(now, stored.timestamp);
        let spacing = self.timeline.micros(self.ticks);
        let after = stored.sequence + 1;
        let mut turn = None;
        match stored.content {
            Content::Event => {
                self.noise.clear();
                self.state = State::Idle { next: Some(after) };
            }
            Content::Noise => {
                self.noise =
                    SmallVec::from_slice(stored.payload().get(..NOISE_BYTES_MAX).unwrap_or(stored.payload()));
                self.state = State::Idle { next: Some(after) };
                turn = Some(Turn::Quiet);
            }
            Content::Audio { ticks } => {
                let timestamp = stored.timestamp + i64::from(ticks);
                let expected = Expected { sequence: after, timestamp, concealed_ticks: 0, was_passed: false };
                self.state = State::Playing(expected);
                // It was concealed, and others waited behind it: it is heard only if the delay is to grow.
                if next.was_passed && delay > self.delay.target() + spacing {
                    let concealed_ticks = (next.concealed_ticks - i64::from(ticks)).max(0);
                    let was_passed = concealed_ticks > 0;
                    self.state = State::Playing(Expected { concealed_ticks, was_passed, ..expected });
                    self.counts.late += 1;
                    self.miss(1);
                } else if delay > micros(self.limits.delay_max) || self.is_excessive() {
                    self.hints = 0;
                    self.counts.overdue += 1;
                    self.miss(1);
                } else {
                    self.noise.clear();
                    self.ticks = self.timeline.spacing(i64::from(ticks));
                    self.counts.played += 1;
                    self.bursts.played();
                    self.delay_micros = delay;
                    self.counts.stretched_ticks += next.concealed_ticks.unsigned_abs();
                    self.least.push(now, delay);
                    let stretch_micros = self.stretch(delay, spacing);
                    self.hints = if stretch_micros < 0 { self.hints + 1 } else { 0 };
                    // To be too early costs more than to be heard.
                    let in_pauses = stretch_micros < 0 && self.hints <= HINTS_FOR_PAUSES;
                    return Some(Turn::Play { stored, stretch_micros, in_pauses });
                }
            }
        }
        self.store.give_back(stored);
        turn
    }

    /// How many are known to be missing where this one is there and that one was expected.
    fn missing(&self, expected: u64, sequence: u64) -> u64 {
        let begins_anew = expected <= self.numbered_anew && self.numbered_anew < sequence;
        if begins_anew { 0 } else { sequence.saturating_sub(expected) }
    }

    fn miss(&mut self, packets: u64) {
        self.counts.missed += packets;
        self.bursts.missed(packets);
    }

    /// For seconds the delay was much longer than it should be, and the player did nothing.
    fn is_excessive(&self) -> bool {
        let is_long = |least| least > self.delay.target() + EXCESS_MICROS;
        self.hints >= HINTS_MAX && self.least.settled().is_some_and(is_long)
    }

    /// By how much a frame may be longer or, negative, shorter.
    fn stretch(&self, delay: i64, spacing: i64) -> i64 {
        let target = self.delay.target();
        match self.least.settled() {
            _ if delay < target => target - delay + PERIOD_MICROS,
            Some(least) if least > target + spacing => target - least,
            _ => 0,
        }
    }

    /// How much later a packet could have come, if it were played now.
    fn delay_of(&self, now: i64, timestamp: i64) -> i64 {
        now - self.timeline.micros(timestamp) - self.delay.base()
    }

    /// The delay at which nearly all packets are there in time.
    pub fn target(&self) -> Duration {
        duration(self.delay.target())
    }

    /// The delay of the last packet that was played.
    pub fn delay(&self) -> Duration {
        duration(self.delay_micros)
    }

    /// How long a packet is.
    pub fn spacing(&self) -> Duration {
        duration(self.timeline.micros(self.ticks))
    }

    /// Its bounds.
    pub fn limits(&self) -> &JitterLimits {
        &self.limits
    }

    /// What happened until now.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether what was missed came in bursts.
    pub fn bursts(&self) -> BurstFigures {
        self.bursts.figures()
    }
}

impl Expected {
    /// The same place, of which nothing is concealed yet.
    fn at(next: Expected) -> Expected {
        Expected { concealed_ticks: 0, was_passed: false, ..next }
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

fn to_u32(ticks: i64) -> u32 {
    u32::try_from(ticks).unwrap_or_default()
}
