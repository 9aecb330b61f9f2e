//! How much of its time a worker works: what tells a node that it is asked for more than it can do.
//!
//! A worker rests from when all it waits for had nothing until it is woken. What it waits for a core that
//! somebody else has counts as work: that is time in which it can do nothing more. What follows from it is
//! the node's to say.

use std::time::Duration;

use ruf_message::Tick;

/// A node is told at most so often.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Counts one worker's rest.
#[derive(Debug)]
pub(crate) struct Occupancy {
    looked: Tick,
    /// Since then.
    rested: Duration,
    resting: Option<Tick>,
    /// When the turn that goes on began.
    turning: Option<Tick>,
    longest_turn: Duration,
}

/// A worker's time since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) worked: Duration,
    pub(crate) since: Duration,
    /// The longest time from one look at all sockets to the next, without rest.
    pub(crate) longest_turn: Duration,
}

impl Occupancy {
    pub(crate) fn new(now: Tick) -> Occupancy {
        let (rested, longest_turn) = (Duration::ZERO, Duration::ZERO);
        Occupancy { looked: now, rested, resting: None, turning: None, longest_turn }
    }

    /// There is nothing to do.
    pub(crate) fn rest(&mut self, now: Tick) {
        self.resting.get_or_insert(now);
        self.turning = None;
    }

    /// All sockets are looked at now.
    pub(crate) fn turn(&mut self, now: Tick) {
        self.work(now);
        if let Some(began) = self.turning.replace(now) {
            self.longest_turn = self.longest_turn.max(now.saturating_sub(began));
        }
    }

    /// There is something to do.
    pub(crate) fn work(&mut self, now: Tick) {
        if let Some(resting) = self.resting.take() {
            self.rested += now.saturating_sub(resting);
        }
    }

    /// What there is to tell, if it is time. To be asked when there is work.
    pub(crate) fn look(&mut self, now: Tick) -> Option<Look> {
        let since = now.saturating_sub(self.looked);
        if since < LOOK_EVERY {
            return None;
        }
        let worked = since.saturating_sub(self.rested);
        let Occupancy { turning, longest_turn, .. } = *self;
        *self = Occupancy { turning, ..Occupancy::new(now) };
        Some(Look { worked, since, longest_turn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::from_micros(millis * 1_000)
    }

    fn look(worked: u64, since: u64) -> Option<Look> {
        let [worked, since] = [worked, since].map(Duration::from_millis);
        Some(Look { worked, since, longest_turn: Duration::ZERO })
    }

    #[test]
    fn rest_lasts_from_the_first_time_that_nothing_was_there_until_there_is_work() {
        let mut occupancy = Occupancy::new(at(0));
        occupancy.rest(at(10));
        occupancy.rest(at(15));
        occupancy.work(at(30));
        occupancy.work(at(35));
        assert_eq!(occupancy.look(at(49)), None, "not so often");
        assert_eq!(occupancy.look(at(60)), look(40, 60));
        occupancy.rest(at(61));
        occupancy.work(at(1_061));
        assert_eq!(occupancy.look(at(1_061)), look(1, 1_001));
    }

    #[test]
    fn a_worker_that_always_has_something_to_do_never_rests() {
        let mut occupancy = Occupancy::new(at(0));
        (0..100).for_each(|millis| occupancy.work(at(millis)));
        assert_eq!(occupancy.look(at(100)), look(100, 100));
    }

    #[test]
    fn a_turn_lasts_until_the_next_or_ends_with_a_rest() {
        let mut occupancy = Occupancy::new(at(0));
        [10, 12, 20, 23].into_iter().for_each(|millis| occupancy.turn(at(millis)));
        occupancy.rest(at(24));
        [40, 45].into_iter().for_each(|millis| occupancy.turn(at(millis)));
        let longest = |look: Option<Look>| look.expect("it is time").longest_turn;
        assert_eq!(longest(occupancy.look(at(50))), Duration::from_millis(8));
        occupancy.turn(at(100));
        assert_eq!(longest(occupancy.look(at(101))), Duration::from_millis(55), "from before the look");
    }
}
