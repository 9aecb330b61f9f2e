//! From one phase to the next: callees are registered, units start, what is under way ends, and the bindings
//! of the callees are removed.

use ruf_message::Tick;

use super::{Load, Phase};
use crate::mix::Kind;
use crate::render::Errand;
use crate::tally::Outcome;
use crate::unit::Unit;

impl Load {
    /// Does what follows from what happened: the next registration, the next units, the next phase.
    pub(super) fn go_on(&mut self, now: Tick) {
        if matches!(self.phase, Phase::Preparing | Phase::Running) {
            self.prepare(now);
        }
        if self.phase == Phase::Running {
            self.start_units(now);
        }
        let is_over = self.schedule.as_ref().is_some_and(|schedule| schedule.is_over(now));
        if self.phase == Phase::Running && is_over {
            self.phase = Phase::Ending;
            self.stopped_starting = Some(now);
        }
        if self.phase == Phase::Ending && self.units.in_flight() == 0 {
            self.phase = Phase::Leaving;
            self.counts.ended = Some(now);
            self.leave_until = now + self.limits.leave;
        }
        if self.phase == Phase::Leaving {
            self.leave(now);
        }
    }

    /// Registers the callees, so many at a time.
    pub(super) fn prepare(&mut self, now: Tick) {
        let users = self.callees();
        while self.ways.is_some()
            && let Some(user) = self.preparation.take(users, self.limits.registering_max)
            && let Some((units, mut turn)) = self.turn(now)
        {
            units.begin(&mut turn, |ident, turn| Unit::prepare(Errand { ident, from: user, to: user }, turn));
        }
        if self.phase != Phase::Preparing {
            return;
        }
        if let Some(outcome) = self.preparation.failure() {
            let hint = match outcome {
                Outcome::Refused(_, 401 | 407) if self.plan.users.password.is_none() => "; give --password",
                Outcome::Refused(_, 401 | 403 | 407) => "; look at --password, --user-pattern and --domain",
                _ => "",
            };
            let domain = &self.plan.domain;
            self.phase =
                Phase::Failed(format!("a callee could not be registered at {domain}: {outcome}{hint}"));
            self.end_all(Outcome::Cut);
        } else if self.ways.is_some() && self.preparation.is_done(users) {
            self.phase = Phase::Ready;
        }
    }

    /// Removes the bindings of the callees, as far as there is time.
    fn leave(&mut self, now: Tick) {
        let users = self.callees();
        while let Some(user) = self.leaving.take(users, self.limits.registering_max)
            && let Some((units, mut turn)) = self.turn(now)
        {
            units.begin(&mut turn, |ident, turn| Unit::leave(Errand { ident, from: user, to: user }, turn));
        }
        if self.leaving.is_done(users) || now >= self.leave_until || self.ways.is_none() {
            self.phase = Phase::Over;
            self.end_all(Outcome::Cut);
        }
    }

    /// How many are registered.
    fn callees(&self) -> u32 {
        if self.plan.mix.needs_callees() { self.plan.users.count } else { 0 }
    }

    fn start_units(&mut self, now: Tick) {
        while let Some(schedule) = &mut self.schedule
            && let Some(intended) =
                schedule.take(now, self.units.in_flight() - self.preparation.in_flight(), &mut self.entropy)
        {
            let kind = self.mix.next_kind();
            self.counts.run.start(kind, now.saturating_sub(intended + self.plan.grain));
            let count = self.plan.users.count.max(1);
            let turn = self.turns.get_mut(kind as usize).map_or(0, |turns| {
                let turn = *turns % count;
                *turns = turn + 1;
                turn
            });
            // Everybody calls whom stands half a round away.
            let from = if kind == Kind::Register { turn } else { (turn + count.div_ceil(2)) % count };
            if self.ways.is_none() {
                self.counts.run.end(kind, Outcome::Lost);
            } else if self.units.in_flight() >= self.limits.in_flight_max {
                self.counts.run.end(kind, Outcome::Unsent);
            } else {
                self.begin(now, intended, kind, from, turn);
            }
        }
    }

    fn begin(&mut self, now: Tick, intended: Tick, kind: Kind, from: u32, to: u32) {
        let Some((units, mut turn)) = self.turn(now) else { return };
        units.begin(&mut turn, |ident, turn| Unit::start(kind, Errand { ident, from, to }, intended, turn));
    }
}
