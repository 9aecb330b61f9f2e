//! Which pair is the one, and whether it still is (RFC 8445 §8.1, RFC 7675).
//!
//! Who controls waits until nothing better can come of the checks that are on the way, or for [`PATIENCE`] from the
//! first that succeeded; meanwhile sound goes by that one. More than one nomination, as old agents make them, ends
//! with the best.

use std::time::Duration;

use crate::agent::{Event, Outgoing};
use crate::candidate::Component;
use crate::checks::Checks;
use crate::consent::Consent;
use crate::pair::{Pair, Path, State};
use crate::random::Random;

/// From the first pair that is valid until the best of those is taken: a check that got lost, or opened a NAT, has had
/// its second try by then.
const PATIENCE: Duration = Duration::from_millis(800);
/// From the start until it is said that nothing leads there: as long as a check may take. What comes of checks that are
/// still on the way is taken all the same.
// rfc8445 §14.3
const FAILS_AFTER: Duration = Duration::from_millis(39_500);

/// For so long who is controlled leaves it to the other to restart.
const GRACE: Duration = Duration::from_secs(15);

impl Checks {
    /// The components that are had: that of RTP, and the other if the far side has it, too.
    fn components(&self) -> impl Iterator<Item = Component> {
        let is_had = |component: Component| self.pairs.iter().any(|pair| pair.component == component);
        let has_rtcp = self.has_rtcp && is_had(Component::Rtcp);
        Component::ALL.into_iter().filter(move |component| *component == Component::Rtp || has_rtcp)
    }

    /// The way that was chosen, or the best that works so far.
    // rfc8445 §12.1, §8.1.1
    pub(crate) fn path(&self, component: Component) -> Option<Path> {
        let of = |is: fn(&Pair) -> bool| {
            self.pairs.iter().find(|pair| pair.component == component && is(pair)).map(|pair| pair.path)
        };
        of(|pair| pair.is_nominated).or_else(|| of(|pair| pair.is_valid))
    }

    /// Whether the way of this component was chosen.
    pub(crate) fn is_concluded(&self, component: Component) -> bool {
        self.pairs.iter().any(|pair| pair.component == component && pair.is_nominated)
    }

    pub(crate) fn conclude(&mut self, now: Duration, random: &mut Random, out: &mut Vec<Outgoing>) {
        for component in self.components().collect::<Vec<_>>() {
            if self.is_concluded(component) {
                self.keep(now, component, random, out);
            } else if self.is_controlling {
                self.nominate(now, component);
            }
        }
        let is_each =
            |is: fn(&Checks, Component) -> bool| self.components().all(|component| is(self, component));
        if is_each(Checks::is_concluded) {
            (self.is_completed, self.is_failed) = (true, false);
        } else {
            // rfc8445 §7.2.5.4
            let is_stuck = !is_each(|checks, component| checks.path(component).is_some());
            self.is_failed = is_stuck && now >= self.started + FAILS_AFTER;
        }
    }

    // rfc8445 §8.1.1
    fn nominate(&mut self, now: Duration, component: Component) {
        let mut ours = self.pairs.iter_mut().filter(|pair| pair.component == component);
        let (mut may_be_better, mut best) = (false, None);
        for pair in &mut ours {
            if pair.is_to_be_nominated {
                return;
            }
            match &best {
                None if pair.is_valid => best = Some(pair),
                None => may_be_better |= pair.is_open(),
                Some(_) => {}
            }
        }
        let (Some(best), since) = (best, self.first_valid.of_mut(component)) else { return };
        let since = *since.get_or_insert(now);
        if !may_be_better || now >= since + PATIENCE {
            (best.is_to_be_nominated, best.state) = (true, State::Waiting);
            self.triggered.push_front((component, best.path));
        }
    }

    /// Asks whether the way that was chosen still stands.
    // rfc7675 §5.1, rfc8445 §11
    fn keep(&mut self, now: Duration, component: Component, random: &mut Random, out: &mut Vec<Outgoing>) {
        let Some(path) = self.path(component) else { return };
        let consent = self.consent.of_mut(component);
        let consent = match consent {
            Some(consent) if consent.path == path => consent,
            _ => consent.insert(Consent::new(now, path, random)),
        };
        if let Some(transaction) = consent.due(now, random) {
            let datagram = self.request(transaction, component, false);
            out.push(Outgoing { component, path, datagram });
        }
    }

    /// Whether the far side has not answered by the chosen way for too long.
    // rfc7675 §5.1
    pub(crate) fn is_lost(&self, now: Duration) -> bool {
        // What is heard of RTCP alone ends no call.
        self.consent.rtp.as_ref().is_some_and(|consent| consent.is_over(now))
    }

    /// What there is to say of how it stands. Of a way that was lost who controls says so first: both would restart
    /// at once otherwise, and each refuse the other.
    pub(crate) fn stands(&self, now: Duration) -> Option<Event> {
        let grace = if self.is_controlling { Duration::ZERO } else { GRACE };
        match (self.is_completed, self.is_failed) {
            (true, _) if self.is_lost(now.saturating_sub(grace)) => Some(Event::Lost),
            (true, _) => Some(Event::Connected),
            (false, true) => Some(Event::Failed),
            (false, false) => None,
        }
    }
}
