//! [`Lane`]: the sound of one call between a card and the frames of its stream, whose clocks differ.
//!
//! Sound waits in a [`Buffer`] between who brings it and who takes it, and how much waits says which clock is faster:
//! the resampler that brings it to the other's rate follows, by a few parts in a million. What waits too long (a side
//! stood still) is dropped; where nothing waits there is silence until enough does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clean::Clean;
use ruf_audio::{Frame, Rate, Resampler};

/// So much more waits than what is taken at a time, since who takes may be a little early: at first, and at most, by so
/// much more for each time at which it was too little.
const MARGIN_MS: usize = 10;
const MARGIN_MAX_MS: usize = 60;
const MARGIN_STEP_MS: usize = 5;
/// What waits longer is dropped.
const WAITING_MAX_MS: usize = 250;
/// How fast the resampler runs for each millisecond that waits too long, in parts per million, and at most: crystals
/// differ by a tenth of that, and nobody hears it.
const SKEW_PPM_A_MS: f32 = 200.0;
const SKEW_PPM_MAX: f32 = 2_000.0;
/// Of what waits, the mean over so many pieces that are taken.
const MEAN_PIECES: f32 = 64.0;
/// Room for what waits, so that none is made where nobody may wait for it.
const ROOM_MS: usize = 2 * WAITING_MAX_MS;
/// Samples that are brought to the other rate at a time.
const PIECE: usize = 480;
/// The rate of what is spoken.
const RATE: Rate = Rate::Hz48000;

/// What one call hears and says.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) heard: Buffer,
    pub(super) spoken: Buffer,
    clean: Mutex<Clean>,
    is_left: AtomicBool,
}

impl Lane {
    /// Between a stream and a card whose ends run at these rates.
    pub(super) fn new(speaker_hz: u32, microphone_hz: u32) -> Lane {
        Lane {
            heard: Buffer::new(RATE.hz(), speaker_hz),
            spoken: Buffer::new(microphone_hz, RATE.hz()),
            clean: Mutex::new(Clean::new()),
            is_left: AtomicBool::new(false),
        }
    }

    /// No call has it any more.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Relaxed)
    }

    pub(super) fn hear(&self, frame: &Frame) {
        self.clean().play(frame);
        self.heard.push(frame.rate().hz(), frame);
    }

    pub(super) fn spoken(&self) -> Frame {
        let mut frame = Frame::silence(RATE);
        self.spoken.pull(RATE.hz(), &mut frame);
        self.clean().record(&frame)
    }

    fn clean(&self) -> MutexGuard<'_, Clean> {
        self.clean.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sound on its way from one clock to another.
#[derive(Debug)]
pub(super) struct Buffer(Mutex<Waiting>);

struct Waiting {
    from_hz: u32,
    to_hz: u32,
    resampler: Resampler,
    samples: VecDeque<i16>,
    converted: Vec<i16>,
    /// What is brought and taken at a time, in samples that leave.
    brought: usize,
    taken: usize,
    /// By how much more waits than should, as a mean, in milliseconds.
    excess_ms: f32,
    margin_ms: usize,
    /// Silence until enough waits.
    is_filling: bool,
}

impl Buffer {
    fn new(from_hz: u32, to_hz: u32) -> Buffer {
        Buffer(Mutex::new(Waiting::new(from_hz, to_hz)))
    }

    /// Brings samples of this rate.
    pub(super) fn push(&self, from_hz: u32, samples: &[i16]) {
        self.run_at(|_, to_hz| (from_hz, to_hz));
        self.waiting().push(samples);
    }

    /// Takes samples at this rate; what is missing is silence, and all is where the buffer is for another rate.
    pub(super) fn pull(&self, to_hz: u32, samples: &mut [i16]) {
        let mut waiting = self.waiting();
        match waiting.to_hz == to_hz {
            true => waiting.pull(samples),
            false => samples.fill(0),
        }
    }

    /// Is for other rates, if these are others. What waits is lost then; nobody waits while that is made.
    pub(super) fn run_at(&self, wanted: impl Fn(u32, u32) -> (u32, u32)) {
        loop {
            let now = self.waiting().rates_hz();
            let (from_hz, to_hz) = wanted(now.0, now.1);
            if (from_hz, to_hz) == now {
                return;
            }
            let mut other = Waiting::new(from_hz, to_hz);
            let mut waiting = self.waiting();
            if waiting.rates_hz() == now {
                // What was goes after the lock.
                return std::mem::swap(&mut *waiting, &mut other);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new(from_hz: u32, to_hz: u32) -> Waiting {
        let mut resampler = Resampler::new(from_hz, to_hz);
        // Its finer bank is made here.
        resampler.set_skew_ppm(1);
        resampler.set_skew_ppm(0);
        let room = to_hz as usize * ROOM_MS / 1_000;
        let piece = PIECE * to_hz as usize / from_hz.max(1) as usize + 2;
        Waiting {
            from_hz,
            to_hz,
            resampler,
            samples: VecDeque::with_capacity(room),
            converted: Vec::with_capacity(2 * piece),
            brought: 0,
            taken: 0,
            excess_ms: 0.0,
            margin_ms: MARGIN_MS,
            is_filling: true,
        }
    }

    fn rates_hz(&self) -> (u32, u32) {
        (self.from_hz, self.to_hz)
    }

    fn push(&mut self, samples: &[i16]) {
        let before = self.samples.len();
        for piece in samples.chunks(PIECE) {
            self.converted.clear();
            self.resampler.convert(piece, &mut self.converted);
            self.samples.extend(&self.converted);
        }
        self.brought = self.brought.max(self.samples.len() - before);
        if self.samples.len() > self.len(WAITING_MAX_MS).max(2 * self.wanted()) {
            self.samples.drain(..self.samples.len() - self.wanted());
        }
    }

    fn pull(&mut self, samples: &mut [i16]) {
        self.taken = self.taken.max(samples.len());
        if self.is_filling && self.samples.len() < self.wanted() {
            return samples.fill(0);
        }
        if self.is_filling {
            self.is_filling = false;
            self.excess_ms = 0.0;
            self.samples.drain(..self.samples.len() - self.wanted());
        }
        self.follow();
        if self.samples.len() < samples.len() {
            self.is_filling = true;
            self.margin_ms = (self.margin_ms + MARGIN_STEP_MS).min(MARGIN_MAX_MS);
        }
        samples.iter_mut().for_each(|sample| *sample = self.samples.pop_front().unwrap_or(0));
    }

    /// Has the resampler follow what waits.
    fn follow(&mut self) {
        let excess = self.samples.len() as f32 - self.wanted() as f32;
        let excess_ms = excess * 1_000.0 / self.to_hz as f32;
        self.excess_ms += (excess_ms - self.excess_ms) / MEAN_PIECES;
        let skew_ppm = (self.excess_ms * SKEW_PPM_A_MS).clamp(-SKEW_PPM_MAX, SKEW_PPM_MAX);
        self.resampler.set_skew_ppm(skew_ppm as i32);
    }

    /// What should wait before something is taken.
    fn wanted(&self) -> usize {
        self.taken.max((self.brought + self.taken) / 2) + self.len(self.margin_ms)
    }

    fn len(&self, millis: usize) -> usize {
        self.to_hz as usize * millis / 1_000
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_audio::{Tone, ToneSource, tone_hz};

    /// What a card of this rate plays whose clock is so much faster than that of the frames, in pieces of 10 ms; and
    /// how much waited in the end, in milliseconds.
    fn played(rate: Rate, card_hz: u32, ppm: i64, secs: usize) -> (Vec<i16>, usize) {
        let lane = Lane::new(card_hz, 48_000);
        let mut tone = ToneSource::new(Tone::sine(440.0, -10.0), rate);
        let (mut played, mut piece) = (Vec::new(), vec![0; card_hz as usize / 100]);
        let piece_us = 10_000 * 1_000_000 / (1_000_000 + ppm);
        let (mut card_us, mut frames_us) = (0, 0);
        while played.len() < secs * card_hz as usize {
            if card_us < frames_us {
                card_us += piece_us;
                lane.heard.pull(card_hz, &mut piece);
                played.extend_from_slice(&piece);
            } else {
                frames_us += 20_000;
                let mut frame = Frame::silence(rate);
                tone.fill(&mut frame);
                lane.hear(&frame);
            }
        }
        let waiting = lane.heard.waiting();
        (played, waiting.samples.len() * 1_000 / card_hz as usize)
    }

    #[test]
    fn a_card_with_another_clock_plays_on_without_a_gap_and_not_later_and_later() {
        for (rate, card_hz) in [(Rate::Hz8000, 48_000), (Rate::Hz48000, 44_100)] {
            // 60 s at 300 ppm are 18 ms, more than the margin.
            for ppm in [-300, 0, 300] {
                let (played, waiting_ms) = played(rate, card_hz, ppm, 60);
                let silent = card_hz as usize / 10;
                let gap = played[silent..].windows(40).any(|part| part.iter().all(|sample| *sample == 0));
                assert!(!gap, "{rate:?} to {card_hz} Hz, {ppm} ppm");
                assert!(
                    (5..38).contains(&waiting_ms),
                    "{rate:?} to {card_hz} Hz, {ppm} ppm: {waiting_ms} ms"
                );
                let end = &played[played.len() - card_hz as usize..];
                let (hz, dbfs) = tone_hz(end, card_hz).expect("a tone");
                assert!((hz - 440.0).abs() < 1.0 && (dbfs + 10.0).abs() < 0.5, "{hz} Hz, {dbfs} dB");
            }
        }
    }

    #[test]
    fn a_card_that_stops_is_silent_and_what_it_missed_is_not_played_late() {
        let lane = Lane::new(48_000, 48_000);
        let frame = Frame::of(Rate::Hz48000, &[1_000; 960]);
        let mut piece = [1; 480];
        lane.heard.pull(48_000, &mut piece);
        assert_eq!(piece, [0; 480], "nothing waits");
        for _ in 0..1_000 {
            lane.hear(&frame);
        }
        let waiting = lane.heard.waiting().samples.len();
        assert!(waiting <= 48 * WAITING_MAX_MS, "{waiting}");
        for _ in 0..3 {
            lane.heard.pull(48_000, &mut piece);
        }
        let waiting = lane.heard.waiting().samples.len();
        assert!(waiting < 48 * 60, "{waiting}");
    }

    #[test]
    fn what_is_spoken_comes_as_frames_and_silence_where_nothing_is() {
        let lane = Lane::new(48_000, 16_000);
        let mut tone = ToneSource::new(Tone::sine(600.0, -10.0), Rate::Hz16000);
        let mut said = Vec::new();
        for _ in 0..100 {
            for _ in 0..2 {
                let mut piece = [0; 160];
                tone.fill(&mut piece);
                lane.spoken.push(16_000, &piece);
            }
            said.extend_from_slice(&lane.spoken());
        }
        let (hz, _) = tone_hz(&said[48_000..], 48_000).expect("a tone");
        assert!((hz - 600.0).abs() < 1.0, "{hz} Hz");
        let rest: Vec<Frame> = (0..20).map(|_| lane.spoken()).collect();
        assert_eq!(rest.last(), Some(&Frame::silence(RATE)));
    }
}
