//! Two restless watchers on a bad wire, hundreds of times: whatever is lost, what is watched goes on or is over,
//! and when nobody wants it any more nothing is left.

use crate::pair::{Pair, Side};
use crate::watch_notify::document;
use ruf_agent::{AgentEvent, WatchKey};
use ruf_events::{PRESENCE, SubscriberEvent};
use ruf_message::Entropy;
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 150;

const MESSAGES: [&str; 8] = [
    "a→b SUBSCRIBE",
    "b→a SUBSCRIBE",
    "a→b NOTIFY",
    "b→a NOTIFY",
    "a→b 200 SUBSCRIBE",
    "b→a 200 SUBSCRIBE",
    "a→b 200 NOTIFY",
    "b→a 200 NOTIFY",
];

fn restless(seed: u64, fates: &mut BTreeMap<&'static str, u32>) {
    let mut pair = Pair::with(seed, |_| ());
    let mut entropy = Entropy::from_seed([seed as u8; 32]);
    let mut watches: Vec<(Side, WatchKey)> = Vec::new();
    for _ in 0..60 {
        let side = [Side::A, Side::B][(entropy.u32() % 2) as usize];
        let to = match side {
            Side::A => "sip:bob@example.org".parse().unwrap(),
            Side::B => "sip:alice@example.org".parse().unwrap(),
        };
        let now = pair.now;
        let secs = [0, 60, 600][(entropy.u32() % 3) as usize];
        match entropy.u32() % 12 {
            0..3 if watches.len() < 8 => {
                watches.push((side, pair.agent(side).watch(now, &to, PRESENCE, secs).unwrap()))
            }
            3..5 => pair.agent(side).show(now, Some(document(["one", "two"][(entropy.u32() % 2) as usize]))),
            5 => pair.agent(side).show(now, None),
            6..8 if !watches.is_empty() => {
                let (side, watch) = watches[entropy.u32() as usize % watches.len()];
                pair.agent(side).unwatch(now, watch);
            }
            8..10 => (0..4).for_each(|_| pair.lose(MESSAGES[(entropy.u32() % 8) as usize])),
            10 => {
                // Nothing arrives for a while.
                pair.lose_all();
                pair.run_ms(u64::from(entropy.u32() % 100_000));
                pair.heal();
            }
            _ => {}
        }
        pair.run_ms(u64::from(entropy.u32() % 40_000));
    }
    let now = pair.now;
    for (side, watch) in watches {
        pair.agent(side).unwatch(now, watch);
    }
    for side in [Side::A, Side::B] {
        pair.agent(side).show(now, None);
    }
    // A NOTIFY and its Timer F, a SUBSCRIBE and its Timer N, each once more than lost.
    pair.run_ms(400_000);
    pair.settle();
    assert_eq!((pair.a.counts().subscriptions, pair.b.counts().subscriptions), (0, 0), "seed {seed}");
    let mut over = BTreeSet::new();
    for (side, event) in &pair.events {
        let AgentEvent::Watch { watch, event } = event else { panic!("{event:?}") };
        let watch = (*side == Side::A, *watch);
        assert!(!over.contains(&watch), "seed {seed}: {event:?} after the end");
        let fate = match event {
            SubscriberEvent::Notified { .. } => "notified",
            SubscriberEvent::Left { .. } => "left",
            SubscriberEvent::Interrupted { .. } => "interrupted",
            SubscriberEvent::Over { .. } => {
                over.insert(watch);
                "over"
            }
        };
        *fates.entry(fate).or_default() += 1;
    }
}

#[test]
fn nothing_is_left_of_any_of_them() {
    // tests rfc6665 §4.1.2.2, §4.1.2.4, §4.2.2
    let mut fates = BTreeMap::new();
    (0..SEEDS).for_each(|seed| restless(seed, &mut fates));
    for fate in ["notified", "interrupted", "over"] {
        assert!(fates.get(fate).is_some_and(|count| *count > 100), "{fates:?}");
    }
}
