//! The units under way: their places in a table, and their alarms.
//!
//! A place is used again; its generation tells its units apart, and is written into all that they send.
//! A unit has at most one alarm that counts: an earlier one replaces it, and one that comes too early is
//! set again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use ruf_message::Tick;

use crate::ident::Ident;
use crate::tally::Outcome;
use crate::turn::Turn;
use crate::unit::Unit;

/// The table.
#[derive(Default)]
pub(crate) struct Units {
    slots: Vec<Slot>,
    free: Vec<u32>,
    in_flight: u32,
    alarms: BinaryHeap<Reverse<(Tick, u32, u32)>>,
}

/// A place in it.
#[derive(Default)]
struct Slot {
    generation: u32,
    unit: Option<Unit>,
    alarm: Option<Tick>,
    /// How long we kept it waiting ourselves.
    kept: Duration,
}

impl Units {
    /// How many there are.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether this one is under way.
    pub(crate) fn is_live(&self, ident: Ident) -> bool {
        let slot = self.slots.get(ident.slot as usize);
        slot.is_some_and(|slot| slot.generation == ident.generation && slot.unit.is_some())
    }

    /// Gives a new unit its place and starts it.
    pub(crate) fn begin(&mut self, turn: &mut Turn<'_>, start: impl FnOnce(Ident, &mut Turn<'_>) -> Unit) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // There are no more places than units may be under way, which is a u32.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        slot.generation = slot.generation.wrapping_add(1);
        slot.alarm = None;
        (slot.kept, turn.kept) = (Duration::ZERO, Duration::ZERO);
        slot.unit = Some(start(Ident { slot: number, generation: slot.generation }, turn));
        self.in_flight += 1;
        self.step(number, turn, |_, _| None);
    }

    /// Our callee kept this unit waiting so long.
    pub(crate) fn keep_waiting(&mut self, ident: Ident, time: Duration) {
        if self.is_live(ident)
            && let Some(slot) = self.slots.get_mut(ident.slot as usize)
        {
            slot.kept += time;
        }
    }

    /// Lets the unit in a place, if there is one, do something. What it returns is its outcome.
    pub(crate) fn step(
        &mut self,
        number: u32,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Unit, &mut Turn<'_>) -> Option<Outcome>,
    ) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        let Some(unit) = &mut slot.unit else { return };
        turn.kept = slot.kept;
        let outcome = act(unit, turn);
        slot.kept = turn.kept;
        match outcome {
            Some(outcome) => {
                unit.count(outcome, turn.tally, turn.preparation);
                slot.unit = None;
                self.free.push(number);
                self.in_flight -= 1;
            }
            None => {
                let due = unit.due();
                if slot.alarm.is_none_or(|alarm| due < alarm) {
                    slot.alarm = Some(due);
                    self.alarms.push(Reverse((due, number, slot.generation)));
                }
            }
        }
    }

    /// Lets all of them do something.
    pub(crate) fn step_all(
        &mut self,
        turn: &mut Turn<'_>,
        act: impl Fn(&mut Unit, &mut Turn<'_>) -> Option<Outcome>,
    ) {
        for number in (0u32..).take(self.slots.len()) {
            self.step(number, turn, &act);
        }
    }

    /// Takes all of them out.
    pub(crate) fn take_all(&mut self) -> Vec<Unit> {
        let mut taken = Vec::new();
        self.alarms.clear();
        for (number, slot) in (0u32..).zip(&mut self.slots) {
            if let Some(unit) = slot.unit.take() {
                taken.push(unit);
                self.free.push(number);
                self.in_flight -= 1;
            }
        }
        taken
    }

    /// When the next alarm is due, wanted or not.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.alarms.peek().map(|Reverse((due, ..))| *due)
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(Reverse((due, number, generation))) = self.alarms.peek().copied()
            && due <= turn.now
        {
            self.alarms.pop();
            if !self.is_live(Ident { slot: number, generation }) {
                continue;
            }
            if let Some(slot) = self.slots.get_mut(number as usize) {
                slot.alarm = None;
            }
            self.step(number, turn, Unit::tick);
        }
    }
}
