//! Overload: which share of new requests one worker takes, from how busy it is (RFC 6357; the share that
//! neighbours are told is RFC 7339's).
//!
//! The shell says now and then which part of its time the worker worked, and how long what comes waits
//! ([`Overload::look`]). One that never rests and keeps what comes waiting for long has more to do than it can; one
//! that rests has not, and so has one that never rests and is not behind: a few who ask again as soon as they are
//! answered keep it so. While requests are refused the share is steered by the wait: it falls with what waits beyond
//! a little and as that grows, and rises where less waits. A little always waits, so no time is lost; and no more, so
//! callers do not ask again (T1), which would cost again. Requests that begin something are drawn by lot
//! ([`Overload::takes`]); those with [`Precedence`] always pass.
//!
//! Not here: what has precedence ([`Gate::precedence`](crate::Gate::precedence)), how a refusal is written
//! (apps/node), what time is and how long what comes waits (io/net).

#[cfg(test)]
mod queue;

use crate::neighbours::{Mix, Wish};
use ruf_message::Entropy;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// How far the looks of a busy worker are apart, more or less.
const LOOK: Duration = Duration::from_millis(50);

/// From here on a worker does not rest.
const RESTLESS: f64 = 0.99;
/// A wait that is too long: a call waits here with four messages until it stands, and its INVITE or its 200 is
/// repeated if that takes half a second.
// rfc3261 §17.1.1.1: T1
const WAIT_LONG: Duration = Duration::from_millis(100);
/// So many looks in a row with such a wait are a burst, and no overload yet.
const PATIENCE_LOOKS: u32 = 1;
/// The wait that the share is steered to.
const WAIT: Duration = Duration::from_millis(40);
/// How far a look moves the share, in parts of it, for a wait that is shorter or longer by [`WAIT`].
const STEP: f64 = 0.08;
/// How far for a wait that has become shorter or longer by [`WAIT`] since the last look.
const STEP_OF_GROWTH: f64 = 0.2;
/// More than so many times [`WAIT`] counts as no more.
const WAITS_MAX: f64 = 3.0;
/// A look takes no more off, in parts of the share: half of what was taken comes back as work later.
const FALL_MAX: f64 = 0.3;
/// What a look with some rest adds to the share at least and at most.
const RISE: (f64, f64) = (1.02, 1.15);
/// However bad it is, so much is taken: or nobody would ever learn that it is over.
const SHARE_MIN: f64 = 0.01;
/// Looks whose time is made up for at once after a long rest: more than it takes from the smallest share to
/// the whole.
const LOOKS_MAX: f64 = 64.0;

/// Whether a request may have to wait for better times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// It goes on with something that was taken, calls for help, or costs no more than its refusal.
    First,
    /// It begins something.
    New,
}

/// How much of what comes one worker takes.
#[derive(Debug)]
pub struct Overload {
    /// Draws the lots, under a secret key; without it nothing is ever refused.
    lots: Option<DefaultHasher>,
    /// Of new requests, from [`SHARE_MIN`] to 1.
    share: f64,
    /// Looks in a row without rest and with a long wait.
    long_looks: u32,
    /// How long what came waited at the last look.
    wait: Duration,
    /// Of the time until the last look.
    busy: f64,
    /// Of all looks together.
    time: Duration,
    /// Of what was judged.
    came: Mix,
}

impl Overload {
    /// Takes everything until it is too much. `entropy` makes the lots another's secret.
    pub fn new(mut entropy: Entropy) -> Self {
        let mut lots = DefaultHasher::new();
        lots.write_u64(entropy.u64());
        lots.write_u64(entropy.u64());
        Overload { lots: Some(lots), ..Overload::never() }
    }

    /// Takes everything, however busy the worker is.
    pub const fn never() -> Self {
        Overload {
            lots: None,
            share: 1.0,
            long_looks: 0,
            wait: Duration::ZERO,
            busy: 0.0,
            time: Duration::ZERO,
            came: Mix::new(),
        }
    }

    /// The worker worked so long of the time since the last look, and what comes waits so long.
    // rfc6357 §5.3: local control, by the load of the processor and the queue
    pub fn look(&mut self, worked: Duration, since: Duration, waits: Duration) {
        if since.is_zero() {
            return;
        }
        self.time += since;
        self.busy = (worked.as_secs_f64() / since.as_secs_f64()).min(1.0);
        if self.lots.is_none() {
            return;
        }
        let before = std::mem::replace(&mut self.wait, waits);
        let is_restless = self.busy >= RESTLESS;
        self.long_looks =
            if is_restless && waits >= WAIT_LONG { self.long_looks.saturating_add(1) } else { 0 };
        if self.share >= 1.0 && self.long_looks <= PATIENCE_LOOKS {
            return;
        }
        let factor = if is_restless { by_wait(before, waits) } else { by_rest(self.busy, since) };
        self.share = (self.share * factor).clamp(SHARE_MIN, 1.0);
    }

    /// Whether any new request may be refused.
    pub fn is_on(&self) -> bool {
        self.share < 1.0
    }

    /// What neighbours are asked for: a part of all that they send, of which what begins something is a part.
    // rfc7339 §5.3
    pub fn wish(&self) -> Wish {
        let percent = if self.is_on() { percent((1.0 - self.share) * self.came.beginning()) } else { 0 };
        Wish { percent, sequence_millis: u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Whether this request is taken. Draws a lot where it must: not for neighbours that were asked to send
    /// less, as long as asking helps. `branch`: what its repetitions have, too; they draw the same lot.
    // rfc3261 §8.2.7: who is stateless answers the same request in the same way
    // rfc7339 §7.2: by random discard, and what has precedence goes on unscathed
    // rfc7339 §5.10.2: those that take no part have no advantage
    pub fn takes(&mut self, precedence: Precedence, was_asked: bool, branch: &[u8]) -> bool {
        self.came.count(precedence == Precedence::New);
        if was_asked && self.share > SHARE_MIN {
            return true;
        }
        match (precedence, &self.lots) {
            (Precedence::First, _) | (Precedence::New, None) => true,
            (Precedence::New, Some(lots)) => {
                let mut lot = lots.clone();
                branch.hash(&mut lot);
                self.share >= 1.0 || f64::from(lot.finish() as u32) < self.share * f64::from(u32::MAX)
            }
        }
    }

    /// The percentage of new requests that is refused.
    pub fn refused_percent(&self) -> u8 {
        percent(1.0 - self.share)
    }

    /// The percentage of its time that the worker worked, until the last look.
    pub fn busy_percent(&self) -> u8 {
        percent(self.busy)
    }
}

/// What a look without rest leaves of the share or adds to it: a regulator of the wait with a proportional part and
/// one for its trend, as that of RFC 8033, of the logarithm of the share. What a part of the share brings to do is
/// the same however much is offered, so one measure of the steps does for all of it.
fn by_wait(before: Duration, waits: Duration) -> f64 {
    let [before, waits] = [before, waits].map(|wait| wait.as_secs_f64() / WAIT.as_secs_f64());
    let excess = (waits - 1.0).min(WAITS_MAX);
    let growth = (waits - before).clamp(-1.0, WAITS_MAX);
    (-STEP * excess - STEP_OF_GROWTH * growth).max(-FALL_MAX).exp()
}

/// What a look with some rest adds to the share. After a long rest there was one look for many.
fn by_rest(busy: f64, since: Duration) -> f64 {
    let looks = (since.as_secs_f64() / LOOK.as_secs_f64()).clamp(1.0, LOOKS_MAX);
    (1.0 / busy.max(f64::EPSILON)).clamp(RISE.0, RISE.1).powf(looks)
}

/// A share between 0 and 1 in percent.
fn percent(share: f64) -> u8 {
    // In range by the clamp.
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::queue::Worker;
    use super::*;

    fn overload() -> Overload {
        Overload::new(Entropy::from_seed([7; 32]))
    }

    fn look(overload: &mut Overload, busy: f64) {
        overload.look(LOOK.mul_f64(busy), LOOK, WAIT_LONG);
    }

    #[test]
    fn what_a_worker_can_do_it_does() {
        let mut overload = overload();
        for busy in [0.0, 0.5, 0.94, 0.98, 1.0, 0.98, 1.0, 0.5] {
            look(&mut overload, busy);
            assert!(!overload.is_on() && overload.takes(Precedence::New, false, b"x"), "{busy}");
        }
    }

    #[test]
    fn who_keeps_nobody_waiting_refuses_nobody_however_little_it_rests() {
        // tests rfc6357 §5.3
        let mut overload = overload();
        let short = WAIT_LONG - Duration::from_millis(1);
        (0..1_000).for_each(|_| overload.look(LOOK, LOOK, short));
        assert!(!overload.is_on() && overload.busy_percent() == 100);
        // And takes more again when it has caught up.
        (0..4).for_each(|_| overload.look(LOOK, LOOK, WAIT_LONG));
        let refused = overload.refused_percent();
        overload.look(LOOK, LOOK, Duration::ZERO);
        assert!(overload.is_on() && overload.refused_percent() < refused);
        (0..400).for_each(|_| overload.look(LOOK, LOOK, Duration::ZERO));
        assert!(!overload.is_on());
    }

    #[test]
    fn who_never_refuses_never_does() {
        let mut overload = Overload::never();
        (0..50).for_each(|_| look(&mut overload, 1.0));
        assert!(!overload.is_on() && (0..100_u8).all(|n| overload.takes(Precedence::New, false, &[n])));
        assert_eq!(overload.busy_percent(), 100);
    }

    #[test]
    fn while_what_comes_waits_for_long_each_look_takes_less() {
        let mut overload = overload();
        let mut before = 0;
        look(&mut overload, 1.0);
        for _ in 0..4 {
            look(&mut overload, 1.0);
            assert!(overload.refused_percent() > before, "within 100 ms, and then each 50");
            before = overload.refused_percent();
        }
        for _ in 0..50 {
            look(&mut overload, 1.0);
        }
        assert_eq!((overload.refused_percent(), overload.busy_percent()), (99, 100));
    }

    #[test]
    fn what_has_precedence_is_never_refused() {
        // tests rfc7339 §7.2
        let mut overload = overload();
        (0..60).for_each(|_| look(&mut overload, 1.0));
        let branches = || (0..10_000_u32).map(u32::to_ne_bytes);
        assert!(branches().all(|branch| overload.takes(Precedence::First, false, &branch)));
        let taken: Vec<_> =
            branches().filter(|branch| overload.takes(Precedence::New, false, branch)).collect();
        assert!((50..200).contains(&taken.len()), "{} of 10000 at one percent", taken.len());
        // tests rfc3261 §8.2.7
        assert!(
            taken.iter().all(|branch| overload.takes(Precedence::New, false, branch)),
            "once taken, taken"
        );
    }

    #[test]
    fn beyond_its_limit_a_worker_does_what_refusing_leaves_time_for_and_does_not_swing() {
        for (seed, times) in [(1, 1.5), (2, 2.0), (3, 3.0)] {
            for is_rationed in [false, true] {
                let mut worker = Worker::new(seed, is_rationed);
                worker.offer(times, 2);
                let run = worker.offer(times, 10);
                let what = format!("at {times}, rationed: {is_rationed}, {run:?}");
                assert!(run.goodput > 0.96 * Worker::bound(times), "of {}: {what}", Worker::bound(times));
                assert!(run.longest_wait_millis < 100, "{what}");
                assert!(run.share.1 < 4.0 * run.share.0, "{what}");
            }
        }
    }

    #[test]
    fn at_its_limit_a_worker_refuses_next_to_nothing() {
        for is_rationed in [false, true] {
            let run = Worker::new(4, is_rationed).offer(1.0, 10);
            assert!(run.goodput > 0.95, "rationed: {is_rationed}, {run:?}");
        }
    }

    #[test]
    fn when_the_storm_is_over_all_is_taken_within_two_seconds() {
        let mut worker = Worker::new(5, true);
        worker.offer(10.0, 20);
        assert!(worker.overload.is_on());
        worker.offer(0.5, 2);
        assert!(!worker.overload.is_on());
        assert!(worker.offer(0.5, 5).goodput > 0.45);
    }

    #[test]
    fn a_long_rest_ends_it_at_once() {
        let mut overload = overload();
        (0..50).for_each(|_| look(&mut overload, 1.0));
        overload.look(Duration::from_millis(1), Duration::from_secs(5), Duration::ZERO);
        assert!(!overload.is_on());
        overload.look(Duration::ZERO, Duration::ZERO, WAIT_LONG);
        assert_eq!(overload.busy_percent(), 0);
    }
}
