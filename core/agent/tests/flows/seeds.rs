//! Three restless users on a bad wire, hundreds of times: whatever is lost and whoever is started anew, each
//! call has one end, and nothing is left.

use crate::pair::sdp;
use crate::trio::Who::Carol;
use crate::trio::{Trio, Who};
use ruf_agent::{Agent, AgentEvent, Body, CallKey, DiversionReason, EndReason, Failure};
use ruf_message::{Entropy, StatusCode, Tick};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What came of it, over all seeds: the test would prove little if one of them were rare.
#[derive(Debug, Default)]
struct Fates(BTreeMap<&'static str, u32>);

/// Tenths of a second that each of them lasts.
const STEPS: u32 = 300;

/// How often.
const SEEDS: u64 = 250;

const FATES: [&str; 14] = [
    "answered",
    "cancelled",
    "hung up",
    "info",
    "modified",
    "not modified",
    "progress answered",
    "progress confirmed",
    "redirected",
    "refused",
    "replacing",
    "transfer failed",
    "transferred",
    "unanswered",
];

impl Fates {
    fn count(&mut self, event: &AgentEvent) {
        let fate = match event {
            AgentEvent::Answered { .. } => "answered",
            AgentEvent::Info { .. } => "info",
            AgentEvent::ProgressConfirmed { body: None, .. } => "progress confirmed",
            AgentEvent::ProgressConfirmed { .. } => "progress answered",
            AgentEvent::Redirected { .. } => "redirected",
            AgentEvent::Incoming { replaces: Some(_), .. } => "replacing",
            AgentEvent::Modified { .. } => "modified",
            AgentEvent::NotModified { .. } => "not modified",
            AgentEvent::Transferred { .. } => "transferred",
            AgentEvent::TransferFailed { .. } => "transfer failed",
            AgentEvent::Ended { reason, .. } => match reason {
                EndReason::HungUp | EndReason::RemoteHungUp => "hung up",
                EndReason::Cancelled | EndReason::RemoteCancelled => "cancelled",
                EndReason::Declined(_) | EndReason::Failed(Failure::Refused(_)) => "refused",
                EndReason::Failed(Failure::Silence | Failure::Unreachable | Failure::NotKept) => "lost",
                EndReason::Unanswered | EndReason::Unacknowledged => "unanswered",
            },
            _ => return,
        };
        *self.0.entry(fate).or_default() += 1;
    }
}

/// One user: its calls, and those that are over.
#[derive(Default)]
struct User {
    calls: Vec<CallKey>,
    over: BTreeSet<CallKey>,
}

impl User {
    fn hear(&mut self, event: &AgentEvent) {
        let Some(call) = event.call() else { return };
        assert!(!self.over.contains(&call), "{event:?} after the end");
        match event {
            AgentEvent::Incoming { replaces, .. } => {
                assert!(replaces.is_none_or(|replaced| self.calls.contains(&replaced)));
                self.calls.push(call);
            }
            AgentEvent::Ended { .. } => {
                self.over.insert(call);
            }
            _ => {}
        }
    }

    /// Does one thing or none with each of its calls, those that are over included.
    fn act(&mut self, agent: &mut Agent, now: Tick, entropy: &mut Entropy, peers: [Who; 2]) {
        let mut below = |of: u32| entropy.u32() % of;
        let open = self.calls.len() - self.over.len();
        if open < 3 && below(60) == 0 {
            let peer = peers[below(2) as usize].uri();
            let offer = sdp("offer").filter(|_| below(4) > 0);
            self.calls.extend(agent.call(now, &peer, offer));
        }
        for call in self.calls.clone() {
            match below(200) {
                0..5 => agent.ring(now, call),
                5..9 => agent.answer(now, call, sdp("answer")),
                9..11 => agent.modify(now, call, Body::sdp("change")),
                11..14 => agent.transfer(now, call, &peers[below(2) as usize].uri()),
                14..22 => self.calls.extend(agent.accept_referral(now, call, sdp("offer"))),
                22..23 => agent.refuse_referral(now, call),
                23..24 => agent.reject(now, call, StatusCode::BUSY_HERE),
                24..26 => agent.hang_up(now, call),
                35..39 => agent.info(
                    now,
                    call,
                    Body { content_type: "application/dtmf".into(), content: "1".into() },
                ),
                30..35 => agent.progress(now, call, StatusCode::SESSION_PROGRESS, sdp("early")),
                29..30 => {
                    agent.redirect(now, call, &peers[below(2) as usize].uri(), DiversionReason::Deflection);
                }
                26..29 => {
                    agent.transfer_attended(now, call, self.calls[below(self.calls.len() as u32) as usize])
                }
                _ => {}
            }
        }
    }
}

/// Half a minute of three users; 5 percent of all messages are lost.
fn restless(seed: u64, fates: &mut Fates) {
    let mut trio = Trio::with(seed, |settings| {
        settings.ringing_max = Duration::from_secs(10);
        settings.answer_reinvites = seed.is_multiple_of(2);
    });
    trio = trio.loss_per_mille(50);
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_be_bytes());
    let mut entropy = Entropy::from_seed(key);
    let mut users: [User; 3] = Default::default();
    let hear = |trio: &mut Trio, users: &mut [User; 3], fates: &mut Fates| {
        for (who, event) in std::mem::take(&mut trio.events) {
            fates.count(&event);
            users[who as usize].hear(&event);
        }
    };
    // One of ten is started anew within that time.
    let restart = entropy.u32() % (10 * STEPS);
    for step in 0..STEPS {
        trio.run_ms(100);
        hear(&mut trio, &mut users, fates);
        if step == restart {
            trio.restart(Carol);
            users[Carol as usize] = User::default();
        }
        for who in Who::ALL {
            let mut peers = Who::ALL.into_iter().filter(|peer| *peer != who);
            let peers = [peers.next().unwrap(), peers.next().unwrap()];
            trio.act(who, |agent, now| users[who as usize].act(agent, now, &mut entropy, peers));
        }
    }
    for who in Who::ALL {
        for call in &users[who as usize].calls {
            trio.act(who, |agent, now| agent.hang_up(now, *call));
        }
    }
    trio.settle();
    hear(&mut trio, &mut users, fates);
    for User { calls, over } in users {
        assert_eq!(calls.into_iter().collect::<BTreeSet<_>>(), over, "seed {seed}: each call has its end");
    }
}

#[test]
fn all_seeds_end_with_nothing_left() {
    let mut fates = Fates::default();
    for seed in 0..SEEDS {
        restless(seed, &mut fates);
    }
    for fate in FATES {
        assert!(fates.0.get(fate).is_some_and(|count| *count >= 10), "{fate}: {fates:?}");
    }
}
