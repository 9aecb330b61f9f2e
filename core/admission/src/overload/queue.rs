//! A worker and its queue, message by message, for the tests of the regulator: calls come by chance, are drawn by lot
//! when their INVITE has waited its turn, and bring the rest of their work later. In microseconds, without a clock.

use super::{LOOK, Overload, Precedence};
use ruf_message::Entropy;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What waits, and what it costs.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Invite,
    Ringing,
    Answer,
    Ack,
    Bye,
    Bye200,
    /// The ACK of a refusal.
    Refused,
}

/// What a call costs, and a refusal with its ACK.
const CALL_MICROS: u64 = 500;
const REFUSAL_MICROS: (u64, u64) = (60, 25);
/// What it is worked in: within one nothing new comes.
const STEP_MICROS: u64 = 1_000;
/// A core that is rationed gives each second of the queue's work in the first tenth of each hundredth.
const RATION_STEPS: u64 = 10;
/// How long people talk.
const HOLD_MICROS: u64 = 200_000;
/// Messages that fit into the socket.
const ROOM: usize = 4_000;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) overload: Overload,
    entropy: Entropy,
    is_rationed: bool,
    now: u64,
    queue: VecDeque<Piece>,
    later: BTreeMap<u64, Vec<Piece>>,
    /// When the next call comes.
    next: f64,
    /// Since the last look: when that was, what was taken, and the rest.
    looked: (u64, u64, u64),
    /// Work that was begun in the step before.
    owed: u64,
}

/// What came of some seconds.
#[derive(Debug)]
pub(super) struct Run {
    /// Calls that ended, of those that it could do.
    pub(super) goodput: f64,
    pub(super) longest_wait_millis: u128,
    /// The least and the most.
    pub(super) share: (f64, f64),
}

impl Worker {
    pub(super) fn new(seed: u8, is_rationed: bool) -> Worker {
        let entropy = |part: u8| Entropy::from_seed([seed + part; 32]);
        Worker {
            overload: Overload::new(entropy(0)),
            entropy: entropy(100),
            is_rationed,
            now: 0,
            queue: VecDeque::new(),
            later: BTreeMap::new(),
            next: 0.0,
            looked: (0, 0, 0),
            owed: 0,
        }
    }

    /// What can be done at best where each call beyond it costs its refusal.
    pub(super) fn bound(times: f64) -> f64 {
        let refusal = (REFUSAL_MICROS.0 + REFUSAL_MICROS.1) as f64 / CALL_MICROS as f64;
        (1.0 - times * refusal) / (1.0 - refusal)
    }

    /// So many times what it can do comes for so many seconds.
    pub(super) fn offer(&mut self, times: f64, secs: u64) -> Run {
        let mut run = Run { goodput: 0.0, longest_wait_millis: 0, share: (1.0, 0.0) };
        let between = CALL_MICROS as f64 / times;
        let end = self.now + secs * 1_000_000;
        let mut done = 0;
        self.next = self.next.max(self.now as f64);
        while self.now < end {
            while self.next <= self.now as f64 {
                self.arrive(Piece::Invite);
                let chance = (f64::from(self.entropy.u32()) + 1.0) / (f64::from(u32::MAX) + 1.0);
                self.next -= chance.ln() * between;
            }
            while let Some(due) = self.later.first_entry().filter(|due| *due.key() <= self.now) {
                due.remove().into_iter().for_each(|piece| self.arrive(piece));
            }
            done += self.step(&mut run);
            self.now += STEP_MICROS;
        }
        run.goodput = (done * CALL_MICROS) as f64 / (secs * 1_000_000) as f64;
        run
    }

    fn arrive(&mut self, piece: Piece) {
        if self.queue.len() < ROOM {
            self.queue.push_back(piece);
        }
    }

    /// One step; gives the calls that ended in it.
    fn step(&mut self, run: &mut Run) -> u64 {
        let mut time = match self.is_rationed {
            false => STEP_MICROS,
            true if (self.now / STEP_MICROS).is_multiple_of(RATION_STEPS) => STEP_MICROS * RATION_STEPS,
            true => return 0,
        };
        self.look(run);
        let mut done = 0;
        loop {
            let paid = self.owed.min(time);
            (self.owed, time) = (self.owed - paid, time - paid);
            let waits = if time > 0 { self.queue.pop_front() } else { None };
            let Some(piece) = waits else { break };
            self.looked.1 += 1;
            done += u64::from(matches!(piece, Piece::Bye200));
            self.owed = self.work(piece);
        }
        self.looked.2 += time;
        done
    }

    fn look(&mut self, run: &mut Run) {
        let (at, taken, rested) = self.looked;
        let since = Duration::from_micros(self.now - at);
        if since < LOOK {
            return;
        }
        let waits = since.mul_f64(self.queue.len() as f64 / taken.max(1) as f64);
        self.overload.look(since.saturating_sub(Duration::from_micros(rested)), since, waits);
        self.looked = (self.now, 0, 0);
        run.longest_wait_millis = run.longest_wait_millis.max(waits.as_millis());
        run.share = (run.share.0.min(self.overload.share), run.share.1.max(self.overload.share));
    }

    /// What a message costs; what follows from it comes later.
    fn work(&mut self, piece: Piece) -> u64 {
        let (parts, after, next) = match piece {
            Piece::Invite
                if !self.overload.takes(Precedence::New, false, &self.entropy.u64().to_ne_bytes()) =>
            {
                self.later.entry(self.now + STEP_MICROS).or_default().push(Piece::Refused);
                return REFUSAL_MICROS.0;
            }
            Piece::Refused => return REFUSAL_MICROS.1,
            Piece::Invite => (30, STEP_MICROS, Some(Piece::Ringing)),
            Piece::Ringing => (15, STEP_MICROS, Some(Piece::Answer)),
            Piece::Answer => (20, STEP_MICROS, Some(Piece::Ack)),
            Piece::Ack => (10, HOLD_MICROS, Some(Piece::Bye)),
            Piece::Bye => (15, STEP_MICROS, Some(Piece::Bye200)),
            Piece::Bye200 => (10, 0, None),
        };
        let later = next.map(|next| (self.now + after, next));
        later.into_iter().for_each(|(when, next)| self.later.entry(when).or_default().push(next));
        CALL_MICROS * parts / 100
    }
}
