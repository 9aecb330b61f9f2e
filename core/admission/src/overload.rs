//! Overload: which share of new requests one worker takes, from how busy it is (RFC 6357; the share that
//! neighbours are told is RFC 7339's).
//!
//! The shell says now and then which part of its time the worker worked ([`Overload::look`]). One that
//! never rests and is behind has more to do than it can, and nobody knows how much more; one that rests a little
//! has as much as it should, and so has one that never rests and is not behind: a few who ask again as soon as they
//! are answered keep it so. Requests that begin something are drawn by lot ([`Overload::takes`]); those with
//! [`Precedence`] always pass.
//!
//! Not here: what has precedence ([`Gate::precedence`](crate::Gate::precedence)), how a refusal is written
//! (apps/node), what time is (io/net).

use crate::neighbours::{Mix, Wish};
use ruf_message::Entropy;
use std::time::Duration;

/// How far the looks of a busy worker are apart, more or less.
const LOOK: Duration = Duration::from_millis(50);

/// Work of this share of the time is what the share of requests is steered to.
const TARGET: f64 = 0.95;
/// From here on a worker does not rest.
const RESTLESS: f64 = 0.99;
/// So many looks in a row without rest are a burst, and no overload yet.
const PATIENCE_LOOKS: u32 = 1;
/// What a look without rest leaves of the share.
const EASE: f64 = 0.9;
/// The same, when several in a row did not help.
const EASE_MORE: f64 = 0.75;
/// After so many.
const EASE_MORE_AFTER_LOOKS: u32 = 2;
/// What a look without rest adds, if the worker is not behind.
const RISE_SLOW: f64 = 1.02;
/// What a look with some rest adds to the share at most.
const RISE_MAX: f64 = 1.15;
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
    /// Draws the lots; without it nothing is ever refused.
    entropy: Option<Entropy>,
    /// Of new requests, from [`SHARE_MIN`] to 1.
    share: f64,
    /// Looks in a row without rest.
    restless_looks: u32,
    /// Of the time until the last look.
    busy: f64,
    /// Of all looks together.
    time: Duration,
    /// Of what was judged.
    came: Mix,
}

impl Overload {
    /// Takes everything. `entropy` draws the lots.
    pub fn new(entropy: Entropy) -> Self {
        Overload { entropy: Some(entropy), ..Overload::never() }
    }

    /// Takes everything, however busy the worker is.
    pub const fn never() -> Self {
        Overload {
            entropy: None,
            share: 1.0,
            restless_looks: 0,
            busy: 0.0,
            time: Duration::ZERO,
            came: Mix::new(),
        }
    }

    /// The worker worked so long of the time since the last look; `is_behind`: what comes waits long, or will be
    /// lost.
    // rfc6357 §5.3: local control, by the load of the processor
    pub fn look(&mut self, worked: Duration, since: Duration, is_behind: bool) {
        if since.is_zero() {
            return;
        }
        self.time += since;
        self.busy = (worked.as_secs_f64() / since.as_secs_f64()).min(1.0);
        if self.entropy.is_none() {
            return;
        }
        if self.busy >= RESTLESS && !is_behind {
            self.restless_looks = 0;
            self.share = (self.share * RISE_SLOW).min(1.0);
            return;
        }
        if self.busy >= RESTLESS {
            self.restless_looks = self.restless_looks.saturating_add(1);
            if self.share >= 1.0 && self.restless_looks <= PATIENCE_LOOKS {
                return;
            }
            let left = if self.restless_looks > EASE_MORE_AFTER_LOOKS { EASE_MORE } else { EASE };
            self.share = (self.share * left).max(SHARE_MIN);
            return;
        }
        self.restless_looks = 0;
        if self.share < 1.0 {
            // After a long rest there was one look for many.
            let looks = (since.as_secs_f64() / LOOK.as_secs_f64()).clamp(1.0, LOOKS_MAX);
            let rise = (TARGET / self.busy.max(f64::EPSILON)).min(RISE_MAX);
            let step = if rise > 1.0 { rise.powf(looks) } else { rise };
            self.share = (self.share * step).min(1.0);
        }
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
    /// less, as long as asking helps.
    // rfc7339 §7.2: by random discard, and what has precedence goes on unscathed
    // rfc7339 §5.10.2: those that take no part have no advantage
    pub fn takes(&mut self, precedence: Precedence, was_asked: bool) -> bool {
        self.came.count(precedence == Precedence::New);
        if was_asked && self.share > SHARE_MIN {
            return true;
        }
        match (precedence, &mut self.entropy) {
            (Precedence::First, _) | (Precedence::New, None) => true,
            (Precedence::New, Some(entropy)) => {
                self.share >= 1.0 || f64::from(entropy.u32()) < self.share * f64::from(u32::MAX)
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

/// A share between 0 and 1 in percent.
fn percent(share: f64) -> u8 {
    // In range by the clamp.
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overload() -> Overload {
        Overload::new(Entropy::from_seed([7; 32]))
    }

    fn look(overload: &mut Overload, busy: f64) {
        overload.look(LOOK.mul_f64(busy), LOOK, true);
    }

    /// A worker that could do `capacity` requests in a look, is offered `offered`, and spends on a refusal a
    /// part of what a request costs: what it took in each of so many looks.
    fn serve(overload: &mut Overload, capacity: f64, offered: f64, looks: usize) -> Vec<f64> {
        const REFUSAL: f64 = 0.12;
        let mut taken = Vec::new();
        for _ in 0..looks {
            let wanted = offered * overload.share;
            let refusing = (offered - wanted) * REFUSAL;
            let done = wanted.min((capacity - refusing).max(0.0));
            taken.push(done / capacity);
            look(overload, ((wanted + refusing) / capacity).min(1.0));
        }
        taken
    }

    #[test]
    fn what_a_worker_can_do_it_does() {
        let mut overload = overload();
        for busy in [0.0, 0.5, 0.94, 0.98, 1.0, 0.98, 1.0, 0.5] {
            look(&mut overload, busy);
            assert!(!overload.is_on() && overload.takes(Precedence::New, false), "{busy}");
        }
    }

    #[test]
    fn who_is_not_behind_refuses_nobody_however_little_it_rests() {
        // tests rfc6357 §5.3
        let mut overload = overload();
        (0..1_000).for_each(|_| overload.look(LOOK, LOOK, false));
        assert!(!overload.is_on() && overload.busy_percent() == 100);
        // And takes more again when it has caught up.
        (0..4).for_each(|_| overload.look(LOOK, LOOK, true));
        let refused = overload.refused_percent();
        overload.look(LOOK, LOOK, false);
        assert!(overload.is_on() && overload.refused_percent() < refused);
        (0..400).for_each(|_| overload.look(LOOK, LOOK, false));
        assert!(!overload.is_on());
    }

    #[test]
    fn who_never_refuses_never_does() {
        let mut overload = Overload::never();
        (0..50).for_each(|_| look(&mut overload, 1.0));
        assert!(!overload.is_on() && (0..100).all(|_| overload.takes(Precedence::New, false)));
        assert_eq!(overload.busy_percent(), 100);
    }

    #[test]
    fn a_worker_that_never_rests_takes_less_with_each_look() {
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
        (0..50).for_each(|_| look(&mut overload, 1.0));
        assert!((0..10_000).all(|_| overload.takes(Precedence::First, false)));
        let taken = (0..10_000).filter(|_| overload.takes(Precedence::New, false)).count();
        assert!((50..200).contains(&taken), "{taken} of 10000 at one percent");
    }

    #[test]
    fn at_twice_its_capacity_a_worker_does_four_fifths_of_what_it_could_and_does_not_swing() {
        let mut overload = overload();
        let taken = serve(&mut overload, 1_000.0, 2_000.0, 200);
        let settled = &taken[40..];
        let least = settled.iter().copied().fold(1.0, f64::min);
        let most = settled.iter().copied().fold(0.0, f64::max);
        assert!(least > 0.78 && most - least < 0.05, "from {least} to {most}");
    }

    #[test]
    fn when_the_storm_is_over_all_is_taken_within_two_seconds() {
        let mut overload = overload();
        serve(&mut overload, 1_000.0, 10_000.0, 200);
        assert!(overload.is_on());
        let looks = 2_000 / LOOK.as_millis() as usize;
        serve(&mut overload, 1_000.0, 500.0, looks);
        assert!(!overload.is_on());
    }

    #[test]
    fn a_long_rest_ends_it_at_once() {
        let mut overload = overload();
        (0..50).for_each(|_| look(&mut overload, 1.0));
        overload.look(Duration::from_millis(1), Duration::from_secs(5), false);
        assert!(!overload.is_on());
        overload.look(Duration::ZERO, Duration::ZERO, true);
        assert_eq!(overload.busy_percent(), 0);
    }
}
