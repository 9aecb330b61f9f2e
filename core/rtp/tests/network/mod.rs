//! A call on a network of a mask: which packet is lost, and which is delayed by how much.

use ruf_rtp::{
    Content, Counts, JitterBuffer, JitterLimits, Packet, Playout, Random, Received, Receiver, Sender,
};
use std::ops::Range;
use std::time::Duration;

const CLOCK_RATE: u32 = 8_000;
/// What the player plays at a time.
const FRAME_TICKS: i64 = 160;
const FRAME_US: i64 = 20_000;
/// The player's clock and the sender's do not begin together.
const PHASE_US: i64 = 7_000;
/// The network is never faster.
const TRANSIT_US: i64 = 40_000;
/// A player that can, stretches a frame by so much.
const STRETCH_TICKS_MAX: i64 = 40;

/// One call.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) seed: u64,
    /// Packets that would be sent if nobody were ever silent.
    pub(crate) packets: usize,
    pub(crate) spacing_ms: i64,
    pub(crate) loss_percent: u32,
    /// Each packet is so late at most.
    pub(crate) delay_max_us: i64,
    /// The sender's clock is so much faster.
    pub(crate) skew_ppm: i64,
    /// These packets go another way, longer by `step_us`.
    pub(crate) step_at: Range<usize>,
    pub(crate) step_us: i64,
    /// These come together, with the one behind them.
    pub(crate) stall_at: Range<usize>,
    /// So many packets are spoken, so many not.
    pub(crate) speech: Option<(usize, usize)>,
    /// Silence begins with comfort noise.
    pub(crate) noise: bool,
    /// These are a digit.
    pub(crate) events: Option<Range<usize>>,
    /// From here on with another SSRC, and timestamps so far away.
    pub(crate) restart_at: Option<(usize, bool, i32)>,
    /// This one is so late.
    pub(crate) late: Option<(usize, i64)>,
    /// The player does what frames say.
    pub(crate) stretches: bool,
    /// The last ten of so many packets are a pause.
    pub(crate) pause_each: usize,
    /// The player pulls for so many frames at a time.
    pub(crate) burst: i64,
}

impl Default for Call {
    fn default() -> Call {
        Call {
            seed: 1,
            packets: 500,
            spacing_ms: 20,
            loss_percent: 0,
            delay_max_us: 0,
            skew_ppm: 0,
            step_at: 0..0,
            step_us: 0,
            stall_at: 0..0,
            speech: None,
            noise: false,
            events: None,
            restart_at: None,
            late: None,
            stretches: false,
            pause_each: 100,
            burst: 1,
        }
    }
}

/// What the player got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Frame { number: usize, delay_us: i64, stretch_ticks: i64 },
    Missing { ticks: u32 },
    Noise,
    Silence,
}

/// What was heard of a call.
pub(crate) struct Log {
    pub(crate) heard: Vec<Heard>,
    pub(crate) counts: Counts,
    /// What the player added, less what it took out.
    pub(crate) stretched_ticks: i64,
    /// Frames that the player made shorter.
    pub(crate) shortened: Vec<usize>,
}

struct Sent {
    arrives_us: i64,
    octets: Vec<u8>,
    content: Content,
}

impl Call {
    /// Nobody speaks in this packet.
    pub(crate) fn is_pause(&self, number: usize) -> bool {
        number % self.pause_each >= self.pause_each.saturating_sub(10)
    }

    fn is_spoken(&self, number: usize) -> bool {
        self.speech.is_none_or(|(spoken, silent)| number % (spoken + silent) < spoken)
    }

    /// The packets with speech.
    pub(crate) fn spoken(&self) -> Vec<usize> {
        (0..self.packets).filter(|number| self.is_spoken(*number)).collect()
    }

    fn fate(&self, number: usize) -> (bool, i64) {
        let mut random = Random::from_seed(self.seed << 32 | number as u64);
        let is_lost = random.unit() * 100.0 < f64::from(self.loss_percent);
        (is_lost, (random.unit() * self.delay_max_us as f64) as i64)
    }

    /// The packets that the mask loses.
    pub(crate) fn lost(&self) -> Vec<usize> {
        (0..self.packets).filter(|number| self.fate(*number).0).collect()
    }

    /// What arrives, in its order.
    fn sent(&self) -> Vec<Sent> {
        let ticks = (self.spacing_ms * 8) as u32;
        let (mut sender, mut jump) = (Sender::new(self.seed), 0u32);
        let mut sent = Vec::new();
        let mut event_start = 0;
        for number in 0..self.packets {
            if let Some((at, new_ssrc, ticks)) = self.restart_at
                && at == number
            {
                jump = ticks as u32;
                if new_ssrc {
                    sender.change_ssrc(|_| false);
                }
            }
            let is_event = self.events.as_ref().is_some_and(|events| events.contains(&number));
            let payload = number.to_be_bytes();
            let starts_silence = number > 0 && self.is_spoken(number - 1);
            let mut packet = if is_event {
                let first = self.events.as_ref().is_some_and(|events| events.start == number);
                event_start = if first { sender.timestamp() } else { event_start };
                let mut packet = sender.noise(101, ticks, &payload);
                packet.timestamp = event_start;
                packet
            } else if self.is_spoken(number) {
                sender.audio(0, ticks, &payload)
            } else if self.noise && starts_silence {
                sender.noise(13, ticks, &payload)
            } else {
                sender.silence(ticks);
                continue;
            };
            packet.timestamp = packet.timestamp.wrapping_add(jump);
            let (is_lost, delay_us) = self.fate(number);
            if is_lost {
                continue;
            }
            let spacing_us = self.spacing_ms * 1_000;
            let at = if self.stall_at.contains(&number) { self.stall_at.end } else { number } as i64;
            let leaves_us = at * spacing_us * (1_000_000 - self.skew_ppm) / 1_000_000;
            let step_us = if self.step_at.contains(&number) { self.step_us } else { 0 };
            let late_us = self.late.map_or(0, |(late, late_us)| if late == number { late_us } else { 0 });
            let content = match packet.payload_type {
                101 => Content::Event,
                13 => Content::Noise,
                _ => Content::Audio { ticks },
            };
            let mut octets = vec![0; packet.written_bytes()];
            packet.write(&mut octets).expect("it was measured");
            let arrives_us = leaves_us + TRANSIT_US + delay_us + step_us + late_us;
            sent.push(Sent { arrives_us, octets, content });
        }
        sent.sort_by_key(|sent| sent.arrives_us);
        sent
    }

    /// Plays it.
    pub(crate) fn run(&self) -> Log {
        let mut receiver = Receiver::new(CLOCK_RATE);
        let mut buffer = JitterBuffer::new(CLOCK_RATE, JitterLimits::default());
        let sent = self.sent();
        let end_us = sent.last().map_or(0, |sent| sent.arrives_us) + 1_500_000;
        let mut sent = sent.into_iter().peekable();
        let mut log =
            Log { heard: Vec::new(), counts: Counts::default(), stretched_ticks: 0, shortened: Vec::new() };
        let (mut now_us, mut held_ticks) = (PHASE_US, 0);
        while now_us < end_us {
            while let Some(next) = sent.next_if(|sent| sent.arrives_us <= now_us) {
                let packet = Packet::parse(&next.octets).expect("it was written");
                let arrived = micros(next.arrives_us);
                if let Received::Accepted(arrival) = receiver.receive(arrived, &packet) {
                    buffer.insert(arrived, arrival, &packet, next.content);
                }
            }
            held_ticks -= FRAME_TICKS * self.burst;
            while held_ticks < 0 {
                held_ticks += self.pull(now_us, &mut buffer, &mut log);
            }
            now_us += FRAME_US * self.burst;
        }
        log.counts = buffer.counts();
        log
    }

    /// One pull; how many ticks the player got of it.
    fn pull(&self, now_us: i64, buffer: &mut JitterBuffer, log: &mut Log) -> i64 {
        let (heard, ticks) = match buffer.pull(micros(now_us)) {
            Playout::Frame(frame) => {
                let number = usize::from_be_bytes(frame.payload.try_into().expect("a number"));
                let spacing_us = self.spacing_ms * 1_000;
                let leaves_us = number as i64 * spacing_us * (1_000_000 - self.skew_ppm) / 1_000_000;
                let stretch_ticks = frame.stretch_ticks;
                let done = match self.stretches && (!frame.in_pauses || self.is_pause(number)) {
                    true => stretch_ticks.clamp(-STRETCH_TICKS_MAX, STRETCH_TICKS_MAX),
                    false => 0,
                };
                log.stretched_ticks += done;
                log.shortened.extend((done < 0).then_some(number));
                let delay_us = now_us - leaves_us - TRANSIT_US;
                (Heard::Frame { number, delay_us, stretch_ticks }, i64::from(frame.ticks) + done)
            }
            Playout::Missing { ticks, next } => {
                assert!(ticks > 0 && next.is_none_or(|next| !next.payload.is_empty()));
                (Heard::Missing { ticks }, i64::from(ticks))
            }
            Playout::Noise(_) => (Heard::Noise, FRAME_TICKS),
            Playout::Silence => (Heard::Silence, FRAME_TICKS),
        };
        log.heard.push(heard);
        ticks
    }
}

impl Log {
    /// The numbers of the packets that were played.
    pub(crate) fn frames(&self) -> impl Iterator<Item = usize> {
        self.heard.iter().filter_map(|heard| match heard {
            Heard::Frame { number, .. } => Some(*number),
            _ => None,
        })
    }

    /// Packets between the first and the last one played that were not.
    pub(crate) fn lost_between(&self) -> usize {
        match (self.frames().min(), self.frames().max()) {
            (Some(first), Some(last)) => last - first + 1 - self.frames().count(),
            _ => 0,
        }
    }

    /// Packets from this one on, up to the last that was played, that were not.
    pub(crate) fn missed_after(&self, number: usize) -> usize {
        let played = self.frames().filter(|played| *played >= number).count();
        self.frames().max().map_or(0, |last| last + 1 - number - played)
    }

    /// How much was concealed between the first and the last packet that were played.
    pub(crate) fn concealed_ticks(&self) -> u64 {
        let is_frame = |heard: &Heard| matches!(heard, Heard::Frame { .. });
        let last = self.heard.iter().rposition(is_frame).unwrap_or(0);
        let concealed = self.heard.iter().take(last).map(|heard| match heard {
            Heard::Missing { ticks } => u64::from(*ticks),
            _ => 0,
        });
        concealed.sum()
    }

    /// How long after the fastest way through the network these packets were played, on average.
    pub(crate) fn mean_delay_ms(&self, numbers: Range<usize>) -> i64 {
        let delays = self.heard.iter().filter_map(|heard| match heard {
            Heard::Frame { number, delay_us, .. } if numbers.contains(number) => Some(*delay_us),
            _ => None,
        });
        let (sum, count) = delays.fold((0, 0), |(sum, count), delay| (sum + delay, count + 1));
        sum / (count.max(1) * 1_000)
    }
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(us as u64)
}
