//! A thousand calls on a bad wire: whatever is lost, nothing is left.

use crate::pair::{Pair, Side, sdp};
use ruf_agent::{AgentEvent, Body, EndReason, Failure};
use ruf_message::{Entropy, StatusCode};

/// What a call had for fates, over all seeds: the test would prove little if one of them were rare.
#[derive(Debug, Default)]
struct Fates {
    answered: u32,
    changed: u32,
    cancelled: u32,
    refused: u32,
    hung_up: u32,
}

/// One call with random verbs at random times; 10 percent of all messages are lost.
fn call(seed: u64, fates: &mut Fates) {
    let mut pair = Pair::with(seed, |_| ()).loss_per_mille(100);
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_be_bytes());
    let mut entropy = Entropy::from_seed(key);
    let mut chance = |of: u32| entropy.u32().is_multiple_of(of);
    let call = pair.a.call(pair.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
    let mut incoming = None;
    for _ in 0..400 {
        pair.run_ms(100);
        if incoming.is_none() {
            incoming = pair.told(Side::B).into_iter().find_map(|event| match event {
                AgentEvent::Incoming { call, .. } => Some(*call),
                _ => None,
            });
            incoming.into_iter().for_each(|call| pair.b.ring(pair.now, call));
        }
        if chance(200) {
            pair.a.hang_up(pair.now, call);
        }
        if chance(100) {
            pair.a.modify(pair.now, call, Body::sdp("resume"));
        }
        let Some(incoming) = incoming else { continue };
        if chance(40) {
            pair.b.answer(pair.now, incoming, sdp("answer"));
        }
        if chance(100) {
            pair.b.modify(pair.now, incoming, Body::sdp("hold"));
        }
        if chance(300) {
            pair.b.reject(pair.now, incoming, StatusCode::BUSY_HERE);
        }
        if chance(300) {
            pair.b.hang_up(pair.now, incoming);
        }
    }
    pair.a.hang_up(pair.now, call);
    if let Some(incoming) = incoming {
        pair.b.hang_up(pair.now, incoming);
    }
    pair.settle();
    if incoming.is_some() {
        pair.end(Side::B);
    }
    match pair.end(Side::A) {
        EndReason::Cancelled => fates.cancelled += 1,
        EndReason::Failed(Failure::Refused(_)) => fates.refused += 1,
        EndReason::HungUp | EndReason::RemoteHungUp => fates.hung_up += 1,
        reason => panic!("seed {seed}: {reason:?}\n{}", pair.ladder()),
    }
    let told = |wanted: fn(&AgentEvent) -> bool| u32::from(pair.told(Side::A).into_iter().any(wanted));
    fates.answered += told(|event| matches!(event, AgentEvent::Answered { .. }));
    fates.changed += told(|event| matches!(event, AgentEvent::Modified { .. }));
}

#[test]
fn a_thousand_seeds_end_with_nothing_left() {
    let mut fates = Fates::default();
    for seed in 0..1_000 {
        call(seed, &mut fates);
    }
    let Fates { answered, changed, cancelled, refused, hung_up } = fates;
    for fate in [answered, changed, cancelled, refused, hung_up] {
        assert!(fate > 50, "{fates:?}");
    }
}
