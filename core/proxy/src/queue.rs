//! The targets of a request in the order in which they are tried (RFC 3261 section 16.6): from the
//! highest q to the lowest, equal ones at once; the flows of one instance are one candidate, and are
//! tried one after the other (RFC 5626 section 7).
//!
//! Not here: when the next one is tried (`forward.rs`, `retry.rs`), and what targets there are (a
//! question).

use smallvec::SmallVec;

use crate::question::{Target, TargetSet};

/// One instance, or a target that names none.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) target: Target,
    /// Other ways to the same instance, the next one last.
    pub(crate) others: Vec<Target>,
}

/// Candidates not tried yet, the next one last.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: SmallVec<[Candidate; 1]>,
}

impl Queue {
    /// Of the first `max` targets: highest q first, and in the given order where it is equal.
    // rfc3261 §16.6: from highest q to lowest, equal ones in parallel
    pub(crate) fn of(targets: TargetSet, max: usize) -> Self {
        let mut set = TargetSet::new();
        for target in targets {
            // rfc3261 §16.5: a target already in the set is not added again. Two phones behind two NATs
            // may have the same URI: what tells them apart is the flow.
            let known = |other: &Target| other.flow == target.flow && other.uri == target.uri;
            if !set.iter().any(known) {
                set.push(target);
            }
        }
        set.sort_by_key(|target| std::cmp::Reverse(target.q));
        set.truncate(max);
        let mut waiting: SmallVec<[Candidate; 1]> = SmallVec::new();
        for target in set {
            // rfc5626 §7: never two contacts of one instance at once
            let is_same = |other: &&mut Candidate| {
                target.instance.is_some() && other.target.instance == target.instance
            };
            match waiting.iter_mut().find(is_same) {
                Some(candidate) => candidate.others.insert(0, target),
                None => waiting.push(Candidate { target, others: Vec::new() }),
            }
        }
        waiting.reverse();
        Queue { waiting }
    }

    /// The preference of those that are next.
    pub(crate) fn q(&self) -> Option<u16> {
        self.waiting.last().map(|candidate| candidate.target.q)
    }

    /// How many of the next ones have this preference.
    pub(crate) fn count(&self, q: u16) -> u32 {
        let same = self.waiting.iter().rev().take_while(|candidate| candidate.target.q == q);
        u32::try_from(same.count()).unwrap_or(u32::MAX)
    }

    /// The most that have one preference.
    pub(crate) fn widest(&self) -> u32 {
        let groups = self.waiting.chunk_by(|one, other| one.target.q == other.target.q);
        groups.map(|group| u32::try_from(group.len()).unwrap_or(u32::MAX)).max().unwrap_or(0)
    }

    /// Takes the next one, if it has this preference.
    pub(crate) fn pop(&mut self, q: u16) -> Option<Candidate> {
        if self.q() == Some(q) { self.waiting.pop() } else { None }
    }

    /// Nobody else is tried.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn target(uri: &str, flow: u8, q: u16) -> Target {
        Target { q, ..Target::by_flow(uri.parse().unwrap(), sample::flow(flow)) }
    }

    fn of_instance(uri: &str, flow: u8, q: u16, instance: &str) -> Target {
        Target { instance: Some(instance.as_bytes().into()), ..target(uri, flow, q) }
    }

    /// Each candidate as `uri q`, the other ways to it behind a slash.
    fn order(targets: Vec<Target>, max: usize) -> Vec<String> {
        let mut queue = Queue::of(targets.into(), max);
        let name = |target: &Target| target.uri.as_ref().unwrap().to_string();
        let mut order = Vec::new();
        while let Some(candidate) = queue.q().and_then(|q| queue.pop(q)) {
            let mut shown = format!("{} {}", name(&candidate.target), candidate.target.q);
            for other in candidate.others.iter().rev() {
                shown.push_str(&format!(" / {}", name(other)));
            }
            order.push(shown);
        }
        order
    }

    #[test]
    fn targets_are_tried_from_the_highest_q_and_none_twice() {
        // tests rfc3261 §16.5, §16.6
        let set = [
            target("sip:a@h", 1, 500),
            target("sip:b@h", 2, 1000),
            target("sip:A@h;x=y", 1, 300),
            target("sip:a@H", 1, 300),
            target("sip:a@h", 3, 500),
            target("sip:c@h", 4, 100),
            target("sip:d@h", 4, 99),
        ];
        let expected = ["sip:b@h 1000", "sip:a@h 500", "sip:a@h 500", "sip:A@h;x=y 300", "sip:c@h 100"];
        assert_eq!(order(set.into(), 5), expected);
    }

    #[test]
    fn the_flows_of_one_instance_are_one_candidate() {
        // tests rfc5626 §7
        let set = [
            of_instance("sip:a1@h", 1, 500, "a"),
            of_instance("sip:b1@h", 2, 1000, "b"),
            of_instance("sip:a2@h", 3, 1000, "a"),
            target("sip:c@h", 4, 1000),
            target("sip:d@h", 5, 1000),
            of_instance("sip:a3@h", 6, 500, "a"),
        ];
        let expected =
            ["sip:b1@h 1000", "sip:a2@h 1000 / sip:a1@h / sip:a3@h", "sip:c@h 1000", "sip:d@h 1000"];
        assert_eq!(order(set.into(), 9), expected);
    }
}
